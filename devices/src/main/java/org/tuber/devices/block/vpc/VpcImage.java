package org.tuber.devices.block.vpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.mapped.EntryTable;
import org.tuber.devices.block.mapped.MappedImage;

/**
 * A VHD image. Each block of a dynamic one is preceded by a bitmap of its sectors; blocks made here
 * have all bits set, since unwritten sectors read as zero anyway.
 */
final class VpcImage extends MappedImage {
  private static final long UNUSED = 0xffff_ffffL;

  private final EntryTable table;
  private final long tableOffset;
  private final long entries;
  private final int bitmapBytes;
  private final byte[] footer;
  private long end;

  private VpcImage(
      ImageFile file,
      OpenOptions options,
      int blockBytes,
      long size,
      long tableOffset,
      long entries,
      byte[] footer)
      throws IOException {
    super("vpc", file, options, blockBytes, size);
    this.table = new EntryTable(file, EntryTable.Width.BE32);
    this.tableOffset = tableOffset;
    this.entries = entries;
    this.footer = footer;
    this.bitmapBytes = blockBytes / 512 / 8 + 511 & -512;
    this.end = tableOffset + entries * 4 + 511 & -512L;
    for (long i = 0; i < entries; i++) {
      long e = table.get(tableOffset, entries, i);
      if (e != UNUSED) {
        end = Math.max(end, e * 512 + bitmapBytes + blockBytes);
      }
    }
  }

  static VpcImage fixed(ImageFile file, OpenOptions options, long size) throws IOException {
    if (size > file.size()) {
      throw new ImageException(file.name(), "current_size", "larger than the file");
    }
    return new VpcImage(file, options, VpcFormat.BLOCK_BYTES, size, 0, 0, null);
  }

  static VpcImage dynamic(ImageFile file, OpenOptions options, byte[] footer, long size)
      throws IOException {
    String name = file.name();
    long at = Bytes.be64(footer, 16);
    if (at < 0 || at > file.size() - VpcFormat.DYNAMIC_HEADER_BYTES) {
      throw new ImageException(name, "data_offset", "outside the file: " + at);
    }
    byte[] h = Bytes.readArray(file, at, VpcFormat.DYNAMIC_HEADER_BYTES);
    if (!Bytes.startsWith(h, 0, "cxsparse")
        || Bytes.be32(h, 36) != VpcFooter.checksum(h, h.length, 36)) {
      throw new ImageException(name, "dynamic header", "wrong cookie or checksum");
    }
    long block = Bytes.beU32(h, 32);
    if (Long.bitCount(block) != 1 || block < 512 || block > 256 << 20) {
      throw new ImageException(name, "block_size", "Invalid block size " + block);
    }
    long entries = Bytes.beU32(h, 28);
    long tableOffset = Bytes.be64(h, 16);
    if (entries * block < size) {
      throw new ImageException(name, "max_table_entries", "too few for the disk");
    }
    if (tableOffset < 0 || tableOffset > file.size() - entries * 4) {
      throw new ImageException(name, "table_offset", "the block table is outside the file");
    }
    return new VpcImage(file, options, (int) block, size, tableOffset, entries, footer);
  }

  private boolean isFixed() {
    return footer == null;
  }

  @Override
  protected long place(long block) throws IOException {
    if (isFixed()) {
      return block * VpcFormat.BLOCK_BYTES;
    }
    long e = block < entries ? table.get(tableOffset, entries, block) : UNUSED;
    return e == UNUSED ? ABSENT : e * 512 + bitmapBytes;
  }

  @Override
  protected long reserve(long block) throws IOException {
    long start = end;
    if ((start >>> 9) >= UNUSED) {
      throw bad("block table", "the image file is full");
    }
    end += bitmapBytes + clusterBytes();
    byte[] ones = new byte[bitmapBytes];
    Arrays.fill(ones, (byte) 0xff);
    // The old footer lies where the block begins: clear all of it.
    file().setSize(end);
    file().writeZeroes(start + bitmapBytes, VpcFooter.BYTES, false);
    file().write(start, ByteBuffer.wrap(ones));
    file().write(end, ByteBuffer.wrap(footer));
    return start + bitmapBytes;
  }

  @Override
  protected void enter(long block, long place) throws IOException {
    table.set(tableOffset, entries, block, place - bitmapBytes >>> 9);
  }

  @Override
  protected void writeTables() throws IOException {
    table.write();
  }

  @Override
  protected boolean canCheck() {
    return !isFixed();
  }

  @Override
  public int clusterBytes() {
    return isFixed() ? 0 : super.clusterBytes();
  }
}
