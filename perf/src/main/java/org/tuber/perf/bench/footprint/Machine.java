package org.tuber.perf.bench.footprint;

/**
 * The guest of the comparison: registers, flags kept lazily, memory behind a translation buffer.
 */
final class Machine {
  static final int REGISTERS = 16;
  static final int PAGES = 64;

  private static final int PAGE_SHIFT = 12;
  private static final int WORDS_PER_PAGE_SHIFT = PAGE_SHIFT - 3;
  private static final int ADDRESS_MASK = (PAGES << PAGE_SHIFT) - 8;

  final long[] r = new long[REGISTERS];
  long flagA;
  long flagB;
  int offset;

  private final long[] tags = new long[PAGES];
  private final long[] data = new long[PAGES << WORDS_PER_PAGE_SHIFT];

  Machine() {
    for (int i = 0; i < PAGES; i++) {
      tags[i] = i;
    }
    for (int i = 0; i < REGISTERS; i++) {
      r[i] = i * 0x9e3779b97f4a7c15L;
    }
  }

  /** A load as an engine does it: find the entry, compare the tag, read. */
  long load(long address) {
    int at = (int) address & ADDRESS_MASK;
    int page = at >>> PAGE_SHIFT;
    if (tags[page] != page) {
      throw new IllegalStateException("miss");
    }
    return data[at >>> 3];
  }

  /** A store, by the same road. */
  void store(long address, long value) {
    int at = (int) address & ADDRESS_MASK;
    int page = at >>> PAGE_SHIFT;
    if (tags[page] != page) {
      throw new IllegalStateException("miss");
    }
    data[at >>> 3] = value;
  }
}
