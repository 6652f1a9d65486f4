package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import org.tuber.truffle.x86.state.X86Cpu;

/**
 * One lane of SSE floating-point arithmetic (SDM vol. 1, chapters 10, 11 and appendix E).
 *
 * <p><b>Why this is fast and still exact.</b> Java's operators are IEEE 754 in round-to-nearest.
 * When MXCSR has everything masked, nearest rounding, neither FTZ nor DAZ, and the sticky inexact
 * flag is set already (as it is soon after any program's first division), then a result in the
 * normal range, of operands that are not subnormal, cannot set any new flag: the operator's result
 * is all there is. One test of MXCSR and those of the exponents decide; everything else goes to
 * {@link SseSlow}, which is exact in values, flags and exceptions.
 */
final class SseArith {
  static final int ADD = 0;
  static final int MUL = 1;
  static final int SUB = 4;
  static final int MIN = 5;
  static final int DIV = 6;
  static final int MAX = 7;

  /** MXCSR: denormals are zeros. */
  static final int DAZ = 0x40;

  /** MXCSR: flush to zero. */
  static final int FTZ = 0x8000;

  private static final int FAST_MASK = 0xffe0;
  private static final int FAST = 0x1fa0;
  private static final long EXPONENT64 = 0x7ff0_0000_0000_0000L;
  private static final int EXPONENT32 = 0x7f80_0000;

  private SseArith() {}

  private static double d(long bits) {
    return Double.longBitsToDouble(bits);
  }

  private static float f(int bits) {
    return Float.intBitsToFloat(bits);
  }

  /** True when a result of normal magnitude changes no flag, see the class comment. */
  static boolean isFast(X86Cpu c) {
    return (c.mxcsr & FAST_MASK) == FAST;
  }

  /** DAZ, or an unmasked denormal exception. */
  static boolean heedsDenormals(X86Cpu c) {
    return (c.mxcsr & (DAZ | SoftFloat.DE << 7)) != SoftFloat.DE << 7;
  }

  /** Finite; sums need no more, as their subnormal results are exact. */
  private static boolean finite(long z) {
    return (z & EXPONENT64) != EXPONENT64;
  }

  private static boolean finite(int z) {
    return (z & EXPONENT32) != EXPONENT32;
  }

  /** Biased exponent 2 or more: not even rounding could have come from below the normal range. */
  static boolean normal(long z) {
    return Integer.compareUnsigned(((int) (z >>> 52) & 0x7ff) - 2, 0x7fd) < 0;
  }

  static boolean normal(int z) {
    return Integer.compareUnsigned(((z >>> 23) & 0xff) - 2, 0xfd) < 0;
  }

  /** Subnormal, or the least normal magnitude. */
  static boolean isTiny(long v) {
    return (v << 1) - 1 >>> 53 == 0;
  }

  static boolean isTiny(long a, long b) {
    return isTiny(a) || isTiny(b);
  }

  /** Subnormal, or the least normal magnitude. */
  static boolean isTiny(int v) {
    return (v << 1) - 1 >>> 24 == 0;
  }

  static boolean isTiny(int a, int b) {
    return isTiny(a) || isTiny(b);
  }

