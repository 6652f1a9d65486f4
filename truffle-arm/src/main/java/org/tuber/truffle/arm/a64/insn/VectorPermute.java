package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import java.io.Serializable;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Moves of lanes: permutations, extraction, table look-up, copies to and from general registers,
 * immediates (Arm ARM C4.1.97).
 */
final class VectorPermute {
  private VectorPermute() {}

  static void addTo(A64Rows rows) {
    addPermutations(rows);
    addTables(rows);
    addCopies(rows);
    addImmediates(rows);
  }

  // ---------------------------------------------------------------- two vectors into one

  /** The lane of n (or, from {@code count} on, of m) that comes to place {@code i}. */
  @FunctionalInterface
  private interface Source extends Serializable {
    int of(int i, int count, int part);
  }

  private static void addPermutations(A64Rows rows) {
    Source uzp = (i, count, part) -> 2 * i + part;
    Source trn = (i, count, part) -> (i & ~1) + part + ((i & 1) != 0 ? count : 0);
    Source zip = (i, count, part) -> (i + part * count >> 1) + ((i & 1) != 0 ? count : 0);
    permutation(rows, "01", "UZP", uzp);
    permutation(rows, "10", "TRN", trn);
    permutation(rows, "11", "ZIP", zip);
    rows.row("0Q101110000mmmmm0iiii0nnnnnddddd", "EXT <Vd>.<T>, <Vn>.<T>, <Vm>.<T>, #<index>")
        .when((row, insn) -> (insn >>> 30 & 1) != 0 || row.get(insn, 'i') < 8)
        .vector("dnm")
        .does(
            (s, c, w0, w1) -> {
              int at = (int) (w1 >>> 11) & 15;
              long n0 = s.v[2 * n(w0)];
              long n1 = s.v[2 * n(w0) + 1];
              long m0 = s.v[2 * m(w0)];
              long m1 = s.v[2 * m(w0) + 1];
              if (!Lanes.isWide(w1)) {
                Lanes.set(s, w0, joined(n0, m0, at), 0);
              } else if (at < 8) {
                Lanes.set(s, w0, joined(n0, n1, at), joined(n1, m0, at));
              } else {
                Lanes.set(s, w0, joined(n1, m0, at - 8), joined(m0, m1, at - 8));
              }
            });
  }

  /** Eight bytes of {@code high:low} from byte {@code at}. */
  private static long joined(long low, long high, int at) {
    return at == 0 ? low : low >>> 8 * at | high << (64 - 8 * at);
  }

  private static void permutation(A64Rows rows, String op, String name, Source source) {
    for (int part = 0; part < 2; part++) {
      int p = part;
      VectorSame.sized(
              rows.row(
                  "0Q001110zz0mmmmm0" + part + op + "10nnnnnddddd",
                  name + (part + 1) + " <Vd>.<T>, <Vn>.<T>, <Vm>.<T>"),
              VectorSame.ALL)
          .vector("dnm")
          .does(
              (s, c, w0, w1) -> {
                int size = Lanes.size(w1);
                boolean wide = Lanes.isWide(w1);
                long low = permuted(s, w0, source, 0, size, wide, p);
                long high = wide ? permuted(s, w0, source, 1, size, true, p) : 0;
                Lanes.set(s, w0, low, high);
              });
    }
  }

  @ExplodeLoop
  private static long permuted(
      ArmState s, long w0, Source source, int half, int size, boolean wide, int part) {
    int each = 8 >> size;
    int count = wide ? 2 * each : each;
    long r = 0;
    for (int i = 0; i < each; i++) {
      int from = source.of(half * each + i, count, part);
      int number = from < count ? n(w0) : m(w0);
      r |= Lanes.place(Lanes.get(s, number, from % count, size), i, size);
    }
    return r;
  }

  // ---------------------------------------------------------------- tables

  private static void addTables(A64Rows rows) {
    table(rows, "0", "TBL", false);
    table(rows, "1", "TBX", true);
  }

  private static void table(A64Rows rows, String op, String name, boolean keeps) {
    rows.row(
            "0Q001110000mmmmm0ll" + op + "00nnnnnddddd",
            name + " <Vd>.<Ta>, {<Vn>.16B, ...}, <Vm>.<Ta>")
        .vector("dnm")
        .uses((w0, w1) -> registers(n(w0), ((int) (w1 >>> 13) & 3) + 1))
        .does(
            (s, c, w0, w1) -> {
              int count = ((int) (w1 >>> 13) & 3) + 1;
              int z = 2 * d(w0);
              long low = looked(s, n(w0), count, s.v[2 * m(w0)], keeps ? s.v[z] : 0);
              long high = 0;
              if (Lanes.isWide(w1)) {
                high = looked(s, n(w0), count, s.v[2 * m(w0) + 1], keeps ? s.v[z + 1] : 0);
              }
              Lanes.set(s, w0, low, high);
            });
  }

