package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.math.BigInteger;
import org.tuber.truffle.x86.insn.SoftFloat.Num;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Fused multiply-add in full: every rounding mode, NaNs, flags, exceptions (SDM vol. 1, 14.5.4 and
 * table 14-16). The exact sum is formed in as many bits as it takes and rounded once.
 *
 * <p>The first NaN among the first factor, the second and the addend, in this order, is the result;
 * signs are changed by the operation only where there is none.
 */
final class SoftFma {
  private SoftFma() {}

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long fma64(X86Cpu c, long a, long b, long e, boolean negative, boolean subtract) {
    if (SseSlow.isNaN64(a) || SseSlow.isNaN64(b) || SseSlow.isNaN64(e)) {
      boolean signals =
          SseSlow.isSignalling64(a) || SseSlow.isSignalling64(b) || SseSlow.isSignalling64(e);
      SseSlow.raise(c, signals ? SoftFloat.IE : 0);
      return (SseSlow.isNaN64(a) ? a : SseSlow.isNaN64(b) ? b : e) | SseSlow.QUIET64;
    }
    SoftFloat f = SseSlow.begin64(c);
    Num addend = new Num();
    SoftFloat.unpack64(f.a, SseSlow.daz64(c, a));
    SoftFloat.unpack64(f.b, SseSlow.daz64(c, b));
    SoftFloat.unpack64(addend, SseSlow.daz64(c, e));
    f.a.negative ^= negative;
    addend.negative ^= subtract;
    multiplyAdd(f, addend);
    SseSlow.raise(c, f.flags);
    return f.pack64();
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static int fma32(X86Cpu c, int a, int b, int e, boolean negative, boolean subtract) {
    if (SseSlow.isNaN32(a) || SseSlow.isNaN32(b) || SseSlow.isNaN32(e)) {
      boolean signals =
          SseSlow.isSignalling32(a) || SseSlow.isSignalling32(b) || SseSlow.isSignalling32(e);
      SseSlow.raise(c, signals ? SoftFloat.IE : 0);
      return (SseSlow.isNaN32(a) ? a : SseSlow.isNaN32(b) ? b : e) | SseSlow.QUIET32;
    }
    SoftFloat f = SseSlow.begin32(c);
    Num addend = new Num();
    SoftFloat.unpack32(f.a, SseSlow.daz32(c, a));
    SoftFloat.unpack32(f.b, SseSlow.daz32(c, b));
    SoftFloat.unpack32(addend, SseSlow.daz32(c, e));
    f.a.negative ^= negative;
    addend.negative ^= subtract;
    multiplyAdd(f, addend);
    SseSlow.raise(c, f.flags);
    return f.pack32();
  }

  /** {@code f.a * f.b + addend}; none is a NaN. */
  static void multiplyAdd(SoftFloat f, Num addend) {
    Num a = f.a;
    Num b = f.b;
    boolean negative = a.negative != b.negative;
    boolean infinite = a.kind == SoftFloat.INFINITE || b.kind == SoftFloat.INFINITE;
    boolean addsInfinity = addend.kind == SoftFloat.INFINITE;
    if (infinite && (a.isZero() || b.isZero() || addsInfinity && addend.negative != negative)) {
      f.invalid();
      return;
    }
    if (a.subnormal || b.subnormal || addend.subnormal) {
      f.flags |= SoftFloat.DE;
    }
    if (infinite || addsInfinity) {
      boolean sign = infinite ? negative : addend.negative;
      f.result.set(SoftFloat.INFINITE, sign, 0, Long.MIN_VALUE);
    } else if (a.isZero() || b.isZero()) {
      if (addend.isZero()) {
        zero(f, negative == addend.negative ? negative : f.rounding() == SoftFloat.DOWN);
      } else {
        f.round(addend);
      }
    } else {
      finite(f, addend, negative);
    }
  }

  private static void zero(SoftFloat f, boolean negative) {
    f.result.set(SoftFloat.ZERO, negative, 0, 0);
  }

  private static BigInteger unsigned(long v) {
    return new BigInteger(Long.toUnsignedString(v));
  }

  private static void finite(SoftFloat f, Num addend, boolean negative) {
    BigInteger product = unsigned(f.a.significand).multiply(unsigned(f.b.significand));
    if (negative) {
      product = product.negate();
    }
    // Weight of bit 0.
    int exponent = f.a.exponent + f.b.exponent - 126;
    BigInteger sum = product;
    if (!addend.isZero()) {
      BigInteger e = unsigned(addend.significand);
      if (addend.negative) {
        e = e.negate();
      }
      int distance = addend.exponent - 63 - exponent;
      if (distance >= 0) {
        sum = product.add(e.shiftLeft(distance));
      } else {
        sum = product.shiftLeft(-distance).add(e);
        exponent += distance;
      }
    }
    if (sum.signum() == 0) {
      zero(f, f.rounding() == SoftFloat.DOWN);
      return;
    }
    BigInteger magnitude = sum.abs();
    int bits = magnitude.bitLength();
    // 128 bits below the first, and whether anything follows them.
    int excess = bits - 128;
    BigInteger top = excess >= 0 ? magnitude.shiftRight(excess) : magnitude.shiftLeft(-excess);
    long low = top.longValue();
    if (excess > 0 && magnitude.getLowestSetBit() < excess) {
      low |= 1;
    }
    f.round(sum.signum() < 0, exponent + bits - 1, top.shiftRight(64).longValue(), low);
  }
}
