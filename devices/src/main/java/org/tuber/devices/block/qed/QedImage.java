package org.tuber.devices.block.qed;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/**
 * A QED image. The "need check" bit is not used for writing: tables are written after what they
 * point to, so that a crash leaves nothing to check. It is cleared on the first write.
 */
final class QedImage extends MappedImage {
  private final EntryTable tables;
  private final EntryTable l1;
  private final long cluster;
  private final long tableBytes;
  private final long entries;
  private final long l1Offset;
  private final byte[] header;
  private final String backingName;
  private final boolean backingIsRaw;
  private long end;

  private QedImage(ImageFile file, OpenOptions options, byte[] h, String backingName)
      throws IOException {
    super("qed", file, options, Bytes.le32(h, 4), Bytes.le64(h, 48));
    this.header = h;
    this.tables = new EntryTable(file, EntryTable.Width.LE64);
    this.l1 = new EntryTable(file, EntryTable.Width.LE64);
    this.cluster = Bytes.leU32(h, 4);
    this.tableBytes = cluster * Bytes.leU32(h, 8);
    this.entries = tableBytes / 8;
    this.l1Offset = Bytes.le64(h, 40);
    this.backingName = backingName;
    this.backingIsRaw = (Bytes.le64(h, 16) & QedFormat.FEATURE_NO_PROBE) != 0;
    this.end = file.size() + cluster - 1 & -cluster;
  }

  static QedImage open(ImageFile file, OpenOptions options) throws IOException {
    String name = file.name();
    byte[] h = Bytes.readArray(file, 0, 64);
    long cluster = Bytes.leU32(h, 4);
    long table = Bytes.leU32(h, 8);
    long features = Bytes.le64(h, 16);
    require(name, Bytes.le32(h, 0) == QedFormat.MAGIC, "magic", "Image not in QED format");
    require(
        name,
        Long.bitCount(cluster) == 1 && cluster >= 4096 && cluster <= 64 << 20,
        "cluster_size",
        "invalid: " + cluster);
    require(name, Long.bitCount(table) == 1 && table <= 16, "table_size", "invalid: " + table);
    require(name, (features & ~7) == 0, "features", "unsupported: " + Long.toHexString(features));
    long l1 = Bytes.le64(h, 40);
    require(
        name,
        l1 > 0 && (l1 & cluster - 1) == 0 && l1 <= file.size() - cluster * table,
        "l1_table_offset",
        "unaligned or outside the file");
    long entries = cluster * table / 8;
    long size = Bytes.le64(h, 48);
    boolean covered =
        Math.multiplyHigh(entries * entries, cluster) != 0
            || entries * entries * cluster < 0
            || size <= entries * entries * cluster;
    require(name, size >= 0 && (size & 511) == 0 && covered, "image_size", "invalid: " + size);
    long nameAt = Bytes.leU32(h, 56);
    long nameBytes = Bytes.leU32(h, 60);
    long headerClusters = Bytes.leU32(h, 12);
    String backing = null;
    if ((features & QedFormat.FEATURE_BACKING) != 0) {
      require(
          name,
          nameBytes <= 1023 && nameAt + nameBytes <= headerClusters * cluster,
          "backing_filename_size",
          "invalid: " + nameBytes);
      backing = new String(Bytes.readArray(file, nameAt, (int) nameBytes), StandardCharsets.UTF_8);
    }
    QedImage image = new QedImage(file, options, h, backing);
    image.openBacking();
    return image;
  }

  private static void require(String name, boolean good, String field, String problem)
      throws ImageException {
    if (!good) {
      throw new ImageException(name, field, problem);
    }
  }

  @Override
  public String backingName() {
    return backingName;
  }

  @Override
  public String backingFormat() {
    return backingName != null && backingIsRaw ? "raw" : null;
  }

  private long table(long block) throws IOException {
    long index = block / entries;
    long offset = index < entries ? l1.get(l1Offset, entries, index) : 0;
    if (offset != 0 && ((offset & cluster - 1) != 0 || offset < 0 || offset > end - tableBytes)) {
      throw bad("l1_table[" + index + "]", "impossible offset " + offset);
    }
    return offset;
  }

  @Override
  protected long place(long block) throws IOException {
    long table = table(block);
    if (table == 0) {
      return ABSENT;
    }
    long e = tables.get(table, entries, block % entries);
    if (e == 0) {
      return ABSENT;
    }
    if (e == 1) {
      return ZERO;
    }
    if ((e & cluster - 1) != 0 || e < cluster || e >= end) {
      throw bad("l2_table", "impossible offset " + e);
    }
    return e;
  }

  @Override
  protected long nextBlock(long block) throws IOException {
    if (block / entries < entries && l1.get(l1Offset, entries, block / entries) != 0) {
      return block + 1;
    }
    return block / entries >= entries ? Long.MAX_VALUE : (block / entries + 1) * entries;
  }

  private long take(long bytes) throws IOException {
    long at = end;
    end += bytes;
    file().setSize(end);
    return at;
  }

  @Override
  protected long reserve(long block) throws IOException {
    if (table(block) == 0) {
      l1.set(l1Offset, entries, block / entries, take(tableBytes));
    }
    return take(cluster);
  }

  @Override
  protected void enter(long block, long place) throws IOException {
    if (table(block) == 0) {
      l1.set(l1Offset, entries, block / entries, take(tableBytes));
    }
    tables.set(table(block), entries, block % entries, place == ZERO ? 1 : place);
  }

  @Override
  protected boolean canMarkZero() {
    return true;
  }

  @Override
  protected boolean isCrowded() {
    return tables.isCrowded();
  }

  @Override
  protected void writeTables() throws IOException {
    tables.write();
    if (l1.isDirty()) {
      file().flush();
      l1.write();
    }
  }

  @Override
  protected void beginChanges() throws IOException {
    long features = Bytes.le64(header, 16);
    if ((features & QedFormat.FEATURE_NEED_CHECK) != 0 || Bytes.le64(header, 32) != 0) {
      Bytes.putLe64(header, 16, features & ~QedFormat.FEATURE_NEED_CHECK);
      Bytes.putLe64(header, 32, 0);
      file().write(0, ByteBuffer.wrap(header));
    }
  }

  @Override
  public void resize(long newLength, Preallocation preallocation) throws IOException {
    if (newLength < lengthBytes() || preallocation != Preallocation.OFF) {
      throw bad("size", "QED images can only grow, without preallocation");
    }
    Bytes.putLe64(header, 48, newLength);
    file().write(0, ByteBuffer.wrap(header));
    setLength(newLength);
  }
}
