package org.tuber.devices.block.vhdx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/**
 * A VHDX image: dynamic, fixed, or differencing. Changes of the block table are single aligned
 * words and go to it directly, after the data; the log is only replayed, never written. A block of
 * which a part is the parent's is copied whole before it is written to.
 */
final class VhdxImage extends MappedImage {
  static final long PRESENT = 6;
  private static final long PARTIAL = 7;
  private static final int STATE_ZERO = 2;
  private static final int STATE_UNMAPPED = 3;
  private static final long OFFSET_MASK = -VhdxFormat.MB;

  private final EntryTable table;
  private final long batOffset;
  private final long batEntries;
  private final long ratio;
  private final String parent;
  private byte[] header;
  private long end;

  /** What the metadata region tells. */
  private static final class Facts {
    long block;
    long size;
    int sector;
    boolean hasParent;
    String parent;
    UUID linkage;
  }

  private VhdxImage(ImageFile file, OpenOptions options, Facts facts, long batOffset, long batBytes)
      throws IOException {
    super("vhdx", file, options, (int) facts.block, facts.size);
    this.table = new EntryTable(file, EntryTable.Width.LE64);
    this.batOffset = batOffset;
    this.ratio = (1L << 23) * facts.sector / facts.block;
    this.parent = facts.parent;
    this.batEntries = batBytes / 8;
    this.end = file.size() + VhdxFormat.MB - 1 & -VhdxFormat.MB;
  }

  private static ImageException bad(ImageFile file, String field, String problem) {
    return new ImageException(file.name(), field, problem);
  }

  static VhdxImage open(ImageFile file, OpenOptions options) throws IOException {
    if (!Bytes.startsWith(Bytes.readArray(file, 0, 8), 0, "vhdxfile")) {
      throw bad(file, "signature", "not a VHDX image");
    }
    long at = newestHeader(file);
    byte[] h = Bytes.readArray(file, at, VhdxFormat.HEADER_BYTES);
    if (Bytes.le16(h, 66) != 1 || Bytes.le16(h, 64) != 0) {
      throw bad(file, "version", "unsupported header or log version");
    }
    replayLog(file, h);
    byte[] regions = regionTable(file);
    long[] bat = region(file, regions, VhdxFormat.BAT);
    long[] meta = region(file, regions, VhdxFormat.METADATA);
    Facts facts = readMetadata(file, meta[0], meta[1]);
    VhdxImage image = new VhdxImage(file, options, facts, bat[0], bat[1]);
    long blocks = (facts.size + facts.block - 1) / facts.block;
    if (blocks > 0 && image.index(blocks - 1) >= image.batEntries) {
      throw bad(file, "BAT", "the table is too small for the disk");
    }
    image.header = h;
    image.openBacking();
    image.requireUnchangedParent(facts.linkage);
    return image;
  }

  private static long newestHeader(ImageFile file) throws IOException {
    long best = -1;
    long newest = -1;
    for (long at : new long[] {VhdxFormat.HEADER1, 2 * VhdxFormat.HEADER1}) {
      byte[] h = Bytes.readArray(file, at, VhdxFormat.HEADER_BYTES);
      if (Bytes.startsWith(h, 0, "head")
          && VhdxLog.crcIsRight(h, h.length, 4)
          && (best < 0 || Long.compareUnsigned(Bytes.le64(h, 8), newest) > 0)) {
        best = at;
        newest = Bytes.le64(h, 8);
      }
    }
    if (best < 0) {
      throw bad(file, "header", "No valid VHDX header found");
    }
    return best;
  }

  private static void replayLog(ImageFile file, byte[] h) throws IOException {
    byte[] guid = Arrays.copyOfRange(h, 48, 64);
    if (Arrays.equals(guid, new byte[16])) {
      return;
    }
    long length = Bytes.leU32(h, 68);
    long offset = Bytes.le64(h, 72);
    if (length == 0
        || length % VhdxFormat.MB != 0
        || length > 256 * VhdxFormat.MB
        || offset < VhdxFormat.MB
        || offset % VhdxFormat.MB != 0
        || offset > file.size() - length) {
      throw bad(file, "log_offset", "the log is not where it can be");
    }
    if (file.isReadOnly()) {
      throw bad(
          file,
          "log",
          "was opened read-only, but contains a log that needs to be replayed; open it for writing,"
              + " or run: check -r all");
    }
    new VhdxLog(file, offset, (int) length, guid).replay();
    byte[] clean = h.clone();
    Arrays.fill(clean, 48, 64, (byte) 0);
    Bytes.putLe64(clean, 8, Bytes.le64(h, 8) + 1);
    Bytes.putLe32(clean, 4, VhdxLog.crc(clean, clean.length, 4));
    file.write(otherHeader(newestHeader(file)), ByteBuffer.wrap(clean));
    file.flush();
    System.arraycopy(clean, 0, h, 0, h.length);
  }

  private static long otherHeader(long at) {
    return at == VhdxFormat.HEADER1 ? 2 * VhdxFormat.HEADER1 : VhdxFormat.HEADER1;
  }

