package org.tuber.devices.block.qed;

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

/** QED images ({@code docs/interop/qed_spec.txt}). */
public final class QedFormat implements ImageFormat {
  static final int MAGIC = 0x00444551;
  static final long FEATURE_BACKING = 1;
  static final long FEATURE_NEED_CHECK = 2;
  static final long FEATURE_NO_PROBE = 4;

  @Override
  public String name() {
    return "qed";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return Bytes.le32(head, 0) == MAGIC ? 100 : 0;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    return QedImage.open(file, options);
  }

  @Override
  public void create(CreateOptions o) throws IOException {
    long cluster = o.bytes("cluster_size", 65536);
    long table = o.bytes("table_size", 4);
    if (Long.bitCount(cluster) != 1 || cluster < 4096 || cluster > 64 << 20) {
      throw new ImageException(o.filename(), "cluster_size", "must be a power of two, 4k to 64M");
    }
    if (Long.bitCount(table) != 1 || table > 16) {
      throw new ImageException(o.filename(), "table_size", "must be a power of two up to 16");
    }
    long size = o.sizeBytes() + 511 & -512L;
    long entries = cluster * table / 8;
    if (Math.multiplyHigh(entries * entries, cluster) == 0
        && entries * entries * cluster > 0
        && size > entries * entries * cluster) {
      throw new ImageException(o.filename(), "size", "too large for these cluster and table sizes");
    }
    byte[] backing = o.get("backing_file", "").getBytes(StandardCharsets.UTF_8);
    boolean raw = "raw".equals(o.options().get("backing_fmt"));
    byte[] h = new byte[64 + backing.length];
    Bytes.putLe32(h, 0, MAGIC);
    Bytes.putLe32(h, 4, (int) cluster);
    Bytes.putLe32(h, 8, (int) table);
    Bytes.putLe32(h, 12, 1);
    long features = backing.length == 0 ? 0 : FEATURE_BACKING | (raw ? FEATURE_NO_PROBE : 0);
    Bytes.putLe64(h, 16, features);
    Bytes.putLe64(h, 40, cluster);
    Bytes.putLe64(h, 48, size);
    if (backing.length > 0) {
      if (backing.length > 1023) {
        throw new ImageException(o.filename(), "backing_file", "longer than 1023 bytes");
      }
      Bytes.putLe32(h, 56, 64);
      Bytes.putLe32(h, 60, backing.length);
      System.arraycopy(backing, 0, h, 64, backing.length);
    }
    try (ImageFile file = Images.createFile(o.filename())) {
      file.write(0, ByteBuffer.wrap(h));
      file.setSize(cluster * (1 + table));
    }
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("cluster_size", "table_size", "backing_file", "backing_fmt");
  }
}
