package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.qcow2.TableCache.Page;

/**
 * From guest offsets to host offsets: the active L1 table, in memory, and the L2 tables behind the
 * cache ({@code docs/interop/qcow2.txt}, "Cluster mapping" and "Extended L2 entries").
 *
 * <p>Lookups are made under the image's read lock, changes under its write lock.
 */
final class ClusterMap {
  static final long COPIED = 1L << 63;
  static final long COMPRESSED = 1L << 62;
  static final long ZERO = 1;
  static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;
  private static final int SECTOR_BYTES = 512;

  /** Sources of a run of bytes. */
  static final int UNALLOCATED = 0;

  static final int ZEROS = 1;
  static final int DATA = 2;
  static final int PACKED = 3;

  /** The result of a lookup; owned by the caller and filled anew each time. */
  static final class Run {
    int kind;
    long length;

    /** Host offset of the first byte for DATA, the L2 entry for PACKED, else -1. */
    long host;

    /** The cluster belongs to the active tables alone and may be overwritten. */
    boolean own;
  }

  private final Qcow2Image image;
  private final ImageFile file;
  private final TableCache cache;
  private final int clusterBits;
  private final int l2Bits;
  private final int entryShift;
  private final boolean extended;
  private final boolean dataFile;
  private final boolean hasZeroFlag;
  private final int subclusterBits;
  private long[] l1;
  private boolean[] dirtySectors;
  private boolean l1Dirty;

  ClusterMap(Qcow2Image image, long[] l1) {
    Qcow2Header h = image.header();
    this.image = image;
    this.file = image.file();
    this.cache = image.cache();
    this.clusterBits = h.clusterBits;
    this.extended = h.hasExtendedL2();
    this.dataFile = h.hasDataFile();
    this.hasZeroFlag = h.version >= 3 && !extended;
    this.entryShift = extended ? 4 : 3;
    this.l2Bits = clusterBits - entryShift;
    this.subclusterBits = extended ? clusterBits - 5 : clusterBits;
    setL1(l1);
  }

  /** Reads an L1 table. */
  static long[] readL1(ImageFile file, long offset, int entries) throws IOException {
    byte[] raw = Bytes.readArray(file, offset, entries * 8);
    long[] t = new long[entries];
    for (int i = 0; i < entries; i++) {
      t[i] = Bytes.be64(raw, i * 8);
    }
    return t;
  }

  static byte[] encodeL1(long[] t) {
    byte[] raw = new byte[t.length * 8];
    for (int i = 0; i < t.length; i++) {
      Bytes.putBe64(raw, i * 8, t[i]);
    }
    return raw;
  }

  void setL1(long[] table) {
    l1 = table;
    dirtySectors = new boolean[(table.length * 8 + SECTOR_BYTES - 1) / SECTOR_BYTES];
    l1Dirty = false;
  }

  long[] l1() {
    return l1;
  }

  boolean isL1Dirty() {
    return l1Dirty;
  }

  int subclusterBits() {
    return subclusterBits;
  }

  int l2Bits() {
    return l2Bits;
  }

  /** Writes the changed sectors of the L1 table. */
  void writeL1() throws IOException {
    int perSector = SECTOR_BYTES / 8;
    for (int s = 0; s < dirtySectors.length && l1Dirty; s++) {
      if (dirtySectors[s]) {
        int n = Math.min(perSector, l1.length - s * perSector);
        byte[] raw = encodeL1(Arrays.copyOfRange(l1, s * perSector, s * perSector + n));
        file.write(image.header().l1Offset + (long) s * SECTOR_BYTES, ByteBuffer.wrap(raw));
        dirtySectors[s] = false;
      }
    }
    l1Dirty = false;
  }

  /** Offset of the L2 table for a guest offset, 0 if there is none. */
  private long tableOffset(long guest) throws IOException {
    long index = guest >>> (clusterBits + l2Bits);
    if (index >= l1.length) {
      return 0;
    }
    return checkedTable(l1[(int) index], (int) index);
  }

