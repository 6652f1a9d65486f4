package org.tuber.truffle.arm.fp;

import java.math.BigInteger;

/**
 * Floating-point arithmetic exactly as the Arm ARM's shared pseudocode has it (J1.3, FPAdd and so
 * on): any rounding mode, flushing of subnormals, default NaNs, tininess before rounding. What the
 * host's own arithmetic cannot answer ends here.
 *
 * <p>Values are bit patterns in the low bits of a long; {@code size} is the logarithm of their
 * bytes: 1 half, 2 single, 3 double precision. Operations add to {@link #flags}. One object per
 * vCPU, used by its thread only.
 *
 * <p>Deviation: no trapped exceptions, which implementations may leave out.
 */
public final class SoftFloat {
  public static final int IOC = 1;
  public static final int DZC = 2;
  public static final int OFC = 4;
  public static final int UFC = 8;
  public static final int IXC = 16;
  public static final int IDC = 128;

  /** FPCR: flush half-precision subnormals; flush others; default NaN; alternative half. */
  static final int FZ16 = 1 << 19;

  static final int FZ = 1 << 24;
  static final int DN = 1 << 25;
  static final int AHP = 1 << 26;

  /** Rounding modes: those of FPCR.RMode, to nearest with ties away, to odd. */
  public static final int NEAREST = 0;

  public static final int UP = 1;
  public static final int DOWN = 2;
  public static final int TRUNCATE = 3;
  public static final int AWAY = 4;
  public static final int ODD = 5;

  static final int ZERO = 0;
  static final int FINITE = 1;
  static final int INFINITE = 2;
  static final int QUIET = 3;
  static final int SIGNALLING = 4;

  private static final long MSB = Long.MIN_VALUE;
  private static final int[] PRECISION = {0, 11, 24, 53};
  private static final int[] BIAS = {0, 15, 127, 1023};

  /** A number: {@code significand * 2^(exponent - 63)}, the most significant bit set. */
  static final class Num {
    int kind;
    boolean negative;
    int exponent;
    long significand;
  }

  final Num a = new Num();
  final Num b = new Num();
  private final Num addend = new Num();

  /** Exceptions since the caller cleared them, at their places in FPSR. */
  public int flags;

  int fpcr;
  private int rounding;

  /** Begins an operation under {@code control}, rounding as it says. */
  void begin(int control) {
    flags = 0;
    fpcr = control;
    rounding = control >>> 22 & 3;
  }

  /** Begins an operation with a rounding mode of its own. */
  void begin(int control, int mode) {
    begin(control);
    rounding = mode;
  }

  // ---------------------------------------------------------------- encodings

  static int bits(int size) {
    return 8 << size;
  }

  static long sign(int size) {
    return 1L << (bits(size) - 1);
  }

  private static int fractionBits(int size) {
    return PRECISION[size] - 1;
  }

  static long infinity(int size, boolean negative) {
    long e = (2L * BIAS[size] + 1) << fractionBits(size);
    return negative ? e | sign(size) : e;
  }

  static long zero(int size, boolean negative) {
    return negative ? sign(size) : 0;
  }

  static long defaultNaN(int size) {
    return infinity(size, false) | 1L << (fractionBits(size) - 1);
  }

  private static long largest(int size, boolean negative) {
    return infinity(size, negative) - 1;
  }

  /** {@code 2^exponent} times one, or 1.5. */
  static long constant(int size, int exponent, boolean half, boolean negative) {
    long v = (long) (exponent + BIAS[size]) << fractionBits(size);
    return (half ? v | 1L << (fractionBits(size) - 1) : v) | (negative ? sign(size) : 0);
  }

  private boolean flushes(int size) {
    return (fpcr & (size == 1 ? FZ16 : FZ)) != 0;
  }

  /** Unpacks an operand, flushing subnormals where FPCR says so. */
  void unpack(Num n, int size, long v) {
    unpack(n, size, v, flushes(size));
  }

