package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CheckReport.Repair;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;

/**
 * Compares the counts of all clusters with what the tables really refer to, and repairs on demand.
 *
 * <p>Leaks are repaired by lowering counts in place. If any count is too low the whole count
 * structure is rebuilt after the end of the file, and the header switched to it in one write.
 */
final class Qcow2Check {
  private final Qcow2Image image;
  private final ImageFile file;
  private final Qcow2Header header;
  private final int clusterBits;
  private final long clusterBytes;
  private final CheckReport report = new CheckReport();
  private ClusterCounts counted;
  private long fileClusters;
  private long allocated;
  private long fragmented;
  private long compressed;
  private long expectedNext;
  private boolean countsTooLow;
  private Repair repair;

  /** A check of one open image. */
  Qcow2Check(Qcow2Image image) {
    this.image = image;
    this.file = image.file();
    this.header = image.header();
    this.clusterBits = header.clusterBits;
    this.clusterBytes = header.clusterBytes();
  }

  /** Runs the check, then the repair. */
  CheckReport run(Repair what) throws IOException {
    repair = what;
    image.pending().lockAlone();
    try {
      if (!image.isReadOnly()) {
        image.commits().commit();
      }
      fileClusters = file.size() + clusterBytes - 1 >>> clusterBits;
      counted = new ClusterCounts(fileClusters);
      countAll();
      compareCounts();
      checkCopiedFlags();
      if (what != Repair.NONE) {
        fix();
      }
      long total = header.sizeBytes + clusterBytes - 1 >>> clusterBits;
      report.layout(endOffset(), total, allocated, fragmented, compressed);
      return report;
    } finally {
      image.lock().writeLock().unlock();
    }
  }

  private long endOffset() {
    return counted.last() + 1 << clusterBits;
  }

  private void count(long offset, long bytes, String what) {
    if (bytes <= 0) {
      return;
    }
    long first = offset >>> clusterBits;
    long last = offset + bytes - 1 >>> clusterBits;
    if (offset < 0 || last >= fileClusters) {
      report.corruption(
          "ERROR: " + what + " at " + Long.toHexString(offset) + " is outside the file");
      return;
    }
    for (long c = first; c <= last; c++) {
      counted.increment(c);
    }
  }

  private void countAll() throws IOException {
    count(0, clusterBytes, "header");
    countL1(image.map().l1(), true);
    count(header.l1Offset, header.l1Size * 8L, "L1 table");
    count(header.snapshotsOffset, image.snapshotTable().tableBytes(), "snapshot table");
    for (Snapshots.Entry s : image.snapshotTable().entries()) {
      count(s.l1Offset, s.l1Size * 8L, "snapshot L1 table");
      countL1(ClusterMap.readL1(file, s.l1Offset, s.l1Size), false);
    }
    countExtensions();
    if (repair == Repair.ALL) {
      return; // counts first without the old count structure: it may be what is broken
    }
    countRefcountStructure();
  }

  private void countRefcountStructure() {
    count(header.refTableOffset, (long) header.refTableClusters << clusterBits, "refcount table");
    long[] table = image.refcounts().table();
    for (int i = 0; i < table.length; i++) {
      long block = table[i] & -512L;
      if (block == 0) {
        continue;
      }
      if ((block & clusterBytes - 1) != 0) {
        report.corruption(
            "ERROR refcount block "
                + i
                + " is not cluster aligned; refcount table entry corrupted");
        countsTooLow = true;
        continue;
      }
      if (block >>> clusterBits >= fileClusters) {
        report.corruption("ERROR refcount block " + i + " is outside image");
        countsTooLow = true;
        continue;
      }
      count(block, clusterBytes, "refcount block");
      int refcount = counted.get(block >>> clusterBits);
      if (refcount != 1) {
        report.corruption("ERROR refcount block " + i + " refcount=" + refcount);
        countsTooLow = true;
      }
    }
  }

