package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.qcow2.TableCache.Page;

/**
 * Reference counts of host clusters, and the allocation that rests on them ({@code
 * docs/interop/qcow2.txt}, "Host cluster management").
 *
 * <p>Crash safety: counts go up at once but down only through {@link #release}, which waits until
 * the tables that no longer refer to the clusters are on disk. So at any moment the counts on disk
 * are at least as high as the references on disk, and a cluster is not reused while an old table
 * may still point to it. All calls are made under the image's write lock.
 */
final class Refcounts {
  /** Host offsets above this do not fit the tables. */
  private static final long MAX_HOST_OFFSET = 1L << 55;

  private static final int DEFERRED_LIMIT = 1 << 16;
  private static final int SECTOR_BYTES = 512;

  private final Qcow2Image image;
  private final ImageFile file;
  private final TableCache cache;
  private final int clusterBits;
  private final int order;
  private final int blockBits;
  private final long maxCount;
  private long[] table;
  private boolean[] dirtySectors;
  private boolean tableDirty;
  private long hint = 1;
  private long fileEnd;
  private long[] deferred = new long[64];
  private int deferredCount;
  private long compressedEnd;

  Refcounts(Qcow2Image image, long[] table) throws IOException {
    Qcow2Header h = image.header();
    this.image = image;
    this.file = image.file();
    this.cache = image.cache();
    this.clusterBits = h.clusterBits;
    this.order = h.refcountOrder;
    this.blockBits = clusterBits + 3 - order;
    this.maxCount = order == 6 ? Long.MAX_VALUE : (1L << (1 << order)) - 1;
    setTable(table);
    this.fileEnd = alignUp(file.size());
  }

  private void setTable(long[] t) {
    table = t;
    dirtySectors = new boolean[(int) (((long) t.length * 8 + SECTOR_BYTES - 1) / SECTOR_BYTES)];
  }

  /** Reads the refcount table the header tells of. */
  static long[] readTable(ImageFile file, Qcow2Header h) throws IOException {
    long entries = (long) h.refTableClusters << (h.clusterBits - 3);
    long there = Math.min(entries, (file.size() - h.refTableOffset + 7) / 8);
    byte[] raw = Bytes.readArray(file, h.refTableOffset, (int) (there * 8));
    long[] t = new long[(int) entries];
    for (int i = 0; i < there; i++) {
      t[i] = Bytes.be64(raw, i * 8);
    }
    return t;
  }

  long[] table() {
    return table;
  }

  long maxCount() {
    return maxCount;
  }

  /** First cluster number that no block covers. */
  long coveredClusters() {
    return (long) table.length << blockBits;
  }

  int blockBits() {
    return blockBits;
  }

  private long alignUp(long bytes) {
    long mask = (1L << clusterBits) - 1;
    return bytes + mask & ~mask;
  }

  /** End of the part of the file that was ever in use; past it everything reads as zero. */
  long fileEnd() {
    return fileEnd;
  }

  private long blockOffset(long cluster) throws IOException {
    long index = cluster >>> blockBits;
    if (index >= table.length) {
      return 0;
    }
    long offset = table[(int) index] & ~511L;
    if (offset != 0 && ((offset & (1L << clusterBits) - 1) != 0 || offset < 0)) {
      throw image.corrupt("refcount_table[" + index + "]", "unaligned offset " + offset);
    }
    return offset;
  }

  private Page page(long block, long cluster) throws IOException {
    long bytes = inBlock(cluster) << order >>> 3;
    return cache.get(block + (bytes & -cache.pageBytes()), TableCache.Kind.REFCOUNTS);
  }

  private long inBlock(long cluster) {
    return cluster & (1L << blockBits) - 1;
  }

  /** Count of one cluster. */
  long get(long cluster) throws IOException {
    long block = blockOffset(cluster);
    return block == 0 ? 0 : getIn(page(block, cluster).data, cluster);
  }

  private long inPage(long cluster) {
    long perPage = (long) cache.pageBytes() << 3 >>> order;
    return cluster & perPage - 1;
  }

  private long getIn(byte[] b, long cluster) {
    return RefcountWidth.get(b, inPage(cluster), order);
  }

  private void setIn(byte[] b, long cluster, long value) {
    RefcountWidth.set(b, inPage(cluster), order, value);
  }

  /** Sets a count; the block must exist unless the value is 0. */
  void set(long cluster, long value) throws IOException {
    long block = blockOffset(cluster);
    if (block == 0) {
      if (value == 0) {
        return;
      }
      createBlock(cluster, cluster);
      block = blockOffset(cluster);
    }
    Page p = page(block, cluster);
    cache.markDirty(p);
    setIn(p.data, cluster, value);
    if (value == 0 && cluster < hint) {
      hint = cluster;
    }
  }

