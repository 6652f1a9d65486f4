package org.tuber.truffle.x86.insn;

import java.math.BigInteger;

/**
 * IEEE 754 arithmetic on significands of up to 64 bits with any rounding mode, precision and
 * exponent range: the x87 unit, and the slow path of SSE (SDM vol. 1, 4.8, 4.9 and 8.5).
 *
 * <p>A number is unpacked into {@link Num}; operations leave {@link #result}, add to {@link #flags}
 * and never look at NaN operands: choosing among NaNs differs between x87 and SSE and is the
 * caller's. One object per vCPU, used by its thread only.
 */
public final class SoftFloat {
  // Exceptions: the same positions in FSW and MXCSR.
  static final int IE = 1;
  static final int DE = 2;
  static final int ZE = 4;
  static final int OE = 8;
  static final int UE = 16;
  static final int PE = 32;

  // Rounding modes as in RC.
  static final int NEAREST = 0;
  static final int DOWN = 1;
  static final int UP = 2;
  static final int TRUNCATE = 3;

  static final int ZERO = 0;
  static final int FINITE = 1;
  static final int INFINITE = 2;
  static final int NAN = 3;

  /** An 80-bit encoding with a clear integer bit and a nonzero exponent. */
  static final int UNSUPPORTED = 4;

  private static final long MSB = Long.MIN_VALUE;

  /** A number: {@code significand * 2^(exponent - 63)}. */
  static final class Num {
    int kind;
    boolean negative;

    /** Of the most significant bit, where that is set. */
    int exponent;

    /** Most significant bit set, except for a subnormal result; NaN: in 80-bit form. */
    long significand;

    /** The operand was subnormal. */
    boolean subnormal;

    boolean isZero() {
      return kind == ZERO;
    }

    void set(int kind, boolean negative, int exponent, long significand) {
      this.kind = kind;
      this.negative = negative;
      this.exponent = exponent;
      this.significand = significand;
      this.subnormal = false;
    }

    void copy(Num n) {
      set(n.kind, n.negative, n.exponent, n.significand);
      subnormal = n.subnormal;
    }
  }

  Num a = new Num();
  Num b = new Num();
  final Num result = new Num();

  /** Exceptions raised since {@link #begin}. */
  int flags;

  /** The last rounding increased the magnitude (C1 of x87). */
  boolean roundedUp;

  private int precision;
  private int minExponent;
  private int maxExponent;
  private int rounding;
  private boolean flushToZero;
  private boolean wrapUnderflow;
  private boolean wrapOverflow;

  private static final int WRAP_BIAS_80 = 24576;

  /** Added to the exponent of an unmasked underflow's result, SDM vol. 1, 8.5.5. */
  private int wrapBias;

  // ---------------------------------------------------------------- set-up

  private void begin(int precision, int minExponent, int maxExponent, int rounding) {
    this.precision = precision;
    this.minExponent = minExponent;
    this.maxExponent = maxExponent;
    this.rounding = rounding;
    flags = 0;
    roundedUp = false;
    flushToZero = false;
    wrapUnderflow = false;
    wrapOverflow = false;
  }

  /** Results in half precision. */
  void begin16(int rounding) {
    begin(11, -14, 15, rounding);
    wrapBias = 0;
  }

  /** Results in single precision. */
  void begin32(int rounding) {
    begin(24, -126, 127, rounding);
    wrapBias = 192;
  }

  /** Results in double precision. */
  void begin64(int rounding) {
    begin(53, -1022, 1023, rounding);
    wrapBias = 1536;
  }

  /** Results in an x87 register, with {@code precision} bits of significand. */
  void begin80(int precision, int rounding) {
    begin(precision, -16382, 16383, rounding);
    wrapBias = WRAP_BIAS_80;
  }

  /** Tiny results become zeros (MXCSR.FTZ). */
  void flushToZero() {
    flushToZero = true;
  }

