package org.tuber.truffle.engine.linux;

import java.util.Arrays;

/**
 * The pages of an address space that were touched so far, in three levels. An entry is the page's
 * offset in the {@link FrameArena}, with the rights of the moment in bits 0-2 (the engine's PERMIT_
 * bits), {@link #PRESENT} and {@link #OWNED}.
 *
 * <p>Entries are read without lock by walks; they are written under the lock of the {@link
 * UserMemory} they belong to.
 */
final class PageTable {
  static final int PRESENT = 8;

  /** A private frame with a use count; else the page belongs to the mapping's backing. */
  static final int OWNED = 16;

  static final long OFFSET_MASK = -4096L;

  private static final int TOP_BITS = 13;
  private static final int MIDDLE_BITS = 13;
  private static final int LEAF_BITS = 9;
  private static final int LEAF = 1 << LEAF_BITS;
  private static final long LEAF_BYTES = (long) LEAF << 12;
  private static final int TOP_SHIFT = 12 + MIDDLE_BITS + LEAF_BITS;
  private static final long PAGE_MASK = 4095;

  private final long[][][] top = new long[1 << TOP_BITS][][];

  /** The entry of an address; 0 where nothing was touched. */
  long entry(long gva) {
    long page = gva >>> 12;
    if (page >>> (TOP_BITS + MIDDLE_BITS + LEAF_BITS) != 0) {
      return 0;
    }
    long[][] middle = top[(int) (page >>> (MIDDLE_BITS + LEAF_BITS))];
    if (middle == null) {
      return 0;
    }
    long[] leaf = middle[(int) (page >>> LEAF_BITS) & ((1 << MIDDLE_BITS) - 1)];
    return leaf == null ? 0 : leaf[(int) page & (LEAF - 1)];
  }

  /** The leaf of an address, or null when nothing in its 2 MiB was touched. */
  private long[] leaf(long gva) {
    long[][] middle = top[(int) (gva >>> TOP_SHIFT)];
    return middle == null
        ? null
        : middle[(int) (gva >>> (12 + LEAF_BITS)) & ((1 << MIDDLE_BITS) - 1)];
  }

  void set(long gva, long entry) {
    int i = (int) (gva >>> TOP_SHIFT);
    if (top[i] == null) {
      top[i] = new long[1 << MIDDLE_BITS][];
    }
    int j = (int) (gva >>> (12 + LEAF_BITS)) & ((1 << MIDDLE_BITS) - 1);
    if (top[i][j] == null) {
      top[i][j] = new long[LEAF];
    }
    top[i][j][(int) (gva >>> 12) & (LEAF - 1)] = entry;
  }

  /** Forgets the entries of a range; returns the private frames they held, ended by 0. */
  long[] clear(long start, long end) {
    long[] frames = new long[16];
    int n = 0;
    long page = start;
    while (page < end) {
      long[] leaf = leaf(page);
      long leafEnd = Math.min(end, (page | (LEAF_BYTES - 1)) + 1);
      if (leaf != null) {
        for (; page < leafEnd; page += 4096) {
          int i = (int) (page >>> 12) & (LEAF - 1);
          if ((leaf[i] & OWNED) != 0) {
            if (n + 1 >= frames.length) {
              frames = Arrays.copyOf(frames, frames.length * 2);
            }
            frames[n++] = leaf[i] & OFFSET_MASK;
          }
          leaf[i] = 0;
        }
      } else if (top[(int) (page >>> TOP_SHIFT)] == null) {
        leafEnd = Math.min(end, (page | (1L << TOP_SHIFT) - 1) + 1);
      }
      page = leafEnd;
    }
    frames[n] = 0;
    return frames;
  }

  /** How many pages are entered. */
  long present() {
    long n = 0;
    for (long[][] middle : top) {
      for (int j = 0; middle != null && j < middle.length; j++) {
        for (int k = 0; middle[j] != null && k < LEAF; k++) {
          n += middle[j][k] >>> 3 & 1;
        }
      }
    }
    return n;
  }

  /** Entries of a range go to another address. */
  void move(long from, long bytes, long to) {
    for (long page = 0; page < bytes; page += 4096) {
      long e = entry(from + page);
      if (e != 0) {
        set(to + page, e);
        set(from + page, 0);
      }
    }
  }

  /** Gives the entries of a range the rights of their mappings. */
  void applyRights(long start, long end, Mappings mappings, FrameArena arena) {
    long page = start;
    while (page < end) {
      long[] leaf = leaf(page);
      long leafEnd = Math.min(end, (page | (LEAF_BYTES - 1)) + 1);
      if (leaf == null) {
        page = leafEnd;
        continue;
      }
      for (; page < leafEnd; page += 4096) {
        int i = (int) (page >>> 12) & (LEAF - 1);
        long e = leaf[i];
        if ((e & PRESENT) == 0) {
          continue;
        }
        Vma v = mappings.find(page);
        int rights = v.protection;
        if (!v.shared && ((e & OWNED) == 0 || !arena.isAlone(e & OFFSET_MASK))) {
          rights &= ~UserMemory.PROT_WRITE;
        }
        leaf[i] = e & ~7L | rights;
      }
    }
  }

  /**
   * Fills a child's empty table. Private pages are shared, and no longer writable here either, or
   * copied at once.
   */
  void fork(PageTable child, FrameArena arena, boolean eager) {
    for (int i = 0; i < top.length; i++) {
      if (top[i] != null) {
        child.top[i] = new long[1 << MIDDLE_BITS][];
        for (int j = 0; j < top[i].length; j++) {
          if (top[i][j] != null) {
            child.top[i][j] = fork(top[i][j], arena, eager);
          }
        }
      }
    }
  }

  private static long[] fork(long[] leaf, FrameArena arena, boolean eager) {
    long[] copy = leaf.clone();
    for (int k = 0; k < copy.length; k++) {
      if ((copy[k] & OWNED) == 0) {
        continue;
      }
      if (eager) {
        copy[k] = arena.copy(copy[k] & OFFSET_MASK) | copy[k] & PAGE_MASK;
      } else {
        arena.share(copy[k] & OFFSET_MASK);
        copy[k] &= ~(long) UserMemory.PROT_WRITE;
        leaf[k] = copy[k];
      }
    }
    return copy;
  }
}
