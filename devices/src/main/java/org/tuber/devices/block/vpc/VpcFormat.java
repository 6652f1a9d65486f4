package org.tuber.devices.block.vpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;

/** VHD images: fixed and dynamic. */
public final class VpcFormat implements ImageFormat {
  static final int BLOCK_BYTES = 2 << 20;
  static final int DYNAMIC_HEADER_BYTES = 1024;
  private static final long MAX_BYTES = 2040L << 30;

  @Override
  public String name() {
    return "vpc";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    // A fixed image is recognised by name only: its mark is at the end, where a guest can write.
    return Bytes.startsWith(head, 0, "conectix") ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    byte[] f = Bytes.readArray(file, 0, VpcFooter.BYTES);
    if (!VpcFooter.isValid(f)) {
      long at = file.size() - VpcFooter.BYTES;
      f = at < 0 ? f : Bytes.readArray(file, at, VpcFooter.BYTES);
      if (!VpcFooter.isValid(f)) {
        throw new ImageException(file.name(), "footer", "no VHD footer with a right checksum");
      }
    }
    int type = Bytes.be32(f, 60);
    long size = VpcFooter.diskBytes(f);
    if (size < 0 || size > 1L << 46) {
      throw new ImageException(file.name(), "current_size", "invalid: " + size);
    }
    return switch (type) {
      case VpcFooter.FIXED -> VpcImage.fixed(file, options, size);
      case VpcFooter.DYNAMIC -> VpcImage.dynamic(file, options, f, size);
      case VpcFooter.DIFFERENCING ->
          throw new ImageException(
              file.name(), "disk_type", "differencing VHD images are not supported");
      default -> throw new ImageException(file.name(), "disk_type", "unknown: " + type);
    };
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    String sub = o.get("subformat", "dynamic");
    o.flag("force_size", true);
    long size = o.sizeBytes() + 511 & -512L;
    if (size > MAX_BYTES) {
      throw new ImageException(o.filename(), "size", "VHD images hold at most 2040 GiB");
    }
    try (ImageFile file = Images.createFile(o.filename())) {
      switch (sub) {
        case "fixed" -> {
          file.setSize(size);
          file.write(size, ByteBuffer.wrap(VpcFooter.create(size, VpcFooter.FIXED)));
        }
        case "dynamic" -> createDynamic(file, size);
        default -> throw new ImageException(o.filename(), "subformat", "must be dynamic or fixed");
      }
    }
  }

  private static void createDynamic(ImageFile file, long size) throws IOException {
    byte[] footer = VpcFooter.create(size, VpcFooter.DYNAMIC);
    int entries = (int) ((size + BLOCK_BYTES - 1) / BLOCK_BYTES);
    byte[] h = new byte[DYNAMIC_HEADER_BYTES];
    System.arraycopy("cxsparse".getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, h, 0, 8);
    Bytes.putBe64(h, 8, -1);
    Bytes.putBe64(h, 16, VpcFooter.BYTES + DYNAMIC_HEADER_BYTES);
    Bytes.putBe32(h, 24, 0x00010000);
    Bytes.putBe32(h, 28, entries);
    Bytes.putBe32(h, 32, BLOCK_BYTES);
    Bytes.putBe32(h, 36, VpcFooter.checksum(h, h.length, 36));
    byte[] table = new byte[entries * 4 + 511 & -512];
    Arrays.fill(table, (byte) 0xff);
    file.write(0, ByteBuffer.wrap(footer));
    file.write(VpcFooter.BYTES, ByteBuffer.wrap(h));
    file.write(VpcFooter.BYTES + DYNAMIC_HEADER_BYTES, ByteBuffer.wrap(table));
    file.write(VpcFooter.BYTES + DYNAMIC_HEADER_BYTES + table.length, ByteBuffer.wrap(footer));
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("subformat", "force_size");
  }
}
