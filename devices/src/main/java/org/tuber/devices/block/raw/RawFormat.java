package org.tuber.devices.block.raw;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.host.HostFile;

/** The raw format. */
public final class RawFormat implements ImageFormat {
  private static final int CHUNK = 1 << 20;

  @Override
  public String name() {
    return "raw";
  }

  @Override
  public int probe(byte[] head, ImageFile file) {
    return 1;
  }

  @Override
  public BlockNode open(ImageFile file, OpenOptions options) throws IOException {
    return new RawImage(file, options.format() == null, options.discard());
  }

  @Override
  public void create(CreateOptions options) throws IOException {
    Preallocation preallocation =
        Preallocation.parse(options.filename(), options.get("preallocation", "off"));
    if (preallocation == Preallocation.METADATA) {
      throw new ImageException(options.filename(), "preallocation", "must be off, falloc or full");
    }
    long size = (options.sizeBytes() + 511) & -512L;
    try (HostFile file = HostFile.create(options.filename())) {
      file.setSize(size);
      if (preallocation == Preallocation.FALLOC) {
        file.allocate(0, size);
      } else if (preallocation == Preallocation.FULL) {
        file.writeZeroData(0, size);
      }
    }
  }

  /** Writes zeros as data. */
  static void writeZeroData(ImageFile file, long offset, long length) throws IOException {
    ByteBuffer zeros = Bytes.pageAligned(CHUNK);
    for (long done = 0; done < length; done += CHUNK) {
      zeros.clear().limit((int) Math.min(CHUNK, length - done));
      file.write(offset + done, zeros);
    }
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("preallocation");
  }
}
