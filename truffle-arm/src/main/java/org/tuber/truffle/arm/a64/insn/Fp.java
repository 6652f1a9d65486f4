package org.tuber.truffle.arm.a64.insn;

import java.io.Serializable;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.fp.FloatOperation;
import org.tuber.truffle.arm.fp.SoftFloat;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.ExactFloat;

/**
 * Floating-point operations on one lane, given as bit patterns in the low bits of longs; {@code
 * size} is 1, 2 or 3 for half, single and double precision and constant in regions.
 *
 * <p>The host's arithmetic serves while FPCR is zero, the result is in the normal range (so that
 * nothing else is raised and no operand was a NaN), and FPSR.IXC is set already (so that being
 * inexact changes nothing) or the result is exact. All else is {@link SoftFloat}'s.
 *
 * <p>No helper here is a call in translated code: each gets a constant ({@code w0} or {@code size})
 * or is one expression. A call would count as an effect, and host classes would have to make the
 * slow path's call as well instead of leaving for it; {@link ExactFloat} is left for.
 */
final class Fp {
  static final long LOW = 0xffff_ffffL;

  // Range tests of magnitudes, doubled, as one signed comparison: what is added maps the least
  // accepted one to the least integer.
  private static final long NORMAL64 = Long.MAX_VALUE - (1L << 53);
  private static final long NORMAL64_END = Long.MAX_VALUE - (1L << 54);
  private static final int NORMAL32 = Integer.MAX_VALUE - (1 << 24);
  private static final int NORMAL32_END = Integer.MAX_VALUE - (1 << 25);
  private static final long FINITE64_END = Long.MAX_VALUE - (1L << 53) + 1;
  private static final int FINITE32_END = Integer.MAX_VALUE - (1 << 24) + 1;

  private Fp() {}

  /** Operation on one lane. */
  @FunctionalInterface
  interface Unary extends Serializable {
    long of(ArmState s, ArmCpu c, long w0, long a, int size);
  }

  /** Operation on two lanes. */
  @FunctionalInterface
  interface Binary extends Serializable {
    long of(ArmState s, ArmCpu c, long w0, long a, long b, int size);
  }

  /** Operation on two lanes and what the destination had. */
  @FunctionalInterface
  interface Ternary extends Serializable {
    long of(ArmState s, ArmCpu c, long w0, long d, long a, long b, int size);
  }

  /** The lowest bits that a lane of {@code size} has. */
  static long mask(int size) {
    return size == 3 ? -1 : (1L << (8 << size)) - 1;
  }

  static long signBit(int size) {
    return 1L << ((8 << size) - 1);
  }

  private static boolean isDefault(long w0) {
    return (w0 & Word.CHECK_FPCR) == 0;
  }

  /** Being inexact changes nothing: it is on record already. */
  private static boolean isSticky(ArmState s) {
    return (s.fpsr & SoftFloat.IXC) != 0;
  }

  private static double f64(long v) {
    return Double.longBitsToDouble(v);
  }

  private static float f32(long v) {
    return Float.intBitsToFloat((int) v);
  }

  private static long bits(double v) {
    return Double.doubleToRawLongBits(v);
  }

  private static long bits(float v) {
    return Integer.toUnsignedLong(Float.floatToRawIntBits(v));
  }

  /** Greater than the least normal number, which a smaller one may have been rounded to. */
  private static boolean isNormal(long z, int size) {
    return size == 3
        ? (z << 1) + NORMAL64 < NORMAL64_END
        : ((int) z << 1) + NORMAL32 < NORMAL32_END;
  }

  private static boolean isFinite(long z, int size) {
    return size == 3
        ? (z << 1) + Long.MIN_VALUE < FINITE64_END
        : ((int) z << 1) + Integer.MIN_VALUE < FINITE32_END;
  }

