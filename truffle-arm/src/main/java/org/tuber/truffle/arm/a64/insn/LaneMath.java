package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;

/**
 * Integer functions on one lane, extended to 64 bits by its sign or with zeros, and on all lanes of
 * 64 bits at once where carries can be kept apart. Results are cut by the caller.
 */
final class LaneMath {
  private static final long MIN = Long.MIN_VALUE;
  private static final long MAX = Long.MAX_VALUE;

  private LaneMath() {}

  /** The highest bit of each lane. */
  static long tops(int size) {
    return switch (size) {
      case 0 -> 0x8080_8080_8080_8080L;
      case 1 -> 0x8000_8000_8000_8000L;
      case 2 -> 0x8000_0000_8000_0000L;
      default -> MIN;
    };
  }

  static long add(long a, long b, int size) {
    if (size == 3) {
      return a + b;
    }
    long t = tops(size);
    return (a & ~t) + (b & ~t) ^ (a ^ b) & t;
  }

  static long subtract(long a, long b, int size) {
    if (size == 3) {
      return a - b;
    }
    long t = tops(size);
    return (a | t) - (b & ~t) ^ (a ^ ~b) & t;
  }

  static long and(long a, long b, int size) {
    return a & b;
  }

  static long bic(long a, long b, int size) {
    return a & ~b;
  }

  static long or(long a, long b, int size) {
    return a | b;
  }

  static long orn(long a, long b, int size) {
    return a | ~b;
  }

  static long xor(long a, long b, int size) {
    return a ^ b;
  }

  /** All ones in each lane where a and b are equal. */
  static long equal(long a, long b, int size) {
    if (size == 3) {
      return a == b ? -1 : 0;
    }
    long t = tops(size);
    long x = a ^ b;
    long differs = ((x & ~t) + ~t | x) & t;
    long same = differs ^ t;
    int bits = 8 << size;
    return (same << 1) - (same >>> (bits - 1));
  }

  // ---------------------------------------------------------------- saturation

  private static void saturated(ArmState s) {
    s.fpsr |= ArmCpu.FPSR_QC;
  }

  /** {@code v}, a value of up to 64 bits that has not overflowed, as a signed lane. */
  static long saturate(ArmState s, long v, int size) {
    if (size == 3) {
      return v;
    }
    long top = 1L << ((8 << size) - 1);
    if (v >= top || v < -top) {
      saturated(s);
      return v < 0 ? -top : top - 1;
    }
    return v;
  }

  /** {@code v}, signed, as an unsigned lane. */
  static long saturateUnsigned(ArmState s, long v, int size) {
    if (v < 0) {
      saturated(s);
      return 0;
    }
    if (size < 3 && v > Fp.mask(size)) {
      saturated(s);
      return Fp.mask(size);
    }
    return v;
  }

  static long addSaturating(ArmState s, long a, long b, int size) {
    long r = a + b;
    if (size == 3 && ((a ^ r) & (b ^ r)) < 0) {
      saturated(s);
      return a < 0 ? MIN : MAX;
    }
    return saturate(s, r, size);
  }

  static long subtractSaturating(ArmState s, long a, long b, int size) {
    long r = a - b;
    if (size == 3 && ((a ^ b) & (a ^ r)) < 0) {
      saturated(s);
      return a < 0 ? MIN : MAX;
    }
    return saturate(s, r, size);
  }

  static long addSaturatingUnsigned(ArmState s, long a, long b, int size) {
    long r = a + b;
    if (size == 3) {
      if (Long.compareUnsigned(r, a) < 0) {
        saturated(s);
        return -1;
      }
      return r;
    }
    return saturateUnsigned(s, r, size);
  }

  static long subtractSaturatingUnsigned(ArmState s, long a, long b, int size) {
    if (Long.compareUnsigned(a, b) < 0) {
      saturated(s);
      return 0;
    }
    return a - b;
  }

  /** SUQADD: signed {@code d} plus unsigned {@code a}, which comes sign-extended. */
  static long addUnsignedToSigned(ArmState s, long d, long a, int size) {
    if (size == 3) {
      long r = d + a;
      // MAX - d is the room there is, at most 2^64 - 1.
      if (Long.compareUnsigned(a, MAX - d) > 0) {
        saturated(s);
        return MAX;
      }
      return r;
    }
    return saturate(s, d + (a & Fp.mask(size)), size);
  }

  /** USQADD: unsigned {@code d}, which comes zero-extended, plus signed {@code a}, so too. */
  static long addSignedToUnsigned(ArmState s, long d, long a, int size) {
    long x = Lanes.extend(a, size, true);
    if (size == 3) {
      long r = d + x;
      if (x >= 0 && Long.compareUnsigned(r, d) < 0) {
        saturated(s);
        return -1;
      }
      if (x < 0 && Long.compareUnsigned(r, d) > 0) {
        saturated(s);
        return 0;
      }
      return r;
    }
    return saturateUnsigned(s, d + x, size);
  }

