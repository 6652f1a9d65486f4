package org.tuber.devices.block.vdi;

import java.io.IOException;
import java.nio.ByteBuffer;
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

/** VirtualBox images, version 1.1: dynamic and fixed. */
public final class VdiFormat implements ImageFormat {
  static final int SIGNATURE = 0xbeda107f;
  static final int VERSION = 0x00010001;
  static final int BLOCK_BYTES = 1 << 20;
  static final int TYPE_DYNAMIC = 1;
  static final int TYPE_STATIC = 2;
  private static final int TABLE_OFFSET = 512;

  @Override
  public String name() {
    return "vdi";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return Bytes.le32(head, 0x40) == SIGNATURE ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    return VdiImage.open(file, options);
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    boolean fixed = o.flag("static", false);
    long size = o.sizeBytes() + 511 & -512L;
    long blocks = (size + BLOCK_BYTES - 1) / BLOCK_BYTES;
    if (blocks > VdiImage.MAX_BLOCKS) {
      throw new ImageException(o.filename(), "size", "Unsupported VDI image size");
    }
    byte[] h = new byte[512];
    byte[] text =
        "<<< Tuber VM Virtual Disk Image >>>\n"
            .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, h, 0, text.length);
    int tableBytes = (int) (blocks * 4 + 511 & -512L);
    Bytes.putLe32(h, 0x40, SIGNATURE);
    Bytes.putLe32(h, 0x44, VERSION);
    Bytes.putLe32(h, 0x48, 0x180);
    Bytes.putLe32(h, 0x4c, fixed ? TYPE_STATIC : TYPE_DYNAMIC);
    Bytes.putLe32(h, 0x154, TABLE_OFFSET);
    Bytes.putLe32(h, 0x158, TABLE_OFFSET + tableBytes);
    Bytes.putLe32(h, 0x168, 512);
    Bytes.putLe64(h, 0x170, size);
    Bytes.putLe32(h, 0x178, BLOCK_BYTES);
    Bytes.putLe32(h, 0x180, (int) blocks);
    Bytes.putLe32(h, 0x184, fixed ? (int) blocks : 0);
    putUuid(h, 0x188);
    putUuid(h, 0x198);
    byte[] table = new byte[tableBytes];
    for (int i = 0; i < blocks; i++) {
      Bytes.putLe32(table, i * 4, fixed ? i : -1);
    }
    try (ImageFile file = Images.createFile(o.filename())) {
      file.write(0, ByteBuffer.wrap(h));
      file.write(TABLE_OFFSET, ByteBuffer.wrap(table));
      if (fixed) {
        file.setSize(TABLE_OFFSET + tableBytes + blocks * BLOCK_BYTES);
      }
    }
  }

  private static void putUuid(byte[] h, int at) {
    UUID u = UUID.randomUUID();
    Bytes.putLe64(h, at, u.getMostSignificantBits());
    Bytes.putLe64(h, at + 8, u.getLeastSignificantBits());
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("static");
  }
}
