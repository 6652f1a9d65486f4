package org.tuber.truffle.engine;

import org.tuber.truffle.engine.special.Rare;

/**
 * Whether a result that was rounded to nearest is exact. Guest processors keep a sticky flag for
 * results that are not; programs whose numbers are all small integers never set it, and arithmetic
 * in software takes twenty times as long to find out.
 *
 * <p>Operands and results are bit patterns, any of them; "true" says that the result is the right
 * one and raises nothing, not even for being subnormal, infinite or not a number. {@code size} is
 * the logarithm of their bytes, 2 or 3.
 *
 * <ul>
 *   <li>A sum is exact where each operand is the result less the other. Were there an error, it
 *       would be a multiple of the smallest last place of all three; it is at most half of the
 *       result's, so one of the operands' is the smallest, and there the error shows.
 *   <li>The error of a product, quotient or root in double precision is what one fused operation
 *       finds, far enough from the least number. Of single precision the product with twice the
 *       digits has none.
 * </ul>
 */
public final class ExactFloat {
  /** Smaller products have errors that double precision cannot hold. */
  private static final double LEAST = 0x1p-900;

  private ExactFloat() {}

  private static double f64(long v) {
    return Double.longBitsToDouble(v);
  }

  private static float f32(long v) {
    return Float.intBitsToFloat((int) v);
  }

  /** Of {@code a + b = z}. */
  @Rare
  public static boolean isSum(int size, long a, long b, long z) {
    return size == 3
        ? f64(z) - f64(a) == f64(b) && f64(z) - f64(b) == f64(a)
        : f32(z) - f32(a) == f32(b) && f32(z) - f32(b) == f32(a);
  }

  /** Of {@code a - b = z}. */
  @Rare
  public static boolean isDifference(int size, long a, long b, long z) {
    return size == 3
        ? f64(a) - f64(z) == f64(b) && f64(z) + f64(b) == f64(a)
        : f32(a) - f32(z) == f32(b) && f32(z) + f32(b) == f32(a);
  }

  /** Of {@code a * b = z}; of very small ones false. */
  @Rare
  public static boolean isProduct(int size, long a, long b, long z) {
    if (size == 2) {
      return (double) f32(a) * f32(b) == f32(z);
    }
    return Math.abs(f64(z)) > LEAST
        ? Math.fma(f64(a), f64(b), -f64(z)) == 0
        : f64(z) == 0 && (f64(a) == 0 || f64(b) == 0);
  }

  /** Of {@code a / b = z}; of very small ones false. */
  @Rare
  public static boolean isQuotient(int size, long a, long b, long z) {
    if (size == 2) {
      return (double) f32(z) * f32(b) == f32(a);
    }
    return Math.abs(f64(a)) > LEAST
        ? Math.fma(f64(z), f64(b), -f64(a)) == 0
        : f64(a) == 0 && f64(z) == 0;
  }

  /** Of the square root {@code z} of {@code a}; of very small ones false. */
  @Rare
  public static boolean isRoot(int size, long a, long z) {
    if (size == 2) {
      return (double) f32(z) * f32(z) == f32(a);
    }
    return Math.abs(f64(a)) > LEAST ? Math.fma(f64(z), f64(z), -f64(a)) == 0 : f64(a) == 0;
  }

  /** Of {@code d + a * b = z}; false where the product itself has too many digits. */
  @Rare
  public static boolean isFused(int size, long d, long a, long b, long z) {
    if (size == 2) {
      double p = (double) f32(a) * f32(b);
      return f32(z) - p == f32(d) && (double) f32(z) - f32(d) == p;
    }
    double p = f64(a) * f64(b);
    if (Math.abs(p) > LEAST ? Math.fma(f64(a), f64(b), -p) != 0 : f64(a) != 0 && f64(b) != 0) {
      return false;
    }
    return f64(z) - p == f64(d) && f64(z) - f64(d) == p;
  }
}
