package org.tuber.truffle.x86.insn;

import java.math.BigInteger;
import org.tuber.truffle.x86.insn.SoftFloat.Num;
import org.tuber.truffle.x86.state.X87State;

/**
 * F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS, FSINCOS (SDM vol. 1, 8.3.7 to 8.3.10; special
 * operands as in their tables of vol. 2).
 *
 * <p>Results come from series in fixed point with 130 or more correct bits, rounded once: at least
 * as good as hardware, whose last bit differs between models. The circular functions reduce their
 * argument by the 66-bit pi that the manual gives, as hardware does; |x| from 2^63 on sets C2.
 */
final class X87Transcendental {
  /** Pi as the unit has it: 66 significant bits, here with 64 fraction bits. */
  private static final BigInteger PI66 = new BigInteger("C90FDAA22168C234C", 16);

  private static final int PI66_FRACTION_BITS = 66;
  private static final int BITS = 150;

  /** Below this exponent a function equals its first term to working precision. */
  private static final int TINY = -75;

  private X87Transcendental() {}

  /** Any operation whose operand ST is empty. */
  static void emptyOperand(X87State f, int op) {
    if (isBinary(op)) {
      underflowBinary(f);
      return;
    }
    if (reportsRange(op) || op == X87Rows.FPREM || op == X87Rows.FPREM1) {
      f.status &= ~X87State.C2;
    }
    if (!X87Arith.underflow(f, 0)
        && (op == X87Rows.FPTAN || op == X87Rows.FSINCOS || op == X87Rows.FXTRACT)) {
      f.push(X87Arith.DEFAULT_NAN_EXPONENT, X87Arith.DEFAULT_NAN);
    }
  }

  /** C2 tells whether the operand was in range. */
  private static boolean reportsRange(int op) {
    return op == X87Rows.FSIN || op == X87Rows.FCOS || op == X87Rows.FSINCOS || op == X87Rows.FPTAN;
  }

  private static boolean isBinary(int op) {
    return op == X87Rows.FPATAN || op == X87Rows.FYL2X || op == X87Rows.FYL2XP1;
  }

  private static void underflowBinary(X87State f) {
    if (!X87Arith.underflow(f, 1)) {
      f.pop();
    }
  }

  static void run(X87State f, int op) {
    if (isBinary(op)) {
      binary(f, op);
      return;
    }
    boolean pushes = op == X87Rows.FPTAN || op == X87Rows.FSINCOS;
    if (pushes && !f.isEmpty(7)) {
      f.status = f.status & ~X87State.C2 | X87State.C1;
      if (!f.raise(SoftFloat.IE | X87State.SF)) {
        f.set(0, X87Arith.DEFAULT_NAN_EXPONENT, X87Arith.DEFAULT_NAN);
        f.push(X87Arith.DEFAULT_NAN_EXPONENT, X87Arith.DEFAULT_NAN);
      }
      return;
    }
    SoftFloat u = X87Arith.begin(f, 64);
    X87Arith.unpackSt(f, u.a, 0);
    boolean special = X87Arith.special1(u);
    if (op == X87Rows.F2XM1) {
      if (!special) {
        power(u);
      }
      X87Arith.commit(f, u, 0);
    } else {
      circular(f, u, op, special);
    }
  }

  // ---------------------------------------------------------------- fixed point

  /** The magnitude of a finite number with {@code p} fraction bits, truncated. */
  private static BigInteger fixed(Num n, int p) {
    int shift = n.exponent - 63 + p;
    BigInteger v = new BigInteger(Long.toUnsignedString(n.significand));
    return shift >= 0 ? v.shiftLeft(shift) : v.shiftRight(-shift);
  }

  /** Rounds {@code v * 2^-p}, which is never exact. */
  private static void round(SoftFloat u, BigInteger v, int p) {
    round(u, v.signum() < 0, v.abs(), p);
  }

  private static void round(SoftFloat u, boolean negative, BigInteger magnitude, int p) {
    int length = magnitude.bitLength();
    BigInteger aligned =
        length > 128 ? magnitude.shiftRight(length - 128) : magnitude.shiftLeft(128 - length);
    u.round(negative, length - 1 - p, aligned.shiftRight(64).longValue(), aligned.longValue() | 1);
  }

  /** The operand itself but for an infinitesimal change of its magnitude. */
  private static void nearly(SoftFloat u, Num n, boolean less) {
    BigInteger v = new BigInteger(Long.toUnsignedString(n.significand)).shiftLeft(64);
    v = less ? v.subtract(BigInteger.ONE) : v.add(BigInteger.ONE);
    round(u, n.negative, v, 127 - n.exponent);
  }