  /** Unmasked underflow or overflow delivers a result with a wrapped exponent. */
  void wrapExponent(boolean onUnderflow, boolean onOverflow) {
    wrapUnderflow = onUnderflow;
    wrapOverflow = onOverflow;
  }

  int rounding() {
    return rounding;
  }

  /** Exchanges the operands. */
  void swap() {
    Num t = a;
    a = b;
    b = t;
  }

  // ---------------------------------------------------------------- packing

  static void unpack64(Num n, long v) {
    boolean negative = v < 0;
    int e = (int) (v >>> 52) & 0x7ff;
    long fraction = v & 0xf_ffff_ffff_ffffL;
    unpack(n, negative, e, fraction << 11, e == 0x7ff, 1023);
  }

  static void unpack32(Num n, int v) {
    boolean negative = v < 0;
    int e = (v >>> 23) & 0xff;
    long fraction = v & 0x7f_ffffL;
    unpack(n, negative, e, fraction << 40, e == 0xff, 127);
  }

  private static void unpack(
      Num n, boolean negative, int e, long fraction, boolean special, int bias) {
    if (special) {
      n.set(fraction == 0 ? INFINITE : NAN, negative, 0, fraction | MSB);
    } else if (e != 0) {
      n.set(FINITE, negative, e - bias, fraction | MSB);
    } else if (fraction == 0) {
      n.set(ZERO, negative, 0, 0);
    } else {
      int shift = Long.numberOfLeadingZeros(fraction);
      n.set(FINITE, negative, 1 - bias - shift, fraction << shift);
      n.subnormal = true;
    }
  }

  /** Unpacks an 80-bit number, {@link #UNSUPPORTED} ones as such. */
  static void unpack80(Num n, int signExponent, long significand) {
    boolean negative = (signExponent & 0x8000) != 0;
    int e = signExponent & 0x7fff;
    if (e != 0 && significand >= 0) {
      n.set(UNSUPPORTED, negative, 0, significand);
    } else if (e == 0x7fff) {
      n.set(significand << 1 == 0 ? INFINITE : NAN, negative, 0, significand);
    } else if (significand == 0) {
      n.set(ZERO, negative, 0, 0);
    } else if (e == 0) {
      int shift = Long.numberOfLeadingZeros(significand);
      n.set(FINITE, negative, -16382 - shift, significand << shift);
      n.subnormal = true;
    } else {
      n.set(FINITE, negative, e - 16383, significand);
    }
  }

  static void unpackInteger(Num n, long v) {
    if (v == 0) {
      n.set(ZERO, false, 0, 0);
      return;
    }
    long magnitude = v < 0 ? -v : v;
    int shift = Long.numberOfLeadingZeros(magnitude);
    n.set(FINITE, v < 0, 63 - shift, magnitude << shift);
  }

  long pack64() {
    Num n = result;
    long sign = n.negative ? MSB : 0;
    return switch (n.kind) {
      case ZERO -> sign;
      case INFINITE -> sign | 0x7ff0_0000_0000_0000L;
      case NAN -> sign | 0x7ff0_0000_0000_0000L | (n.significand << 1 >>> 12);
      default -> {
        long e = n.significand < 0 ? n.exponent + 1023L : 0;
        yield sign | e << 52 | (n.significand << 1 >>> 12);
      }
    };
  }

  int pack32() {
    Num n = result;
    int sign = n.negative ? 0x8000_0000 : 0;
    return switch (n.kind) {
      case ZERO -> sign;
      case INFINITE -> sign | 0x7f80_0000;
      case NAN -> sign | 0x7f80_0000 | (int) (n.significand << 1 >>> 41);
      default -> {
        int e = n.significand < 0 ? n.exponent + 127 : 0;
        yield sign | e << 23 | (int) (n.significand << 1 >>> 41);
      }
    };
  }

