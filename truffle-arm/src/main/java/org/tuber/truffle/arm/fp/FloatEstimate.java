package org.tuber.truffle.arm.fp;

/**
 * The estimates of FRECPE, FRSQRTE, URECPE and URSQRTE, which the architecture defines to the bit
 * (Arm ARM J1.3, RecipEstimate and RecipSqrtEstimate), and FRECPX.
 */
public final class FloatEstimate {
  private static final int[] RECIPROCAL_BIAS = {0, 29, 253, 2045};
  private static final int[] ROOT_BIAS = {0, 44, 380, 3068};
  private static final int[] FRACTION = {0, 10, 23, 52};
  private static final int[] LARGE = {0, 14, 126, 1022};
  private static final long FRACTION_MASK = (1L << 52) - 1;

  private FloatEstimate() {}

  /** Of 256 to 511, a number from 0.5 to 1, as a number from 1 to 2 in the same form. */
  static int reciprocalOf(int a) {
    int b = (1 << 19) / (2 * a + 1);
    return (b + 1) / 2;
  }

  /** Of 128 to 511, a number from 0.25 to 1. */
  static int rootOf(int a) {
    int x = a < 256 ? 2 * a + 1 : ((a >> 1 << 1) + 1) * 2;
    int b = 512;
    while (x * (b + 1) * (b + 1) < 1 << 28) {
      b++;
    }
    return (b + 1) / 2;
  }

  static long reciprocal(SoftFloat f, int size, long v) {
    f.unpack(f.a, size, v);
    SoftFloat.Num n = f.a;
    if (SoftFloat.isNaN(n)) {
      return f.nan(n, size, v);
    }
    if (n.kind == SoftFloat.INFINITE) {
      return SoftFloat.zero(size, n.negative);
    }
    if (n.kind == SoftFloat.ZERO) {
      f.flags |= SoftFloat.DZC;
      return SoftFloat.infinity(size, n.negative);
    }
    if (n.exponent < -LARGE[size] - 2) {
      return f.overflow(size, n.negative);
    }
    boolean flush = (f.fpcr & (size == 1 ? SoftFloat.FZ16 : SoftFloat.FZ)) != 0;
    if (flush && n.exponent >= LARGE[size]) {
      f.flags |= SoftFloat.UFC;
      return SoftFloat.zero(size, n.negative);
    }
    int estimate = reciprocalOf((int) (n.significand >>> 55));
    int bias = (RECIPROCAL_BIAS[size] + 1) / 2;
    int e = RECIPROCAL_BIAS[size] - (n.exponent + bias);
    long fraction = (long) (estimate & 255) << 44;
    if (e == 0) {
      fraction = 1L << 51 | fraction >>> 1;
    } else if (e == -1) {
      fraction = 1L << 50 | fraction >>> 2;
      e = 0;
    }
    return pack(size, n.negative, e, fraction);
  }

  private static long pack(int size, boolean negative, int e, long fraction) {
    int bits = FRACTION[size];
    long r = (long) e << bits | (fraction & FRACTION_MASK) >>> (52 - bits);
    return negative ? r | SoftFloat.sign(size) : r;
  }

  static long reciprocalRoot(SoftFloat f, int size, long v) {
    f.unpack(f.a, size, v);
    SoftFloat.Num n = f.a;
    if (SoftFloat.isNaN(n)) {
      return f.nan(n, size, v);
    }
    if (n.kind == SoftFloat.ZERO) {
      f.flags |= SoftFloat.DZC;
      return SoftFloat.infinity(size, n.negative);
    }
    if (n.negative) {
      return f.invalid(size);
    }
    if (n.kind == SoftFloat.INFINITE) {
      return 0;
    }
    int bias = (RECIPROCAL_BIAS[size] + 1) / 2;
    int exponent = n.exponent + bias;
    int scaled = (int) (n.significand >>> ((exponent & 1) == 0 ? 55 : 56));
    int e = (ROOT_BIAS[size] - exponent) >> 1;
    return pack(size, false, e, (long) (rootOf(scaled) & 255) << 44);
  }

  /** FRECPX. */
  static long exponent(SoftFloat f, int size, long v) {
    f.unpack(f.a, size, v);
    if (SoftFloat.isNaN(f.a)) {
      return f.nan(f.a, size, v);
    }
    int bits = FRACTION[size];
    long field = SoftFloat.infinity(size, false);
    long e = v & field;
    long r = e == 0 ? field - (1L << bits) : ~e & field;
    return r | v & SoftFloat.sign(size);
  }

  /** URECPE. */
  public static int reciprocal(int v) {
    return v >= 0 ? -1 : reciprocalOf(v >>> 23) << 23;
  }

  /** URSQRTE. */
  public static int reciprocalRoot(int v) {
    return v >>> 30 == 0 ? -1 : rootOf(v >>> 23) << 23;
  }
}
