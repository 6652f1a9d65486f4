package org.tuber.truffle.engine;

import java.util.Arrays;

/**
 * Which of the guest's virtual pages, of any sizes, something was done with. A filter by hash: it
 * may say yes too often, never no.
 */
public final class PageFilter {
  private static final int BITS_LOG = 14;
  private static final int BITS = 1 << BITS_LOG;

  private final long[] filter = new long[BITS / 64];

  /** Bit n: something of 2^n bytes was added. */
  private long sizes;

  /** Adds the page of {@code 1 << shift} bytes around {@code gva}. */
  public void add(long gva, int shift) {
    sizes |= 1L << shift;
    int bit = hash(gva >>> shift, shift);
    filter[bit >> 6] |= 1L << bit;
  }

  /** True when {@code gva} may lie in a page that was added. */
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
    return (int) (h >>> 64 - BITS_LOG);
  }

  /** Forgets all. */
  public void clear() {
    if (sizes != 0) {
      Arrays.fill(filter, 0);
      sizes = 0;
    }
  }
}