  void unpack(Num n, int size, long v, boolean flush) {
    int f = fractionBits(size);
    int e = (int) (v >>> f) & (2 * BIAS[size] + 1);
    long fraction = v & (1L << f) - 1;
    n.negative = (v & sign(size)) != 0;
    n.exponent = 0;
    n.significand = 0;
    if (e == 2 * BIAS[size] + 1 && !(size == 1 && isAlternative)) {
      n.kind = fraction == 0 ? INFINITE : (fraction >>> (f - 1)) != 0 ? QUIET : SIGNALLING;
    } else if (e != 0) {
      n.kind = FINITE;
      n.exponent = e - BIAS[size];
      n.significand = MSB | fraction << (63 - f);
    } else if (fraction == 0) {
      n.kind = ZERO;
    } else if (flush) {
      n.kind = ZERO;
      flags |= size == 1 ? 0 : IDC;
    } else {
      n.kind = FINITE;
      int shift = Long.numberOfLeadingZeros(fraction << (63 - f));
      n.exponent = 1 - BIAS[size] - shift;
      n.significand = fraction << (63 - f) << shift;
    }
  }

  /** Set while a conversion has an operand in alternative half precision. */
  private boolean isAlternative;

  long invalid(int size) {
    flags |= IOC;
    return defaultNaN(size);
  }

  static boolean isNaN(Num n) {
    return n.kind >= QUIET;
  }

  /** The NaN operand {@code n}, encoded {@code v}, as a result. */
  long nan(Num n, int size, long v) {
    if (n.kind == SIGNALLING) {
      flags |= IOC;
    }
    return (fpcr & DN) != 0 ? defaultNaN(size) : v | 1L << (fractionBits(size) - 1);
  }

  /** The result for NaNs among two operands: signalling ones first. */
  long nan(Num n, Num m, int size, long v, long w) {
    if (n.kind == SIGNALLING) {
      return nan(n, size, v);
    }
    if (m.kind == SIGNALLING) {
      return nan(m, size, w);
    }
    return isNaN(n) ? nan(n, size, v) : nan(m, size, w);
  }

  // ---------------------------------------------------------------- rounding

  private boolean increments(boolean negative, long fraction, boolean odd) {
    return switch (rounding) {
      case NEAREST -> fraction < 0 && (fraction != MSB || odd);
      case UP -> !negative && fraction != 0;
      case DOWN -> negative && fraction != 0;
      case AWAY -> fraction < 0;
      case ODD -> fraction != 0 && !odd;
      default -> false;
    };
  }

  long round(int size, Num n) {
    return round(size, n.negative, n.exponent, n.significand, 0, flushes(size));
  }

  long round(int size, boolean negative, int exponent, long high, long low) {
    return round(size, negative, exponent, high, low, flushes(size));
  }

  /** Encodes {@code high.low * 2^(exponent - 63)}, {@code high} normalised. */
  long round(int size, boolean negative, int exponent, long high, long low, boolean flush) {
    int p = PRECISION[size];
    int least = 1 - BIAS[size];
    boolean tiny = exponent < least;
    if (tiny && flush) {
      flags |= UFC;
      return zero(size, negative);
    }
    if (tiny) {
      int d = least - exponent;
      low = shiftedLow(high, low, d);
      high = d < 64 ? high >>> d : 0;
      exponent = least;
    }
    long fraction = high << p | (low != 0 ? 1 : 0);
    long kept = high >>> (64 - p);
    if (increments(negative, fraction, (kept & 1) != 0)) {
      kept++;
      if (kept >>> p != 0) {
        kept >>>= 1;
        exponent++;
      }
    }
    boolean alternative = size == 1 && isAlternative;
    if (exponent > BIAS[size] + (alternative ? 1 : 0)) {
      return overflow(size, negative, alternative);
    }
    if (fraction != 0) {
      flags |= tiny ? IXC | UFC : IXC;
    }
    return ((long) (exponent - least) << (p - 1)) + kept | (negative ? sign(size) : 0);
  }

  private long overflow(int size, boolean negative, boolean alternative) {
    if (alternative) {
      flags |= IOC;
      return negative ? 0xffff : 0x7fff;
    }
    flags |= OFC | IXC;
    boolean toInfinity =
        switch (rounding) {
          case NEAREST, AWAY -> true;
          case UP -> !negative;
          case DOWN -> negative;
          default -> false;
        };
    return toInfinity ? infinity(size, negative) : largest(size, negative);
  }

  long overflow(int size, boolean negative) {
    return overflow(size, negative, false);
  }

  /** Low half of 128 bits shifted right by {@code d}; what falls out sets its lowest bit. */
  private static long shiftedLow(long high, long low, int d) {
    if (d == 0) {
      return low;
    }
    if (d < 64) {
      return high << (64 - d) | low >>> d | (low << (64 - d) != 0 ? 1 : 0);
    }
    if (d == 64) {
      return high | (low != 0 ? 1 : 0);
    }
    long lost = d < 128 ? high << (128 - d) | low : high | low;
    return (d < 128 ? high >>> (d - 64) : 0) | (lost != 0 ? 1 : 0);
  }

