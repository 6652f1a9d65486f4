package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import java.io.Serializable;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Operations of two vectors whose lanes have different sizes: long, wide and narrow forms (Arm ARM
 * C4.1.97, three different).
 */
final class VectorWide {
  private VectorWide() {}

  /** What the second operand is, by the instruction. */
  @FunctionalInterface
  interface Element extends Serializable {
    long of(ArmState s, long w0, long w1);
  }

  static void addTo(A64Rows rows) {
    both(rows, "0000", "ADDL", false, (s, d, a, b, z) -> a + b);
    both(rows, "0001", "ADDW", true, (s, d, a, b, z) -> a + b);
    both(rows, "0010", "SUBL", false, (s, d, a, b, z) -> a - b);
    both(rows, "0011", "SUBW", true, (s, d, a, b, z) -> a - b);
    both(rows, "0101", "ABAL", false, (s, d, a, b, z) -> d + LaneMath.difference(a, b, true));
    both(rows, "0111", "ABDL", false, (s, d, a, b, z) -> LaneMath.difference(a, b, true));
    both(rows, "1000", "MLAL", false, (s, d, a, b, z) -> d + a * b);
    both(rows, "1010", "MLSL", false, (s, d, a, b, z) -> d - a * b);
    both(rows, "1100", "MULL", false, (s, d, a, b, z) -> a * b);
    saturating(rows, "1001", "SQDMLAL", VectorWide::doubledAdd);
    saturating(rows, "1011", "SQDMLSL", VectorWide::doubledSubtract);
    saturating(rows, "1101", "SQDMULL", VectorWide::doubled);
    narrow(rows, 0, "0100", "ADDHN", false, false);
    narrow(rows, 1, "0100", "RADDHN", false, true);
    narrow(rows, 0, "0110", "SUBHN", true, false);
    narrow(rows, 1, "0110", "RSUBHN", true, true);
    rows.row("0Q00111000 1mmmmm111000nnnnnddddd", "PMULL{2} <Vd>.8H, <Vn>.<Tb>, <Vm>.<Tb>")
        .vector("dnm")
        .does(widening(false, false, (s, d, a, b, z) -> LaneMath.polynomial8(a, b)));
    rows.row("0Q00111011 1mmmmm111000nnnnnddddd", "PMULL{2} <Vd>.1Q, <Vn>.<Tb>, <Vm>.<Tb>")
        .vector("dnm")
        .needs(ArmFeature.PMULL)
        .does(
            (s, c, w0, w1) -> {
              int upper = Lanes.isWide(w1) ? 1 : 0;
              long a = s.v[2 * n(w0) + upper];
              long b = s.v[2 * m(w0) + upper];
              Lanes.set(s, w0, Crypto.carrylessLow(a, b), Crypto.carrylessHigh(a, b));
            });
  }

  static long doubled(ArmState s, long d, long a, long b, int z) {
    return LaneMath.doubledProduct(s, a, b, z);
  }

  static long doubledAdd(ArmState s, long d, long a, long b, int z) {
    return LaneMath.addSaturating(s, d, LaneMath.doubledProduct(s, a, b, z), z + 1);
  }

  static long doubledSubtract(ArmState s, long d, long a, long b, int z) {
    return LaneMath.subtractSaturating(s, d, LaneMath.doubledProduct(s, a, b, z), z + 1);
  }

  private static void both(A64Rows rows, String op, String name, boolean wide, Lanes.Lane f) {
    for (int u = 0; u < 2; u++) {
      rows.row(
              "0Q" + u + "01110zz1mmmmm" + op + "00nnnnnddddd",
              (u == 0 ? "S" : "U") + name + "{2} <Vd>.<Ta>, <Vn>.<T>, <Vm>.<Tb>")
          .when((r, insn) -> (insn >>> 22 & 3) < 3)
          .vector("dnm")
          .does(widening(u == 0, wide, f));
    }
  }

  private static void saturating(A64Rows rows, String op, String name, Lanes.Lane f) {
    rows.row("0Q001110zz1mmmmm" + op + "00nnnnnddddd", name + "{2} <Vd>.<Ta>, <Vn>.<T>, <Vm>.<Tb>")
        .when((r, insn) -> isMiddle(insn))
        .vector("dnm")
        .does(widening(true, false, f));
    rows.row("01011110zz1mmmmm" + op + "00nnnnnddddd", name + " <Vad>, <Vbn>, <Vbm>")
        .when((r, insn) -> isMiddle(insn))
        .vector("dnm")
        .does(wideningScalar(f, (s, w0, w1) -> s.v[2 * m(w0)]));
  }

  static boolean isMiddle(int insn) {
    int size = insn >>> 22 & 3;
    return size == 1 || size == 2;
  }