  /** The table offset in an L1 entry; complains about one that cannot be. */
  private long checkedTable(long entry, int index) throws IOException {
    long offset = entry & OFFSET_MASK;
    if ((offset & (1L << clusterBits) - 1) != 0) {
      throw image.corrupt(
          "l1_table[" + index + "]", "L2 table offset " + offset + " is not aligned");
    }
    return offset;
  }

  private Page page(long table, long guest) throws IOException {
    long at = (guest >>> clusterBits & (1L << l2Bits) - 1) << entryShift;
    return cache.get(table + (at & -cache.pageBytes()), TableCache.Kind.L2);
  }

  private int inPage(long guest) {
    return (int) ((guest >>> clusterBits & (1L << l2Bits) - 1) << entryShift)
        & cache.pageBytes() - 1;
  }

  /** Finds what is at {@code guest} and for how many of {@code max} bytes the same holds. */
  void lookup(long guest, long max, Run run) throws IOException {
    long table = tableOffset(guest);
    if (table == 0) {
      long span = 1L << (clusterBits + l2Bits);
      run.kind = UNALLOCATED;
      run.host = -1;
      run.own = false;
      run.length = Math.min(max, span - (guest & span - 1));
      return;
    }
    Page p = page(table, guest);
    int at = inPage(guest);
    if (extended) {
      lookupExtended(p.data, at, guest, max, run);
      return;
    }
    long entry = Bytes.be64(p.data, at);
    classify(entry, guest, run);
    long inCluster = guest & (1L << clusterBits) - 1;
    long length = (1L << clusterBits) - inCluster;
    if (run.kind != PACKED) {
      int kind = run.kind;
      long host = run.host;
      boolean own = run.own;
      long next = guest - inCluster + (1L << clusterBits);
      at += 8;
      while (length < max && at < p.data.length) {
        classify(Bytes.be64(p.data, at), next, run);
        if (run.kind != kind || run.own != own || kind == DATA && run.host != host + length) {
          break;
        }
        length += 1L << clusterBits;
        next += 1L << clusterBits;
        at += 8;
      }
      run.kind = kind;
      run.host = host;
      run.own = own;
    }
    run.length = Math.min(max, length);
  }

  private void classify(long entry, long guest, Run run) throws IOException {
    run.own = false;
    run.host = -1;
    if ((entry & COMPRESSED) != 0) {
      run.kind = PACKED;
      run.host = entry;
    } else if (hasZeroFlag && (entry & ZERO) != 0) {
      run.kind = ZEROS;
    } else {
      long offset = entry & OFFSET_MASK;
      if (offset == 0 && !(dataFile && (entry & COPIED) != 0)) {
        run.kind = UNALLOCATED;
        return;
      }
      run.kind = DATA;
      run.own = (entry & COPIED) != 0;
      run.host = dataOffset(offset, guest) + (guest & (1L << clusterBits) - 1);
    }
  }

  private long dataOffset(long offset, long guest) throws IOException {
    if ((offset & (1L << clusterBits) - 1) != 0) {
      throw image.corrupt("l2_entry", "cluster offset " + offset + " is not aligned");
    }
    if (dataFile && offset != (guest & -(1L << clusterBits))) {
      throw image.corrupt("l2_entry", "data file offset " + offset + " differs from the guest's");
    }
    return offset;
  }

  private void lookupExtended(byte[] data, int at, long guest, long max, Run run)
      throws IOException {
    long entry = Bytes.be64(data, at);
    long bitmap = Bytes.be64(data, at + 8);
    long inCluster = guest & (1L << clusterBits) - 1;
    long left = (1L << clusterBits) - inCluster;
    run.own = false;
    run.host = -1;
    if ((entry & COMPRESSED) != 0) {
      run.kind = PACKED;
      run.host = entry;
      run.length = Math.min(max, left);
      return;
    }
    long offset = entry & OFFSET_MASK;
    boolean present = offset != 0 || dataFile && (entry & COPIED) != 0;
    if ((bitmap & bitmap >>> 32 & 0xffff_ffffL) != 0 || !present && (int) bitmap != 0) {
      throw image.corrupt("l2_entry", "invalid subcluster bitmap " + Long.toHexString(bitmap));
    }
    int sub = (int) (inCluster >>> subclusterBits);
    run.kind = subclusterKind(bitmap, sub);
    int end = sub + 1;
    while (end < 32 && subclusterKind(bitmap, end) == run.kind) {
      end++;
    }
    if (run.kind == DATA) {
      run.own = (entry & COPIED) != 0;
      run.host = dataOffset(offset, guest) + inCluster;
    }
    run.length = Math.min(max, ((long) end << subclusterBits) - inCluster);
  }

