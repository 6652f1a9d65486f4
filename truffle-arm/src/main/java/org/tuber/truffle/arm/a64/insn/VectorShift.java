package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Shifts of vectors by a constant, and conversions with a binary fraction, which share their form
 * (Arm ARM C4.1.97): the highest bit of immh is the size, the rest of immh:immb the shift.
 */
final class VectorShift {
  private VectorShift() {}

  static void addTo(A64Rows rows) {
    addRight(rows);
    addLeft(rows);
    addNarrow(rows);
    addLong(rows);
    addConversions(rows);
  }

  private static int size(long w1) {
    return size((int) w1);
  }

  private static int size(int insn) {
    return 31 - Integer.numberOfLeadingZeros(insn >>> 19 & 15);
  }

  /** immh:immb. */
  private static int immediate(long w1) {
    return (int) (w1 >>> 16) & 127;
  }

  private static int right(long w1, int size) {
    return (16 << size) - immediate(w1);
  }

  private static int left(long w1, int size) {
    return immediate(w1) - (8 << size);
  }

  private static Row vector(A64Rows rows, int u, String op, String name, int sizes) {
    return rows.row("0Q" + u + "011110iiiikkk" + op + "1nnnnnddddd", name)
        .when(
            (r, insn) -> {
              int size = size(insn);
              boolean fits = size >= 0 && (sizes >> size & 1) != 0;
              return fits && (size < 3 || (insn >>> 30 & 1) != 0);
            })
        .vector("dn");
  }

  private static Row scalar(A64Rows rows, int u, String op, String name, int sizes) {
    return rows.row("01" + u + "111110iiiikkk" + op + "1nnnnnddddd", name)
        .when((r, insn) -> size(insn) >= 0 && (sizes >> size(insn) & 1) != 0)
        .vector("dn");
  }

