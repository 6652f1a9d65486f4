package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.nodes.ExplodeLoop;

/**
 * Packed-integer operations on 64 bits, shared by MMX and both halves of XMM. Mostly arithmetic on
 * all lanes at once: a lane's top bit is split off so that no carry leaves a lane.
 */
final class Lanes {
  static final long H8 = 0x8080_8080_8080_8080L;
  static final long H16 = 0x8000_8000_8000_8000L;
  static final long H32 = 0x8000_0000_8000_0000L;

  private Lanes() {}

  /** Lane sums; {@code h} holds the top bit of each lane. */
  static long add(long a, long b, long h) {
    return ((a & ~h) + (b & ~h)) ^ ((a ^ b) & h);
  }

  /** Lane differences. */
  static long sub(long a, long b, long h) {
    return ((a | h) - (b & ~h)) ^ ((a ^ ~b) & h);
  }

  /** All ones in each lane whose top bit is set in {@code tops}, which has no other bits. */
  static long spread(long tops, int bits) {
    return bits == 64 ? tops >> 63 : (tops >>> (bits - 1)) * ((1L << bits) - 1);
  }

  private static int bits(long h) {
    return h == H8 ? 8 : h == H16 ? 16 : 32;
  }

  /** Lane masks of a < b, unsigned. */
  static long below(long a, long b, long h) {
    long borrow = (~a & b) | ((~a | b) & sub(a, b, h));
    return spread(borrow & h, bits(h));
  }

  /** Lane masks of a < b, signed. */
  static long less(long a, long b, long h) {
    return below(a ^ h, b ^ h, h);
  }

  /** Lane masks of a = b. */
  static long equal(long a, long b, long h) {
    long x = a ^ b;
    long t = ((x & ~h) + ~h) | x;
    return spread(~t & h, bits(h));
  }

  static long select(long mask, long yes, long no) {
    return (yes & mask) | (no & ~mask);
  }

  static long addSigned(long a, long b, long h) {
    long sum = add(a, b, h);
    long overflow = spread((a ^ sum) & (b ^ sum) & h, bits(h));
    return select(overflow, limit(a, h), sum);
  }

  static long subSigned(long a, long b, long h) {
    long r = sub(a, b, h);
    long overflow = spread((a ^ b) & (a ^ r) & h, bits(h));
    return select(overflow, limit(a, h), r);
  }

  /** The greatest or least signed value of each lane, by the sign of a. */
  private static long limit(long a, long h) {
    return ~h + ((a & h) >>> (bits(h) - 1));
  }

  static long addUnsigned(long a, long b, long h) {
    long sum = add(a, b, h);
    return sum | spread(((a & b) | ((a | b) & ~sum)) & h, bits(h));
  }

  static long subUnsigned(long a, long b, long h) {
    return sub(a, b, h) & ~below(a, b, h);
  }

  /** (a + b + 1) >> 1 without losing the carry. */
  static long average(long a, long b, long h) {
    long lowBits = h >>> (bits(h) - 1);
    return sub(a | b, ((a ^ b) & ~lowBits) >>> 1, h);
  }

  static long absolute(long a, long h) {
    long m = spread(a & h, bits(h));
    return sub(a ^ m, m, h);
  }

  /** a with the sign of b applied: negated, zeroed or kept. */
  static long sign(long a, long b, long h) {
    long m = spread(b & h, bits(h));
    return sub(a ^ m, m, h) & ~equal(b, 0, h);
  }

  /** Top bits of the 8 bytes as an integer. */
  static long signs8(long a) {
    return ((a >>> 7 & 0x0101_0101_0101_0101L) * 0x0102_0408_1020_4080L) >>> 56;
  }

  /** Sum of absolute differences of the bytes. */
  static long sumOfDifferences(long a, long b) {
    long d = subUnsigned(a, b, H8) | subUnsigned(b, a, H8);
    long pairs = (d & 0x00ff_00ff_00ff_00ffL) + (d >>> 8 & 0x00ff_00ff_00ff_00ffL);
    return (pairs * 0x0001_0001_0001_0001L) >>> 48;
  }

  @ExplodeLoop
  static long multiplyLow16(long a, long b) {
    long r = 0;
    for (int i = 0; i < 64; i += 16) {
      r |= ((a >>> i) * (b >>> i) & 0xffff) << i;
    }
    return r;
  }

  @ExplodeLoop
  static long multiplyHigh16(long a, long b) {
    long r = 0;
    for (int i = 0; i < 64; i += 16) {
      r |= ((long) ((short) (a >>> i) * (short) (b >>> i)) >>> 16 & 0xffff) << i;
    }
    return r;
  }

  @ExplodeLoop
  static long multiplyHighUnsigned16(long a, long b) {
    long r = 0;
    for (int i = 0; i < 64; i += 16) {
      r |= ((a >>> i & 0xffff) * (b >>> i & 0xffff) >>> 16) << i;
    }
    return r;
  }

  /** PMADDWD. */
  static long multiplyAdd16(long a, long b) {
    int low = (short) a * (short) b + (short) (a >>> 16) * (short) (b >>> 16);
    int high = (short) (a >>> 32) * (short) (b >>> 32) + (short) (a >>> 48) * (short) (b >>> 48);
    return Xmm.pair(low, high);
  }

