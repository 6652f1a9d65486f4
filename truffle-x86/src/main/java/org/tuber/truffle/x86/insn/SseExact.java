package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Whether a result of Java's operators, which round to nearest, is exact: all there is to know for
 * MXCSR while its sticky inexact flag is clear and operands and result are ordinary numbers. A
 * program whose numbers are all small integers never sets that flag, and {@link SoftFloat} takes
 * twenty times as long to find out.
 *
 * <p>A number is an odd integer times a power of two. A product is exact where the product of the
 * odd parts fits the significand, a quotient where the divisor's odd part divides the dividend's. A
 * sum's error is computed by Knuth's two-sum, which is exact while nothing overflows.
 */
final class SseExact {
  /** The verdict: no flag. */
  static final int EXACT = 0;

  /** The verdict: the inexact flag and no other. */
  static final int INEXACT = 1;

  /** The verdict: {@link SoftFloat} has to say. */
  static final int UNKNOWN = 2;

  private static final int PLAIN_MASK = 0xffc0;
  private static final int PLAIN = 0x1f80;
  private static final int DIGITS64 = 53;
  private static final int DIGITS32 = 24;

  /** Sums of smaller numbers overflow nowhere. */
  private static final double HUGE = 0x1p1020;

  private SseExact() {}

  /** Everything masked, nearest rounding, neither FTZ nor DAZ. */
  static boolean isPlain(X86Cpu c) {
    return (c.mxcsr & PLAIN_MASK) == PLAIN;
  }

  /** Zero or normal. */
  private static boolean isOrdinary(double v) {
    double m = Math.abs(v);
    return m == 0 || m >= Double.MIN_NORMAL && m <= Double.MAX_VALUE;
  }

  private static boolean isOrdinary(float v) {
    float m = Math.abs(v);
    return m == 0 || m >= Float.MIN_NORMAL && m <= Float.MAX_VALUE;
  }

  private static int verdict(boolean exact) {
    return exact ? EXACT : INEXACT;
  }

  /** The odd part of a normal number; floats have the same as doubles. */
  private static long odd(double v) {
    long m = Double.doubleToRawLongBits(v) & 0xf_ffff_ffff_ffffL | 1L << 52;
    return m >>> Long.numberOfTrailingZeros(m);
  }

  private static int bits(long v) {
    return 64 - Long.numberOfLeadingZeros(v);
  }

  private static boolean isProductExact(long x, long y, int digits) {
    int most = bits(x) + bits(y);
    return most <= digits || most == digits + 1 && x * y >>> digits == 0;
  }

  /** Of {@code a op b}, which is {@code z}; {@code kind} as in {@link SseArith}. */
  static int of64(int kind, double a, double b, double z) {
    return isOrdinary(a) && isOrdinary(b)
        ? of(kind, a, b, z, SseArith.normal(Double.doubleToRawLongBits(z)), DIGITS64)
        : UNKNOWN;
  }

  /** The same in single precision. */
  static int of32(int kind, float a, float b, float z) {
    return isOrdinary(a) && isOrdinary(b)
        ? of(kind, a, b, z, SseArith.normal(Float.floatToRawIntBits(z)), DIGITS32)
        : UNKNOWN;
  }

  /**
   * Of ordinary numbers.
   *
   * @param isNormal {@code z} is far enough from the least normal number of its format
   * @param digits of the format's significand
   */
  private static int of(int kind, double a, double b, double z, boolean isNormal, int digits) {
    switch (kind) {
      case SseArith.ADD, SseArith.SUB -> {
        double y = kind == SseArith.ADD ? b : -b;
        return isBelowHuge(a) && isBelowHuge(b) && Double.isFinite(z)
            ? verdict(error(a, y) == 0 && a + y == z)
            : UNKNOWN;
      }
      case SseArith.MUL, SseArith.DIV -> {
        boolean isProduct = kind == SseArith.MUL;
        if (a == 0 || b == 0) {
          return isProduct || b != 0 ? EXACT : UNKNOWN;
        }
        if (!isNormal) {
          return UNKNOWN;
        }
        long x = odd(a);
        long y = odd(b);
        return verdict(isProduct ? isProductExact(x, y, digits) : x % y == 0);
      }
      default -> {
        return UNKNOWN;
      }
    }
  }

  /** Of the square root {@code z} of {@code a}. */
  static int ofRoot64(double a, double z) {
    return a > 0 && isOrdinary(a) ? ofRoot(a, z) : UNKNOWN;
  }

  /** The same in single precision. */
  static int ofRoot32(float a, float z) {
    return a > 0 && isOrdinary(a) ? ofRoot(a, z) : UNKNOWN;
  }

  private static int ofRoot(double a, double z) {
    long x = odd(z);
    return verdict(isProductExact(x, x, DIGITS64) && z * z == a);
  }

  private static boolean isBelowHuge(double v) {
    return Math.abs(v) < HUGE;
  }

  /** What rounding left out of {@code a + b}. */
  private static double error(double a, double b) {
    double z = a + b;
    double t = z - a;
    return a - (z - t) + (b - t);
  }
}