  /** The result of {@link #begin16}, never a NaN. */
  int pack16() {
    Num n = result;
    int sign = n.negative ? 0x8000 : 0;
    return switch (n.kind) {
      case ZERO -> sign;
      case INFINITE -> sign | 0x7c00;
      default -> {
        int e = n.significand < 0 ? n.exponent + 15 : 0;
        yield sign | e << 10 | (int) (n.significand << 1 >>> 54);
      }
    };
  }

  /** Sign and exponent of the result in 80-bit form; its significand is {@link #significand80}. */
  int signExponent80() {
    Num n = result;
    int sign = n.negative ? 0x8000 : 0;
    return switch (n.kind) {
      case ZERO -> sign;
      case INFINITE, NAN -> sign | 0x7fff;
      default -> sign | (n.significand < 0 ? n.exponent + 16383 : 0);
    };
  }

  long significand80() {
    return result.kind == INFINITE ? MSB : result.kind == ZERO ? 0 : result.significand;
  }

  // ---------------------------------------------------------------- rounding

  /** The masked response to an invalid operation: the default NaN. */
  void invalid() {
    flags |= IE;
    result.set(NAN, true, 0, 0xc000_0000_0000_0000L);
  }

  private void zero(boolean negative) {
    result.set(ZERO, negative, 0, 0);
  }

  private void infinity(boolean negative) {
    result.set(INFINITE, negative, 0, MSB);
  }

  private boolean increments(boolean negative, long fraction, boolean odd) {
    return switch (rounding) {
      case NEAREST -> fraction < 0 && (fraction != MSB || odd);
      case DOWN -> negative && fraction != 0;
      case UP -> !negative && fraction != 0;
      default -> false;
    };
  }

  /** Rounds {@code n} into {@link #result}. */
  void round(Num n) {
    switch (n.kind) {
      case ZERO -> zero(n.negative);
      case INFINITE -> infinity(n.negative);
      case NAN -> result.copy(n);
      default -> round(n.negative, n.exponent, n.significand, 0);
    }
  }

  /** Rounds {@code high.low * 2^(exponent - 63)}, {@code high} normalised, into {@link #result}. */
  void round(boolean negative, int exponent, long high, long low) {
    int drop = 64 - precision;
    boolean tiny = false;
    if (exponent < minExponent) {
      tiny = exponent < minExponent - 1 || !roundsToPowerOfTwo(negative, high, low, drop);
      if (tiny && wrapUnderflow && exponent + wrapBias >= minExponent) {
        flags |= UE;
        exponent += wrapBias;
        tiny = false;
      } else {
        if (tiny && wrapUnderflow) {
          deepUnderflow(negative, drop == 0 ? low : high << (64 - drop) | low);
          return;
        }
        int d = minExponent - exponent;
        long sticky;
        if (d < 64) {
          sticky = low << (64 - d);
          low = high << (64 - d) | low >>> d | (sticky != 0 ? 1 : 0);
          high >>>= d;
        } else {
          low = d == 64 ? high | (low != 0 ? 1 : 0) : 1;
          high = 0;
        }
        exponent = minExponent;
      }
    }
    long fraction = drop == 0 ? low : high << (64 - drop) | (low != 0 ? 1 : 0);
    long kept = high >>> drop << drop;
    boolean inexact = fraction != 0;
    roundedUp = increments(negative, fraction, (kept >>> drop & 1) != 0);
    if (roundedUp) {
      long sum = kept + (1L << drop);
      if (kept < 0 && sum >= 0) {
        sum = MSB;
        exponent++;
      }
      kept = sum;
    }
    if (inexact) {
      flags |= PE;
    }
    if (tiny && (inexact || flushToZero)) {
      flags |= UE;
      if (flushToZero) {
        flags |= PE;
        zero(negative);
        return;
      }
    }
    if (exponent > maxExponent) {
      overflow(negative, exponent, kept, drop);
    } else if (kept == 0) {
      zero(negative);
    } else {
      result.set(FINITE, negative, exponent, kept);
    }
  }

