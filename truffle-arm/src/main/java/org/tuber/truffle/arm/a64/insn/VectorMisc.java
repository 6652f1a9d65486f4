package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.a64.insn.LaneMath.test;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.fp.FloatEstimate;
import org.tuber.truffle.arm.state.ArmState;

/** Integer operations of one vector, and across its lanes (Arm ARM C4.1.97). */
final class VectorMisc {
  private VectorMisc() {}

  static void addTo(A64Rows rows) {
    addComparisons(rows);
    addReversals(rows);
    addCounts(rows);
    addPairwise(rows);
    addSaturating(rows);
    addNarrowing(rows);
    addAcross(rows);
  }

  static Row vector(A64Rows rows, int u, String op, String name, int sizes) {
    Row row = rows.row("0Q" + u + "01110zz10000" + op + "10nnnnnddddd", name);
    return VectorSame.sized(row, sizes).vector("dn");
  }

  static Row scalar(A64Rows rows, int u, String op, String name, int sizes) {
    return rows.row("01" + u + "11110zz10000" + op + "10nnnnnddddd", name)
        .when((r, insn) -> (sizes >> (insn >>> 22 & 3) & 1) != 0)
        .vector("dn");
  }

  private static final String SAME = " <Vd>.<T>, <Vn>.<T>";
  private static final String ONE = " <Vd>, <Vn>";

  private static void both(A64Rows rows, int u, String op, String name, int ones, Lanes.Lane f) {
    vector(rows, u, op, name + SAME, VectorSame.ALL).does(Lanes.lanes(true, f));
    scalar(rows, u, op, name + ONE, ones).does(Lanes.scalar(true, f));
  }

  private static void addComparisons(A64Rows rows) {
    int ones = VectorSame.DOUBLEWORDS;
    String zero = ", #0";
    String[] names = {"CMGT", "CMEQ", "CMLT", "CMGE", "CMLE"};
    String[] ops = {"01000", "01001", "01010", "01000", "01001"};
    Lanes.Lane[] tests = {
      (s, d, a, b, z) -> test(a > 0),
      (s, d, a, b, z) -> test(a == 0),
      (s, d, a, b, z) -> test(a < 0),
      (s, d, a, b, z) -> test(a >= 0),
      (s, d, a, b, z) -> test(a <= 0)
    };
    for (int i = 0; i < 5; i++) {
      int u = i < 3 ? 0 : 1;
      vector(rows, u, ops[i], names[i] + SAME + zero, VectorSame.ALL)
          .does(Lanes.lanes(true, tests[i]));
      scalar(rows, u, ops[i], names[i] + ONE + zero, ones).does(Lanes.scalar(true, tests[i]));
    }
    both(rows, 0, "01011", "ABS", ones, (s, d, a, b, z) -> a < 0 ? -a : a);
    both(rows, 1, "01011", "NEG", ones, (s, d, a, b, z) -> -a);
  }

  // ---------------------------------------------------------------- within elements

  private static Step halves(Lanes.Half f) {
    return (s, c, w0, w1) -> {
      int size = Lanes.size(w1);
      long high = Lanes.isWide(w1) ? f.of(s.v[2 * n(w0) + 1], 0, size) : 0;
      Lanes.set(s, w0, f.of(s.v[2 * n(w0)], 0, size), high);
    };
  }

  private static void addReversals(A64Rows rows) {
    vector(rows, 0, "00000", "REV64" + SAME, VectorSame.TO_WORDS)
        .does(halves((a, b, z) -> reverse(a, z, 3)));
    vector(rows, 1, "00000", "REV32" + SAME, VectorSame.BYTES | VectorSame.HALFWORDS)
        .does(halves((a, b, z) -> reverse(a, z, 2)));
    vector(rows, 0, "00001", "REV16" + SAME, VectorSame.BYTES)
        .does(halves((a, b, z) -> reverse(a, 0, 1)));
    vector(rows, 1, "00101", "NOT" + SAME, VectorSame.BYTES).does(halves((a, b, z) -> ~a));
    vector(rows, 1, "00101", "RBIT" + SAME, VectorSame.HALFWORDS)
        .does(halves((a, b, z) -> Long.reverseBytes(Long.reverse(a))));
  }

  /** Reverses elements of {@code size} in containers of {@code container}. */
  private static long reverse(long v, int size, int container) {
    long r = v;
    if (size == 0) {
      r = (r & 0x00ff_00ff_00ff_00ffL) << 8 | r >>> 8 & 0x00ff_00ff_00ff_00ffL;
    }
    if (size <= 1 && container >= 2) {
      r = (r & 0x0000_ffff_0000_ffffL) << 16 | r >>> 16 & 0x0000_ffff_0000_ffffL;
    }
    return container == 3 ? r << 32 | r >>> 32 : r;
  }