  // ---------------------------------------------------------------- arithmetic

  long add(int size, long v, long w) {
    unpack(a, size, v);
    unpack(b, size, w);
    if (isNaN(a) || isNaN(b)) {
      return nan(a, b, size, v, w);
    }
    return sum(size, a, b.negative, b.kind, b.exponent, b.significand, 0, 0);
  }

  /** {@code n} plus another number of up to 128 bits, times {@code 2^scale}; no NaNs. */
  private long sum(
      int size, Num n, boolean negative, int kind, int exponent, long high, long low, int scale) {
    if (n.kind == INFINITE || kind == INFINITE) {
      if (n.kind == kind && n.negative != negative) {
        return invalid(size);
      }
      return infinity(size, n.kind == INFINITE ? n.negative : negative);
    }
    if (n.kind == ZERO && kind == ZERO) {
      return zero(size, n.negative == negative ? negative : rounding == DOWN);
    }
    if (kind == ZERO) {
      return round(size, n.negative, n.exponent + scale, n.significand, 0);
    }
    if (n.kind == ZERO) {
      return round(size, negative, exponent + scale, high, low);
    }
    boolean firstIsBig =
        n.exponent > exponent
            || n.exponent == exponent && Long.compareUnsigned(n.significand, high) >= 0;
    int d = Math.abs(n.exponent - exponent);
    int e = Math.max(n.exponent, exponent);
    long bigHigh = firstIsBig ? n.significand : high;
    long bigLow = firstIsBig ? 0 : low;
    long smallHigh = firstIsBig ? high : n.significand;
    long smallLow = shiftedLow(smallHigh, firstIsBig ? low : 0, d);
    smallHigh = d < 64 ? smallHigh >>> d : 0;
    if (n.negative == negative) {
      long l = bigLow + smallLow;
      long carry = Long.compareUnsigned(l, bigLow) < 0 ? 1 : 0;
      long h = bigHigh + smallHigh + carry;
      boolean overflowed =
          Long.compareUnsigned(h, bigHigh) < 0 || carry != 0 && h == bigHigh && smallHigh == -1;
      if (overflowed) {
        l = h << 63 | l >>> 1 | l & 1;
        h = h >>> 1 | MSB;
        e++;
      }
      return round(size, negative, e + scale, h, l);
    }
    boolean sign = firstIsBig ? n.negative : negative;
    long l = bigLow - smallLow;
    long h = bigHigh - smallHigh - (Long.compareUnsigned(bigLow, smallLow) < 0 ? 1 : 0);
    if (h < 0 && d == 0 && bigHigh == smallHigh) {
      // Equal high halves and the second has a greater low half.
      l = -l;
      h = ~h + (l == 0 ? 1 : 0);
      sign = !sign;
    }
    if ((h | l) == 0) {
      return zero(size, rounding == DOWN);
    }
    int shift = h != 0 ? Long.numberOfLeadingZeros(h) : 64 + Long.numberOfLeadingZeros(l);
    if (shift >= 64) {
      h = l << (shift - 64);
      l = 0;
    } else if (shift > 0) {
      h = h << shift | l >>> (64 - shift);
      l <<= shift;
    }
    return round(size, sign, e - shift + scale, h, l);
  }

  /** The product; {@code extended}: infinity times zero is two, as FMULX has it. */
  long multiply(int size, long v, long w, boolean extended) {
    unpack(a, size, v);
    unpack(b, size, w);
    if (isNaN(a) || isNaN(b)) {
      return nan(a, b, size, v, w);
    }
    boolean negative = a.negative != b.negative;
    boolean isInfinite = a.kind == INFINITE || b.kind == INFINITE;
    boolean isZero = a.kind == ZERO || b.kind == ZERO;
    if (isInfinite && isZero) {
      return extended ? constant(size, 1, false, negative) : invalid(size);
    }
    if (isInfinite) {
      return infinity(size, negative);
    }
    if (isZero) {
      return zero(size, negative);
    }
    long high = Math.unsignedMultiplyHigh(a.significand, b.significand);
    long low = a.significand * b.significand;
    int e = a.exponent + b.exponent + 1;
    if (high >= 0) {
      high = high << 1 | low >>> 63;
      low <<= 1;
      e--;
    }
    return round(size, negative, e, high, low);
  }