  /**
   * An unmasked underflow beyond what the bias can wrap: zero in an x87 register (FSCALE). SSE
   * delivers nothing, and is inexact only if the significand would lose bits.
   */
  private void deepUnderflow(boolean negative, long lost) {
    flags |= UE;
    if (wrapBias == WRAP_BIAS_80 || lost != 0) {
      flags |= PE;
    }
    zero(negative);
  }

  /** Whether rounding with an unbounded exponent carries into the next power of two. */
  private boolean roundsToPowerOfTwo(boolean negative, long high, long low, int drop) {
    if (high >>> drop != -1L >>> drop) {
      return false;
    }
    long fraction = drop == 0 ? low : high << (64 - drop) | (low != 0 ? 1 : 0);
    return increments(negative, fraction, true);
  }

  private void overflow(boolean negative, int exponent, long kept, int drop) {
    flags |= OE;
    // SSE delivers nothing of an unmasked overflow: the rounding before has said all about PE.
    if (wrapOverflow && (wrapBias != WRAP_BIAS_80 || exponent - wrapBias <= maxExponent)) {
      result.set(FINITE, negative, exponent - wrapBias, kept);
      return;
    }
    flags |= PE;
    boolean toInfinity =
        wrapOverflow
            || rounding == NEAREST
            || (rounding == UP && !negative)
            || (rounding == DOWN && negative);
    roundedUp = toInfinity;
    if (toInfinity) {
      infinity(negative);
    } else {
      result.set(FINITE, negative, maxExponent, -1L >>> drop << drop);
    }
  }

  // ---------------------------------------------------------------- arithmetic

  private void operandFlags() {
    if (a.subnormal || b.subnormal) {
      flags |= DE;
    }
  }

  /** a + b, or a - b. */
  void add(boolean subtract) {
    boolean negativeB = b.negative != subtract;
    if (a.kind == INFINITE || b.kind == INFINITE) {
      if (a.kind == b.kind && a.negative != negativeB) {
        invalid();
        return;
      }
      operandFlags();
      infinity(a.kind == INFINITE ? a.negative : negativeB);
      return;
    }
    operandFlags();
    if (a.isZero() && b.isZero()) {
      zero(a.negative == negativeB ? a.negative : rounding == DOWN);
    } else if (b.isZero()) {
      round(a);
    } else if (a.isZero()) {
      round(negativeB, b.exponent, b.significand, 0);
    } else if (a.negative == negativeB) {
      addMagnitudes();
    } else {
      subtractMagnitudes(negativeB);
    }
  }

  /** High half of a significand shifted right by {@code d} into 128 bits. */
  private static long shiftedHigh(long v, int d) {
    return d < 64 ? v >>> d : 0;
  }

  /** Low half of the same, with all bits that fell out collected in its lowest. */
  private static long shiftedLow(long v, int d) {
    if (d == 0) {
      return 0;
    }
    if (d < 64) {
      return v << (64 - d);
    }
    if (d == 64) {
      return v;
    }
    return d < 128 ? v >>> (d - 64) | (v << (128 - d) != 0 ? 1 : 0) : 1;
  }

  private void addMagnitudes() {
    Num big = a.exponent >= b.exponent ? a : b;
    Num small = big == a ? b : a;
    int d = big.exponent - small.exponent;
    long low = shiftedLow(small.significand, d);
    long high = big.significand + shiftedHigh(small.significand, d);
    int exponent = big.exponent;
    if (Long.compareUnsigned(high, big.significand) < 0) {
      low = high << 63 | low >>> 1 | (low & 1);
      high = high >>> 1 | MSB;
      exponent++;
    }
    round(a.negative, exponent, high, low);
  }

