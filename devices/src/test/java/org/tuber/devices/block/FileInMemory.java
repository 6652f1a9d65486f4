package org.tuber.devices.block;

import java.io.IOException;

/** What image files in a test's memory have in common: all data, no holes, a bounded length. */
abstract class FileInMemory implements ImageFile {
  static final int MAX_BYTES = 1 << 26;

  /** Makes the file at least that long. */
  abstract void extendTo(long end) throws IOException;

  /** Makes the file at least that long, if so much memory is allowed. */
  final void grow(long end) throws IOException {
    if (end < 0 || end > MAX_BYTES) {
      throw new IOException("no space left: " + end);
    }
    extendTo(end);
  }

  @Override
  public final String name() {
    return "memory";
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public void flush() {}

  @Override
  public void allocate(long offset, long length) throws IOException {
    grow(offset + length);
  }

  @Override
  public final BlockStatus status(long offset, long length) {
    return new BlockStatus(offset, length, BlockStatus.Kind.DATA, offset, false);
  }

  @Override
  public final long allocatedBytes() throws IOException {
    return size();
  }

  @Override
  public final void close() {}
}
