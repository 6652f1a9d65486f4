package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.state.X86State;

/**
 * PCLMULQDQ (SDM vol. 2). The product over GF(2) comes from ordinary multiplications of operands
 * that keep every fourth bit only: at most 16 terms meet in a place, so carries stay in the three
 * empty bits above it (the one that does not leaves the 64 bits).
 */
final class Pclmul {
  private static final long EVERY_FOURTH = 0x1111_1111_1111_1111L;

  private Pclmul() {}

  static void run(X86State s, int d, int w, int immediate) {
    long a = s.x[d + (immediate & 1)];
    long b = s.x[w + (immediate >> 4 & 1)];
    s.x[d] = low(a, b);
    s.x[d + 1] = high(a, b);
  }

  /** Bits 63:0 of the carry-less product. */
  static long low(long a, long b) {
    long a0 = a & EVERY_FOURTH;
    long a1 = a & EVERY_FOURTH << 1;
    long a2 = a & EVERY_FOURTH << 2;
    long a3 = a & EVERY_FOURTH << 3;
    long b0 = b & EVERY_FOURTH;
    long b1 = b & EVERY_FOURTH << 1;
    long b2 = b & EVERY_FOURTH << 2;
    long b3 = b & EVERY_FOURTH << 3;
    long r0 = a0 * b0 ^ a1 * b3 ^ a2 * b2 ^ a3 * b1;
    long r1 = a0 * b1 ^ a1 * b0 ^ a2 * b3 ^ a3 * b2;
    long r2 = a0 * b2 ^ a1 * b1 ^ a2 * b0 ^ a3 * b3;
    long r3 = a0 * b3 ^ a1 * b2 ^ a2 * b1 ^ a3 * b0;
    return r0 & EVERY_FOURTH
        | r1 & EVERY_FOURTH << 1
        | r2 & EVERY_FOURTH << 2
        | r3 & EVERY_FOURTH << 3;
  }

  /** Bits 127:64: the same seen in a mirror. */
  static long high(long a, long b) {
    return Long.reverse(low(Long.reverse(a), Long.reverse(b))) >>> 1;
  }
}