  private void subtractMagnitudes(boolean negativeB) {
    boolean bIsBigger =
        a.exponent < b.exponent
            || (a.exponent == b.exponent && Long.compareUnsigned(a.significand, b.significand) < 0);
    Num big = bIsBigger ? b : a;
    Num small = bIsBigger ? a : b;
    int d = big.exponent - small.exponent;
    long lowSmall = shiftedLow(small.significand, d);
    long low = -lowSmall;
    long high = big.significand - shiftedHigh(small.significand, d) - (lowSmall != 0 ? 1 : 0);
    if ((high | low) == 0) {
      zero(rounding == DOWN);
      return;
    }
    int exponent = big.exponent;
    int shift = high != 0 ? Long.numberOfLeadingZeros(high) : 64 + Long.numberOfLeadingZeros(low);
    if (shift >= 64) {
      high = low << (shift - 64);
      low = 0;
    } else if (shift > 0) {
      high = high << shift | low >>> (64 - shift);
      low <<= shift;
    }
    round(bIsBigger ? negativeB : a.negative, exponent - shift, high, low);
  }

  /** a * b. */
  void multiply() {
    boolean negative = a.negative != b.negative;
    if (a.kind == INFINITE || b.kind == INFINITE) {
      if (a.isZero() || b.isZero()) {
        invalid();
        return;
      }
      operandFlags();
      infinity(negative);
      return;
    }
    operandFlags();
    if (a.isZero() || b.isZero()) {
      zero(negative);
      return;
    }
    long high = Math.unsignedMultiplyHigh(a.significand, b.significand);
    long low = a.significand * b.significand;
    int exponent = a.exponent + b.exponent + 1;
    if (high >= 0) {
      high = high << 1 | low >>> 63;
      low <<= 1;
      exponent--;
    }
    round(negative, exponent, high, low);
  }

  /** a / b. */
  void divide() {
    boolean negative = a.negative != b.negative;
    if (a.kind == INFINITE) {
      if (b.kind == INFINITE) {
        invalid();
        return;
      }
      operandFlags();
      infinity(negative);
      return;
    }
    if (b.kind == INFINITE) {
      operandFlags();
      zero(negative);
      return;
    }
    if (b.isZero()) {
      if (a.isZero()) {
        invalid();
        return;
      }
      flags |= ZE;
      infinity(negative);
      return;
    }
    operandFlags();
    if (a.isZero()) {
      zero(negative);
      return;
    }
    int exponent = a.exponent - b.exponent;
    long high = a.significand;
    long low = 0;
    if (Long.compareUnsigned(a.significand, b.significand) >= 0) {
      low = high << 63;
      high >>>= 1;
    } else {
      exponent--;
    }
    long q = divide128(high, low, b.significand);
    long rest = low - q * b.significand;
    long tail = 0;
    if (rest != 0) {
      // Twice the rest against the divisor; the rest is below the divisor.
      int half = rest < 0 ? 1 : Long.compareUnsigned(rest << 1, b.significand);
      tail = half < 0 ? 1 : half == 0 ? MSB : MSB | 1;
    }
    round(negative, exponent, q, tail);
  }

  /** Quotient of {@code high.low / d}, for normalised d above high: two digits of 32 bits. */
  static long divide128(long high, long low, long d) {
    long d1 = d >>> 32;
    long d0 = d & 0xffff_ffffL;
    long q1 = digit(high, low >>> 32, d1, d0);
    long rest = (high << 32 | low >>> 32) - q1 * d;
    long q0 = digit(rest, low & 0xffff_ffffL, d1, d0);
    return q1 << 32 | q0;
  }

  /** One 32-bit digit of {@code (rest * 2^32 + next) / d}. */
  private static long digit(long rest, long next, long d1, long d0) {
    long q = Long.divideUnsigned(rest, d1);
    long r = rest - q * d1;
    while (q > 0xffff_ffffL || Long.compareUnsigned(q * d0, r << 32 | next) > 0) {
      q--;
      r += d1;
      if (r > 0xffff_ffffL) {
        break;
      }
    }
    return q;
  }