  /** Lanes of n with the shift as second operand. */
  private static Step lanes(boolean signed, boolean isLeft, Lanes.Lane f) {
    return (s, c, w0, w1) -> {
      int size = size(w1);
      int by = isLeft ? left(w1, size) : right(w1, size);
      int x = 2 * n(w0);
      int z = 2 * d(w0);
      long low = lanes(s, f, s.v[z], s.v[x], by, size, signed);
      long high = Lanes.isWide(w1) ? lanes(s, f, s.v[z + 1], s.v[x + 1], by, size, signed) : 0;
      Lanes.set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  private static long lanes(
      ArmState s, Lanes.Lane f, long d, long a, int by, int size, boolean signed) {
    long r = 0;
    for (int i = 0; i < 8 >> size; i++) {
      long x = Lanes.lane(a, i, size, signed);
      r |= Lanes.place(f.of(s, Lanes.lane(d, i, size, signed), x, by, size), i, size);
    }
    return r;
  }

  private static Step one(boolean signed, boolean isLeft, Lanes.Lane f) {
    return (s, c, w0, w1) -> {
      int size = size(w1);
      int by = isLeft ? left(w1, size) : right(w1, size);
      long x = Lanes.extend(s.v[2 * n(w0)], size, signed);
      long z = Lanes.extend(s.v[2 * d(w0)], size, signed);
      Lanes.set(s, w0, f.of(s, z, x, by, size) & Fp.mask(size), 0);
    };
  }

  private static void both(
      A64Rows rows,
      int u,
      String op,
      String name,
      int ones,
      boolean left,
      boolean signed,
      Lanes.Lane f) {
    vector(rows, u, op, name + " <Vd>.<T>, <Vn>.<T>, #<shift>", VectorSame.ALL)
        .does(lanes(signed, left, f));
    scalar(rows, u, op, name + " <Vd>, <Vn>, #<shift>", ones).does(one(signed, left, f));
  }

  private static void addRight(A64Rows rows) {
    for (int i = 0; i < 4; i++) {
      boolean accumulates = (i & 1) != 0;
      boolean rounds = (i & 2) != 0;
      String name = (rounds ? "R" : "") + (accumulates ? "SRA" : "SHR");
      name = rounds && accumulates ? "RSRA" : name;
      String op = "00" + (i >> 1) + (i & 1) + "0";
      both(
          rows,
          0,
          op,
          "S" + name,
          VectorSame.DOUBLEWORDS,
          false,
          true,
          (s, d, a, b, z) -> (accumulates ? d : 0) + LaneMath.shiftRight(a, (int) b, rounds));
      both(
          rows,
          1,
          op,
          "U" + name,
          VectorSame.DOUBLEWORDS,
          false,
          false,
          (s, d, a, b, z) ->
              (accumulates ? d : 0) + LaneMath.shiftRightUnsigned(a, (int) b, rounds));
    }
    both(
        rows,
        1,
        "01000",
        "SRI",
        VectorSame.DOUBLEWORDS,
        false,
        false,
        (s, d, a, b, z) -> {
          long mask = LaneMath.shiftRightUnsigned(Fp.mask(z), (int) b, false);
          return d & ~mask | LaneMath.shiftRightUnsigned(a, (int) b, false);
        });
  }

  private static void addLeft(A64Rows rows) {
    int ones = VectorSame.DOUBLEWORDS;
    int all = VectorSame.ALL;
    both(rows, 0, "01010", "SHL", ones, true, true, (s, d, a, b, z) -> a << b);
    both(rows, 1, "01010", "SLI", ones, true, true, (s, d, a, b, z) -> a << b | d & (1L << b) - 1);
    both(
        rows,
        1,
        "01100",
        "SQSHLU",
        all,
        true,
        true,
        (s, d, a, b, z) -> LaneMath.shiftToUnsigned(s, a, (int) b, z));
    both(
        rows,
        0,
        "01110",
        "SQSHL",
        all,
        true,
        true,
        (s, d, a, b, z) -> LaneMath.shift(s, a, b, z, false, true));
    both(
        rows,
        1,
        "01110",
        "UQSHL",
        all,
        true,
        false,
        (s, d, a, b, z) -> LaneMath.shiftUnsigned(s, a, b, z, false, true));
  }

  // ---------------------------------------------------------------- narrow and long

  private static void addNarrow(A64Rows rows) {
    for (int i = 0; i < 2; i++) {
      boolean rounds = i != 0;
      String r = rounds ? "R" : "";
      String low = "1000" + i;
      String high = "1001" + i;
      Lanes.Lane plain = (s, d, a, b, z) -> LaneMath.shiftRight(a, (int) b, rounds);
      Lanes.Lane signed =
          (s, d, a, b, z) -> LaneMath.saturate(s, LaneMath.shiftRight(a, (int) b, rounds), z);
      Lanes.Lane toUnsigned =
          (s, d, a, b, z) ->
              LaneMath.saturateUnsigned(s, LaneMath.shiftRight(a, (int) b, rounds), z);
      Lanes.Lane unsigned =
          (s, d, a, b, z) ->
              VectorMisc.saturateUnsigned(
                  s, d, LaneMath.shiftRightUnsigned(a, (int) b, rounds), b, z);
      narrow(rows, 0, low, r + "SHRN", true, plain);
      narrow(rows, 1, low, "SQ" + r + "SHRUN", true, toUnsigned);
      narrow(rows, 0, high, "SQ" + r + "SHRN", true, signed);
      narrow(rows, 1, high, "UQ" + r + "SHRN", false, unsigned);
    }
  }

  private static void narrow(
      A64Rows rows, int u, String op, String name, boolean signed, Lanes.Lane f) {
    vector(rows, u, op, name + "{2} <Vd>.<Tb>, <Vn>.<Ta>, #<shift>", VectorSame.TO_WORDS)
        .does(
            (s, c, w0, w1) -> {
              int size = size(w1);
              int by = right(w1, size);
              long low = VectorMisc.narrowed(s, f, s.v[2 * n(w0)], by, size, signed);
              long high = VectorMisc.narrowed(s, f, s.v[2 * n(w0) + 1], by, size, signed);
              VectorWide.setNarrow(s, w0, w1, low | high << 32);
            });
    if (!name.endsWith("RSHRN") && !name.equals("SHRN") || name.contains("Q")) {
      scalar(rows, u, op, name + " <Vbd>, <Van>, #<shift>", VectorSame.TO_WORDS)
          .does(
              (s, c, w0, w1) -> {
                int size = size(w1);
                long v = Lanes.extend(s.v[2 * n(w0)], size + 1, signed);
                Lanes.set(s, w0, f.of(s, 0, v, right(w1, size), size) & Fp.mask(size), 0);
              });
    }
  }

  private static void addLong(A64Rows rows) {
    for (int u = 0; u < 2; u++) {
      boolean signed = u == 0;
      vector(
              rows,
              u,
              "10100",
              (signed ? "S" : "U") + "SHLL{2} <Vd>.<Ta>, <Vn>.<Tb>, #<shift>",
              VectorSame.TO_WORDS)
          .does(
              (s, c, w0, w1) -> {
                int size = size(w1);
                int by = left(w1, size);
                long v = s.v[2 * n(w0) + (Lanes.isWide(w1) ? 1 : 0)];
                long low = VectorMisc.widened(v, size, 0, by, signed);
                Lanes.set(s, w0, low, VectorMisc.widened(v >>> 32, size, 0, by, signed));
              });
    }
  }

  // ---------------------------------------------------------------- conversions

  private static void addConversions(A64Rows rows) {
    for (int u = 0; u < 2; u++) {
      boolean unsigned = u != 0;
      String kind = unsigned ? "U" : "S";
      conversion(rows, u, "11100", kind + "CVTF", fromInteger(unsigned));
      conversion(rows, u, "11111", "FCVTZ" + kind, toInteger(unsigned));
    }
  }

  /** A conversion with its fraction as second operand. */
  private static Fp.Binary fromInteger(boolean unsigned) {
    return (s, c, w0, a, b, z) ->
        Fp.fromInteger(s, c, w0, Lanes.extend(a, z, !unsigned), z, unsigned, (int) b);
  }

  private static Fp.Binary toInteger(boolean unsigned) {
    return (s, c, w0, a, b, z) ->
        Fp.toFixed(s, c, a, z, 8 << z, SoftFloat.TRUNCATE, unsigned, (int) b);
  }

  /** Each lane of {@code half}, with {@code by} bits of fraction. */
  @ExplodeLoop
  private static long convert(
      ArmState s, ArmCpu c, long w0, Fp.Binary f, long half, int by, int size) {
    long r = 0;
    for (int i = 0; i < 8 >> size; i++) {
      r |= Lanes.place(f.of(s, c, w0, Lanes.unsigned(half, i, size), by, size), i, size);
    }
    return r;
  }

  private static void conversion(A64Rows rows, int u, String op, String name, Fp.Binary f) {
    for (int half = 0; half < 2; half++) {
      int sizes = half == 0 ? VectorSame.WORDS | VectorSame.DOUBLEWORDS : VectorSame.HALFWORDS;
      // Half precision has immh 001x: a row of its own, for its feature.
      String immh = half == 0 ? "iiii" : "001i";
      Row v =
          rows.row(
              "0Q" + u + "011110" + immh + "kkk" + op + "1nnnnnddddd",
              name + (half == 0 ? " <Vd>.<T>, <Vn>.<T>" : " <Vd>.<Th>, <Vn>.<Th>") + ", #<fbits>");
      v.when(
              (r, insn) -> {
                int size = size(insn);
                boolean fits = size >= 0 && (sizes >> size & 1) != 0;
                return fits && (size < 3 || (insn >>> 30 & 1) != 0);
              })
          .vector("dn")
          .does(
              (s, c, w0, w1) -> {
                int size = size(w1);
                int by = right(w1, size);
                long low = convert(s, c, w0, f, s.v[2 * n(w0)], by, size);
                long high = 0;
                if (Lanes.isWide(w1)) {
                  high = convert(s, c, w0, f, s.v[2 * n(w0) + 1], by, size);
                }
                Lanes.set(s, w0, low, high);
              });
      Row one =
          rows.row(
              "01" + u + "111110" + immh + "kkk" + op + "1nnnnnddddd",
              name + (half == 0 ? " <Vd>, <Vn>" : " <Hd>, <Hn>") + ", #<fbits>");
      one.when((r, insn) -> size(insn) >= 0 && (sizes >> size(insn) & 1) != 0)
          .vector("dn")
          .does(
              (s, c, w0, w1) -> {
                int size = size(w1);
                long x = s.v[2 * n(w0)] & Fp.mask(size);
                Lanes.set(s, w0, f.of(s, c, w0, x, right(w1, size), size), 0);
              });
      if (half != 0) {
        v.needs(ArmFeature.FP16);
        one.needs(ArmFeature.FP16);
      }
    }
  }
}