  /** {@code count} vector registers from {@code first}, as a mask. */
  static long registers(int first, int count) {
    long m = 0;
    for (int i = 0; i < count; i++) {
      m |= 1L << (Row.VECTOR_SHIFT + (first + i & 31));
    }
    return m;
  }

  @ExplodeLoop
  private static long looked(ArmState s, int first, int count, long indexes, long old) {
    long r = old;
    for (int k = 0; k < 2 * count; k++) {
      r = lookedIn(s.v[2 * first + k & 63], 8 * k, indexes, r);
    }
    return r;
  }

  /** Puts those bytes in that the eight of {@code table}, counted from {@code base}, give. */
  @ExplodeLoop
  private static long lookedIn(long table, int base, long indexes, long old) {
    long r = old;
    for (int i = 0; i < 8; i++) {
      int at = ((int) (indexes >>> 8 * i) & 0xff) - base;
      if (at >= 0 && at < 8) {
        r = r & ~(0xffL << 8 * i) | (table >>> 8 * at & 0xff) << 8 * i;
      }
    }
    return r;
  }

  // ---------------------------------------------------------------- copies

  /** Size of the element that imm5 names: the place of its lowest bit. */
  private static int size(long w1) {
    return Integer.numberOfTrailingZeros((int) (w1 >>> 16) & 31);
  }

  private static int index(long w1) {
    return ((int) (w1 >>> 16) & 31) >> (size(w1) + 1);
  }

  private static Row sized(Row row, int sizes) {
    return row.when(
        (r, insn) -> {
          int imm5 = insn >>> 16 & 31;
          return imm5 != 0 && (sizes >> Integer.numberOfTrailingZeros(imm5) & 1) != 0;
        });
  }

  private static Row duplicate(A64Rows rows, String op, String assembler) {
    return sized(rows.row("0Q001110000iiiii" + op + "nnnnnddddd", assembler), VectorSame.ALL)
        .when(
            (r, insn) ->
                Integer.numberOfTrailingZeros(insn >>> 16 & 31) < 3 || (insn >>> 30 & 1) != 0);
  }