  private static int subclusterKind(long bitmap, int sub) {
    if ((bitmap >>> sub & 1) != 0) {
      return DATA;
    }
    return (bitmap >>> 32 + sub & 1) != 0 ? ZEROS : UNALLOCATED;
  }

  /** The L2 entry for a guest offset; 0 if there is no table. */
  long entry(long guest) throws IOException {
    long table = tableOffset(guest);
    return table == 0 ? 0 : Bytes.be64(page(table, guest).data, inPage(guest));
  }

  /** The subcluster bitmap for a guest offset; 0 if there is none. */
  long bitmap(long guest) throws IOException {
    long table = extended ? tableOffset(guest) : 0;
    return table == 0 ? 0 : Bytes.be64(page(table, guest).data, inPage(guest) + 8);
  }

  /** True if the entry names a host cluster that nobody else refers to. */
  boolean ownsCluster(long entry) {
    return (entry & COPIED) != 0
        && (entry & COMPRESSED) == 0
        && ((entry & OFFSET_MASK) != 0 || dataFile);
  }

  /** Changes an entry; {@link #prepare} was called for the same offset before. */
  void set(long guest, long entry, long bitmap) throws IOException {
    Page p = page(tableOffset(guest), guest);
    cache.markDirty(p);
    int at = inPage(guest);
    Bytes.putBe64(p.data, at, entry);
    if (extended) {
      Bytes.putBe64(p.data, at + 8, bitmap);
    }
  }

  /**
   * Makes the L2 table for a guest offset writable: allocates it, or copies one that a snapshot
   * shares. The new table is in the file at once and whole; the L1 entry follows with the next
   * commit.
   */
  void prepare(long guest) throws IOException {
    int index = (int) (guest >>> (clusterBits + l2Bits));
    long entry = l1[index];
    long old = checkedTable(entry, index);
    if (old != 0 && (entry & COPIED) != 0) {
      return;
    }
    long bytes = 1L << clusterBits;
    long table = image.refcounts().allocate(bytes);
    cache.drop(table, bytes);
    if (old == 0) {
      file.writeZeroes(table, bytes, false);
    } else {
      // Pages of the shared table cannot be dirty: they are only ever changed as copies.
      file.write(table, ByteBuffer.wrap(Bytes.readArray(file, old, (int) bytes)));
      image.refcounts().release(old, bytes);
    }
    setL1Entry(index, table | COPIED);
  }

  void setL1Entry(int index, long value) {
    image.guard().replace(l1[index] & OFFSET_MASK, value & OFFSET_MASK);
    l1[index] = value;
    dirtySectors[index * 8 / SECTOR_BYTES] = true;
    l1Dirty = true;
  }

  /** First byte and length of the data a compressed entry tells of: whole sectors. */
  static long packedOffset(long entry, int clusterBits) {
    return entry & (1L << 62 - (clusterBits - 8)) - 1;
  }

  static int packedBytes(long entry, int clusterBits) {
    int x = 62 - (clusterBits - 8);
    long sectors = (entry >>> x & (1L << clusterBits - 8) - 1) + 1;
    return (int) (sectors * SECTOR_BYTES - (packedOffset(entry, clusterBits) & SECTOR_BYTES - 1));
  }

  static long packedEntry(long offset, int bytes, int clusterBits) {
    int x = 62 - (clusterBits - 8);
    long sectors = (offset + bytes - 1) / SECTOR_BYTES - offset / SECTOR_BYTES;
    return offset | sectors << x | COMPRESSED;
  }

  ImageException noTable(long guest) {
    return new ImageException(image.filename(), "l1_table", "no entry for offset " + guest);
  }
}