  static long absoluteSaturating(ArmState s, long a, int size) {
    return a < 0 ? subtractSaturating(s, 0, a, size) : a;
  }

  // ---------------------------------------------------------------- shifts

  /** Shift by the signed low byte of {@code b}: left, or right, rounding; of a signed value. */
  static long shift(ArmState s, long a, long b, int size, boolean rounds, boolean saturates) {
    int bits = 8 << size;
    int n = (byte) b;
    if (n < 0) {
      return shiftRight(a, -n, rounds);
    }
    if (!saturates) {
      return n >= bits ? 0 : a << n;
    }
    if (a == 0) {
      return 0;
    }
    long top = 1L << (bits - 1);
    if (n >= bits || a << n >> n != a || Lanes.extend(a << n, size, true) >> n != a) {
      saturated(s);
      return a < 0 ? -top : top - 1;
    }
    return a << n;
  }

  /** The same of an unsigned value. */
  static long shiftUnsigned(
      ArmState s, long a, long b, int size, boolean rounds, boolean saturates) {
    int bits = 8 << size;
    int n = (byte) b;
    if (n < 0) {
      return shiftRightUnsigned(a, -n, rounds);
    }
    if (!saturates) {
      return n >= bits ? 0 : a << n;
    }
    if (a == 0) {
      return 0;
    }
    if (n >= bits || (a << n & Fp.mask(size)) >>> n != a) {
      saturated(s);
      return -1;
    }
    return a << n;
  }

  /** Signed values shifted left with an unsigned result (SQSHLU). */
  static long shiftToUnsigned(ArmState s, long a, int n, int size) {
    if (a < 0) {
      saturated(s);
      return 0;
    }
    return shiftUnsigned(s, a, n, size, false, true);
  }

  static long shiftRight(long a, int n, boolean rounds) {
    if (n > 64) {
      return rounds ? 0 : a >> 63;
    }
    if (n == 64) {
      return rounds ? 0 : a >> 63;
    }
    return rounds ? (a >> n) + (a >> (n - 1) & 1) : a >> n;
  }

  static long shiftRightUnsigned(long a, int n, boolean rounds) {
    if (n > 64) {
      return 0;
    }
    if (n == 64) {
      return rounds ? a >>> 63 : 0;
    }
    return rounds ? (a >>> n) + (a >>> (n - 1) & 1) : a >>> n;
  }

  // ---------------------------------------------------------------- products

  /** {@code 2 * a * b}, of lanes of {@code size} into lanes of twice that. */
  static long doubledProduct(ArmState s, long a, long b, int size) {
    long r = a * b;
    if (size == 2 && a == Integer.MIN_VALUE && b == Integer.MIN_VALUE) {
      saturated(s);
      return MAX;
    }
    return saturate(s, 2 * r, size + 1);
  }

  /** High half of {@code 2 * a * b}. */
  static long doubledHigh(ArmState s, long a, long b, int size, boolean rounds) {
    int bits = 8 << size;
    // Halved, so that a product of two 32-bit lanes fits.
    long r = a * b + (rounds ? 1L << (bits - 2) : 0);
    return saturate(s, r >> (bits - 1), size);
  }

  /** High half of {@code d + 2 * a * b}, rounded (SQRDMLAH). */
  static long doubledHighAdd(ArmState s, long d, long a, long b, int size, boolean minus) {
    int bits = 8 << size;
    long product = minus ? -(a * b) : a * b;
    if (size == 2) {
      // 65 bits are needed: the low part apart.
      long low = (product & 0x7fff_ffffL) + (1L << 30);
      long high = (product >> 31) + d + (low >> 31);
      return saturate(s, high, size);
    }
    return saturate(s, (d << bits - 1) + product + (1L << (bits - 2)) >> (bits - 1), size);
  }

  /** Polynomial product of two bytes. */
  static long polynomial8(long a, long b) {
    long r = 0;
    for (int i = 0; i < 8; i++) {
      r ^= (a >> i & 1) != 0 ? b << i : 0;
    }
    return r;
  }

  /** Absolute difference; both are extended as their lanes are. */
  static long difference(long a, long b, boolean signed) {
    boolean less = signed ? a < b : Long.compareUnsigned(a, b) < 0;
    return less ? b - a : a - b;
  }

  static long max(long a, long b) {
    return Math.max(a, b);
  }

  static long min(long a, long b) {
    return Math.min(a, b);
  }

  static long halvingAdd(long a, long b, boolean rounds) {
    return rounds ? a + b + 1 >> 1 : a + b >> 1;
  }

  static long test(boolean holds) {
    return holds ? -1 : 0;
  }
}
