package org.tuber.devices.block.vdi;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/**
 * A VDI image. Differencing images (with a parent) are refused: their parent is known by identifier
 * only.
 */
final class VdiImage extends MappedImage {
  static final long MAX_BLOCKS = 0x1fff_ffffL;
  private static final long UNALLOCATED = 0xffff_ffffL;
  private static final long DISCARDED = 0xffff_fffeL;
  private static final int ALLOCATED_FIELD = 0x184;

  private final EntryTable table;
  private final long tableOffset;
  private final long dataOffset;
  private final long blocks;
  private long allocated;

  private VdiImage(ImageFile file, OpenOptions options, byte[] h) {
    super("vdi", file, options, VdiFormat.BLOCK_BYTES, Bytes.le64(h, 0x170) + 511 & -512L);
    this.table = new EntryTable(file, EntryTable.Width.LE32);
    this.tableOffset = Bytes.leU32(h, 0x154);
    this.dataOffset = Bytes.leU32(h, 0x158);
    this.blocks = Bytes.leU32(h, 0x180);
    this.allocated = Bytes.leU32(h, ALLOCATED_FIELD);
  }

  static VdiImage open(ImageFile file, OpenOptions options) throws IOException {
    String name = file.name();
    byte[] h = Bytes.readArray(file, 0, 512);
    require(name, Bytes.le32(h, 0x40) == VdiFormat.SIGNATURE, "signature", "not a VDI image");
    require(name, Bytes.le32(h, 0x44) == VdiFormat.VERSION, "version", "only 1.1 is supported");
    int type = Bytes.le32(h, 0x4c);
    require(
        name,
        type == VdiFormat.TYPE_DYNAMIC || type == VdiFormat.TYPE_STATIC,
        "image_type",
        "unsupported: " + type);
    require(name, Bytes.le32(h, 0x168) == 512, "sector_size", "must be 512");
    require(name, Bytes.le32(h, 0x178) == VdiFormat.BLOCK_BYTES, "block_size", "must be 1 MiB");
    require(name, Bytes.le32(h, 0x17c) == 0, "block_extra", "must be 0");
    long size = Bytes.le64(h, 0x170);
    long blocks = Bytes.leU32(h, 0x180);
    require(
        name,
        blocks <= MAX_BLOCKS && size >= 0 && size <= blocks * VdiFormat.BLOCK_BYTES,
        "disk_size",
        "larger than the blocks of the image");
    long tableOffset = Bytes.leU32(h, 0x154);
    require(name, (tableOffset & 511) == 0 && tableOffset >= 512, "offset_bmap", "unaligned");
    require(
        name,
        (Bytes.leU32(h, 0x158) & 511) == 0 && Bytes.leU32(h, 0x158) >= tableOffset + blocks * 4,
        "offset_data",
        "overlaps the block table");
    require(name, tableOffset + blocks * 4 <= file.size(), "blocks_in_image", "table past the end");
    for (int i = 0x1a8; i < 0x1c8; i++) {
      require(name, h[i] == 0, "uuid_parent", "differencing images are not supported");
    }
    return new VdiImage(file, options, h);
  }

  private static void require(String name, boolean good, String field, String problem)
      throws ImageException {
    if (!good) {
      throw new ImageException(name, field, problem);
    }
  }

  @Override
  protected long place(long block) throws IOException {
    if (block >= blocks) {
      return ABSENT;
    }
    long e = table.get(tableOffset, blocks, block);
    if (e == UNALLOCATED) {
      return ABSENT;
    }
    if (e == DISCARDED) {
      return ZERO;
    }
    if (e >= Math.max(allocated, 1) && e >= blocks) {
      throw bad("block table[" + block + "]", "impossible block " + e);
    }
    return dataOffset + e * VdiFormat.BLOCK_BYTES;
  }

  @Override
  protected long reserve(long block) throws IOException {
    long end = dataOffset + (allocated + 1) * VdiFormat.BLOCK_BYTES;
    file().setSize(Math.max(file().size(), end));
    return dataOffset + allocated++ * VdiFormat.BLOCK_BYTES;
  }

  @Override
  protected void enter(long block, long place) throws IOException {
    long e = place == ZERO ? DISCARDED : (place - dataOffset) / VdiFormat.BLOCK_BYTES;
    table.set(tableOffset, blocks, block, e);
  }

  @Override
  protected void writeTables() throws IOException {
    // The count first: entries must never name blocks the count does not cover.
    byte[] count = new byte[4];
    Bytes.putLe32(count, 0, (int) allocated);
    file().write(ALLOCATED_FIELD, ByteBuffer.wrap(count));
    table.write();
  }
}
