package org.tuber.truffle.arm.a64.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;

/**
 * The steps of an AES round as the A64 instructions divide them (FIPS 197). The state is sixteen
 * bytes, column after column; each method gives one half of the result, the lower from {@code (low,
 * high)}, the upper from {@code (high, low)}: rotating all columns by two exchanges halves.
 */
final class AesRound {
  private static final byte[] SBOX = new byte[256];
  private static final byte[] INVERSE = new byte[256];

  static {
    for (int i = 0; i < 256; i++) {
      int inverse = inverse(i);
      int v = inverse;
      for (int k = 1; k < 5; k++) {
        v ^= inverse << k | inverse >>> (8 - k);
      }
      v = (v ^ 0x63) & 0xff;
      SBOX[i] = (byte) v;
      INVERSE[v] = (byte) i;
    }
  }

  private AesRound() {}

  private static int inverse(int v) {
    for (int i = 1; i < 256; i++) {
      if (product(v, i) == 1) {
        return i;
      }
    }
    return 0;
  }

  /** In the field of 256 elements. */
  private static int product(int x, int y) {
    int r = 0;
    for (int i = 0; i < 8; i++) {
      if ((y >> i & 1) != 0) {
        r ^= x;
      }
      x = x << 1 ^ ((x & 0x80) != 0 ? 0x11b : 0);
    }
    return r & 0xff;
  }

  /** Rotates rows and substitutes bytes. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long encrypt(long low, long high) {
    return substitute(low, high, 1, SBOX);
  }

  /** Rotates rows back and substitutes bytes inversely. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long decrypt(long low, long high) {
    return substitute(low, high, -1, INVERSE);
  }

  private static long substitute(long low, long high, int step, byte[] box) {
    long r = 0;
    for (int i = 0; i < 8; i++) {
      int row = i & 3;
      int column = (i >> 2) + step * row & 3;
      int from = 4 * column + row;
      long half = from < 8 ? low : high;
      r |= (box[(int) (half >>> 8 * (from & 7)) & 0xff] & 0xffL) << 8 * i;
    }
    return r;
  }

  private static long doubled(long v) {
    long high = v & 0x8080_8080_8080_8080L;
    return (v ^ high) << 1 ^ (high >>> 7) * 0x1b;
  }

  /** Each column's bytes, moved up by {@code n}. */
  private static long rotated(long v, int n) {
    long mask = (1L << (32 - 8 * n)) - 1;
    long both = mask << 32 | mask;
    return v >>> 8 * n & both | v << (32 - 8 * n) & ~both;
  }

  /** Mixes the two columns of one half. */
  static long mix(long v) {
    long next = rotated(v, 1);
    return doubled(v) ^ doubled(next) ^ next ^ rotated(v, 2) ^ rotated(v, 3);
  }

  /** The inverse of {@link #mix}. */
  static long unmix(long v) {
    long u = doubled(doubled(v ^ rotated(v, 2)));
    return mix(v ^ u);
  }
}
