package org.tuber.truffle.x86.mmu;

/**
 * Where large pages have been translated since the TLB was last empty: a filter without false
 * negatives. A large page fills one TLB entry for each 4 KiB touched, so that INVLPG of it has to
 * drop more than one entry; of anything else it need not.
 */
public final class LargePages {
  private static final int BITS = 1 << 12;

  private final long[] filter = new long[BITS / 64];

  /** A page of {@code 1 << shift} bytes around {@code gva} is in use. */
  void add(long gva, int shift) {
    int bit = hash(gva >>> shift, shift);
    filter[bit >> 6] |= 1L << bit;
  }

  /** True when {@code gva} may lie in a large page that is in use. */
  boolean mayContain(long gva) {
    return has(gva, 21) || has(gva, 22) || has(gva, 30);
  }

  private boolean has(long gva, int shift) {
    int bit = hash(gva >>> shift, shift);
    return (filter[bit >> 6] >>> bit & 1) != 0;
  }

  private static int hash(long page, int shift) {
    long h = (page + shift) * 0x9e37_79b9_7f4a_7c15L;
    return (int) (h >>> 52) & (BITS - 1);
  }

  /** The TLB is empty. */
  void clear() {
    java.util.Arrays.fill(filter, 0);
  }
}
