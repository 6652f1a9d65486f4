package org.tuber.devices.block;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.core.mem.RamPieces;

/**
 * The bytes an image format is stored in: a host file, a network export, a window of either.
 *
 * <p>All calls are positioned, synchronous and may be made by several threads at once. Buffers are
 * consumed from position to limit.
 */
public interface ImageFile extends Closeable {
  /** File name or URL, for messages. */
  String name();

  /** Present length in bytes. */
  long size() throws IOException;

  /** Unit in which a store allocates, for those that tell; 0 otherwise. */
  default int unitBytes() {
    return 0;
  }

  /** True when writing is not possible. */
  boolean isReadOnly();

  /** Fills {@code target}; bytes past the end of the file read as zero. */
  void read(long offset, ByteBuffer target) throws IOException;

  /** Fills {@code target} if the bytes are there and that takes no waiting; false otherwise. */
  default boolean readAtOnce(long offset, RamPieces target) {
    return false;
  }

  /** Writes all of {@code source}, growing the file when needed. */
  void write(long offset, ByteBuffer source) throws IOException;

  /** Cuts the file or extends it with zeros. */
  void setSize(long bytes) throws IOException;

  /** Returns once all completed writes are on stable storage. */
  void flush() throws IOException;

  /** Gives the space back where the host can; the bytes then read as zero. A hint otherwise. */
  void discard(long offset, long length) throws IOException;

  /** Makes the bytes read as zero, without occupying space if {@code unmap} and the host can. */
  void writeZeroes(long offset, long length, boolean unmap) throws IOException;

  /** Reserves space on the host. */
  void allocate(long offset, long length) throws IOException;

  /**
   * What the host knows of the bytes at {@code offset}: data or hole, for at most {@code length}.
   */
  BlockStatus status(long offset, long length) throws IOException;

  /** Takes the lock that keeps other writers away, if the file was opened without it. */
  default void lock() throws IOException {}

  /** Bytes the file occupies where it is stored; -1 if nobody knows. */
  long allocatedBytes() throws IOException;

  @Override
  void close() throws IOException;
}
