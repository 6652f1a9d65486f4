package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.m;
import static org.tuber.truffle.arm.decode.Word.n;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import java.io.Serializable;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;

/**
 * Vector registers as lanes of {@code 1 << size} bytes, and steps that run a function over them.
 * The second word of these instructions is the instruction itself: size and Q fold in regions, and
 * with them the loops.
 */
final class Lanes {
  private Lanes() {}

  /** Works on 64 bits of two vectors at once. */
  @FunctionalInterface
  interface Half extends Serializable {
    long of(long a, long b, int size);
  }

  /** Works on one lane of two vectors and the destination's; may set FPSR.QC. */
  @FunctionalInterface
  interface Lane extends Serializable {
    long of(ArmState s, long d, long a, long b, int size);
  }

  /** Q: 128 bits. */
  static boolean isWide(long w1) {
    return (w1 >>> 30 & 1) != 0;
  }

  /** The field at bits 23 and 22. */
  static int size(long w1) {
    return (int) (w1 >>> 22) & 3;
  }

  static long unsigned(long half, int i, int size) {
    int unused = 64 - (8 << size);
    return half << (unused - i * (8 << size)) >>> unused;
  }

  static long signed(long half, int i, int size) {
    int unused = 64 - (8 << size);
    return half << (unused - i * (8 << size)) >> unused;
  }

  static long lane(long half, int i, int size, boolean signed) {
    return signed ? signed(half, i, size) : unsigned(half, i, size);
  }

  static long extend(long v, int size, boolean signed) {
    return lane(v, 0, size, signed);
  }

  /** The value {@code v}, cut to its size, at the place of lane {@code i}. */
  static long place(long v, int i, int size) {
    return (v & Fp.mask(size)) << (i * (8 << size));
  }

  /** Lane {@code i}, zero-extended, of the vector in register {@code number}. */
  static long get(ArmState s, int number, int i, int size) {
    int each = 8 >> size;
    return unsigned(s.v[2 * number + i / each], i % each, size);
  }

  static void put(ArmState s, int number, int i, int size, long v) {
    int each = 8 >> size;
    int shift = i % each * (8 << size);
    int at = 2 * number + i / each;
    s.v[at] = s.v[at] & ~(Fp.mask(size) << shift) | (v & Fp.mask(size)) << shift;
  }

  static void set(ArmState s, long w0, long low, long high) {
    s.v[2 * d(w0)] = low;
    s.v[2 * d(w0) + 1] = high;
  }

  // ---------------------------------------------------------------- steps over integers

  /** Every 64 bits of n and m. */
  static Step halves(Half f) {
    return (s, c, w0, w1) -> {
      int size = size(w1);
      long low = f.of(s.v[2 * n(w0)], s.v[2 * m(w0)], size);
      long high = isWide(w1) ? f.of(s.v[2 * n(w0) + 1], s.v[2 * m(w0) + 1], size) : 0;
      set(s, w0, low, high);
    };
  }