  // ---------------------------------------------------------------- 2^x - 1

  private static void power(SoftFloat u) {
    Num a = u.a;
    if (a.kind == SoftFloat.INFINITE) {
      if (a.negative) {
        u.result.set(SoftFloat.FINITE, true, 0, Long.MIN_VALUE);
      } else {
        u.round(a);
      }
      return;
    }
    if (a.isZero()) {
      u.round(a);
      return;
    }
    u.flags |= a.subnormal ? SoftFloat.DE : 0;
    if (a.exponent >= 0) {
      if (a.significand == Long.MIN_VALUE && a.exponent == 0) {
        u.result.set(SoftFloat.FINITE, a.negative, a.negative ? -1 : 0, Long.MIN_VALUE);
      } else {
        // Outside -1 to 1 the result is undefined: the operand stays, marked as inexact.
        u.round(a);
        u.flags |= SoftFloat.PE;
      }
      return;
    }
    if (a.exponent < TINY) {
      BigInteger v =
          new BigInteger(Long.toUnsignedString(a.significand)).multiply(X87Series.ln2(128));
      round(u, a.negative, v, 63 - a.exponent + 128);
      return;
    }
    int p = BITS - a.exponent;
    BigInteger y = X87Series.multiply(fixed(a, p), X87Series.ln2(p), p);
    round(u, X87Series.expMinusOne(a.negative ? y.negate() : y, p), p);
  }

  // ---------------------------------------------------------------- sine, cosine, tangent

  private static void circular(X87State f, SoftFloat u, int op, boolean special) {
    Num a = u.a;
    f.status &= ~X87State.C2;
    if (!special && a.kind == SoftFloat.INFINITE) {
      u.invalid();
      special = true;
    }
    if (special) {
      if (X87Arith.commit(f, u, 0) && op != X87Rows.FSIN && op != X87Rows.FCOS) {
        f.push(u.signExponent80(), u.significand80());
      }
      return;
    }
    if (a.kind == SoftFloat.FINITE && a.exponent >= 63) {
      f.status = f.status & ~X87State.C1 | X87State.C2;
      return;
    }
    u.flags |= a.subnormal ? SoftFloat.DE : 0;
    int cosineExponent = 0x3fff;
    long cosine = Long.MIN_VALUE;
    if (a.isZero() || a.exponent < TINY) {
      if (op == X87Rows.FCOS || op == X87Rows.FSINCOS) {
        if (a.isZero()) {
          u.result.set(SoftFloat.FINITE, false, 0, Long.MIN_VALUE);
        } else {
          round(u, false, X87Series.one(128).subtract(BigInteger.ONE), 128);
        }
        cosineExponent = u.signExponent80();
        cosine = u.significand80();
      }
      if (op != X87Rows.FCOS) {
        if (a.isZero()) {
          u.round(a);
        } else {
          nearly(u, a, op != X87Rows.FPTAN);
        }
      }
    } else {
      // Reduced to |r| <= pi/4; both factors are exact in this many bits.
      int p = 240;
      BigInteger x = fixed(a, p);
      BigInteger halfPi = PI66.shiftLeft(p - PI66_FRACTION_BITS - 1);
      BigInteger quotient = x.add(halfPi.shiftRight(1)).divide(halfPi);
      BigInteger r = x.subtract(quotient.multiply(halfPi));
      int quadrant = quotient.intValue() & 3;
      BigInteger sinR = X87Series.sin(r, p);
      BigInteger cosR = X87Series.cos(r, p);
      boolean odd = (quadrant & 1) != 0;
      BigInteger sin = odd ? cosR : sinR;
      BigInteger cos = odd ? sinR : cosR;
      sin = quadrant >= 2 ? sin.negate() : sin;
      cos = quadrant == 1 || quadrant == 2 ? cos.negate() : cos;
      sin = a.negative ? sin.negate() : sin;
      if (op == X87Rows.FCOS || op == X87Rows.FSINCOS) {
        round(u, cos, p);
        cosineExponent = u.signExponent80();
        cosine = u.significand80();
      }
      if (op == X87Rows.FPTAN) {
        round(u, X87Series.divide(sin, cos, p), p);
      } else if (op != X87Rows.FCOS) {
        round(u, sin, p);
      }
    }
    if (X87Arith.commit(f, u, 0) && op != X87Rows.FSIN && op != X87Rows.FCOS) {
      f.push(cosineExponent, cosine);
    }
  }

