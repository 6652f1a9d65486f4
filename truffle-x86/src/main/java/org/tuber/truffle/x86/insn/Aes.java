package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.state.X86State;

/**
 * AES rounds (SDM vol. 2: AESENC, AESDEC, AESIMC, AESKEYGENASSIST; FIPS 197). Byte {@code r + 4c}
 * of a register is row r of column c. One table lookup per byte does SubBytes and MixColumns.
 */
final class Aes {
  private static final int[] BOX = new int[256];
  private static final int[] INVERSE_BOX = new int[256];

  /** SubBytes and MixColumns of a byte in row 0. */
  private static final int[] ROUND = new int[256];

  /** Inverse SubBytes and inverse MixColumns of a byte in row 0. */
  private static final int[] INVERSE_ROUND = new int[256];

  static {
    for (int i = 0; i < 256; i++) {
      int v = inverse(i);
      int b = v;
      for (int k = 1; k < 5; k++) {
        b ^= v << k | v >>> (8 - k);
      }
      b = (b ^ 0x63) & 0xff;
      BOX[i] = b;
      INVERSE_BOX[b] = i;
    }
    for (int i = 0; i < 256; i++) {
      int b = BOX[i];
      ROUND[i] = times(b, 2) | b << 8 | b << 16 | times(b, 3) << 24;
      int n = INVERSE_BOX[i];
      INVERSE_ROUND[i] = times(n, 14) | times(n, 9) << 8 | times(n, 13) << 16 | times(n, 11) << 24;
    }
  }

  private Aes() {}

  /** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
  private static int times(int a, int b) {
    int r = 0;
    while (b != 0) {
      r ^= (b & 1) != 0 ? a : 0;
      a = a << 1 ^ ((a & 0x80) != 0 ? 0x11b : 0);
      b >>= 1;
    }
    return r;
  }

  /** a^254, the inverse. */
  private static int inverse(int a) {
    int r = 1;
    for (int i = 0; i < 254; i++) {
      r = times(r, a);
    }
    return r;
  }

  static void run(X86State s, int d, int w, int op, int immediate) {
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    long r0;
    long r1;
    switch (op) {
      case Crypto.AESENC -> {
        r0 = columns(ROUND, a0, a1, 0, 1) ^ b0;
        r1 = columns(ROUND, a0, a1, 2, 1) ^ b1;
      }
      case Crypto.AESENCLAST -> {
        r0 = lastColumns(BOX, a0, a1, 0, 1) ^ b0;
        r1 = lastColumns(BOX, a0, a1, 2, 1) ^ b1;
      }
      case Crypto.AESDEC -> {
        r0 = columns(INVERSE_ROUND, a0, a1, 0, 3) ^ b0;
        r1 = columns(INVERSE_ROUND, a0, a1, 2, 3) ^ b1;
      }
      case Crypto.AESDECLAST -> {
        r0 = lastColumns(INVERSE_BOX, a0, a1, 0, 3) ^ b0;
        r1 = lastColumns(INVERSE_BOX, a0, a1, 2, 3) ^ b1;
      }
      case Crypto.AESIMC -> {
        r0 = unmix(b0);
        r1 = unmix(b1);
      }
      default -> {
        r0 = keyHalf(Xmm.high(b0), immediate);
        r1 = keyHalf(Xmm.high(b1), immediate);
      }
    }
    s.x[d] = r0;
    s.x[d + 1] = r1;
  }

  /** Byte of row {@code row} in column {@code column & 3}. */
  private static int at(long low, long high, int row, int column) {
    long half = (column & 2) == 0 ? low : high;
    return (int) (half >>> (32 * (column & 1) + 8 * row)) & 0xff;
  }

  /** Columns j and j + 1 of a round; row r comes from {@code step * r} columns further. */
  private static long columns(int[] table, long low, long high, int j, int step) {
    return Xmm.pair(column(table, low, high, j, step), column(table, low, high, j + 1, step));
  }

  private static int column(int[] table, long low, long high, int j, int step) {
    return table[at(low, high, 0, j)]
        ^ Integer.rotateLeft(table[at(low, high, 1, j + step)], 8)
        ^ Integer.rotateLeft(table[at(low, high, 2, j + 2 * step)], 16)
        ^ Integer.rotateLeft(table[at(low, high, 3, j + 3 * step)], 24);
  }

  private static long lastColumns(int[] box, long low, long high, int j, int step) {
    return Xmm.pair(lastColumn(box, low, high, j, step), lastColumn(box, low, high, j + 1, step));
  }

  private static int lastColumn(int[] box, long low, long high, int j, int step) {
    return box[at(low, high, 0, j)]
        | box[at(low, high, 1, j + step)] << 8
        | box[at(low, high, 2, j + 2 * step)] << 16
        | box[at(low, high, 3, j + 3 * step)] << 24;
  }

  /** Inverse MixColumns of two columns. */
  private static long unmix(long v) {
    return Xmm.pair(unmix((int) v), unmix((int) (v >>> 32)));
  }

  private static int unmix(int v) {
    return INVERSE_ROUND[BOX[v & 0xff]]
        ^ Integer.rotateLeft(INVERSE_ROUND[BOX[v >>> 8 & 0xff]], 8)
        ^ Integer.rotateLeft(INVERSE_ROUND[BOX[v >>> 16 & 0xff]], 16)
        ^ Integer.rotateLeft(INVERSE_ROUND[BOX[v >>> 24]], 24);
  }

  private static long keyHalf(int word, int constant) {
    int sub =
        BOX[word & 0xff]
            | BOX[word >>> 8 & 0xff] << 8
            | BOX[word >>> 16 & 0xff] << 16
            | BOX[word >>> 24] << 24;
    return Xmm.pair(sub, Integer.rotateRight(sub, 8) ^ constant);
  }
}
