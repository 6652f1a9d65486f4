package org.tuber.truffle.x86.insn;

import java.math.BigInteger;

/**
 * Elementary functions of fixed-point numbers: an integer v with p fraction bits stands for {@code
 * v * 2^-p}. Errors stay within a few dozen units of the last place.
 */
final class X87Series {
  private static final int CONSTANT_BITS = 400;
  private static final BigInteger PI_BITS = pi(CONSTANT_BITS);
  private static final BigInteger LN2_BITS =
      atanh(one(CONSTANT_BITS).divide(BigInteger.valueOf(3)), CONSTANT_BITS).shiftLeft(1);

  private X87Series() {}

  static BigInteger one(int p) {
    return BigInteger.ONE.shiftLeft(p);
  }

  /** Pi by Machin's formula. */
  private static BigInteger pi(int p) {
    BigInteger fifth = atan(one(p + 16).divide(BigInteger.valueOf(5)), p + 16);
    BigInteger small = atan(one(p + 16).divide(BigInteger.valueOf(239)), p + 16);
    return fifth.shiftLeft(4).subtract(small.shiftLeft(2)).shiftRight(16);
  }

  static BigInteger pi0(int p) {
    return PI_BITS.shiftRight(CONSTANT_BITS - p);
  }

  static BigInteger ln2(int p) {
    return LN2_BITS.shiftRight(CONSTANT_BITS - p);
  }

  static BigInteger multiply(BigInteger a, BigInteger b, int p) {
    return a.multiply(b).shiftRight(p);
  }

  static BigInteger divide(BigInteger a, BigInteger b, int p) {
    return a.shiftLeft(p).divide(b);
  }

  /** Odd powers over odd numbers, signs equal or alternating; |z| well below 1. */
  private static BigInteger odd(BigInteger z, int p, boolean alternating) {
    BigInteger square = multiply(z, z, p);
    BigInteger power = z;
    BigInteger sum = z;
    for (int n = 3; power.abs().bitLength() > 1; n += 2) {
      power = multiply(power, square, p);
      BigInteger term = power.divide(BigInteger.valueOf(n));
      sum = alternating && (n & 2) != 0 ? sum.subtract(term) : sum.add(term);
    }
    return sum;
  }

  /** Inverse hyperbolic tangent of |z| up to about 0.35. */
  static BigInteger atanh(BigInteger z, int p) {
    return odd(z, p, false);
  }

  /** Arc tangent of |z| up to 1: the argument is halved twice first. */
  static BigInteger atan(BigInteger z, int p) {
    BigInteger t = z;
    for (int i = 0; i < 2; i++) {
      BigInteger root = one(2 * p).add(t.multiply(t)).sqrt();
      t = divide(t, one(p).add(root), p);
    }
    return odd(t, p, true).shiftLeft(2);
  }

  /** e^y - 1 for |y| below 1. */
  static BigInteger expMinusOne(BigInteger y, int p) {
    BigInteger term = y;
    BigInteger sum = y;
    for (int n = 2; term.abs().bitLength() > 1; n++) {
      term = multiply(term, y, p).divide(BigInteger.valueOf(n));
      sum = sum.add(term);
    }
    return sum;
  }

  /** Sine for |r| below 1. */
  static BigInteger sin(BigInteger r, int p) {
    return circular(r, r, p, 2);
  }

  /** Cosine for |r| below 1. */
  static BigInteger cos(BigInteger r, int p) {
    return circular(r, one(p), p, 1);
  }

  private static BigInteger circular(BigInteger r, BigInteger first, int p, int from) {
    BigInteger square = multiply(r, r, p);
    BigInteger term = first;
    BigInteger sum = first;
    for (int n = from; term.abs().bitLength() > 1; n += 2) {
      term = multiply(term, square, p).divide(BigInteger.valueOf((long) n * (n + 1))).negate();
      sum = sum.add(term);
    }
    return sum;
  }
}
