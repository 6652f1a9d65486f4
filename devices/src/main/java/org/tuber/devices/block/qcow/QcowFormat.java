package org.tuber.devices.block.qcow;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/** qcow images, version 1. */
public final class QcowFormat implements ImageFormat {
  static final int MAGIC = 0x514649fb;
  static final int HEADER_BYTES = 48;

  @Override
  public String name() {
    return "qcow";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return Bytes.be32(head, 0) == MAGIC && Bytes.be32(head, 4) == 1 ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    return QcowImage.open(file, options);
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    byte[] backing = o.get("backing_file", "").getBytes(StandardCharsets.UTF_8);
    if (backing.length > 1023) {
      throw new ImageException(o.filename(), "backing_file", "longer than 1023 bytes");
    }
    long size = o.sizeBytes() + 511 & -512L;
    int clusterBits = backing.length > 0 ? 9 : 12;
    int l2Bits = backing.length > 0 ? 12 : 9;
    long l1 = size + (1L << clusterBits + l2Bits) - 1 >>> clusterBits + l2Bits;
    if (l1 * 8 > 1 << 28) {
      throw new ImageException(o.filename(), "size", "too large for the qcow format");
    }
    byte[] h = new byte[HEADER_BYTES];
    Bytes.putBe32(h, 0, MAGIC);
    Bytes.putBe32(h, 4, 1);
    if (backing.length > 0) {
      Bytes.putBe64(h, 8, HEADER_BYTES);
      Bytes.putBe32(h, 16, backing.length);
    }
    Bytes.putBe32(h, 20, (int) (System.currentTimeMillis() / 1000));
    Bytes.putBe64(h, 24, size);
    h[32] = (byte) clusterBits;
    h[33] = (byte) l2Bits;
    long l1Offset = HEADER_BYTES + backing.length + 7 & ~7L;
    Bytes.putBe64(h, 40, l1Offset);
    try (ImageFile file = Images.createFile(o.filename())) {
      file.write(0, ByteBuffer.wrap(h));
      file.write(HEADER_BYTES, ByteBuffer.wrap(backing));
      file.setSize(l1Offset + l1 * 8 + 511 & -512L);
    }
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("backing_file", "backing_fmt");
  }
}