  /** {@code addend + v * w}, rounded once. */
  long fused(int size, long add, long v, long w) {
    unpack(addend, size, add);
    unpack(a, size, v);
    unpack(b, size, w);
    boolean isInvalid =
        a.kind == INFINITE && b.kind == ZERO || a.kind == ZERO && b.kind == INFINITE;
    if (isNaN(addend) || isNaN(a) || isNaN(b)) {
      if (addend.kind == QUIET && isInvalid) {
        return invalid(size);
      }
      boolean first = addend.kind == SIGNALLING;
      boolean others = a.kind == SIGNALLING || b.kind == SIGNALLING;
      return first || isNaN(addend) && !others ? nan(addend, size, add) : nan(a, b, size, v, w);
    }
    return isInvalid ? invalid(size) : fused(size, 0);
  }

  /** Single precision plus a product of half precision; half subnormals flush by FZ16. */
  long fusedHalves(long add, long v, long w) {
    unpack(addend, 2, add);
    unpack(a, 1, v);
    unpack(b, 1, w);
    boolean isInvalid =
        a.kind == INFINITE && b.kind == ZERO || a.kind == ZERO && b.kind == INFINITE;
    if (isNaN(addend) || isNaN(a) || isNaN(b)) {
      if (addend.kind == QUIET && isInvalid) {
        return invalid(2);
      }
      boolean others = a.kind == SIGNALLING || b.kind == SIGNALLING;
      if (addend.kind == SIGNALLING || isNaN(addend) && !others) {
        return nan(addend, 2, add);
      }
      return convertNaN(1, 2, nan(a, b, 1, v, w), false);
    }
    return isInvalid ? invalid(2) : fused(2, 0);
  }

  /** {@code addend + a * b}, none a NaN and the product defined, times {@code 2^scale}. */
  private long fused(int size, int scale) {
    boolean negative = a.negative != b.negative;
    int kind = Math.max(a.kind, b.kind);
    if (a.kind == ZERO || b.kind == ZERO) {
      kind = ZERO;
    }
    long high = Math.unsignedMultiplyHigh(a.significand, b.significand);
    long low = a.significand * b.significand;
    int e = a.exponent + b.exponent + 1;
    if (high >= 0) {
      high = high << 1 | low >>> 63;
      low <<= 1;
      e--;
    }
    return sum(size, addend, negative, kind, e, high, low, scale);
  }

  /** The step of FRECPS, {@code 2 - v * w}, or of FRSQRTS, {@code (3 - v * w) / 2}. */
  long step(int size, long v, long w, boolean root) {
    v ^= sign(size);
    unpack(a, size, v);
    unpack(b, size, w);
    if (isNaN(a) || isNaN(b)) {
      return nan(a, b, size, v, w);
    }
    boolean isInfinite = a.kind == INFINITE || b.kind == INFINITE;
    if (isInfinite && (a.kind == ZERO || b.kind == ZERO)) {
      return root ? constant(size, 0, true, false) : constant(size, 1, false, false);
    }
    if (isInfinite) {
      return infinity(size, a.negative != b.negative);
    }
    addend.kind = FINITE;
    addend.negative = false;
    addend.exponent = 1;
    addend.significand = root ? MSB | MSB >>> 1 : MSB;
    return fused(size, root ? -1 : 0);
  }

  long divide(int size, long v, long w) {
    unpack(a, size, v);
    unpack(b, size, w);
    if (isNaN(a) || isNaN(b)) {
      return nan(a, b, size, v, w);
    }
    boolean negative = a.negative != b.negative;
    if (a.kind == b.kind && a.kind != FINITE) {
      return invalid(size);
    }
    if (a.kind == INFINITE || b.kind == ZERO) {
      flags |= a.kind == INFINITE ? 0 : DZC;
      return infinity(size, negative);
    }
    if (a.kind == ZERO || b.kind == INFINITE) {
      return zero(size, negative);
    }
    // Significands have at most 53 bits: nothing is lost.
    long rest = a.significand >>> 1;
    long divisor = b.significand >>> 1;
    int e = a.exponent - b.exponent;
    if (rest < divisor) {
      rest <<= 1;
      e--;
    }
    long q = 0;
    for (int i = 0; i < 64; i++) {
      q <<= 1;
      if (Long.compareUnsigned(rest, divisor) >= 0) {
        rest -= divisor;
        q |= 1;
      }
      rest <<= 1;
    }
    return round(size, negative, e, q, rest);
  }