  /** Square root of a. */
  void sqrt() {
    if (a.isZero()) {
      zero(a.negative);
      return;
    }
    if (a.negative) {
      invalid();
      return;
    }
    if (a.kind == INFINITE) {
      infinity(false);
      return;
    }
    flags |= a.subnormal ? DE : 0;
    BigInteger n =
        new BigInteger(Long.toUnsignedString(a.significand))
            .shiftLeft((a.exponent & 1) == 0 ? 63 : 64);
    BigInteger[] root = n.sqrtAndRemainder();
    long tail = root[1].signum() == 0 ? 0 : root[1].compareTo(root[0]) > 0 ? MSB | 1 : 1;
    round(false, a.exponent >> 1, root[0].longValue(), tail);
  }

  /** Order of a and b: -1, 0, 1; neither is a NaN. */
  int compare() {
    operandFlags();
    if (a.isZero() && b.isZero()) {
      return 0;
    }
    int sa = a.isZero() ? 0 : a.negative ? -1 : 1;
    int sb = b.isZero() ? 0 : b.negative ? -1 : 1;
    if (sa != sb) {
      return Integer.compare(sa, sb);
    }
    int magnitude;
    if (a.kind == INFINITE || b.kind == INFINITE) {
      magnitude = Integer.compare(a.kind, b.kind);
    } else if (a.exponent != b.exponent) {
      magnitude = Integer.compare(a.exponent, b.exponent);
    } else {
      magnitude = Long.compareUnsigned(a.significand, b.significand);
    }
    return Integer.signum(magnitude) * sa;
  }

  // ---------------------------------------------------------------- integers

  /** Rounds a (finite or zero) to an integral value in {@link #result}. */
  void roundToIntegral() {
    if (a.kind != FINITE || a.exponent >= 63) {
      result.copy(a);
      return;
    }
    flags |= a.subnormal ? DE : 0;
    long integer = integerMagnitude();
    if (integer == 0) {
      zero(a.negative);
      return;
    }
    int shift = Long.numberOfLeadingZeros(integer);
    result.set(FINITE, a.negative, 63 - shift, integer << shift);
  }

  /** Magnitude of a, whose exponent is below 63, rounded; sets PE and {@link #roundedUp}. */
  private long integerMagnitude() {
    long integer;
    long fraction;
    int e = a.exponent;
    if (e >= 0) {
      integer = a.significand >>> (63 - e);
      fraction = a.significand << e << 1;
    } else {
      integer = 0;
      fraction = e == -1 ? a.significand : 1;
      if (e == -1) {
        fraction = a.significand;
      }
    }
    roundedUp = increments(a.negative, fraction, (integer & 1) != 0);
    if (fraction != 0) {
      flags |= PE;
    }
    return roundedUp ? integer + 1 : integer;
  }

  /** Whether the last {@link #toInteger} was out of range (or not a number). */
  boolean outOfRange;

  /**
   * a as a signed integer of {@code bits}, rounded; the least value of that size, with IE alone,
   * when it does not fit.
   */
  long toInteger(int bits) {
    long indefinite = -1L << (bits - 1);
    outOfRange = false;
    if (a.isZero()) {
      return 0;
    }
    if (a.kind == FINITE && a.exponent < 63) {
      int before = flags;
      long magnitude = integerMagnitude();
      long v = a.negative ? -magnitude : magnitude;
      // Magnitude 2^63 fits only as the negative.
      boolean fits = magnitude >= 0 ? v >= indefinite && v <= ~indefinite : false;
      if (magnitude == MSB && a.negative && bits == 64) {
        fits = true;
      }
      if (fits) {
        return v;
      }
      flags = before;
    } else if (a.kind == FINITE
        && a.exponent == 63
        && a.negative
        && a.significand == MSB
        && bits == 64) {
      return MSB;
    }
    flags = (flags & ~PE) | IE;
    roundedUp = false;
    outOfRange = true;
    return indefinite;
  }
}