  /** Raises the counts of all clusters that a byte range touches. */
  void increment(long offset, long length) throws IOException {
    for (long c = offset >>> clusterBits; c <= offset + length - 1 >>> clusterBits; c++) {
      long v = get(c);
      if (v >= maxCount) {
        throw new ImageException(
            image.filename(), "refcount", "a cluster cannot have more than " + v + " references");
      }
      set(c, v + 1);
    }
  }

  /** True if the counts of a byte range can be raised. */
  boolean canIncrement(long offset, long length) throws IOException {
    for (long c = offset >>> clusterBits; c <= offset + length - 1 >>> clusterBits; c++) {
      if (get(c) >= maxCount) {
        return false;
      }
    }
    return true;
  }

  /** Lowers the counts of a byte range once the present table changes are on disk. */
  void release(long offset, long length) {
    if (deferredCount + 2 > deferred.length) {
      deferred = Arrays.copyOf(deferred, deferred.length * 2);
    }
    if (deferredCount >= 2
        && (offset & (1L << clusterBits) - 1) == 0
        && deferred[deferredCount - 2] + deferred[deferredCount - 1] == offset
        && (deferred[deferredCount - 2] & (1L << clusterBits) - 1) == 0) {
      deferred[deferredCount - 1] += length;
      return;
    }
    deferred[deferredCount++] = offset;
    deferred[deferredCount++] = length;
  }

  boolean hasDeferred() {
    return deferredCount > 0;
  }

  boolean isDeferredCrowded() {
    return deferredCount > DEFERRED_LIMIT;
  }

  /** Does what {@link #release} put off; called when the tables are on disk. */
  void applyReleases() throws IOException {
    long[] list = deferred;
    int n = deferredCount;
    deferred = new long[64];
    deferredCount = 0;
    for (int i = 0; i < n; i += 2) {
      long first = list[i] >>> clusterBits;
      long last = list[i] + list[i + 1] - 1 >>> clusterBits;
      long freedFrom = -1;
      for (long c = first; c <= last; c++) {
        long v = get(c);
        if (v == 0) {
          throw image.corrupt("refcount", "cluster " + c + " is freed but has no references");
        }
        set(c, v - 1);
        if (v == 1) {
          freedFrom = freedFrom < 0 ? c : freedFrom;
          cache.drop(c << clusterBits, 1L << clusterBits);
        } else if (freedFrom >= 0) {
          discard(freedFrom, c);
          freedFrom = -1;
        }
      }
      if (freedFrom >= 0) {
        discard(freedFrom, last + 1);
      }
    }
  }

  private void discard(long from, long to) throws IOException {
    if (compressedEnd >>> clusterBits >= from && compressedEnd >>> clusterBits < to) {
      compressedEnd = 0;
    }
    file.discard(from << clusterBits, to - from << clusterBits);
  }

  /** Start of the last allocation. */
  private long allocated;

  /** Host offset of the run the last {@link #allocateUpTo} found. */
  long allocatedOffset() {
    return allocated;
  }

  /** Allocates 1 to {@code want} adjacent clusters; returns how many. */
  int allocateUpTo(int want) throws IOException {
    long start = findFree(hint);
    int n = 1;
    while (n < want && isFree(start + n)) {
      n++;
    }
    take(start, n);
    hint = start + n;
    return n;
  }

  /** Allocates adjacent clusters for {@code bytes} bytes; returns the host offset. */
  long allocate(long bytes) throws IOException {
    long n = Math.max(1, bytes + (1L << clusterBits) - 1 >>> clusterBits);
    long start = hint;
    while (true) {
      start = findFree(start);
      long i = 1;
      while (i < n && isFree(start + i)) {
        i++;
      }
      if (i == n) {
        break;
      }
      start += i;
    }
    take(start, n);
    return allocated;
  }

  /** Takes clusters at a given place; false if they are not free. */
  private boolean allocateAt(long cluster, long n) throws IOException {
    for (long i = 0; i < n; i++) {
      if (!isFree(cluster + i)) {
        return false;
      }
    }
    take(cluster, n);
    return true;
  }

  private void take(long start, long n) throws IOException {
    if (start + n << clusterBits > MAX_HOST_OFFSET) {
      throw new ImageException(image.filename(), "size", "the image file would become too large");
    }
    // Blocks and a larger table, if need be, must not land in the run itself.
    long savedHint = hint;
    hint = Math.max(hint, start + n);
    for (long c = start; c < start + n; c = (c >>> blockBits) + 1 << blockBits) {
      if (blockOffset(c) == 0) {
        createBlock(c, start + n);
      }
    }
    hint = savedHint == start ? start + n : savedHint;
    for (long c = start; c < start + n; c++) {
      set(c, 1);
    }
    fileEnd = Math.max(fileEnd, start + n << clusterBits);
    allocated = start << clusterBits;
  }

  private boolean isFree(long cluster) throws IOException {
    return get(cluster) == 0;
  }