  long squareRoot(int size, long v) {
    unpack(a, size, v);
    if (isNaN(a)) {
      return nan(a, size, v);
    }
    if (a.kind == ZERO) {
      return zero(size, a.negative);
    }
    if (a.negative) {
      return invalid(size);
    }
    if (a.kind == INFINITE) {
      return infinity(size, false);
    }
    BigInteger n =
        new BigInteger(Long.toUnsignedString(a.significand))
            .shiftLeft((a.exponent & 1) == 0 ? 63 : 64);
    BigInteger[] root = n.sqrtAndRemainder();
    return round(size, false, a.exponent >> 1, root[0].longValue(), root[1].signum());
  }

  /** The sign of a - b; neither is a NaN. */
  int order() {
    int first = a.kind == ZERO ? 0 : a.negative ? -1 : 1;
    int second = b.kind == ZERO ? 0 : b.negative ? -1 : 1;
    if (first != second) {
      return Integer.compare(first, second);
    }
    if (first == 0) {
      return 0;
    }
    int magnitude;
    if (a.kind != b.kind || a.kind == INFINITE) {
      magnitude = Integer.compare(a.kind, b.kind);
    } else if (a.exponent != b.exponent) {
      magnitude = Integer.compare(a.exponent, b.exponent);
    } else {
      magnitude = Long.compareUnsigned(a.significand, b.significand);
    }
    return magnitude * first;
  }

  /** The greater or the lesser; {@code number}: a quiet NaN gives way to a number. */
  long extreme(int size, long v, long w, boolean greatest, boolean number) {
    unpack(a, size, v);
    unpack(b, size, w);
    if (number && a.kind == QUIET && !isNaN(b)) {
      return b.kind == ZERO ? zero(size, b.negative) : w;
    }
    if (number && b.kind == QUIET && !isNaN(a)) {
      return a.kind == ZERO ? zero(size, a.negative) : v;
    }
    if (isNaN(a) || isNaN(b)) {
      return nan(a, b, size, v, w);
    }
    if (a.kind == ZERO && b.kind == ZERO) {
      return zero(size, greatest ? a.negative && b.negative : a.negative || b.negative);
    }
    boolean first = greatest ? order() > 0 : order() < 0;
    Num n = first ? a : b;
    return n.kind == ZERO ? zero(size, n.negative) : first ? v : w;
  }

  // ---------------------------------------------------------------- conversions

  /** Between precisions. */
  long convert(int from, int to, long v) {
    isAlternative = (fpcr & AHP) != 0;
    unpack(a, from, v, from != 1 && flushes(from));
    boolean toAlternative = to == 1 && isAlternative;
    long r;
    if (isNaN(a)) {
      flags |= a.kind == SIGNALLING ? IOC : 0;
      r = convertNaN(from, to, v, toAlternative);
    } else if (a.kind == INFINITE) {
      flags |= toAlternative ? IOC : 0;
      r = toAlternative ? (a.negative ? 0xffff : 0x7fff) : infinity(to, a.negative);
    } else if (a.kind == ZERO) {
      r = zero(to, a.negative);
    } else {
      r = round(to, a.negative, a.exponent, a.significand, 0, to != 1 && flushes(to));
    }
    isAlternative = false;
    return r;
  }

  private long convertNaN(int from, int to, long v, boolean toAlternative) {
    boolean negative = (v & sign(from)) != 0;
    if (toAlternative) {
      flags |= IOC;
      return zero(1, negative);
    }
    if ((fpcr & DN) != 0) {
      return defaultNaN(to);
    }
    long quiet = 1L << (fractionBits(to) - 1);
    long fraction = v << (64 - fractionBits(from)) >>> (64 - fractionBits(to));
    return infinity(to, negative) | fraction | quiet;
  }

  /** Rounds to an integral value; {@code exact} raises Inexact. */
  long integral(int size, long v, boolean exact) {
    unpack(a, size, v);
    if (isNaN(a)) {
      return nan(a, size, v);
    }
    if (a.kind == ZERO) {
      return zero(size, a.negative);
    }
    if (a.kind == INFINITE || a.exponent >= 63) {
      return v;
    }
    int before = flags;
    long magnitude = magnitude();
    if (!exact) {
      flags = before;
    }
    if (magnitude == 0) {
      return zero(size, a.negative);
    }
    int shift = Long.numberOfLeadingZeros(magnitude);
    return round(size, a.negative, 63 - shift, magnitude << shift, 0);
  }