  private void countExtensions() throws IOException {
    byte[] crypto = image.cryptoHeader();
    if (crypto != null) {
      count(Bytes.be64(crypto, 0), Bytes.be64(crypto, 8), "encryption header");
    }
    byte[] bitmaps = header.extension(Qcow2Header.EXT_BITMAPS);
    boolean valid = (header.autoclear & Qcow2Header.AUTOCLEAR_BITMAPS) != 0;
    if (bitmaps == null || bitmaps.length < 24 || !valid) {
      return;
    }
    long dirBytes = Bytes.be64(bitmaps, 8);
    long dirOffset = Bytes.be64(bitmaps, 16);
    if (dirBytes < 0 || dirBytes > 64L << 20 || dirOffset < 0 || dirOffset > file.size()) {
      report.corruption("ERROR bitmap directory is outside the file");
      return;
    }
    count(dirOffset, dirBytes, "bitmap directory");
    byte[] dir = Bytes.readArray(file, dirOffset, (int) dirBytes);
    int at = 0;
    while (at + 24 <= dir.length) {
      long tableOffset = Bytes.be64(dir, at);
      long entries = Bytes.beU32(dir, at + 8);
      int nameBytes = Bytes.be16(dir, at + 18);
      long extra = Bytes.beU32(dir, at + 20);
      if (entries * 8 > 64L << 20 || extra > dir.length) {
        report.corruption("ERROR bitmap table is too large");
        return;
      }
      count(tableOffset, entries * 8, "bitmap table");
      byte[] table = Bytes.readArray(file, Math.max(0, tableOffset), (int) entries * 8);
      for (int i = 0; i < entries; i++) {
        long data = Bytes.be64(table, i * 8) & ClusterMap.OFFSET_MASK;
        if (data != 0) {
          count(data, clusterBytes, "bitmap data");
        }
      }
      at += (int) (24 + extra + nameBytes + 7 & ~7L);
    }
  }

  private void countL1(long[] l1, boolean active) throws IOException {
    int pageBytes = image.cache().pageBytes();
    for (int i = 0; i < l1.length; i++) {
      long table = l1[i] & ClusterMap.OFFSET_MASK;
      if (table == 0) {
        continue;
      }
      if ((table & clusterBytes - 1) != 0 || table >>> clusterBits >= fileClusters) {
        report.corruption("ERROR l2_offset=" + Long.toHexString(table) + ": Table is not in file");
        if (active && repair == Repair.ALL) {
          image.map().setL1Entry(i, 0);
        }
        continue;
      }
      count(table, clusterBytes, "L2 table");
      for (long at = 0; at < clusterBytes; at += pageBytes) {
        countPage(image.cache().get(table + at, TableCache.Kind.L2), active);
      }
    }
  }

  private void countPage(TableCache.Page page, boolean active) {
    int step = header.l2EntryBytes();
    byte[] data = page.data;
    for (int e = 0; e < data.length; e += step) {
      long entry = Bytes.be64(data, e);
      if (entry == 0) {
        continue;
      }
      if ((entry & ClusterMap.COMPRESSED) != 0) {
        long offset = ClusterMap.packedOffset(entry, clusterBits);
        if ((entry & ClusterMap.COPIED) != 0) {
          report.corruption(
              "ERROR: coffset=0x" + Long.toHexString(offset) + ": copied flag must never be set");
        }
        long bytes = ClusterMap.packedBytes(entry, clusterBits);
        bytes = Math.min(bytes, Math.max(1, fileClusters * clusterBytes - offset));
        count(offset, bytes, "compressed cluster");
        if (active) {
          allocated++;
          compressed++;
          fragmented++; // like other tools: compressed clusters count as fragmented
        }
        continue;
      }
      long offset = entry & ClusterMap.OFFSET_MASK;
      boolean external = image.hasExternalData();
      if (offset == 0 && !(external && (entry & ClusterMap.COPIED) != 0)) {
        continue;
      }
      if ((offset & clusterBytes - 1) != 0 || !external && offset >>> clusterBits >= fileClusters) {
        report.corruption(
            "ERROR offset=" + Long.toHexString(offset) + ": Data cluster is not in the file");
        if (repair == Repair.ALL && active) {
          image.cache().markDirty(page);
          Bytes.putBe64(data, e, header.version >= 3 && step == 8 ? ClusterMap.ZERO : 0);
          if (step == 16) {
            Bytes.putBe64(data, e + 8, 0xffff_ffffL << 32);
          }
        }
        continue;
      }
      if (active) {
        allocated++;
        if (expectedNext != 0 && offset != expectedNext) {
          fragmented++;
        }
        expectedNext = offset + clusterBytes;
      }
      if (!external) {
        count(offset, clusterBytes, "data cluster");
      }
    }
  }

