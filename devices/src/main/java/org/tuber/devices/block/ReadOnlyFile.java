package org.tuber.devices.block;

import java.io.IOException;
import java.nio.ByteBuffer;

/** What can only be read, and nobody knows the space of. */
public interface ReadOnlyFile extends ImageFile {
  /** What a refused change is told. */
  IOException readOnly();

  @Override
  default boolean isReadOnly() {
    return true;
  }

  @Override
  default void write(long offset, ByteBuffer source) throws IOException {
    throw readOnly();
  }

  @Override
  default void setSize(long bytes) throws IOException {
    throw readOnly();
  }

  @Override
  default void flush() {
    // Nothing is ever written.
  }

  @Override
  default void discard(long offset, long length) throws IOException {
    throw readOnly();
  }

  @Override
  default void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    throw readOnly();
  }

  @Override
  default void allocate(long offset, long length) throws IOException {
    throw readOnly();
  }

  @Override
  default long allocatedBytes() {
    return -1;
  }
}