  static long add64(X86Cpu c, long a, long b) {
    long z = Double.doubleToRawLongBits(d(a) + d(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && finite(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary64(c, ADD, a, b);
  }

  static long sub64(X86Cpu c, long a, long b) {
    long z = Double.doubleToRawLongBits(d(a) - d(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && finite(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary64(c, SUB, a, b);
  }

  static long mul64(X86Cpu c, long a, long b) {
    long z = Double.doubleToRawLongBits(d(a) * d(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && normal(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary64(c, MUL, a, b);
  }

  static long div64(X86Cpu c, long a, long b) {
    long z = Double.doubleToRawLongBits(d(a) / d(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && normal(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary64(c, DIV, a, b);
  }

  static long sqrt64(X86Cpu c, long b) {
    long z = Double.doubleToRawLongBits(Math.sqrt(d(b)));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && normal(z) && !isTiny(b))
        ? z
        : SseSlow.sqrt64(c, b);
  }

  /** The second operand when either is a NaN or both are zero. */
  static long min64(X86Cpu c, long a, long b) {
    double x = d(a);
    double y = d(b);
    if (!heedsDenormals(c) && !isTiny(a, b)) {
      if (x < y) {
        return a;
      }
      if (x >= y) {
        return b;
      }
    }
    return SseSlow.minMax64(c, false, a, b);
  }

  /** The second operand when either is a NaN or both are zero. */
  static long max64(X86Cpu c, long a, long b) {
    double x = d(a);
    double y = d(b);
    if (!heedsDenormals(c) && !isTiny(a, b)) {
      if (x > y) {
        return a;
      }
      if (x <= y) {
        return b;
      }
    }
    return SseSlow.minMax64(c, true, a, b);
  }

  /** The operation of opcode 0F 58 + kind. */
  static long binary64(X86Cpu c, int kind, long a, long b) {
    return switch (kind) {
      case ADD -> add64(c, a, b);
      case MUL -> mul64(c, a, b);
      case SUB -> sub64(c, a, b);
      case MIN -> min64(c, a, b);
      case DIV -> div64(c, a, b);
      default -> max64(c, a, b);
    };
  }

  static int add32(X86Cpu c, int a, int b) {
    int z = Float.floatToRawIntBits(f(a) + f(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && finite(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary32(c, ADD, a, b);
  }

  static int sub32(X86Cpu c, int a, int b) {
    int z = Float.floatToRawIntBits(f(a) - f(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && finite(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary32(c, SUB, a, b);
  }

  static int mul32(X86Cpu c, int a, int b) {
    int z = Float.floatToRawIntBits(f(a) * f(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && normal(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary32(c, MUL, a, b);
  }

  static int div32(X86Cpu c, int a, int b) {
    int z = Float.floatToRawIntBits(f(a) / f(b));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && normal(z) && !isTiny(a, b))
        ? z
        : SseSlow.binary32(c, DIV, a, b);
  }

  /** The square root in double precision, rounded once more, is the correctly rounded one. */
  static int sqrt32(X86Cpu c, int b) {
    int z = Float.floatToRawIntBits((float) Math.sqrt(f(b)));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c) && normal(z) && !isTiny(b))
        ? z
        : SseSlow.sqrt32(c, b);
  }

  static int min32(X86Cpu c, int a, int b) {
    float x = f(a);
    float y = f(b);
    if (!heedsDenormals(c) && !isTiny(a, b)) {
      if (x < y) {
        return a;
      }
      if (x >= y) {
        return b;
      }
    }
    return SseSlow.minMax32(c, false, a, b);
  }

  static int max32(X86Cpu c, int a, int b) {
    float x = f(a);
    float y = f(b);
    if (!heedsDenormals(c) && !isTiny(a, b)) {
      if (x > y) {
        return a;
      }
      if (x <= y) {
        return b;
      }
    }
    return SseSlow.minMax32(c, true, a, b);
  }

  /** The operation of opcode 0F 58 + kind. */
  static int binary32(X86Cpu c, int kind, int a, int b) {
    return switch (kind) {
      case ADD -> add32(c, a, b);
      case MUL -> mul32(c, a, b);
      case SUB -> sub32(c, a, b);
      case MIN -> min32(c, a, b);
      case DIV -> div32(c, a, b);
      default -> max32(c, a, b);
    };
  }

  /** Two single-precision lanes at once. */
  static long binary32x2(X86Cpu c, int kind, long a, long b) {
    int low = binary32(c, kind, (int) a, (int) b);
    return Xmm.pair(low, binary32(c, kind, Xmm.high(a), Xmm.high(b)));
  }

  static long sqrt32x2(X86Cpu c, long b) {
    int low = sqrt32(c, (int) b);
    return Xmm.pair(low, sqrt32(c, Xmm.high(b)));
  }

  /** CMPSD predicates 0-7: EQ LT LE UNORD NEQ NLT NLE ORD. */
  static boolean compare64(X86Cpu c, long a, long b, int predicate) {
    double x = d(a);
    double y = d(b);
    if (Double.isNaN(x) || Double.isNaN(y) || heedsDenormals(c) || isTiny(a, b)) {
      return SseSlow.compare64(c, a, b, predicate);
    }
    return switch (predicate & 7) {
      case 0 -> x == y;
      case 1 -> x < y;
      case 2 -> x <= y;
      case 3 -> false;
      case 4 -> x != y;
      case 5 -> x >= y;
      case 6 -> x > y;
      default -> true;
    };
  }

  /** CMPSS predicates. */
  static boolean compare32(X86Cpu c, int a, int b, int predicate) {
    float x = f(a);
    float y = f(b);
    if (Float.isNaN(x) || Float.isNaN(y) || heedsDenormals(c) || isTiny(a, b)) {
      return SseSlow.compare32(c, a, b, predicate);
    }
    return switch (predicate & 7) {
      case 0 -> x == y;
      case 1 -> x < y;
      case 2 -> x <= y;
      case 3 -> false;
      case 4 -> x != y;
      case 5 -> x >= y;
      case 6 -> x > y;
      default -> true;
    };
  }
}
