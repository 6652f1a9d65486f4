package org.tuber.devices.block.vmdk;

import java.io.IOException;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/**
 * A sparse VMDK extent with its grain tables (Virtual Disk Format 5.0). Stream-optimized extents,
 * whose grains are compressed, are read only.
 */
final class VmdkSparse extends MappedImage {
  static final int MAGIC = 0x564d444b;
  static final int FLAG_RGD = 1 << 1;
  private static final int FLAG_ZERO_GRAIN = 1 << 2;
  private static final int FLAG_COMPRESSED = 1 << 16;
  private static final int MAX_GD_ENTRIES = 1 << 24;

  private final EntryTable tables;
  private final VmdkDescriptor descriptor;
  private final long gdOffset;
  private final long rgdOffset;
  private final long gdEntries;
  private final int gtEntries;
  private final boolean compressed;
  private final boolean zeroGrains;
  private long end;

  private VmdkSparse(ImageFile file, OpenOptions options, byte[] h, VmdkDescriptor descriptor)
      throws IOException {
    super("vmdk", file, options, (int) Bytes.le64(h, 20) * 512, Bytes.le64(h, 12) * 512);
    int flags = Bytes.le32(h, 8);
    this.tables = new EntryTable(file, EntryTable.Width.LE32);
    this.descriptor = descriptor;
    this.gtEntries = Bytes.le32(h, 44);
    this.gdOffset = Bytes.le64(h, 56) * 512;
    this.rgdOffset = (flags & FLAG_RGD) != 0 ? Bytes.le64(h, 48) * 512 : 0;
    this.gdEntries = gdEntries(h);
    this.compressed = (flags & FLAG_COMPRESSED) != 0;
    this.zeroGrains = (flags & FLAG_ZERO_GRAIN) != 0;
    long grain = Bytes.le64(h, 20) * 512;
    this.end = (file.size() + grain - 1) / grain * grain;
  }

  private static long gdEntries(byte[] h) {
    long perTable = Bytes.le64(h, 20) * Bytes.leU32(h, 44);
    return (Bytes.le64(h, 12) + perTable - 1) / perTable;
  }

  private static void require(ImageFile file, boolean good, String field, String problem)
      throws ImageException {
    if (!good) {
      throw new ImageException(file.name(), field, problem);
    }
  }

  static VmdkSparse open(ImageFile file, OpenOptions options) throws IOException {
    byte[] h = Bytes.readArray(file, 0, 512);
    if (Bytes.le64(h, 56) == -1) {
      // The real header of a streamed image is the footer.
      require(file, file.size() >= 1536, "footer", "is missing");
      h = Bytes.readArray(file, file.size() - 1024, 512);
    }
    require(file, Bytes.le32(h, 0) == MAGIC, "magic", "not a sparse VMDK extent");
    int version = Bytes.le32(h, 4);
    require(file, version >= 1 && version <= 3, "version", "unsupported: " + version);
    long grain = Bytes.le64(h, 20);
    require(
        file,
        Long.bitCount(grain) == 1 && grain >= 1 && grain <= 1 << 17,
        "grain_size",
        "invalid: " + grain);
    long perTable = Bytes.leU32(h, 44);
    require(
        file,
        Long.bitCount(perTable) == 1 && perTable <= 512,
        "num_gtes_per_gt",
        "L2 table size too big: " + perTable);
    long capacity = Bytes.le64(h, 12);
    require(file, capacity >= 0 && capacity < 1L << 46, "capacity", "invalid: " + capacity);
    long gd = gdEntries(h);
    require(file, gd <= MAX_GD_ENTRIES, "capacity", "L1 size too big: " + gd);
    long gdAt = Bytes.le64(h, 56);
    require(
        file,
        gdAt > 0 && gdAt <= file.size() / 512 && gdAt * 512 <= file.size() - gd * 4,
        "gd_offset",
        "the grain directory is outside the file");
    int compression = Bytes.le16(h, 77);
    boolean packed = (Bytes.le32(h, 8) & FLAG_COMPRESSED) != 0;
    require(file, !packed || compression == 1, "compressAlgorithm", "unsupported: " + compression);
    long descAt = Bytes.le64(h, 28);
    long descSectors = Bytes.le64(h, 36);
    VmdkDescriptor d = new VmdkDescriptor();
    if (descAt > 0 && descSectors > 0) {
      require(
          file,
          descAt <= file.size() / 512 && descSectors <= 1 << 14,
          "descriptor_offset",
          "outside the file");
      int n = (int) Math.min(descSectors * 512, VmdkDescriptor.MAX_BYTES);
      d = VmdkDescriptor.parse(file.name(), Bytes.readArray(file, descAt * 512, n));
    }
    VmdkSparse image = new VmdkSparse(file, options, h, d);
    image.openBacking();
    return image;
  }

  @Override
  public String backingName() {
    return descriptor.parent();
  }

  @Override
  public String backingFormat() {
    return descriptor.parent() == null ? null : "vmdk";
  }

  @Override
  protected String readOnlyReason() {
    return compressed ? "compressed VMDK images are read-only here" : super.readOnlyReason();
  }

  private long table(long directory, long block) throws IOException {
    long index = block / gtEntries;
    return index < gdEntries ? tables.get(directory, gdEntries, index) * 512 : 0;
  }

  private long entry(long block) throws IOException {
    long t = table(gdOffset, block);
    return t == 0 ? 0 : tables.get(t, gtEntries, block % gtEntries);
  }

  @Override
  protected long place(long block) throws IOException {
    long e = entry(block);
    if (e == 0) {
      return ABSENT;
    }
    if (e == 1 && zeroGrains) {
      return ZERO;
    }
    return compressed ? PACKED : e * 512;
  }

  @Override
  protected byte[] unpack(long block) throws IOException {
    long at = entry(block) * 512;
    byte[] marker = Bytes.readArray(file(), at, 12);
    int bytes = Bytes.le32(marker, 8);
    if (bytes <= 0 || bytes > 2 * clusterBytes() + 4096) {
      throw bad("grain marker", "impossible size " + bytes + " at file offset " + at);
    }
    byte[] grain = new byte[clusterBytes()];
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(Bytes.readArray(file(), at + 12, bytes));
      int n = 0;
      int got = 1;
      while (n < grain.length && got > 0) {
        got = inflater.inflate(grain, n, grain.length - n);
        n += got;
      }
      return grain;
    } catch (DataFormatException x) {
      throw bad("grain", "damaged compressed data at file offset " + at);
    } finally {
      inflater.end();
    }
  }

  @Override
  protected long reserve(long block) throws IOException {
    if (table(gdOffset, block) == 0) {
      throw bad("grain directory", "no grain table for block " + block);
    }
    long at = end;
    end += clusterBytes();
    file().setSize(end);
    return at;
  }

  @Override
  protected void enter(long block, long place) throws IOException {
    long sector = place / 512;
    tables.set(table(gdOffset, block), gtEntries, block % gtEntries, sector);
    if (rgdOffset > 0) {
      long copy = table(rgdOffset, block);
      if (copy > 0 && copy != table(gdOffset, block)) {
        tables.set(copy, gtEntries, block % gtEntries, sector);
      }
    }
  }

  @Override
  protected boolean isCrowded() {
    return tables.isCrowded();
  }

  @Override
  protected void writeTables() throws IOException {
    tables.write();
  }

  @Override
  public ImageInfo.Specific specificInfo() {
    return ImageInfo.Specific.ofType("vmdk").with("create-type", descriptor.createType());
  }
}
