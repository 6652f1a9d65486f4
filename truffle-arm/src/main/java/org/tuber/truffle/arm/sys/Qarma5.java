package org.tuber.truffle.arm.sys;

/**
 * QARMA with five rounds and 64-bit blocks: the tweakable cipher that the architecture names for
 * pointer authentication codes (Arm ARM, shared pseudocode ComputePAC; R. Avanzi, The QARMA Block
 * Cipher Family, 2016, with S-box 2).
 *
 * <p>A block is 16 cells of four bits, four rows of four; cell 0 is the most significant.
 */
final class Qarma5 {
  private static final int ROUNDS = 5;
  private static final long ALPHA = 0xc0ac_29b7_c97c_50ddL;
  private static final long[] ROUND = {
    0,
    0x1319_8a2e_0370_7344L,
    0xa409_3822_299f_31d0L,
    0x082e_fa98_ec4e_6c89L,
    0x4528_21e6_38d0_1377L
  };

  /** S-box and its inverse, value n in nibble n. */
  private static final long SUBSTITUTE = 0xa12d_5473_e90c_f86bL;

  private static final long SUBSTITUTE_BACK = inverse(SUBSTITUTE);

  /** Cell i comes from cell n, n in nibble 15 - i. */
  private static final long SHUFFLE = 0x0b6d_a1c7_5e38_f492L;

  private static final long SHUFFLE_BACK = permutationBack(SHUFFLE);
  private static final long TWEAK = 0x65ef_0123_7cd4_89abL;
  private static final long TWEAK_BACK = permutationBack(TWEAK);

  /** Cells of the tweak that also pass a shift register: 0, 1, 3, 4, 8, 11, 13, all ones. */
  private static final long STEPPED = cells(0, 1, 3, 4, 8, 11, 13);

  private static final long LOW = 0x1111_1111_1111_1111L;

  private Qarma5() {}

  /**
   * Encrypts.
   *
   * @param w0 whitening key: the upper half of the architecture's 128-bit key
   * @param k0 core key: the lower half
   */
  static long encrypt(long block, long tweak, long w0, long k0) {
    long w1 = Long.rotateRight(w0, 1) ^ w0 >>> 63;
    long v = block ^ w0;
    long t = tweak;
    for (int i = 0; i < ROUNDS; i++) {
      v ^= k0 ^ t ^ ROUND[i];
      if (i > 0) {
        v = mix(permute(v, SHUFFLE));
      }
      v = substitute(v, SUBSTITUTE);
      t = tweakOn(t);
    }
    // Forward round, reflector and backward round share this tweak.
    v = substitute(mix(permute(v ^ w1 ^ t, SHUFFLE)), SUBSTITUTE);
    v = permute(mix(permute(v, SHUFFLE)) ^ k0, SHUFFLE_BACK);
    v = permute(mix(substitute(v, SUBSTITUTE_BACK)), SHUFFLE_BACK) ^ w0 ^ t;
    for (int i = ROUNDS - 1; i >= 0; i--) {
      v = substitute(v, SUBSTITUTE_BACK);
      if (i > 0) {
        v = permute(mix(v), SHUFFLE_BACK);
      }
      t = tweakBack(t);
      v ^= k0 ^ t ^ ROUND[i] ^ ALPHA;
    }
    return v ^ w1;
  }

  private static long substitute(long v, long box) {
    long out = 0;
    for (int at = 0; at < 64; at += 4) {
      out |= (box >>> 4 * (v >>> at & 15) & 15) << at;
    }
    return out;
  }

  private static long permute(long v, long from) {
    long out = 0;
    for (int at = 0; at < 64; at += 4) {
      out |= (v >>> 60 - 4 * (from >>> at & 15) & 15) << at;
    }
    return out;
  }

  /** Each column by the circulant matrix of 0, rotation by 1, by 2, by 1. */
  private static long mix(long v) {
    long by1 = (v & ~(LOW << 3)) << 1 | v >>> 3 & LOW;
    long by2 = (v & LOW * 3) << 2 | v >>> 2 & LOW * 3;
    return Long.rotateLeft(by1, 16) ^ Long.rotateLeft(by2, 32) ^ Long.rotateLeft(by1, 48);
  }

  private static long tweakOn(long t) {
    long p = permute(t, TWEAK);
    // Each cell b3 b2 b1 b0 becomes b0^b1 b3 b2 b1.
    long step = p >>> 1 & LOW * 7 | ((p ^ p >>> 1) & LOW) << 3;
    return p & ~STEPPED | step & STEPPED;
  }

  private static long tweakBack(long t) {
    long step = (t & LOW * 7) << 1 | (t >>> 3 ^ t) & LOW;
    return permute(t & ~STEPPED | step & STEPPED, TWEAK_BACK);
  }

  private static long inverse(long box) {
    long back = 0;
    for (long n = 0; n < 16; n++) {
      back |= n << 4 * (box >>> 4 * n & 15);
    }
    return back;
  }

  private static long permutationBack(long from) {
    long back = 0;
    for (int i = 0; i < 16; i++) {
      int n = (int) (from >>> 60 - 4 * i) & 15;
      back |= (long) i << 60 - 4 * n;
    }
    return back;
  }

  private static long cells(int... numbers) {
    long mask = 0;
    for (int n : numbers) {
      mask |= 15L << 60 - 4 * n;
    }
    return mask;
  }
}
