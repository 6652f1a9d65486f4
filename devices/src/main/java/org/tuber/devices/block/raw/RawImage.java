package org.tuber.devices.block.raw;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.tuber.core.mem.RamPieces;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFile;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.SnapshotStore;

/**
 * A raw image. Its length is that of the file, rounded up to a sector.
 *
 * <p>If nobody said that the image is raw and it only looked so, the guest must not be able to turn
 * it into something else by writing a format's header to its first sector: such a write is refused.
 */
public final class RawImage implements BlockNode {
  private static final int SECTOR = 512;

  private final ImageFile file;
  private final boolean probed;
  private final boolean discard;
  private volatile long length;

  /** Takes over {@code file}; {@code probed} if its format was guessed. */
  public RawImage(ImageFile file, boolean probed, boolean discard) throws IOException {
    this.file = file;
    this.probed = probed;
    this.discard = discard;
    this.length = (file.size() + SECTOR - 1) & -SECTOR;
  }

  @Override
  public String formatName() {
    return "raw";
  }

  @Override
  public String filename() {
    return file.name();
  }

  @Override
  public long lengthBytes() {
    return length;
  }

  @Override
  public boolean isReadOnly() {
    return file.isReadOnly();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    requireInside(offset, target.remaining());
    file.read(offset, target);
  }

  @Override
  public boolean readAtOnce(long offset, RamPieces target) {
    return offset >= 0 && offset <= length - target.bytes() && file.readAtOnce(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    requireInside(offset, source.remaining());
    if (probed && offset < SECTOR && source.hasRemaining()) {
      refuseHeader(offset, source);
    }
    file.write(offset, source);
  }

  private void refuseHeader(long offset, ByteBuffer source) throws IOException {
    byte[] head = new byte[org.tuber.devices.block.ImageFormat.PROBE_BYTES];
    file.read(0, ByteBuffer.wrap(head));
    int n = (int) Math.min(source.remaining(), head.length - offset);
    source.duplicate().get(head, (int) offset, n);
    String looksLike = ImageFormats.probe(head, file);
    if (!looksLike.equals("raw")) {
      throw new ImageException(
          filename(),
          "format",
          "the image was taken for raw by its looks; writing a "
              + looksLike
              + " header to it is refused. Give format=raw to allow it");
    }
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    requireInside(offset, length);
    file.writeZeroes(offset, length, unmap && discard);
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    requireInside(offset, length);
    if (discard) {
      file.discard(offset, length);
    }
  }

  @Override
  public void flush() throws IOException {
    file.flush();
  }

  @Override
  public BlockStatus status(long offset, long length) throws IOException {
    requireInside(offset, length);
    return file.status(offset, length);
  }

  @Override
  public void resize(long newLength, Preallocation preallocation) throws IOException {
    if (isReadOnly()) {
      throw new ImageException(filename(), "size", "the image is read-only");
    }
    long old = file.size();
    if (preallocation != Preallocation.OFF && newLength < old) {
      throw new ImageException(filename(), "preallocation", "cannot be used when shrinking");
    }
    file.setSize(newLength);
    if (newLength > old) {
      switch (preallocation) {
        case FALLOC -> file.allocate(old, newLength - old);
        case FULL -> Bytes.writeZeroData(file, old, newLength - old);
        case METADATA ->
            throw new ImageException(filename(), "preallocation", "raw images have no metadata");
        case OFF -> {}
      }
    }
    length = (newLength + SECTOR - 1) & -SECTOR;
  }

  @Override
  public int clusterBytes() {
    return file.unitBytes();
  }

  @Override
  public List<ImageInfo.SnapshotInfo> snapshots() throws IOException {
    return file instanceof SnapshotStore s ? s.snapshots() : List.of();
  }

  @Override
  public List<ImageFile> files() {
    return List.of(file);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