  private static void addCounts(A64Rows rows) {
    vector(rows, 0, "00100", "CLS" + SAME, VectorSame.TO_WORDS)
        .does(Lanes.lanes(true, (s, d, a, b, z) -> leading(a ^ a >> 1, z) - 1));
    vector(rows, 1, "00100", "CLZ" + SAME, VectorSame.TO_WORDS)
        .does(Lanes.lanes(false, (s, d, a, b, z) -> leading(a, z)));
    vector(rows, 0, "00101", "CNT" + SAME, VectorSame.BYTES).does(halves((a, b, z) -> counts(a)));
    vector(rows, 0, "11100", "URECPE" + SAME, VectorSame.WORDS)
        .does(Lanes.lanes(true, (s, d, a, b, z) -> FloatEstimate.reciprocal((int) a)));
    vector(rows, 1, "11100", "URSQRTE" + SAME, VectorSame.WORDS)
        .does(Lanes.lanes(true, (s, d, a, b, z) -> FloatEstimate.reciprocalRoot((int) a)));
  }

  /** Leading zeros of the lowest lane; one less for CLS, whose top bit is always zero. */
  private static long leading(long v, int size) {
    return (long) Long.numberOfLeadingZeros(v & Fp.mask(size)) - (64 - (8 << size));
  }

  /** Bits set, in each byte. */
  private static long counts(long v) {
    long r = v - (v >>> 1 & 0x5555_5555_5555_5555L);
    r = (r & 0x3333_3333_3333_3333L) + (r >>> 2 & 0x3333_3333_3333_3333L);
    return r + (r >>> 4) & 0x0f0f_0f0f_0f0f_0f0fL;
  }

  // ---------------------------------------------------------------- long pairs

  private static void addPairwise(A64Rows rows) {
    for (int u = 0; u < 2; u++) {
      boolean signed = u == 0;
      String s = signed ? "S" : "U";
      vector(rows, u, "00010", s + "ADDLP <Vd>.<Ta>, <Vn>.<Tb>", VectorSame.TO_WORDS)
          .does(pairwise(signed, false));
      vector(rows, u, "00110", s + "ADALP <Vd>.<Ta>, <Vn>.<Tb>", VectorSame.TO_WORDS)
          .does(pairwise(signed, true));
    }
  }

