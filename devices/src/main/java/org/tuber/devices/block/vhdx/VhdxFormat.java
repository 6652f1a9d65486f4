package org.tuber.devices.block.vhdx;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/** VHDX images ([MS-VHDX]). */
public final class VhdxFormat implements ImageFormat {
  static final String BAT = "2dc27766-f623-4200-9d64-115e9bfd4a08";
  static final String METADATA = "8b7ca206-4790-4b9a-b8fe-575f050f886e";
  static final String FILE_PARAMETERS = "caa16737-fa36-4d43-b3b6-33f0aa44e76b";
  static final String DISK_SIZE = "2fa54224-cd1b-4876-b211-5dbed83bf4b8";
  static final String PAGE83 = "beca12ab-b2e6-4523-93ef-c309e000c746";
  static final String LOGICAL_SECTOR = "8141bf1d-a96f-4709-ba47-f233a8faab5f";
  static final String PHYSICAL_SECTOR = "cda348c7-445d-4471-9cc9-e9885251c556";
  static final String PARENT_LOCATOR = "a8d35f2d-b30b-454d-abf7-d3d84834ab0c";
  private static final String LOCATOR_TYPE = "b04aefb7-d19e-4a81-b789-25b8e9445913";
  static final long MB = 1 << 20;
  static final int HEADER_BYTES = 4096;
  static final int REGION_TABLE_BYTES = 64 << 10;
  static final long HEADER1 = 64 << 10;
  static final long REGION1 = 192 << 10;
  static final long REGION2 = 256 << 10;
  private static final long MAX_DISK_BYTES = 64L << 40;
  private static final long LOG_AT = MB;
  private static final long METADATA_AT = 2 * MB;
  private static final long BAT_AT = 3 * MB;

  @Override
  public String name() {
    return "vhdx";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return Bytes.startsWith(head, 0, "vhdxfile") ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    return VhdxImage.open(file, options);
  }

  /** GUIDs are stored with their first three fields little-endian. */
  static byte[] guid(UUID u) {
    byte[] b = new byte[16];
    long high = u.getMostSignificantBits();
    Bytes.putLe32(b, 0, (int) (high >>> 32));
    Bytes.putLe16(b, 4, (int) (high >>> 16) & 0xffff);
    Bytes.putLe16(b, 6, (int) high & 0xffff);
    Bytes.putBe64(b, 8, u.getLeastSignificantBits());
    return b;
  }

  static byte[] guid(String text) {
    return guid(UUID.fromString(text));
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    String name = o.filename();
    long size = o.sizeBytes() + 511 & -512L;
    if (size > MAX_DISK_BYTES) {
      throw new ImageException(name, "size", "VHDX images hold at most 64 TiB");
    }
    long standard = size > 32L << 40 ? 64 : size > 100L << 30 ? 32 : size > 1L << 30 ? 16 : 8;
    long block = o.bytes("block_size", standard * MB);
    block = block == 0 ? standard * MB : block;
    if (Long.bitCount(block) != 1 || block < MB || block > 256 * MB) {
      throw new ImageException(name, "block_size", "must be a power of two, 1 MiB to 256 MiB");
    }
    boolean fixed =
        switch (o.get("subformat", "dynamic")) {
          case "dynamic" -> false;
          case "fixed" -> true;
          default -> throw new ImageException(name, "subformat", "must be dynamic or fixed");
        };
    long blocks = (size + block - 1) / block;
    long ratio = (1L << 23) * 512 / block;
    String parent = o.options().get("backing_file");
    if (fixed && parent != null) {
      throw new ImageException(name, "subformat", "a differencing image is not fixed");
    }
    // Differencing images have room for a sector bitmap after each chunk, others only between.
    long entries =
        blocks == 0
            ? 0
            : parent != null
                ? (blocks + ratio - 1) / ratio * (ratio + 1)
                : blocks + (blocks - 1) / ratio;
    byte[] locator = parent == null ? null : locator(o, parent);
    long batBytes = Math.max(MB, entries * 8 + MB - 1 & -MB);
    try (ImageFile file = Images.createFile(name)) {
      file.setSize(BAT_AT + batBytes);
      byte[] id = new byte[520];
      byte[] creator = "Tuber".getBytes(StandardCharsets.UTF_16LE);
      System.arraycopy("vhdxfile".getBytes(StandardCharsets.US_ASCII), 0, id, 0, 8);
      System.arraycopy(creator, 0, id, 8, creator.length);
      file.write(0, ByteBuffer.wrap(id));
      for (int i = 0; i < 2; i++) {
        byte[] h = header(i + 1L, UUID.randomUUID());
        file.write(HEADER1 + i * (64L << 10), ByteBuffer.wrap(h));
      }
      byte[] regions = regions(batBytes);
      file.write(REGION1, ByteBuffer.wrap(regions));
      file.write(REGION2, ByteBuffer.wrap(regions));
      writeMetadata(file, size, block, fixed, locator);
      if (fixed) {
        layFixed(file, BAT_AT + batBytes, blocks, block, ratio, (int) (entries * 8));
      }
    }
  }

  private static void layFixed(
      ImageFile file, long from, long blocks, long block, long ratio, int batBytes)
      throws IOException {
    byte[] bat = new byte[batBytes];
    for (long b = 0; b < blocks; b++) {
      Bytes.putLe64(bat, (int) (b + b / ratio) * 8, from + b * block | VhdxImage.PRESENT);
    }
    file.write(BAT_AT, ByteBuffer.wrap(bat));
    file.setSize(from + blocks * block);
  }