  static Step wideningScalar(Lanes.Lane f, Element second) {
    return (s, c, w0, w1) -> {
      int size = Lanes.size(w1);
      long a = Lanes.extend(s.v[2 * n(w0)], size, true);
      long b = Lanes.extend(second.of(s, w0, w1), size, true);
      long z = Lanes.extend(s.v[2 * d(w0)], size + 1, true);
      Lanes.set(s, w0, f.of(s, z, a, b, size) & Fp.mask(size + 1), 0);
    };
  }

  /** Lanes of twice the size from the lower (or with Q upper) half of n and m, or of m alone. */
  static Step widening(boolean signed, boolean wide, Lanes.Lane f) {
    return (s, c, w0, w1) -> {
      int size = Lanes.size(w1);
      int upper = Lanes.isWide(w1) ? 1 : 0;
      long b = s.v[2 * m(w0) + upper];
      long a = s.v[2 * n(w0) + upper];
      widen(s, w0, wide, f, a, b, size, signed);
    };
  }

  /** The same with one lane as the second operand. */
  static Step wideningBy(boolean signed, Lanes.Lane f, Element second) {
    return (s, c, w0, w1) -> {
      int size = Lanes.size(w1);
      long a = s.v[2 * n(w0) + (Lanes.isWide(w1) ? 1 : 0)];
      widen(s, w0, false, f, a, repeat(second.of(s, w0, w1), size), size, signed);
    };
  }

  /** The lowest lane in all lanes. */
  static long repeat(long v, int size) {
    return switch (size) {
      case 0 -> (v & 0xff) * 0x0101_0101_0101_0101L;
      case 1 -> (v & 0xffff) * 0x0001_0001_0001_0001L;
      case 2 -> v << 32 | v & Fp.LOW;
      default -> v;
    };
  }

  private static void widen(
      ArmState s, long w0, boolean wide, Lanes.Lane f, long a, long b, int size, boolean signed) {
    int x = 2 * n(w0);
    int z = 2 * d(w0);
    long lowA = wide ? s.v[x] : a;
    long highA = wide ? s.v[x + 1] : a;
    long low = widen(s, f, s.v[z], lowA, b, size, signed, 0, wide);
    long high = widen(s, f, s.v[z + 1], highA, b, size, signed, 4 >> size, wide);
    Lanes.set(s, w0, low, high);
  }

  @ExplodeLoop
  private static long widen(
      ArmState s,
      Lanes.Lane f,
      long d,
      long a,
      long b,
      int size,
      boolean signed,
      int first,
      boolean wide) {
    long r = 0;
    for (int i = 0; i < 4 >> size; i++) {
      long x = wide ? Lanes.lane(a, i, size + 1, signed) : Lanes.lane(a, first + i, size, signed);
      long y = Lanes.lane(b, first + i, size, signed);
      r |= Lanes.place(f.of(s, Lanes.lane(d, i, size + 1, signed), x, y, size), i, size + 1);
    }
    return r;
  }

  // ---------------------------------------------------------------- narrow

  private static void narrow(
      A64Rows rows, int u, String op, String name, boolean minus, boolean rounds) {
    rows.row(
            "0Q" + u + "01110zz1mmmmm" + op + "00nnnnnddddd",
            name + "{2} <Vd>.<Tb>, <Vn>.<Ta>, <Vm>.<Ta>")
        .when((r, insn) -> (insn >>> 22 & 3) < 3)
        .vector("dnm")
        .does(
            (s, c, w0, w1) -> {
              int size = Lanes.size(w1);
              int x = 2 * n(w0);
              int y = 2 * m(w0);
              long low = highHalves(s.v[x], s.v[y], size, minus, rounds);
              long high = highHalves(s.v[x + 1], s.v[y + 1], size, minus, rounds);
              setNarrow(s, w0, w1, low | high << 32);
            });
  }

  /** A narrow result: the lower half, or with Q the upper half, which leaves the other alone. */
  static void setNarrow(ArmState s, long w0, long w1, long v) {
    if (Lanes.isWide(w1)) {
      s.v[2 * d(w0) + 1] = v;
    } else {
      Lanes.set(s, w0, v, 0);
    }
  }

  @ExplodeLoop
  private static long highHalves(long a, long b, int size, boolean minus, boolean rounds) {
    long sum = minus ? LaneMath.subtract(a, b, size + 1) : LaneMath.add(a, b, size + 1);
    int bits = 8 << size;
    long r = 0;
    for (int i = 0; i < 4 >> size; i++) {
      long v = Lanes.unsigned(sum, i, size + 1) + (rounds ? 1L << (bits - 1) : 0);
      r |= Lanes.place(v >>> bits, i, size);
    }
    return r;
  }
}