  private static Step pairwise(boolean signed, boolean accumulates) {
    return (s, c, w0, w1) -> {
      int size = Lanes.size(w1);
      long low = pairwise(s.v[2 * n(w0)], size, signed);
      long high = Lanes.isWide(w1) ? pairwise(s.v[2 * n(w0) + 1], size, signed) : 0;
      if (accumulates) {
        low = LaneMath.add(s.v[2 * d(w0)], low, size + 1);
        high = Lanes.isWide(w1) ? LaneMath.add(s.v[2 * d(w0) + 1], high, size + 1) : 0;
      }
      Lanes.set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  private static long pairwise(long a, int size, boolean signed) {
    long r = 0;
    for (int i = 0; i < 4 >> size; i++) {
      long sum = Lanes.lane(a, 2 * i, size, signed) + Lanes.lane(a, 2 * i + 1, size, signed);
      r |= Lanes.place(sum, i, size + 1);
    }
    return r;
  }

  // ---------------------------------------------------------------- saturating

  private static void addSaturating(A64Rows rows) {
    int all = VectorSame.ALL;
    both(rows, 0, "00111", "SQABS", all, (s, d, a, b, z) -> LaneMath.absoluteSaturating(s, a, z));
    both(
        rows, 1, "00111", "SQNEG", all, (s, d, a, b, z) -> LaneMath.subtractSaturating(s, 0, a, z));
    both(
        rows,
        0,
        "00011",
        "SUQADD",
        all,
        (s, d, a, b, z) -> LaneMath.addUnsignedToSigned(s, d, a, z));
    Lanes.Lane usqadd = (s, d, a, b, z) -> LaneMath.addSignedToUnsigned(s, d, a, z);
    vector(rows, 1, "00011", "USQADD" + SAME, all).does(Lanes.lanes(false, usqadd));
    scalar(rows, 1, "00011", "USQADD" + ONE, all).does(Lanes.scalar(false, usqadd));
  }

  // ---------------------------------------------------------------- narrow

  private static void addNarrowing(A64Rows rows) {
    narrow(rows, 0, "10010", "XTN", true, (s, d, a, b, z) -> a);
    narrow(rows, 0, "10100", "SQXTN", true, (s, d, a, b, z) -> LaneMath.saturate(s, a, z));
    narrow(rows, 1, "10010", "SQXTUN", true, (s, d, a, b, z) -> LaneMath.saturateUnsigned(s, a, z));
    narrow(rows, 1, "10100", "UQXTN", false, VectorMisc::saturateUnsigned);
    vector(rows, 1, "10011", "SHLL{2} <Vd>.<Ta>, <Vn>.<Tb>, #<shift>", VectorSame.TO_WORDS)
        .does(
            (s, c, w0, w1) -> {
              int size = Lanes.size(w1);
              long v = s.v[2 * n(w0) + (Lanes.isWide(w1) ? 1 : 0)];
              int by = 8 << size;
              Lanes.set(
                  s, w0, widened(v, size, 0, by, false), widened(v >>> 32, size, 0, by, false));
            });
  }

  /** Of an unsigned lane of up to 64 bits. */
  static long saturateUnsigned(ArmState s, long d, long a, long b, int size) {
    return a < 0
        ? LaneMath.saturateUnsigned(s, Long.MAX_VALUE, size)
        : LaneMath.saturateUnsigned(s, a, size);
  }

  /** Lanes of the lower 32 bits at twice their size, shifted left. */
  @ExplodeLoop
  static long widened(long v, int size, int first, int by, boolean signed) {
    long r = 0;
    for (int i = 0; i < 4 >> size; i++) {
      r |= Lanes.place(Lanes.lane(v, first + i, size, signed) << by, i, size + 1);
    }
    return r;
  }

  private static void narrow(
      A64Rows rows, int u, String op, String name, boolean signed, Lanes.Lane f) {
    vector(rows, u, op, name + "{2} <Vd>.<Tb>, <Vn>.<Ta>", VectorSame.TO_WORDS)
        .does(
            (s, c, w0, w1) -> {
              int size = Lanes.size(w1);
              long low = narrowed(s, f, s.v[2 * n(w0)], 0, size, signed);
              long high = narrowed(s, f, s.v[2 * n(w0) + 1], 0, size, signed);
              VectorWide.setNarrow(s, w0, w1, low | high << 32);
            });
    if (!name.equals("XTN")) {
      scalar(rows, u, op, name + " <Vbd>, <Van>", VectorSame.TO_WORDS)
          .does(
              (s, c, w0, w1) -> {
                int size = Lanes.size(w1);
                long v = Lanes.extend(s.v[2 * n(w0)], size + 1, signed);
                Lanes.set(s, w0, f.of(s, 0, v, 0, size) & Fp.mask(size), 0);
              });
    }
  }

  /** Lanes of {@code size + 1} as lanes of {@code size}, in the lower 32 bits. */
  @ExplodeLoop
  static long narrowed(ArmState s, Lanes.Lane f, long v, long b, int size, boolean signed) {
    long r = 0;
    for (int i = 0; i < 4 >> size; i++) {
      r |= Lanes.place(f.of(s, 0, Lanes.lane(v, i, size + 1, signed), b, size), i, size);
    }
    return r;
  }

  // ---------------------------------------------------------------- across lanes

  private static void across(A64Rows rows, int u, String op, String name, int wider, Lanes.Lane f) {
    rows.row("0Q" + u + "01110zz11000" + op + "10nnnnnddddd", name + " <Vd>, <Vn>.<T>")
        .when((r, insn) -> (insn >>> 22 & 3) < 2 || (insn >>> 22 & 3) == 2 && (insn >>> 30) == 1)
        .vector("dn")
        .does(
            (s, c, w0, w1) -> {
              int size = Lanes.size(w1);
              long v = across(s, f, n(w0), size, (8 >> size) << (Lanes.isWide(w1) ? 1 : 0), u == 0);
              Lanes.set(s, w0, v & Fp.mask(size + wider), 0);
            });
  }

  @ExplodeLoop
  private static long across(
      ArmState s, Lanes.Lane f, int number, int size, int count, boolean signed) {
    long r = Lanes.lane(s.v[2 * number], 0, size, signed);
    for (int i = 1; i < count; i++) {
      int each = 8 >> size;
      long v = Lanes.lane(s.v[2 * number + i / each], i % each, size, signed);
      r = f.of(s, 0, r, v, size);
    }
    return r;
  }

  private static void addAcross(A64Rows rows) {
    Lanes.Lane add = (s, d, a, b, z) -> a + b;
    Lanes.Lane max = (s, d, a, b, z) -> Math.max(a, b);
    Lanes.Lane min = (s, d, a, b, z) -> Math.min(a, b);
    across(rows, 0, "00011", "SADDLV", 1, add);
    across(rows, 1, "00011", "UADDLV", 1, add);
    across(rows, 0, "01010", "SMAXV", 0, max);
    across(rows, 1, "01010", "UMAXV", 0, max);
    across(rows, 0, "11010", "SMINV", 0, min);
    across(rows, 1, "11010", "UMINV", 0, min);
    across(rows, 0, "11011", "ADDV", 0, add);
    rows.row("0101111011110001101110nnnnnddddd", "ADDP <Dd>, <Vn>.2D")
        .vector("dn")
        .does((s, c, w0, w1) -> Lanes.set(s, w0, s.v[2 * n(w0)] + s.v[2 * n(w0) + 1], 0));
  }
}