  static byte[] header(long sequence, UUID fileId) {
    byte[] h = new byte[HEADER_BYTES];
    System.arraycopy("head".getBytes(StandardCharsets.US_ASCII), 0, h, 0, 4);
    Bytes.putLe64(h, 8, sequence);
    System.arraycopy(guid(fileId), 0, h, 16, 16);
    System.arraycopy(guid(UUID.randomUUID()), 0, h, 32, 16);
    Bytes.putLe16(h, 66, 1);
    Bytes.putLe32(h, 68, (int) MB);
    Bytes.putLe64(h, 72, LOG_AT);
    Bytes.putLe32(h, 4, VhdxLog.crc(h, h.length, 4));
    return h;
  }

  private static byte[] regions(long batBytes) {
    byte[] t = new byte[REGION_TABLE_BYTES];
    System.arraycopy("regi".getBytes(StandardCharsets.US_ASCII), 0, t, 0, 4);
    Bytes.putLe32(t, 8, 2);
    System.arraycopy(guid(BAT), 0, t, 16, 16);
    Bytes.putLe64(t, 32, BAT_AT);
    Bytes.putLe32(t, 40, (int) batBytes);
    Bytes.putLe32(t, 44, 1);
    System.arraycopy(guid(METADATA), 0, t, 48, 16);
    Bytes.putLe64(t, 64, METADATA_AT);
    Bytes.putLe32(t, 72, (int) MB);
    Bytes.putLe32(t, 76, 1);
    Bytes.putLe32(t, 4, VhdxLog.crc(t, t.length, 4));
    return t;
  }

  /** The parent locator item: keys and values that say which image is below and where. */
  private static byte[] locator(CreateOptions o, String parent) throws IOException {
    String format = o.get("backing_fmt", "vhdx");
    if (!format.equals("vhdx")) {
      throw new ImageException(o.filename(), "backing_fmt", "must be vhdx: " + format);
    }
    UUID identity;
    OpenOptions readOnly = OpenOptions.readOnly().withFormat("vhdx");
    try (BlockNode below = Images.open(Images.resolve(o.filename(), parent), readOnly)) {
      identity = ((VhdxImage) below).dataGuid();
    }
    boolean absolute = parent.startsWith("/");
    String path = (absolute ? parent : ".\\" + parent).replace('/', '\\');
    String[] texts = {
      "parent_linkage",
      "{" + identity.toString().toUpperCase(Locale.ROOT) + "}",
      absolute ? "absolute_win32_path" : "relative_path",
      path
    };
    int bytes = 20 + 12 * texts.length / 2;
    for (String t : texts) {
      bytes += t.length() * 2;
    }
    byte[] item = new byte[bytes];
    System.arraycopy(guid(LOCATOR_TYPE), 0, item, 0, 16);
    Bytes.putLe16(item, 18, texts.length / 2);
    int at = 20 + 12 * texts.length / 2;
    for (int i = 0; i < texts.length; i++) {
      byte[] text = texts[i].getBytes(StandardCharsets.UTF_16LE);
      int e = 20 + i / 2 * 12;
      Bytes.putLe32(item, e + i % 2 * 4, at);
      Bytes.putLe16(item, e + 8 + i % 2 * 2, text.length);
      System.arraycopy(text, 0, item, at, text.length);
      at += text.length;
    }
    return item;
  }

  private static void writeMetadata(
      ImageFile file, long size, long block, boolean fixed, byte[] locator) throws IOException {
    int items = locator == null ? 5 : 6;
    byte[] t = new byte[65536 + 256 + (locator == null ? 0 : locator.length)];
    System.arraycopy("metadata".getBytes(StandardCharsets.US_ASCII), 0, t, 0, 8);
    Bytes.putLe16(t, 10, items);
    int at = 65536;
    String[] ids = {
      FILE_PARAMETERS, DISK_SIZE, PAGE83, LOGICAL_SECTOR, PHYSICAL_SECTOR, PARENT_LOCATOR
    };
    int[] lengths = {8, 8, 16, 4, 4, locator == null ? 0 : locator.length};
    int[] flags = {4, 6, 6, 6, 6, 4};
    for (int i = 0; i < items; i++) {
      int e = 32 + i * 32;
      System.arraycopy(guid(ids[i]), 0, t, e, 16);
      Bytes.putLe32(t, e + 16, at);
      Bytes.putLe32(t, e + 20, lengths[i]);
      Bytes.putLe32(t, e + 24, flags[i]);
      switch (i) {
        case 0 -> {
          Bytes.putLe32(t, at, (int) block);
          Bytes.putLe32(t, at + 4, (fixed ? 1 : 0) | (locator == null ? 0 : 2));
        }
        case 1 -> Bytes.putLe64(t, at, size);
        case 2 -> System.arraycopy(guid(UUID.randomUUID()), 0, t, at, 16);
        case 3 -> Bytes.putLe32(t, at, 512);
        case 4 -> Bytes.putLe32(t, at, 4096);
        default -> System.arraycopy(locator, 0, t, at, locator.length);
      }
      at += lengths[i];
    }
    file.write(METADATA_AT, ByteBuffer.wrap(t));
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of(
        "subformat", "block_size", "log_size", "block_state_zero", "backing_file", "backing_fmt");
  }
}
