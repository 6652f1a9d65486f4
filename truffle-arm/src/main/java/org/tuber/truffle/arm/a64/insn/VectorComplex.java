package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.fp.FloatOperation;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;

/**
 * Complex numbers (FCMLA, FCADD) and products of half precision added to single precision (FMLAL
 * and its like), Arm ARM C4.1.97.
 */
final class VectorComplex {
  private VectorComplex() {}

  static void addTo(A64Rows rows) {
    addComplex(rows);
    addHalves(rows);
  }

  // ---------------------------------------------------------------- complex

  /** One pair of lanes: {@code first} is the even one. All operands are read before a result. */
  private static void multiplyAdd(
      ArmState s, ArmCpu c, long w0, int first, int rotation, int size) {
    boolean swaps = (rotation & 1) != 0;
    long a = Lanes.get(s, n(w0), first + (swaps ? 1 : 0), size);
    long real = Lanes.get(s, m(w0), first + (swaps ? 1 : 0), size);
    long imaginary = Lanes.get(s, m(w0), first + (swaps ? 0 : 1), size);
    long sign = Fp.signBit(size);
    real ^= rotation == 1 || rotation == 2 ? sign : 0;
    imaginary ^= rotation >= 2 ? sign : 0;
    long even = Fp.fused(s, c, w0, Lanes.get(s, d(w0), first, size), a, real, size);
    long odd = Fp.fused(s, c, w0, Lanes.get(s, d(w0), first + 1, size), a, imaginary, size);
    Lanes.put(s, d(w0), first, size, even);
    Lanes.put(s, d(w0), first + 1, size, odd);
  }

  private static void add(ArmState s, ArmCpu c, long w0, int first, boolean is270, int size) {
    long sign = Fp.signBit(size);
    long real = Lanes.get(s, m(w0), first + 1, size) ^ (is270 ? 0 : sign);
    long imaginary = Lanes.get(s, m(w0), first, size) ^ (is270 ? sign : 0);
    long even = Fp.add(s, c, w0, Lanes.get(s, n(w0), first, size), real, size);
    long odd = Fp.add(s, c, w0, Lanes.get(s, n(w0), first + 1, size), imaginary, size);
    Lanes.put(s, d(w0), first, size, even);
    Lanes.put(s, d(w0), first + 1, size, odd);
  }

  private static int lanes(long w1, int size) {
    return (Lanes.isWide(w1) ? 16 : 8) >> size;
  }

  @ExplodeLoop
  private static void multiplyAdd(ArmState s, ArmCpu c, long w0, long w1, int size) {
    int rotation = (int) (w1 >>> 11) & 3;
    for (int i = 0; i < lanes(w1, size); i += 2) {
      multiplyAdd(s, c, w0, i, rotation, size);
    }
    if (!Lanes.isWide(w1)) {
      s.v[2 * d(w0) + 1] = 0;
    }
  }

  @ExplodeLoop
  private static void add(ArmState s, ArmCpu c, long w0, long w1, int size) {
    for (int i = 0; i < lanes(w1, size); i += 2) {
      add(s, c, w0, i, (w1 >>> 12 & 1) != 0, size);
    }
    if (!Lanes.isWide(w1)) {
      s.v[2 * d(w0) + 1] = 0;
    }
  }

  private static void addComplex(A64Rows rows) {
    String three = " <Vd>.<T>, <Vn>.<T>, <Vm>.<T>, #<rotate>";
    complex(rows.row("0Q101110zz0mmmmm110kk1nnnnnddddd", "FCMLA" + three), 14)
        .does((s, c, w0, w1) -> multiplyAdd(s, c, w0, w1, Lanes.size(w1)));
    complex(rows.row("0Q101110zz0mmmmm111k01nnnnnddddd", "FCADD" + three), 14)
        .does((s, c, w0, w1) -> add(s, c, w0, w1, Lanes.size(w1)));
    String element = "FCMLA <Vd>.<T>, <Vn>.<T>, <Vm>.<Ts>[<index>], #<rotate>";
    // Halfwords: H:L, with H only for 128 bits. Words: H, 128 bits only.
    rows.row("0Q10111101lmmmmm0kk1h0nnnnnddddd", element)
        .when((r, insn) -> (insn >>> 30 & 1) != 0 || (insn >>> 11 & 1) == 0)
        .vector("dnm")
        .needs(ArmFeature.FCMA)
        .does((s, c, w0, w1) -> byElement(s, c, w0, w1, 1, (int) (w1 >>> 10 & 2 | w1 >>> 21 & 1)));
    rows.row("01101111100mmmmm0kk1h0nnnnnddddd", element)
        .vector("dnm")
        .needs(ArmFeature.FCMA)
        .does((s, c, w0, w1) -> byElement(s, c, w0, w1, 2, (int) (w1 >>> 11) & 1));
  }

