package org.tuber.truffle.engine;

import java.util.Arrays;

/**
 * Which pages above 4 KiB may be in a CPU's TLB, in pieces of 4 KiB: an invalidation by address has
 * to forget all pieces of what it names. A filter by hash: it may say yes too often, never no.
 */
public final class LargePages {
  private static final int BITS = 1 << 12;

  private final long[] filter = new long[BITS / 64];

  /** Bit n: something of 2^n bytes was added. */
  private long sizes;

  /** A page of {@code 1 << shift} bytes around {@code gva} is in use. */
  public void add(long gva, int shift) {
    sizes |= 1L << shift;
    int bit = hash(gva >>> shift, shift);
    filter[bit >> 6] |= 1L << bit;
  }

  /** True when {@code gva} may lie in a large page that is in use. */
  public boolean mayContain(long gva) {
    for (long rest = sizes; rest != 0; rest &= rest - 1) {
      int shift = Long.numberOfTrailingZeros(rest);
      int bit = hash(gva >>> shift, shift);
      if ((filter[bit >> 6] >>> bit & 1) != 0) {
        return true;
      }
    }
    return false;
  }

  private static int hash(long page, int shift) {
    long h = (page + shift) * 0x9e37_79b9_7f4a_7c15L;
    return (int) (h >>> 52) & (BITS - 1);
  }

  /** The TLB is empty. */
  public void clear() {
    if (sizes != 0) {
      Arrays.fill(filter, 0);
      sizes = 0;
    }
  }
}