  private long stored(long cluster) throws IOException {
    long[] table = image.refcounts().table();
    long index = cluster >>> image.refcounts().blockBits();
    if (index >= table.length) {
      return 0;
    }
    long block = table[(int) index] & -512L;
    if (block == 0 || (block & clusterBytes - 1) != 0 || block >>> clusterBits >= fileClusters) {
      return 0;
    }
    return image.refcounts().get(cluster);
  }

  private void compareCounts() throws IOException {
    if (repair == Repair.ALL) {
      ClusterCounts without = counted.copy();
      countRefcountStructure();
      compareWith(counted);
      withoutStructure = without;
    } else {
      compareWith(counted);
    }
  }

  private ClusterCounts withoutStructure;

  private void compareWith(ClusterCounts expected) throws IOException {
    for (long c = nextOfInterest(expected, 0);
        c < fileClusters;
        c = nextOfInterest(expected, c + 1)) {
      long there = stored(c);
      int wanted = expected.get(c);
      if (there < wanted) {
        report.corruption("ERROR cluster " + c + " refcount=" + there + " reference=" + wanted);
        countsTooLow = true;
      } else if (there > wanted) {
        report.leak("Leaked cluster " + c + " refcount=" + there + " reference=" + wanted);
      }
    }
  }

  /** The next cluster from one on that is referred to, or that a block of counts covers. */
  private long nextOfInterest(ClusterCounts expected, long cluster) {
    long referred = expected.next(cluster);
    if (referred == cluster) {
      return cluster;
    }
    int bits = image.refcounts().blockBits();
    long[] table = image.refcounts().table();
    long index = cluster >>> bits;
    while (index < table.length && (table[(int) index] & -512L) == 0) {
      index++;
    }
    long covered = index < table.length ? Math.max(cluster, index << bits) : fileClusters;
    return Math.min(referred, covered);
  }

  private void checkCopiedFlags() throws IOException {
    if (image.hasExternalData()) {
      return;
    }
    int step = header.l2EntryBytes();
    for (long e : image.map().l1()) {
      long table = e & ClusterMap.OFFSET_MASK;
      if (table == 0 || (table & clusterBytes - 1) != 0 || table >>> clusterBits >= fileClusters) {
        continue;
      }
      checkFlag(e, table, "L2 cluster: l1_entry");
      for (long at = 0; at < clusterBytes; at += image.cache().pageBytes()) {
        byte[] data = image.cache().get(table + at, TableCache.Kind.L2).data;
        for (int i = 0; i < data.length; i += step) {
          long entry = Bytes.be64(data, i);
          long offset = entry & ClusterMap.OFFSET_MASK;
          boolean plain = (entry & ClusterMap.COMPRESSED) == 0 && offset != 0;
          if (plain && (offset & clusterBytes - 1) == 0 && offset >>> clusterBits < fileClusters) {
            checkFlag(entry, offset, "data cluster: l2_entry");
          }
        }
      }
    }
  }

  private void checkFlag(long entry, long offset, String what) throws IOException {
    boolean flag = (entry & ClusterMap.COPIED) != 0;
    long refcount = stored(offset >>> clusterBits);
    if (flag != (refcount == 1)) {
      report.corruption(
          "ERROR OFLAG_COPIED " + what + "=" + Long.toHexString(entry) + " refcount=" + refcount);
      wrongFlags = true;
    }
  }

  private boolean wrongFlags;