  private static void byElement(ArmState s, ArmCpu c, long w0, long w1, int size, int index) {
    // The element may lie in the destination: it is used as it was.
    long low = s.v[2 * m(w0)];
    long high = s.v[2 * m(w0) + 1];
    int at = 2 * index;
    int each = 8 >> size;
    long half = at < each ? low : high;
    long real = Lanes.unsigned(half, at % each, size);
    long imaginary = Lanes.unsigned(half, at % each + 1, size);
    multiplyAddBy(s, c, w0, w1, size, real, imaginary);
  }

  @ExplodeLoop
  private static void multiplyAddBy(
      ArmState s, ArmCpu c, long w0, long w1, int size, long first, long second) {
    int rotation = (int) (w1 >>> 13) & 3;
    boolean swaps = (rotation & 1) != 0;
    long sign = Fp.signBit(size);
    long real = (swaps ? second : first) ^ (rotation == 1 || rotation == 2 ? sign : 0);
    long imaginary = (swaps ? first : second) ^ (rotation >= 2 ? sign : 0);
    for (int i = 0; i < lanes(w1, size); i += 2) {
      long a = Lanes.get(s, n(w0), i + (swaps ? 1 : 0), size);
      long even = Fp.fused(s, c, w0, Lanes.get(s, d(w0), i, size), a, real, size);
      long odd = Fp.fused(s, c, w0, Lanes.get(s, d(w0), i + 1, size), a, imaginary, size);
      Lanes.put(s, d(w0), i, size, even);
      Lanes.put(s, d(w0), i + 1, size, odd);
    }
    if (!Lanes.isWide(w1)) {
      s.v[2 * d(w0) + 1] = 0;
    }
  }

  private static Row complex(Row row, int sizes) {
    return VectorSame.sized(row, sizes).vector("dnm").needs(ArmFeature.FCMA);
  }

  // ---------------------------------------------------------------- half times half to single

  private static void addHalves(A64Rows rows) {
    for (int i = 0; i < 4; i++) {
      boolean upper = (i & 1) != 0;
      boolean minus = (i & 2) != 0;
      String name = (minus ? "FMLSL" : "FMLAL") + (upper ? "2" : "");
      String a = minus ? "1" : "0";
      rows.row(
              "0Q"
                  + (upper ? "1" : "0")
                  + "01110"
                  + a
                  + "01mmmmm11"
                  + (upper ? "0011" : "1011")
                  + "nnnnnddddd",
              name + " <Vd>.<Ta>, <Vn>.<Tb>, <Vm>.<Tb>")
          .vector("dnm")
          .needs(ArmFeature.FHM)
          .does(halves(upper, minus, false));
      rows.row(
              "0Q"
                  + (upper ? "1" : "0")
                  + "0111110lmmmmm"
                  + (upper ? "1" : "0")
                  + a
                  + "00h0nnnnnddddd",
              name + " <Vd>.<Ta>, <Vn>.<Tb>, <Vm>.H[<index>]")
          .vector("dnm")
          .needs(ArmFeature.FHM)
          .uses((w0, w1) -> 1L << (Row.VECTOR_SHIFT + (m(w0) & 15)))
          .does(halves(upper, minus, true));
    }
  }

  private static Step halves(boolean upper, boolean minus, boolean byElement) {
    return (s, c, w0, w1) -> {
      boolean wide = Lanes.isWide(w1);
      // Of 64 bits, the upper half are two lanes; of 128 bits, four.
      long a = s.v[2 * n(w0) + (wide && upper ? 1 : 0)];
      long b = s.v[2 * m(w0) + (wide && upper ? 1 : 0)];
      if (byElement) {
        int index = (int) (w1 >>> 9 & 4 | w1 >>> 20 & 2 | w1 >>> 20 & 1);
        b = VectorWide.repeat(Lanes.get(s, m(w0) & 15, index, 1), 1);
      }
      a ^= minus ? 0x8000_8000_8000_8000L : 0;
      int first = upper && !wide ? 2 : 0;
      long low = two(s, c, s.v[2 * d(w0)], a, b, first);
      Lanes.set(s, w0, low, wide ? two(s, c, s.v[2 * d(w0) + 1], a, b, 2) : 0);
    };
  }

  private static long two(ArmState s, ArmCpu c, long d, long a, long b, int first) {
    long low = one(s, c, d & Fp.LOW, a, b, first);
    return low | one(s, c, d >>> 32, a, b, first + 1) << 32;
  }

  private static long one(ArmState s, ArmCpu c, long d, long a, long b, int i) {
    long x = Lanes.unsigned(a, i, 1);
    long y = Lanes.unsigned(b, i, 1);
    long r = FloatOperation.fusedHalves(c.softFloat, c.fpcr, d, x, y);
    s.fpsr |= c.softFloat.flags;
    return r;
  }
}
