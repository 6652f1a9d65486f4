package org.tuber.devices.block.qcow2;

/**
 * Knows where the image's own tables are, so that guest data never goes there: a damaged or hostile
 * table may claim that a data cluster is where the L1 table or a refcount block is.
 */
final class MetadataGuard {
  private final LongSet tables = new LongSet();

  /** Learns all L2 tables and refcount blocks. */
  void rebuild(Qcow2Image image) {
    tables.clear();
    for (long e : image.map().l1()) {
      tables.add(e & ClusterMap.OFFSET_MASK);
    }
    for (long e : image.refcounts().table()) {
      tables.add(e & -512L);
    }
  }

  /** A table has moved; either offset may be 0. */
  void replace(long oldOffset, long newOffset) {
    if (oldOffset != 0) {
      tables.remove(oldOffset);
    }
    tables.add(newOffset);
  }

  /** True if a byte range touches any of the image's tables. */
  boolean overlaps(long offset, long length, Qcow2Header h) {
    long end = offset + length;
    int bits = h.clusterBits;
    if (offset < h.clusterBytes()
        || touches(offset, end, h.l1Offset, Integer.toUnsignedLong(h.l1Size) * 8)
        || touches(offset, end, h.refTableOffset, (long) h.refTableClusters << bits)
        || h.snapshotCount > 0 && touches(offset, end, h.snapshotsOffset, h.clusterBytes())) {
      return true;
    }
    for (long c = offset >>> bits; c <= end - 1 >>> bits; c++) {
      if (tables.contains(c << bits)) {
        return true;
      }
    }
    return false;
  }

  private static boolean touches(long from, long to, long start, long length) {
    return length > 0 && from < start + length && to > start;
  }
}