  private static void addCopies(A64Rows rows) {
    duplicate(rows, "000001", "DUP <Vd>.<T>, <Vn>.<Ts>[<index>]")
        .vector("dn")
        .does(
            (s, c, w0, w1) -> {
              int size = size(w1);
              long v = VectorWide.repeat(Lanes.get(s, n(w0), index(w1), size), size);
              Lanes.set(s, w0, v, Lanes.isWide(w1) ? v : 0);
            });
    duplicate(rows, "000011", "DUP <Vd>.<T>, <Xn>")
        .vector("d")
        .does(
            (s, c, w0, w1) -> {
              long v = VectorWide.repeat(s.r[n(w0)], size(w1));
              Lanes.set(s, w0, v, Lanes.isWide(w1) ? v : 0);
            });
    sized(
            rows.row("01011110000iiiii000001nnnnnddddd", "DUP <Vd>, <Vn>.<T>[<index>]"),
            VectorSame.ALL)
        .vector("dn")
        .does((s, c, w0, w1) -> Lanes.set(s, w0, Lanes.get(s, n(w0), index(w1), size(w1)), 0));
    sized(rows.row("00001110000iiiii001011nnnnnddddd", "SMOV <Wd>, <Vn>.<Ts>[<index>]"), 3)
        .vector("n")
        .does(
            (s, c, w0, w1) -> {
              int size = size(w1);
              long v = Lanes.get(s, n(w0), index(w1), size);
              s.r[d(w0)] = Lanes.extend(v, size, true) & Fp.LOW;
            });
    sized(rows.row("01001110000iiiii001011nnnnnddddd", "SMOV <Xd>, <Vn>.<Ts>[<index>]"), 7)
        .vector("n")
        .does(
            (s, c, w0, w1) -> {
              int size = size(w1);
              s.r[d(w0)] = Lanes.extend(Lanes.get(s, n(w0), index(w1), size), size, true);
            });
    sized(rows.row("00001110000iiiii001111nnnnnddddd", "UMOV <Wd>, <Vn>.<Ts>[<index>]"), 7)
        .vector("n")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Lanes.get(s, n(w0), index(w1), size(w1)));
    sized(rows.row("01001110000iiiii001111nnnnnddddd", "UMOV <Xd>, <Vn>.D[<index>]"), 8)
        .vector("n")
        .does((s, c, w0, w1) -> s.r[d(w0)] = Lanes.get(s, n(w0), index(w1), 3));
    sized(
            rows.row("01001110000iiiii000111nnnnnddddd", "INS <Vd>.<Ts>[<index>], <Xn>"),
            VectorSame.ALL)
        .vector("d")
        .does((s, c, w0, w1) -> Lanes.put(s, d(w0), index(w1), size(w1), s.r[n(w0)]));
    sized(
            rows.row("01101110000iiiii0jjjj1nnnnnddddd", "INS <Vd>.<Ts>[<i>], <Vn>.<Ts>[<j>]"),
            VectorSame.ALL)
        .vector("dn")
        .does(
            (s, c, w0, w1) -> {
              int size = size(w1);
              int from = ((int) (w1 >>> 11) & 15) >> size;
              Lanes.put(s, d(w0), index(w1), size, Lanes.get(s, n(w0), from, size));
            });
  }

  // ---------------------------------------------------------------- immediates

  private static void addImmediates(A64Rows rows) {
    Row.Immediate value =
        (row, insn, pc) -> expanded(insn >>> 29 & 1, row.get(insn, 'c'), row.get(insn, 'i'));
    immediate(rows, "MOVI, MVNI <Vd>.<T>, #<imm>")
        .when((row, insn) -> !isLogic(row, insn) && row.get(insn, 'c') != 15)
        .immediate(value)
        .by(
            "Q",
            (s, c, w0, w1) -> Lanes.set(s, w0, w1, 0),
            (s, c, w0, w1) -> Lanes.set(s, w0, w1, w1));
    rows.row(
            "0Qo0111100000iiicccc01iiiiiddddd".replace("cccc", "ccc1"), "ORR, BIC <Vd>.<T>, #<imm>")
        .when((row, insn) -> (row.get(insn, 'c') & 6) != 6)
        .vector("d")
        .immediate(
            (row, insn, pc) ->
                expanded(insn >>> 29 & 1, row.get(insn, 'c') << 1 | 1, row.get(insn, 'i')))
        .by(
            "oQ",
            (s, c, w0, w1) -> Lanes.set(s, w0, s.v[2 * d(w0)] | w1, 0),
            (s, c, w0, w1) -> Lanes.set(s, w0, s.v[2 * d(w0)] | w1, s.v[2 * d(w0) + 1] | w1),
            // The immediate of BIC has been inverted already.
            (s, c, w0, w1) -> Lanes.set(s, w0, s.v[2 * d(w0)] & w1, 0),
            (s, c, w0, w1) -> Lanes.set(s, w0, s.v[2 * d(w0)] & w1, s.v[2 * d(w0) + 1] & w1));
    for (int size = 2; size < 4; size++) {
      int z = size;
      rows.row("0Q" + (size - 2) + "0111100000iii111101iiiiiddddd", "FMOV <Vd>.<T>, #<imm>")
          .when((row, insn) -> z == 2 || (insn >>> 30 & 1) != 0)
          .vector("d")
          .immediate((row, insn, pc) -> VectorWide.repeat(Fp.expand(row.get(insn, 'i'), z), z))
          .by(
              "Q",
              (s, c, w0, w1) -> Lanes.set(s, w0, w1, 0),
              (s, c, w0, w1) -> Lanes.set(s, w0, w1, w1));
    }
    rows.row("0Q00111100000iii111111iiiiiddddd", "FMOV <Vd>.<Th>, #<imm>")
        .vector("d")
        .needs(ArmFeature.FP16)
        .immediate((row, insn, pc) -> VectorWide.repeat(Fp.expand(row.get(insn, 'i'), 1), 1))
        .by(
            "Q",
            (s, c, w0, w1) -> Lanes.set(s, w0, w1, 0),
            (s, c, w0, w1) -> Lanes.set(s, w0, w1, w1));
  }

  private static Row immediate(A64Rows rows, String assembler) {
    return rows.row("0Qo0111100000iiicccc01iiiiiddddd", assembler).vector("d");
  }

  /** cmode 0xx1 and 10x1 are ORR and BIC. */
  private static boolean isLogic(Row row, int insn) {
    int cmode = row.get(insn, 'c');
    return (cmode & 1) != 0 && cmode < 12;
  }

  /** The 64 bits that op, cmode and eight bits stand for (Arm ARM AdvSIMDExpandImm). */
  private static long expanded(int op, int cmode, int imm8) {
    long v;
    if (cmode < 8) {
      v = VectorWide.repeat((long) imm8 << 8 * (cmode >> 1), 2);
    } else if (cmode < 12) {
      v = VectorWide.repeat((long) imm8 << 8 * (cmode >> 1 & 1), 1);
    } else if (cmode < 14) {
      int shift = cmode == 12 ? 8 : 16;
      v = VectorWide.repeat((long) imm8 << shift | (1L << shift) - 1, 2);
    } else if (op == 0) {
      return VectorWide.repeat(imm8, 0);
    } else {
      long bits = 0;
      for (int i = 0; i < 8; i++) {
        bits |= (imm8 >> i & 1) != 0 ? 0xffL << 8 * i : 0;
      }
      return bits;
    }
    return op == 0 ? v : ~v;
  }
}