  /** As {@link #integral}, but what does not fit {@code bits} is the least integer. */
  long integral(int size, long v, int bits) {
    unpack(a, size, v);
    long least = constant(size, bits - 1, false, true);
    if (a.kind >= INFINITE) {
      flags |= IOC;
      return least;
    }
    if (a.kind == ZERO) {
      return zero(size, a.negative);
    }
    int before = flags;
    long magnitude = a.exponent < 63 ? magnitude() : MSB;
    long limit = 1L << (bits - 1);
    boolean isLeast = a.exponent == 63 && a.significand == MSB;
    boolean tooBig = a.exponent > 63 || a.exponent == 63 && !isLeast;
    if (tooBig || Long.compareUnsigned(magnitude, a.negative ? limit : limit - 1) > 0) {
      flags = before | IOC;
      return least;
    }
    if (magnitude == 0) {
      return zero(size, a.negative);
    }
    int shift = Long.numberOfLeadingZeros(magnitude);
    return round(size, a.negative, 63 - shift, magnitude << shift, 0);
  }

  /** Magnitude of a, whose exponent is below 64, as an integer. */
  private long magnitude() {
    int e = a.exponent;
    long integer = e >= 0 ? a.significand >>> (63 - e) : 0;
    long fraction = e >= 63 ? 0 : e >= 0 ? a.significand << (e + 1) : e == -1 ? a.significand : 1;
    if (fraction != 0) {
      flags |= IXC;
    }
    return increments(a.negative, fraction, (integer & 1) != 0) ? integer + 1 : integer;
  }

  /** {@code v * 2^fraction} as an integer of {@code bits}, saturating. */
  long toInteger(int size, long v, int bits, int fraction, boolean unsigned) {
    unpack(a, size, v);
    if (isNaN(a)) {
      flags |= IOC;
      return 0;
    }
    if (a.kind == ZERO) {
      return 0;
    }
    a.exponent += fraction;
    long ones = -1L >>> (64 - bits);
    long most = unsigned ? (a.negative ? 0 : ones) : a.negative ? (ones >>> 1) + 1 : ones >>> 1;
    int before = flags;
    boolean fits = a.kind == FINITE && a.exponent < 64;
    long magnitude = fits ? magnitude() : 0;
    // A magnitude of all ones and a fraction has no bits left for one: exponents of 63 have none.
    if (!fits || Long.compareUnsigned(magnitude, most) > 0) {
      flags = before | IOC;
      return (a.negative ? -most : most) & ones;
    }
    return (a.negative ? -magnitude : magnitude) & ones;
  }

  /** The integer {@code v}, times {@code 2^-fraction}. */
  long fromInteger(int size, long v, int fraction, boolean unsigned) {
    if (v == 0) {
      return 0;
    }
    boolean negative = !unsigned && v < 0;
    long magnitude = negative ? -v : v;
    int shift = Long.numberOfLeadingZeros(magnitude);
    return round(size, negative, 63 - shift - fraction, magnitude << shift, 0);
  }

  /** FJCVTZS: the integer modulo 2^32; bit 32 is set when it is exact. */
  long toJavaScriptInteger(long v) {
    boolean isNegativeZero = v == MSB;
    unpack(a, 3, v);
    if (a.kind == ZERO) {
      return v << 1 == 0 && !isNegativeZero ? 1L << 32 : 0;
    }
    if (a.kind >= INFINITE) {
      flags |= IOC;
      return 0;
    }
    int e = a.exponent;
    long low = 0;
    boolean isInexact = e < 0;
    if (e >= 0 && e < 64) {
      low = a.significand >>> (63 - e);
      isInexact = e < 63 && a.significand << (e + 1) != 0;
    } else if (e >= 64 && e < 96) {
      low = a.significand << (e - 63);
    }
    long integer = a.negative ? -low : low;
    if (e > 31 || (int) integer != integer) {
      flags |= IOC;
      return integer & 0xffff_ffffL;
    }
    if (isInexact) {
      flags |= IXC;
    }
    return integer & 0xffff_ffffL | (isInexact ? 0 : 1L << 32);
  }
}