  private void fix() throws IOException {
    image.requireWritable();
    long leaks = report.leaks();
    if (repair == Repair.LEAKS) {
      if (!countsTooLow) {
        lowerCounts();
        report.fixed(0, leaks);
      }
      image.commits().commit();
      return;
    }
    if (countsTooLow) {
      rebuild();
    } else if (leaks > 0) {
      lowerCounts();
    }
    image.commits().commit();
    if (countsTooLow || wrongFlags || leaks > 0) {
      new ReferenceWalk(image).updateCopiedFlags();
      image.commits().commit();
    }
    file.flush();
    report.fixed(report.corruptions(), leaks);
    long marks = Qcow2Header.INCOMPAT_DIRTY | Qcow2Header.INCOMPAT_CORRUPT;
    if (header.version >= 3 && (header.incompatible & marks) != 0) {
      header.incompatible &= ~marks;
      image.writeHeader();
      file.flush();
    }
  }

  private void lowerCounts() throws IOException {
    for (long c = nextOfInterest(counted, 0);
        c < counted.clusters();
        c = nextOfInterest(counted, c + 1)) {
      if (stored(c) > counted.get(c)) {
        image.refcounts().set(c, counted.get(c));
      }
    }
    // Blocks may count clusters past the end of the file as well.
    long covered = image.refcounts().coveredClusters();
    long[] table = image.refcounts().table();
    int bits = image.refcounts().blockBits();
    for (long c = counted.clusters(); c < covered; c++) {
      if (table[(int) (c >>> bits)] == 0) {
        c = (c >>> bits) + 1 << bits;
        c--;
        continue;
      }
      if (image.refcounts().get(c) != 0) {
        image.refcounts().set(c, 0);
      }
    }
  }

  /** Writes all counts anew, with a different width. */
  void rewriteCounts(int order) throws IOException {
    repair = Repair.ALL;
    image.commits().commit();
    fileClusters = file.size() + clusterBytes - 1 >>> clusterBits;
    counted = new ClusterCounts(fileClusters);
    countAll();
    if (report.corruptions() > 0) {
      throw new ImageException(image.filename(), "refcount_bits", "the image needs repair first");
    }
    long max = order >= 5 ? Integer.MAX_VALUE : (1L << (1 << order)) - 1;
    int most = counted.most();
    if (most > max) {
      throw new ImageException(
          image.filename(), "refcount_bits", "a cluster has " + most + " references");
    }
    withoutStructure = counted;
    header.refcountOrder = order;
    rebuild();
  }

  /** Writes a new refcount table and blocks past the end of the file. */
  private void rebuild() throws IOException {
    int bits = clusterBits + 3 - header.refcountOrder;
    ClusterCounts counts = withoutStructure;
    long start = fileClusters;
    long perTableCluster = clusterBytes / 8;
    long blocks;
    long tableClusters;
    long end = start;
    while (true) {
      blocks = end + (1L << bits) - 1 >>> bits;
      tableClusters = (blocks + perTableCluster - 1) / perTableCluster;
      long needed = start + blocks + tableClusters;
      if (needed <= end) {
        break;
      }
      end = needed;
    }
    if (tableClusters * clusterBytes > Qcow2Header.MAX_REFTABLE_BYTES) {
      throw new ImageException(
          image.filename(), "refcount table", "the file is too long for a new one");
    }
    long[] table = new long[(int) (tableClusters * perTableCluster)];
    byte[] block = new byte[(int) clusterBytes];
    for (long b = 0; b < blocks; b++) {
      Arrays.fill(block, (byte) 0);
      for (long i = 0; i < 1L << bits; i++) {
        long cluster = (b << bits) + i;
        long value = cluster < start ? counts.get(cluster) : cluster < end ? 1 : 0;
        RefcountWidth.set(block, i, header.refcountOrder, value);
      }
      long offset = start + b << clusterBits;
      file.write(offset, ByteBuffer.wrap(block));
      table[(int) b] = offset;
    }
    long tableOffset = start + blocks << clusterBits;
    file.write(tableOffset, ByteBuffer.wrap(ClusterMap.encodeL1(table)));
    image.map().writeL1();
    image.cache().write(TableCache.Kind.L2);
    file.flush();
    header.refTableOffset = tableOffset;
    header.refTableClusters = (int) tableClusters;
    image.writeHeader();
    file.flush();
    image.reopenTables();
    counted = counts.copy();
    counted.append(end);
    fileClusters = end;
  }
}