  // ---------------------------------------------------------------- two operands

  private static void binary(X87State f, int op) {
    if (f.isEmpty(1)) {
      underflowBinary(f);
      return;
    }
    SoftFloat u = X87Arith.begin(f, 64);
    X87Arith.unpackSt(f, u.a, 0);
    X87Arith.unpackSt(f, u.b, 1);
    if (!X87Arith.special2(u)) {
      switch (op) {
        case X87Rows.FPATAN -> arcTangent(u, u.b, u.a);
        case X87Rows.FYL2X -> logarithm(u, u.a, u.b);
        default -> logarithmPlusOne(u, u.a, u.b);
      }
    }
    if (X87Arith.commit(f, u, 1)) {
      f.pop();
    }
  }

  /** Quarters of pi, signed. */
  private static void quarters(SoftFloat u, int n, boolean negative) {
    BigInteger v = X87Series.pi0(200).multiply(BigInteger.valueOf(n));
    round(u, negative, v, 202);
  }

  /** atan2(y, x). */
  private static void arcTangent(SoftFloat u, Num y, Num x) {
    boolean negative = y.negative;
    u.flags |= y.subnormal || x.subnormal ? SoftFloat.DE : 0;
    if (y.isZero() || (x.kind == SoftFloat.INFINITE && y.kind != SoftFloat.INFINITE)) {
      if (x.negative) {
        quarters(u, 4, negative);
      } else {
        u.result.set(SoftFloat.ZERO, negative, 0, 0);
      }
      return;
    }
    if (y.kind == SoftFloat.INFINITE) {
      int n = x.kind != SoftFloat.INFINITE ? 2 : x.negative ? 3 : 1;
      quarters(u, n, negative);
      return;
    }
    if (x.isZero()) {
      quarters(u, 2, negative);
      return;
    }
    int d = y.exponent - x.exponent;
    if (Math.abs(d) > 160) {
      extremeRatio(u, y, x, d);
      return;
    }
    // The ratio of the smaller to the larger, at most 1.
    boolean steep = d > 0 || (d == 0 && Long.compareUnsigned(y.significand, x.significand) > 0);
    Num small = steep ? x : y;
    Num large = steep ? y : x;
    int p = BITS + 2 * Math.abs(d);
    p = Math.min(p, BITS + 240);
    BigInteger numerator =
        new BigInteger(Long.toUnsignedString(small.significand))
            .shiftLeft(p - (large.exponent - small.exponent));
    BigInteger t = numerator.divide(new BigInteger(Long.toUnsignedString(large.significand)));
    BigInteger v = X87Series.atan(t, p);
    BigInteger pi = X87Series.pi0(p);
    if (steep) {
      v = pi.shiftRight(1).subtract(v);
    }
    if (x.negative) {
      v = pi.subtract(v);
    }
    round(u, negative, v, p);
  }

  /** |y/x| above 2^160 or below 2^-160. */
  private static void extremeRatio(SoftFloat u, Num y, Num x, int d) {
    if (d > 0) {
      quarters(u, 2, y.negative);
    } else if (x.negative) {
      quarters(u, 4, y.negative);
    } else {
      BigInteger v =
          new BigInteger(Long.toUnsignedString(y.significand))
              .shiftLeft(192)
              .divide(new BigInteger(Long.toUnsignedString(x.significand)));
      round(u, y.negative, v, 192 - d);
    }
  }