  private static long slow(ArmState s, ArmCpu c, int op, long a, long b, int size) {
    long r = FloatOperation.binary(c.softFloat, c.fpcr, op, size, a, b);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  private static long slow(ArmState s, ArmCpu c, int op, long a, int size) {
    long r = FloatOperation.unary(c.softFloat, c.fpcr, op, size, a);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  // ---------------------------------------------------------------- arithmetic

  static long add(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isDefault(w0) && size >= 2) {
      long z = size == 3 ? bits(f64(a) + f64(b)) : bits(f32(a) + f32(b));
      // A subnormal sum is exact.
      if (isFinite(z, size) && isSticky(s) || ExactFloat.isSum(size, a, b, z)) {
        return z;
      }
    }
    return slow(s, c, FloatOperation.ADD, a, b, size);
  }

  static long subtract(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isDefault(w0) && size >= 2) {
      long z = size == 3 ? bits(f64(a) - f64(b)) : bits(f32(a) - f32(b));
      if (isFinite(z, size) && isSticky(s) || ExactFloat.isDifference(size, a, b, z)) {
        return z;
      }
    }
    return slow(s, c, FloatOperation.SUBTRACT, a, b, size);
  }

  static long multiply(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isDefault(w0) && size >= 2) {
      long z = size == 3 ? bits(f64(a) * f64(b)) : bits(f32(a) * f32(b));
      if (isNormal(z, size) && isSticky(s) || ExactFloat.isProduct(size, a, b, z)) {
        return z;
      }
    }
    return slow(s, c, FloatOperation.MULTIPLY, a, b, size);
  }

  static long divide(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isDefault(w0) && size >= 2) {
      long z = size == 3 ? bits(f64(a) / f64(b)) : bits(f32(a) / f32(b));
      if (isNormal(z, size) && isSticky(s) || ExactFloat.isQuotient(size, a, b, z)) {
        return z;
      }
    }
    return slow(s, c, FloatOperation.DIVIDE, a, b, size);
  }

  /** {@code d + a * b}. */
  static long fused(ArmState s, ArmCpu c, long w0, long d, long a, long b, int size) {
    if (isDefault(w0) && size >= 2) {
      long z =
          size == 3
              ? bits(Math.fma(f64(a), f64(b), f64(d)))
              : bits(Math.fma(f32(a), f32(b), f32(d)));
      if (isNormal(z, size) && isSticky(s) || ExactFloat.isFused(size, d, a, b, z)) {
        return z;
      }
    }
    long r = FloatOperation.fused(c.softFloat, c.fpcr, size, d, a, b);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  /** {@code d - a * b}. */
  static long fusedMinus(ArmState s, ArmCpu c, long w0, long d, long a, long b, int size) {
    return fused(s, c, w0, d, a ^ signBit(size), b, size);
  }

  static long negatedMultiply(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    return multiply(s, c, w0, a, b, size) ^ signBit(size);
  }

  static long squareRoot(ArmState s, ArmCpu c, long w0, long a, int size) {
    if (isDefault(w0) && size >= 2) {
      // The root in double precision, rounded once more, is the correctly rounded one.
      long z = size == 3 ? bits(Math.sqrt(f64(a))) : bits((float) Math.sqrt(f32(a)));
      if (isNormal(z, size) && isSticky(s) || ExactFloat.isRoot(size, a, z)) {
        return z;
      }
    }
    return slow(s, c, FloatOperation.SQUARE_ROOT, a, size);
  }

  static long negate(ArmState s, ArmCpu c, long w0, long a, int size) {
    return a ^ signBit(size);
  }

  static long absolute(ArmState s, ArmCpu c, long w0, long a, int size) {
    return a & ~signBit(size);
  }

  static long move(ArmState s, ArmCpu c, long w0, long a, int size) {
    return a;
  }

  static long absoluteDifference(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    return subtract(s, c, w0, a, b, size) & ~signBit(size);
  }

  static long max(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (size == 3 && isDefault(w0) && (f64(a) < f64(b) || f64(a) > f64(b))) {
      return f64(a) > f64(b) ? a : b;
    }
    if (size == 2 && isDefault(w0) && (f32(a) < f32(b) || f32(a) > f32(b))) {
      return f32(a) > f32(b) ? a : b;
    }
    return slow(s, c, FloatOperation.MAX, a, b, size);
  }

  static long min(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (size == 3 && isDefault(w0) && (f64(a) < f64(b) || f64(a) > f64(b))) {
      return f64(a) < f64(b) ? a : b;
    }
    if (size == 2 && isDefault(w0) && (f32(a) < f32(b) || f32(a) > f32(b))) {
      return f32(a) < f32(b) ? a : b;
    }
    return slow(s, c, FloatOperation.MIN, a, b, size);
  }

  static long maxNumber(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (size == 3 && isDefault(w0) && (f64(a) < f64(b) || f64(a) > f64(b))) {
      return f64(a) > f64(b) ? a : b;
    }
    if (size == 2 && isDefault(w0) && (f32(a) < f32(b) || f32(a) > f32(b))) {
      return f32(a) > f32(b) ? a : b;
    }
    return slow(s, c, FloatOperation.MAX_NUMBER, a, b, size);
  }

  static long minNumber(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (size == 3 && isDefault(w0) && (f64(a) < f64(b) || f64(a) > f64(b))) {
      return f64(a) < f64(b) ? a : b;
    }
    if (size == 2 && isDefault(w0) && (f32(a) < f32(b) || f32(a) > f32(b))) {
      return f32(a) < f32(b) ? a : b;
    }
    return slow(s, c, FloatOperation.MIN_NUMBER, a, b, size);
  }

  static long multiplyExtended(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    return slow(s, c, FloatOperation.MULTIPLY_EXTENDED, a, b, size);
  }

  static long reciprocalStep(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    return slow(s, c, FloatOperation.RECIPROCAL_STEP, a, b, size);
  }

  static long rootStep(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    return slow(s, c, FloatOperation.ROOT_STEP, a, b, size);
  }

  static long reciprocal(ArmState s, ArmCpu c, long w0, long a, int size) {
    return slow(s, c, FloatOperation.RECIPROCAL, a, size);
  }

  static long reciprocalRoot(ArmState s, ArmCpu c, long w0, long a, int size) {
    return slow(s, c, FloatOperation.RECIPROCAL_ROOT, a, size);
  }

  static long reciprocalExponent(ArmState s, ArmCpu c, long w0, long a, int size) {
    return slow(s, c, FloatOperation.RECIPROCAL_EXPONENT, a, size);
  }

  // ---------------------------------------------------------------- comparisons

  private static boolean isOrdered(long w0, long a, long b, int size) {
    if (!isDefault(w0) || size == 1) {
      return false;
    }
    return size == 3 ? f64(a) <= f64(b) || f64(a) > f64(b) : f32(a) <= f32(b) || f32(a) > f32(b);
  }

  static long equal(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isOrdered(w0, a, b, size)) {
      return (size == 3 ? f64(a) == f64(b) : f32(a) == f32(b)) ? mask(size) : 0;
    }
    return slow(s, c, FloatOperation.EQUAL, a, b, size);
  }

  static long greater(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isOrdered(w0, a, b, size)) {
      return (size == 3 ? f64(a) > f64(b) : f32(a) > f32(b)) ? mask(size) : 0;
    }
    return slow(s, c, FloatOperation.GREATER, a, b, size);
  }

  static long greaterEqual(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    if (isOrdered(w0, a, b, size)) {
      return (size == 3 ? f64(a) >= f64(b) : f32(a) >= f32(b)) ? mask(size) : 0;
    }
    return slow(s, c, FloatOperation.GREATER_EQUAL, a, b, size);
  }

  static long absoluteGreater(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    long m = ~signBit(size);
    return greater(s, c, w0, a & m, b & m, size);
  }

  static long absoluteGreaterEqual(ArmState s, ArmCpu c, long w0, long a, long b, int size) {
    long m = ~signBit(size);
    return greaterEqual(s, c, w0, a & m, b & m, size);
  }

  /** NZCV of a comparison. */
  static int compare(ArmState s, ArmCpu c, long w0, long a, long b, int size, boolean signalling) {
    if (isOrdered(w0, a, b, size)) {
      boolean less = size == 3 ? f64(a) < f64(b) : f32(a) < f32(b);
      boolean equal = size == 3 ? f64(a) == f64(b) : f32(a) == f32(b);
      return less ? 8 : equal ? 6 : 2;
    }
    int op = signalling ? FloatOperation.COMPARE_SIGNALLING : FloatOperation.COMPARE;
    return (int) slow(s, c, op, a, b, size);
  }

  // ---------------------------------------------------------------- conversions

  static long convert(ArmState s, ArmCpu c, long w0, long a, int from, int to) {
    if (from == 2 && to == 3 && isDefault(w0) && Math.abs(f32(a)) <= Float.MAX_VALUE) {
      return bits((double) f32(a));
    }
    if (from == 3 && to == 2 && isDefault(w0)) {
      long z = bits((float) f64(a));
      if (isNormal(z, 2) && (isSticky(s) || f32(z) == f64(a))) {
        return z;
      }
    }
    return convertSlowly(s, c, a, from, to, -1);
  }

  static long convertSlowly(ArmState s, ArmCpu c, long a, int from, int to, int mode) {
    long r = FloatOperation.convert(c.softFloat, c.fpcr, mode, from, to, a);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  /** Rounds to an integral value by {@code mode}, -1 for FPCR's. */
  static long integral(ArmState s, ArmCpu c, long w0, long a, int size, int mode, boolean exact) {
    if (size == 3 && !exact && isDefault(w0) && Math.abs(f64(a)) < 0x1p52) {
      double v = f64(a);
      switch (mode) {
        case SoftFloat.DOWN:
          return bits(Math.floor(v));
        case SoftFloat.UP:
          return bits(Math.ceil(v));
        case SoftFloat.NEAREST:
          return bits(Math.rint(v));
        case SoftFloat.TRUNCATE:
          return bits(v < 0 ? Math.ceil(v) : Math.floor(v));
        default:
          break;
      }
    }
    long r = FloatOperation.integral(c.softFloat, c.fpcr, mode, size, a, exact);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  /** FRINT32 and FRINT64. */
  static long integralOf(ArmState s, ArmCpu c, long a, int size, int mode, int bits) {
    long r = FloatOperation.integralOf(c.softFloat, c.fpcr, mode, size, a, bits);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  /** To an integer of {@code bits}, zero-extended. */
  static long toInteger(
      ArmState s, ArmCpu c, long w0, long a, int size, int bits, int mode, boolean unsigned) {
    if (mode == SoftFloat.TRUNCATE && !unsigned && size >= 2 && isDefault(w0)) {
      double v = size == 3 ? f64(a) : f32(a);
      if (bits == 32 && Math.abs(v) < 0x1p31 && (isSticky(s) || (double) (int) v == v)) {
        return (int) v & LOW;
      }
      if (bits == 64 && Math.abs(v) < 0x1p63 && (isSticky(s) || (double) (long) v == v)) {
        return (long) v;
      }
    }
    return toFixed(s, c, a, size, bits, mode, unsigned, 0);
  }

  static long toFixed(
      ArmState s, ArmCpu c, long a, int size, int bits, int mode, boolean unsigned, int fraction) {
    long r = FloatOperation.toInteger(c.softFloat, c.fpcr, mode, size, a, bits, fraction, unsigned);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  /** From an integer, extended to 64 bits. */
  static long fromInteger(
      ArmState s, ArmCpu c, long w0, long v, int size, boolean unsigned, int fraction) {
    if (fraction == 0
        && isDefault(w0)
        && size == 3
        && !(unsigned && v < 0)
        && v >= -(1L << 53)
        && v <= 1L << 53) {
      return bits((double) v);
    }
    if (fraction == 0
        && size == 2
        && isDefault(w0)
        && !(unsigned && v < 0)
        && (isSticky(s) || v >= -(1L << 24) && v <= 1L << 24)) {
      return bits((float) v);
    }
    return fromSlowly(s, c, v, size, unsigned, fraction);
  }

  private static long fromSlowly(
      ArmState s, ArmCpu c, long v, int size, boolean unsigned, int fraction) {
    long r = FloatOperation.fromInteger(c.softFloat, c.fpcr, size, v, fraction, unsigned);
    s.fpsr |= c.softFloat.flags;
    return r;
  }

  /** The eight bits of FMOV's immediate as a number. */
  static long expand(int imm8, int size) {
    long sign = (long) (imm8 & 0x80) << 56;
    long exponent = (imm8 & 0x40) != 0 ? 0x3fc0_0000_0000_0000L : 0x4000_0000_0000_0000L;
    long v = sign | exponent | (long) (imm8 & 0x3f) << 48;
    double d = Double.longBitsToDouble(v);
    return switch (size) {
      case 3 -> v;
      case 2 -> Float.floatToRawIntBits((float) d) & LOW;
      default -> Float.floatToFloat16((float) d) & 0xffffL;
    };
  }
}