  private long findFree(long from) throws IOException {
    long c = Math.max(1, from);
    while (true) {
      long block = blockOffset(c);
      if (block == 0) {
        return c;
      }
      long end = (c >>> blockBits) + 1 << blockBits;
      while (c < end) {
        byte[] data = page(block, c).data;
        long pageEnd = Math.min(end, c + entriesLeftInPage(c));
        for (; c < pageEnd; c++) {
          if (getIn(data, c) == 0) {
            return c;
          }
        }
      }
    }
  }

  private long entriesLeftInPage(long cluster) {
    return ((long) cache.pageBytes() << 3 >>> order) - inPage(cluster);
  }

  /**
   * Makes the refcount block that covers {@code cluster}, at the first free cluster from {@code
   * from} on. A block whose own place has no block yet counts itself.
   */
  private void createBlock(long cluster, long from) throws IOException {
    long index = cluster >>> blockBits;
    if (index >= table.length) {
      growTable(index + 1);
    }
    long place = findFree(from);
    while (place >>> blockBits != index && blockOffset(place) == 0) {
      createBlock(place, place);
      place = findFree(place);
    }
    if (blockOffset(cluster) != 0) {
      return;
    }
    long offset = place << clusterBits;
    file.writeZeroes(offset, 1L << clusterBits, false);
    cache.drop(offset, 1L << clusterBits);
    setTableEntry((int) index, offset);
    set(place, 1);
    fileEnd = Math.max(fileEnd, place + 1 << clusterBits);
  }

  private void setTableEntry(int index, long offset) {
    table[index] = offset;
    image.guard().replace(0, offset);
    dirtySectors[index * 8 / SECTOR_BYTES] = true;
    tableDirty = true;
  }

  private boolean growing;

  private void growTable(long entries) throws IOException {
    long perCluster = 1L << clusterBits - 3;
    long wanted = Math.max(entries, table.length + table.length / 2L);
    long size = (wanted + perCluster - 1) / perCluster * perCluster;
    if (size * 8 > Qcow2Header.MAX_REFTABLE_BYTES) {
      size = Qcow2Header.MAX_REFTABLE_BYTES / 8;
      if (entries > size) {
        throw new ImageException(
            image.filename(), "refcount_table", "the image file cannot grow any further");
      }
    }
    long[] bigger = Arrays.copyOf(table, (int) size);
    setTable(bigger);
    if (growing) {
      return; // the outer call stores the table, however large it has become
    }
    growing = true;
    try {
      Qcow2Header h = image.header();
      long oldOffset = h.refTableOffset;
      long oldBytes = (long) h.refTableClusters << clusterBits;
      long room = table.length;
      long newOffset = allocate(room * 8);
      while (table.length > room) {
        release(newOffset, room * 8);
        room = table.length;
        newOffset = allocate(room * 8);
      }
      cache.write(TableCache.Kind.REFCOUNTS);
      byte[] raw = new byte[table.length * 8];
      for (int i = 0; i < table.length; i++) {
        Bytes.putBe64(raw, i * 8, table[i]);
      }
      file.write(newOffset, ByteBuffer.wrap(raw));
      file.flush();
      h.refTableOffset = newOffset;
      h.refTableClusters = (int) ((long) table.length * 8 >>> clusterBits);
      image.writeHeader();
      file.flush();
      Arrays.fill(dirtySectors, false);
      tableDirty = false;
      release(oldOffset, oldBytes);
    } finally {
      growing = false;
    }
  }

  /** Writes changed blocks; true if the table refers to new ones and must follow after a sync. */
  boolean writeBlocks() throws IOException {
    cache.write(TableCache.Kind.REFCOUNTS);
    return tableDirty;
  }

  /** Writes the changed parts of the table. */
  void writeTable() throws IOException {
    long base = image.header().refTableOffset;
    int perSector = SECTOR_BYTES / 8;
    for (int s = 0; s < dirtySectors.length; s++) {
      if (dirtySectors[s]) {
        byte[] raw = new byte[SECTOR_BYTES];
        for (int i = 0; i < perSector && s * perSector + i < table.length; i++) {
          Bytes.putBe64(raw, i * 8, table[s * perSector + i]);
        }
        file.write(base + (long) s * SECTOR_BYTES, ByteBuffer.wrap(raw));
        dirtySectors[s] = false;
      }
    }
    tableDirty = false;
  }

  /** Finds room for compressed data, which may share clusters with other compressed data. */
  long allocateBytes(int size) throws IOException {
    long mask = (1L << clusterBits) - 1;
    if (compressedEnd != 0 && (compressedEnd & mask) != 0) {
      long left = (1L << clusterBits) - (compressedEnd & mask);
      long start = compressedEnd;
      if (size <= left) {
        if (canIncrement(start, 1)) {
          increment(start, 1);
          compressedEnd += size;
          return start;
        }
      } else if (canIncrement(start, 1)
          && allocateAt((start >>> clusterBits) + 1, size - left + mask >>> clusterBits)) {
        increment(start, 1);
        compressedEnd += size;
        return start;
      }
    }
    long start = allocate(size);
    compressedEnd = start + size;
    hint = Math.max(hint, (start >>> clusterBits) + 1);
    return start;
  }
}