  /** y * log2(x). */
  private static void logarithm(SoftFloat u, Num x, Num y) {
    if (x.negative && !x.isZero()) {
      u.invalid();
      return;
    }
    if (x.isZero()) {
      if (y.isZero()) {
        u.invalid();
      } else {
        u.flags |= y.kind == SoftFloat.INFINITE ? 0 : SoftFloat.ZE;
        u.result.set(SoftFloat.INFINITE, !y.negative, 0, Long.MIN_VALUE);
      }
      return;
    }
    boolean below = x.kind == SoftFloat.FINITE && x.exponent < 0;
    boolean isOne =
        x.kind == SoftFloat.FINITE && x.exponent == 0 && x.significand == Long.MIN_VALUE;
    if (x.kind == SoftFloat.INFINITE) {
      infiniteProduct(u, y, y.isZero(), y.negative);
      return;
    }
    u.flags |= x.subnormal || y.subnormal ? SoftFloat.DE : 0;
    if (y.kind == SoftFloat.INFINITE) {
      infiniteProduct(u, y, isOne, y.negative != below);
    } else if (y.isZero() || isOne) {
      u.result.set(SoftFloat.ZERO, y.negative != below, 0, 0);
    } else if (x.significand == Long.MIN_VALUE) {
      // A power of two: the logarithm is an integer. Hardware calls even an exact product inexact.
      SoftFloat.unpackInteger(u.a, x.exponent);
      int flags = u.flags;
      u.multiply();
      u.flags |= flags | SoftFloat.PE;
    } else {
      int p = 220;
      int exponent = x.exponent;
      BigInteger m = new BigInteger(Long.toUnsignedString(x.significand)).shiftLeft(p - 63);
      // Into 0.7 to 1.4, so that the series sees a small argument of full relative precision.
      if (x.significand >= 0xb504_f333_f9de_6485L) {
        // A signed comparison will do: both have the top bit set.
        m = m.shiftRight(1);
        exponent++;
      }
      BigInteger z = X87Series.divide(m.subtract(X87Series.one(p)), m.add(X87Series.one(p)), p);
      BigInteger ln = X87Series.atanh(z, p).shiftLeft(1);
      BigInteger log2 =
          X87Series.divide(ln, X87Series.ln2(p), p).add(BigInteger.valueOf(exponent).shiftLeft(p));
      product(u, y, log2, p);
    }
  }

  private static void infiniteProduct(SoftFloat u, Num y, boolean invalid, boolean negative) {
    if (invalid) {
      u.invalid();
    } else {
      u.flags |= y.subnormal ? SoftFloat.DE : 0;
      u.result.set(SoftFloat.INFINITE, negative, 0, Long.MIN_VALUE);
    }
  }

  /** Rounds y times a fixed-point number. */
  private static void product(SoftFloat u, Num y, BigInteger v, int p) {
    BigInteger magnitude = new BigInteger(Long.toUnsignedString(y.significand)).multiply(v.abs());
    round(u, y.negative != v.signum() < 0, magnitude, p + 63 - y.exponent);
  }

  /** y * log2(x + 1). */
  private static void logarithmPlusOne(SoftFloat u, Num x, Num y) {
    if (x.isZero() || y.isZero()) {
      if (x.kind == SoftFloat.INFINITE || y.kind == SoftFloat.INFINITE) {
        u.invalid();
      } else {
        u.flags |= x.subnormal || y.subnormal ? SoftFloat.DE : 0;
        u.result.set(SoftFloat.ZERO, x.negative != y.negative, 0, 0);
      }
      return;
    }
    if (x.negative && (x.kind == SoftFloat.INFINITE || x.exponent >= 0)) {
      // Far outside the range for which the instruction is defined.
      if (x.kind == SoftFloat.INFINITE) {
        u.invalid();
      } else {
        u.flags |= SoftFloat.PE | (y.subnormal ? SoftFloat.DE : 0);
        u.round(x);
      }
      return;
    }
    if (x.kind == SoftFloat.INFINITE || y.kind == SoftFloat.INFINITE) {
      u.flags |= x.subnormal ? SoftFloat.DE : 0;
      infiniteProduct(u, y, false, x.negative != y.negative);
      return;
    }
    u.flags |= x.subnormal || y.subnormal ? SoftFloat.DE : 0;
    if (x.exponent < TINY) {
      int p = 200;
      BigInteger v =
          X87Series.divide(
              new BigInteger(Long.toUnsignedString(x.significand)).shiftLeft(p - 63),
              X87Series.ln2(p),
              p);
      product(u, y, x.negative ? v.negate() : v, p - x.exponent);
      return;
    }
    if (x.exponent >= -1) {
      logarithm(u, plusOne(x), y);
      return;
    }
    int p = BITS + 64 - x.exponent;
    BigInteger v = fixed(x, p);
    v = x.negative ? v.negate() : v;
    BigInteger z = X87Series.divide(v, v.add(X87Series.one(p + 1)), p);
    BigInteger ln = X87Series.atanh(z, p).shiftLeft(1);
    product(u, y, X87Series.divide(ln, X87Series.ln2(p), p), p);
  }

  /** x + 1 to 64 bits: exact for magnitudes from 1/2 to 1, beyond that undefined anyway. */
  private static Num plusOne(Num x) {
    BigInteger v = fixed(x, 64);
    v = X87Series.one(64).add(x.negative ? v.negate() : v);
    int length = v.bitLength();
    BigInteger aligned = length > 64 ? v.shiftRight(length - 64) : v.shiftLeft(64 - length);
    Num n = new Num();
    n.set(SoftFloat.FINITE, false, length - 65, aligned.longValue());
    return n;
  }
}
