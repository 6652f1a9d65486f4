package org.tuber.devices.block.qcow;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/** A qcow image, version 1. The old AES encryption is refused. */
final class QcowImage extends MappedImage {
  private static final long COMPRESSED = 1L << 63;
  private static final long MAX_L1_BYTES = 1 << 28;

  private final EntryTable l1;
  private final EntryTable l2;
  private final int clusterBits;
  private final int l2Entries;
  private final long l1Offset;
  private final long l1Entries;
  private final String backing;
  private long end;

  private QcowImage(ImageFile file, OpenOptions options, byte[] h, String backing)
      throws IOException {
    super("qcow", file, options, 1 << h[32], Bytes.be64(h, 24));
    this.clusterBits = h[32];
    this.l2Entries = 1 << h[33];
    this.l1Offset = Bytes.be64(h, 40);
    this.l1Entries = l1Entries(h);
    this.l1 = new EntryTable(file, EntryTable.Width.BE64);
    this.l2 = new EntryTable(file, EntryTable.Width.BE64);
    this.backing = backing;
    long cluster = 1L << clusterBits;
    this.end = Math.max(file.size(), l1Offset + l1Entries * 8) + cluster - 1 & -cluster;
  }

  private static long l1Entries(byte[] h) {
    int bits = h[32] + h[33];
    return Bytes.be64(h, 24) + (1L << bits) - 1 >>> bits;
  }

  private static void require(ImageFile file, boolean good, String field, String problem)
      throws ImageException {
    if (!good) {
      throw new ImageException(file.name(), field, problem);
    }
  }

  static QcowImage open(ImageFile file, OpenOptions options) throws IOException {
    byte[] h = Bytes.readArray(file, 0, QcowFormat.HEADER_BYTES);
    require(file, Bytes.be32(h, 0) == QcowFormat.MAGIC, "magic", "Image not in qcow format");
    require(file, Bytes.be32(h, 4) == 1, "version", "not 1");
    require(file, h[32] >= 9 && h[32] <= 16, "cluster_bits", "Cluster size must be 512 to 64k");
    require(file, h[33] >= 6 && h[33] <= 13, "l2_bits", "L2 table size must be 512 to 64k");
    require(
        file, Bytes.be32(h, 36) == 0, "crypt_method", "encrypted qcow images are not supported");
    long size = Bytes.be64(h, 24);
    require(file, size > 1 && size < 1L << 60, "size", "invalid: " + size);
    long entries = l1Entries(h);
    long l1 = Bytes.be64(h, 40);
    require(file, entries * 8 <= MAX_L1_BYTES, "size", "Image too large");
    require(
        file,
        l1 >= QcowFormat.HEADER_BYTES && l1 <= file.size() + 511 - entries * 8,
        "l1_table_offset",
        "the table is outside the file");
    long at = Bytes.be64(h, 8);
    long bytes = Bytes.beU32(h, 16);
    String backing = null;
    if (at != 0) {
      require(file, bytes <= 1023 && at > 0, "backing_file_size", "Backing file name too long");
      backing = new String(Bytes.readArray(file, at, (int) bytes), StandardCharsets.UTF_8);
    }
    QcowImage image = new QcowImage(file, options, h, backing);
    image.openBacking();
    return image;
  }

  @Override
  public String backingName() {
    return backing;
  }

  private long table(long block) throws IOException {
    long index = block / l2Entries;
    long t = index < l1Entries ? l1.get(l1Offset, l1Entries, index) : 0;
    return t == 0 ? 0 : checkPlace("l1_table[" + index + "]", t);
  }

  private long entry(long block) throws IOException {
    long t = table(block);
    return t == 0 ? 0 : l2.get(t, l2Entries, block % l2Entries);
  }

  @Override
  protected long place(long block) throws IOException {
    long e = entry(block);
    if (e == 0) {
      return ABSENT;
    }
    return (e & COMPRESSED) != 0 ? PACKED : checkPlace("l2_table", e);
  }

  @Override
  protected byte[] unpack(long block) throws IOException {
    long e = entry(block);
    int bytes = (int) (e >>> 63 - clusterBits & (1 << clusterBits) - 1);
    long at = e & (1L << 63 - clusterBits) - 1;
    byte[] cluster = new byte[1 << clusterBits];
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(Bytes.readArray(file(), at, bytes));
      int n = 0;
      int got = 1;
      while (n < cluster.length && got > 0) {
        got = inflater.inflate(cluster, n, cluster.length - n);
        n += got;
      }
      if (n < cluster.length) {
        throw bad("compressed cluster", "ends early, at file offset " + at);
      }
      return cluster;
    } catch (DataFormatException x) {
      throw bad("compressed cluster", "damaged, at file offset " + at);
    } finally {
      inflater.end();
    }
  }

  private long take(long bytes) throws IOException {
    long cluster = 1L << clusterBits;
    long at = end;
    end += bytes + cluster - 1 & -cluster;
    file().setSize(end);
    return at;
  }

  @Override
  protected long reserve(long block) throws IOException {
    if (table(block) == 0) {
      l1.set(l1Offset, l1Entries, block / l2Entries, take(l2Entries * 8L));
    }
    return take(1L << clusterBits);
  }

  @Override
  protected void enter(long block, long place) throws IOException {
    l2.set(table(block), l2Entries, block % l2Entries, place);
  }

  @Override
  protected boolean isCrowded() {
    return l2.isCrowded();
  }

  @Override
  protected void writeTables() throws IOException {
    l2.write();
    if (l1.isDirty()) {
      file().flush();
      l1.write();
    }
  }

  /** A header can promise more blocks than anybody could look at; QEMU checks none of them. */
  @Override
  protected boolean canCheck() {
    return false;
  }
}