  private static byte[] regionTable(ImageFile file) throws IOException {
    for (long at : new long[] {VhdxFormat.REGION1, VhdxFormat.REGION2}) {
      byte[] t = Bytes.readArray(file, at, VhdxFormat.REGION_TABLE_BYTES);
      if (Bytes.startsWith(t, 0, "regi")
          && VhdxLog.crcIsRight(t, t.length, 4)
          && Bytes.leU32(t, 8) <= 2047) {
        return t;
      }
    }
    throw bad(file, "region table", "No valid region table found");
  }

  private static long[] region(ImageFile file, byte[] t, String id) throws IOException {
    byte[] wanted = VhdxFormat.guid(id);
    int count = Bytes.le32(t, 8);
    for (int i = 0; i < count; i++) {
      int e = 16 + i * 32;
      if (Arrays.equals(t, e, e + 16, wanted, 0, 16)) {
        long offset = Bytes.le64(t, e + 16);
        long length = Bytes.leU32(t, e + 24);
        if (offset < VhdxFormat.MB
            || offset % VhdxFormat.MB != 0
            || length % VhdxFormat.MB != 0
            || offset > file.size() - length) {
          throw bad(file, "region " + id, "unaligned or outside the file");
        }
        return new long[] {offset, length};
      }
      if (Bytes.le32(t, e + 28) != 0 && !isKnownRegion(t, e)) {
        throw bad(file, "region table", "an unknown region is required");
      }
    }
    throw bad(file, "region " + id, "is missing");
  }

  private static boolean isKnownRegion(byte[] t, int e) {
    return Arrays.equals(t, e, e + 16, VhdxFormat.guid(VhdxFormat.BAT), 0, 16)
        || Arrays.equals(t, e, e + 16, VhdxFormat.guid(VhdxFormat.METADATA), 0, 16);
  }

  private static Facts readMetadata(ImageFile file, long at, long length) throws IOException {
    byte[] t = Bytes.readArray(file, at, 65536);
    int count = Bytes.le16(t, 10);
    if (!Bytes.startsWith(t, 0, "metadata") || count > 2047) {
      throw bad(file, "metadata", "wrong signature or count");
    }
    Facts f = new Facts();
    f.size = -1;
    for (int i = 0; i < count; i++) {
      int e = 32 + i * 32;
      UUID id = uuid(t, e);
      long itemOffset = Bytes.leU32(t, e + 16);
      int itemLength = Bytes.le32(t, e + 20);
      if (itemOffset < 65536 && itemLength > 0
          || itemLength < 0
          || itemLength > 1 << 20
          || itemOffset + itemLength > length) {
        throw bad(file, "metadata item " + id, "outside the region");
      }
      byte[] item = Bytes.readArray(file, at + itemOffset, Math.max(16, itemLength));
      switch (id.toString()) {
        case VhdxFormat.FILE_PARAMETERS -> {
          f.block = Bytes.leU32(item, 0);
          f.hasParent = (item[4] & 2) != 0;
        }
        case VhdxFormat.DISK_SIZE -> f.size = Bytes.le64(item, 0);
        case VhdxFormat.LOGICAL_SECTOR -> f.sector = Bytes.le32(item, 0);
        case VhdxFormat.PARENT_LOCATOR -> readLocator(f, item);
        case VhdxFormat.PAGE83, VhdxFormat.PHYSICAL_SECTOR -> {}
        default -> {
          if ((t[e + 24] & 4) != 0) {
            throw bad(file, "metadata item " + id, "is required but unknown");
          }
        }
      }
    }
    if (Long.bitCount(f.block) != 1 || f.block < VhdxFormat.MB || f.block > 256 * VhdxFormat.MB) {
      throw bad(file, "block_size", "invalid: " + f.block);
    }
    if (f.sector != 512 && f.sector != 4096) {
      throw bad(file, "logical_sector_size", "invalid: " + f.sector);
    }
    if (f.size < 0 || f.size > 64L << 40 || f.size % f.sector != 0) {
      throw bad(file, "virtual_disk_size", "invalid: " + f.size);
    }
    if (f.hasParent && f.parent == null) {
      throw bad(file, "parent locator", "no usable path to the parent");
    }
    if (!f.hasParent) {
      f.parent = null;
    }
    return f;
  }

  private static UUID uuid(byte[] b, int at) {
    long high =
        Bytes.leU32(b, at) << 32 | (long) Bytes.le16(b, at + 4) << 16 | Bytes.le16(b, at + 6);
    return new UUID(high, Bytes.be64(b, at + 8));
  }