  /** Every lane of n and m, or of n alone. */
  static Step lanes(boolean signed, Lane f) {
    return (s, c, w0, w1) -> {
      int size = size(w1);
      int x = 2 * n(w0);
      int y = 2 * m(w0);
      int z = 2 * d(w0);
      long low = half(s, f, s.v[z], s.v[x], s.v[y], size, signed);
      long high = 0;
      if (isWide(w1)) {
        high = half(s, f, s.v[z + 1], s.v[x + 1], s.v[y + 1], size, signed);
      }
      set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  static long half(ArmState s, Lane f, long d, long a, long b, int size, boolean signed) {
    long r = 0;
    for (int i = 0; i < 8 >> size; i++) {
      long x = lane(a, i, size, signed);
      long y = lane(b, i, size, signed);
      r |= place(f.of(s, lane(d, i, size, signed), x, y, size), i, size);
    }
    return r;
  }

  /** The lowest lane; the rest of the destination becomes zero. */
  static Step scalar(boolean signed, Lane f) {
    return (s, c, w0, w1) -> {
      int size = size(w1);
      long x = extend(s.v[2 * n(w0)], size, signed);
      long y = extend(s.v[2 * m(w0)], size, signed);
      long z = extend(s.v[2 * d(w0)], size, signed);
      set(s, w0, f.of(s, z, x, y, size) & Fp.mask(size), 0);
    };
  }

  /** Adjacent lanes of m:n. */
  static Step pairs(boolean signed, Lane f) {
    return (s, c, w0, w1) -> {
      int size = size(w1);
      int x = 2 * n(w0);
      int y = 2 * m(w0);
      long low;
      long high = 0;
      if (!isWide(w1)) {
        low = pairs(s, f, s.v[x], s.v[y], size, signed);
      } else if (size == 3) {
        low = f.of(s, 0, s.v[x], s.v[x + 1], 3);
        high = f.of(s, 0, s.v[y], s.v[y + 1], 3);
      } else {
        low = pairs(s, f, s.v[x], s.v[x + 1], size, signed);
        high = pairs(s, f, s.v[y], s.v[y + 1], size, signed);
      }
      set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  private static long pairs(ArmState s, Lane f, long a, long b, int size, boolean signed) {
    long r = 0;
    int each = 8 >> size;
    for (int i = 0; i < each; i++) {
      long from = i < each / 2 ? a : b;
      int at = 2 * i % each;
      long x = lane(from, at, size, signed);
      long y = lane(from, at + 1, size, signed);
      r |= place(f.of(s, 0, x, y, size), i, size);
    }
    return r;
  }

  // ---------------------------------------------------------------- steps over floating point

  /** Every lane of {@code size}. */
  static Step floats(Fp.Binary f, int size) {
    return floats((s, c, w0, d, a, b, z) -> f.of(s, c, w0, a, b, z), size);
  }

  static Step floats(Fp.Unary f, int size) {
    return floats((s, c, w0, d, a, b, z) -> f.of(s, c, w0, a, z), size);
  }

  static Step floats(Fp.Ternary f, int size) {
    return (s, c, w0, w1) -> {
      int x = 2 * n(w0);
      int y = 2 * m(w0);
      int z = 2 * d(w0);
      long low = floats(s, c, w0, f, s.v[z], s.v[x], s.v[y], size);
      long high = 0;
      if (isWide(w1)) {
        high = floats(s, c, w0, f, s.v[z + 1], s.v[x + 1], s.v[y + 1], size);
      }
      set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  static long floats(
      ArmState s, ArmCpu c, long w0, Fp.Ternary f, long d, long a, long b, int size) {
    long r = 0;
    for (int i = 0; i < 8 >> size; i++) {
      long x = unsigned(a, i, size);
      long y = unsigned(b, i, size);
      r |= place(f.of(s, c, w0, unsigned(d, i, size), x, y, size), i, size);
    }
    return r;
  }

  /** Adjacent lanes of m:n. */
  static Step floatPairs(Fp.Binary f, int size) {
    return (s, c, w0, w1) -> {
      int x = 2 * n(w0);
      int y = 2 * m(w0);
      long low;
      long high = 0;
      if (!isWide(w1)) {
        low = floatPairs(s, c, w0, f, s.v[x], s.v[y], size);
      } else if (size == 3) {
        low = f.of(s, c, w0, s.v[x], s.v[x + 1], 3);
        high = f.of(s, c, w0, s.v[y], s.v[y + 1], 3);
      } else {
        low = floatPairs(s, c, w0, f, s.v[x], s.v[x + 1], size);
        high = floatPairs(s, c, w0, f, s.v[y], s.v[y + 1], size);
      }
      set(s, w0, low, high);
    };
  }

  @ExplodeLoop
  private static long floatPairs(
      ArmState s, ArmCpu c, long w0, Fp.Binary f, long a, long b, int size) {
    long r = 0;
    int each = 8 >> size;
    for (int i = 0; i < each; i++) {
      long from = i < each / 2 ? a : b;
      int at = 2 * i % each;
      long v = f.of(s, c, w0, unsigned(from, at, size), unsigned(from, at + 1, size), size);
      r |= place(v, i, size);
    }
    return r;
  }
}
