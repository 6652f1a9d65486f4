package org.tuber.devices.block.raw;

import java.io.IOException;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Preallocation;

/** The raw format. */
public final class RawFormat implements ImageFormat {
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
    try (ImageFile file = Images.createFile(options.filename())) {
      file.setSize(size);
      if (preallocation == Preallocation.FALLOC) {
        file.allocate(0, size);
      } else if (preallocation == Preallocation.FULL) {
        Bytes.writeZeroData(file, 0, size);
      }
    }
  }

  @Override
  public Set<String> createOptionNames() {
    return Set.of("preallocation");
  }
}