  /** The parent's path, relative to this image first, then absolute, and its identity. */
  private static void readLocator(Facts facts, byte[] item) {
    int pairs = item.length >= 20 ? Bytes.le16(item, 18) : 0;
    for (int i = 0; i < pairs && 20 + i * 12 + 12 <= item.length; i++) {
      int e = 20 + i * 12;
      String key = text(item, Bytes.le32(item, e), Bytes.le16(item, e + 8));
      String value = text(item, Bytes.le32(item, e + 4), Bytes.le16(item, e + 10));
      switch (key) {
        case "relative_path" -> facts.parent = hostPath(value);
        case "absolute_win32_path" ->
            facts.parent = facts.parent == null ? hostPath(value) : facts.parent;
        case "parent_linkage" -> facts.linkage = linkage(value);
        default -> {}
      }
    }
  }

  private static String hostPath(String value) {
    String path = value.replace("\\\\?\\", "").replace('\\', '/');
    return path.startsWith("./") ? path.substring(2) : path;
  }

  private static UUID linkage(String value) {
    try {
      return UUID.fromString(value.replace("{", "").replace("}", ""));
    } catch (IllegalArgumentException e) {
      // Some other program's idea of an identity: the path has to do.
      return null;
    }
  }

  private static String text(byte[] b, int at, int bytes) {
    return at < 0 || bytes < 0 || at > b.length - bytes
        ? ""
        : new String(b, at, bytes, StandardCharsets.UTF_16LE);
  }

  @Override
  public String backingName() {
    return parent;
  }

  @Override
  public String backingFormat() {
    return parent == null ? null : "vhdx";
  }

  @Override
  protected boolean isWhole(long block) throws IOException {
    return (entry(block) & 7) != PARTIAL;
  }

  /** Changes whenever the disk's content does; a differencing image notes that of its parent. */
  UUID dataGuid() {
    return uuid(header, 32);
  }

  private void requireUnchangedParent(UUID linkage) throws ImageException {
    if (linkage != null
        && backing() instanceof VhdxImage below
        && !below.dataGuid().equals(linkage)) {
      throw bad("parent_linkage", "the parent has been written to since this image was made");
    }
  }

  private long index(long block) {
    return block + block / ratio;
  }

  private long entry(long block) throws IOException {
    return index(block) < batEntries ? table.get(batOffset, batEntries, index(block)) : 0;
  }

  @Override
  protected long place(long block) throws IOException {
    long e = entry(block);
    int state = (int) (e & 7);
    if (state == PRESENT || state == PARTIAL) {
      long offset = e & OFFSET_MASK;
      if (offset < VhdxFormat.MB || offset > 1L << 50) {
        throw bad("BAT[" + index(block) + "]", "impossible file offset " + offset);
      }
      return offset;
    }
    return state == STATE_ZERO || state == STATE_UNMAPPED && parent == null ? ZERO : ABSENT;
  }

  @Override
  protected void readPlace(long block, long place, int inBlock, ByteBuffer target)
      throws IOException {
    if ((entry(block) & 7) != PARTIAL) {
      super.readPlace(block, place, inBlock, target);
      return;
    }
    // A bit per sector tells whether it is here or in the parent.
    long chunk = block / ratio;
    long bitmapEntry = table.get(batOffset, batEntries, (chunk + 1) * ratio + chunk);
    if ((bitmapEntry & 7) != PRESENT) {
      throw bad("BAT", "the sector bitmap of a partial block is missing");
    }
    long sector = block % ratio * (clusterBytes() / 512) + inBlock / 512;
    int end = target.limit();
    int at = inBlock;
    byte[] bits =
        Bytes.readArray(
            file(), (bitmapEntry & OFFSET_MASK) + sector / 8, target.remaining() / 4096 + 2);
    int bit = (int) (sector % 8);
    while (target.hasRemaining()) {
      int n = Math.min(target.remaining(), 512 - at % 512);
      target.limit(target.position() + n);
      if ((bits[bit / 8] >>> bit % 8 & 1) != 0) {
        file().read(place + at, target);
      } else {
        readBacking(block * clusterBytes() + at, target);
      }
      target.limit(end);
      at += n;
      bit++;
    }
  }

  @Override
  protected long reserve(long block) throws IOException {
    long at = end;
    end += clusterBytes();
    file().setSize(end);
    return at;
  }

  @Override
  protected boolean canMarkZero() {
    return true;
  }

  @Override
  protected void enter(long block, long place) throws IOException {
    table.set(batOffset, batEntries, index(block), place == ZERO ? STATE_ZERO : place | PRESENT);
  }

  @Override
  protected boolean isCrowded() {
    return table.isCrowded();
  }

  @Override
  protected void writeTables() throws IOException {
    table.write();
  }

  @Override
  protected void beginChanges() throws IOException {
    // New identifiers tell others that content has changed since they last looked.
    byte[] h = header.clone();
    System.arraycopy(VhdxFormat.guid(UUID.randomUUID()), 0, h, 16, 16);
    System.arraycopy(VhdxFormat.guid(UUID.randomUUID()), 0, h, 32, 16);
    Bytes.putLe64(h, 8, Bytes.le64(header, 8) + 1);
    Bytes.putLe32(h, 4, VhdxLog.crc(h, h.length, 4));
    long at = otherHeader(newestHeader(file()));
    file().write(at, ByteBuffer.wrap(h));
    file().flush();
    header = h;
  }
}