  /** PMADDUBSW: unsigned bytes of a, signed bytes of b. */
  @ExplodeLoop
  static long multiplyAddBytes(long a, long b) {
    long r = 0;
    for (int i = 0; i < 64; i += 16) {
      int sum =
          (int) (a >>> i & 0xff) * (byte) (b >>> i)
              + (int) (a >>> (i + 8) & 0xff) * (byte) (b >>> (i + 8));
      r |= (saturate16(sum) & 0xffffL) << i;
    }
    return r;
  }

  /** PMULHRSW. */
  @ExplodeLoop
  static long multiplyRound16(long a, long b) {
    long r = 0;
    for (int i = 0; i < 64; i += 16) {
      int p = (short) (a >>> i) * (short) (b >>> i);
      r |= ((p >> 14) + 1 >> 1 & 0xffffL) << i;
    }
    return r;
  }

  static long multiplyLow32(long a, long b) {
    return Xmm.pair((int) a * (int) b, Xmm.high(a) * Xmm.high(b));
  }

  static int saturate16(int v) {
    return Math.max(-0x8000, Math.min(0x7fff, v));
  }

  // ---------------------------------------------------------------- packing

  /** PACKSSWB: low four results from a, high four from b. */
  @ExplodeLoop
  static long packSigned16(long a, long b) {
    long r = 0;
    for (int i = 0; i < 4; i++) {
      r |= (Math.max(-128, Math.min(127, (short) (a >>> (16 * i)))) & 0xffL) << (8 * i);
      r |= (Math.max(-128, Math.min(127, (short) (b >>> (16 * i)))) & 0xffL) << (8 * i + 32);
    }
    return r;
  }

  /** PACKUSWB. */
  @ExplodeLoop
  static long packUnsigned16(long a, long b) {
    long r = 0;
    for (int i = 0; i < 4; i++) {
      r |= (Math.max(0, Math.min(255, (short) (a >>> (16 * i)))) & 0xffL) << (8 * i);
      r |= (Math.max(0, Math.min(255, (short) (b >>> (16 * i)))) & 0xffL) << (8 * i + 32);
    }
    return r;
  }

  /** PACKSSDW. */
  static long packSigned32(long a, long b) {
    return (saturate16((int) a) & 0xffffL)
        | (saturate16(Xmm.high(a)) & 0xffffL) << 16
        | (saturate16((int) b) & 0xffffL) << 32
        | (long) saturate16(Xmm.high(b)) << 48;
  }

  /** PACKUSDW. */
  static long packUnsigned32(long a, long b) {
    return (long) clamp16((int) a)
        | (long) clamp16(Xmm.high(a)) << 16
        | (long) clamp16((int) b) << 32
        | (long) clamp16(Xmm.high(b)) << 48;
  }

  private static int clamp16(int v) {
    return Math.max(0, Math.min(0xffff, v));
  }

  private static long spaceBytes(long v) {
    v = (v & 0xffff_ffffL | v << 16) & 0x0000_ffff_0000_ffffL;
    return (v | v << 8) & 0x00ff_00ff_00ff_00ffL;
  }

  private static long spaceWords(long v) {
    return (v & 0xffff_ffffL | v << 16) & 0x0000_ffff_0000_ffffL;
  }

  /** Interleaves the low four bytes: a's are the lower of each pair. */
  static long interleave8(long a, long b) {
    return spaceBytes(a & 0xffff_ffffL) | spaceBytes(b & 0xffff_ffffL) << 8;
  }

  /** Interleaves the low two words. */
  static long interleave16(long a, long b) {
    return spaceWords(a & 0xffff_ffffL) | spaceWords(b & 0xffff_ffffL) << 16;
  }

  // ---------------------------------------------------------------- shifts; counts are unsigned

  static long shiftLeft16(long a, long n) {
    return Long.compareUnsigned(n, 15) > 0
        ? 0
        : a << n & (0xffffL << n & 0xffff) * 0x0001_0001_0001_0001L;
  }

  static long shiftRight16(long a, long n) {
    return Long.compareUnsigned(n, 15) > 0 ? 0 : a >>> n & (0xffffL >>> n) * 0x0001_0001_0001_0001L;
  }

  static long shiftArithmetic16(long a, long n) {
    int k = Long.compareUnsigned(n, 15) > 0 ? 15 : (int) n;
    long m = (0x8000L >>> k) * 0x0001_0001_0001_0001L;
    return sub(shiftRight16(a, k) ^ m, m, H16);
  }

  static long shiftLeft32(long a, long n) {
    return Long.compareUnsigned(n, 31) > 0 ? 0 : Xmm.pair((int) a << n, Xmm.high(a) << n);
  }

  static long shiftRight32(long a, long n) {
    return Long.compareUnsigned(n, 31) > 0 ? 0 : Xmm.pair((int) a >>> n, Xmm.high(a) >>> n);
  }

  static long shiftArithmetic32(long a, long n) {
    int k = Long.compareUnsigned(n, 31) > 0 ? 31 : (int) n;
    return Xmm.pair((int) a >> k, Xmm.high(a) >> k);
  }

  static long shiftLeft64(long a, long n) {
    return Long.compareUnsigned(n, 63) > 0 ? 0 : a << n;
  }

  static long shiftRight64(long a, long n) {
    return Long.compareUnsigned(n, 63) > 0 ? 0 : a >>> n;
  }
}
