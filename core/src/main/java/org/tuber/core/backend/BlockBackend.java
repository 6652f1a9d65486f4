package org.tuber.core.backend;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import org.tuber.core.mem.RamPieces;

/**
 * A disk image as devices see it: asynchronous, byte-addressed.
 *
 * <p>Failures complete the future with an {@link java.io.IOException}. Completion may come on any
 * thread; devices post it to the machine's event loop. Requests may complete out of order; a flush
 * covers all writes that completed before it was issued.
 */
public interface BlockBackend extends AutoCloseable {
  /** Sector size of the guest-visible disk, in bytes. */
  int SECTOR_BYTES = 512;

  /** Guest-visible length in bytes. */
  long lengthBytes();

  /** True when writes are refused. */
  boolean isReadOnly();

  /** Has a listener called, on any thread, whenever the length has changed. */
  default void onResize(Runnable listener) {}

  /** Reads {@code target.byteSize()} bytes at byte {@code offset}. */
  CompletableFuture<Void> read(long offset, MemorySegment target);

  /**
   * Reads as many bytes at byte {@code offset} as the pieces hold, if that takes no waiting: the
   * host has them in its memory. Saves two changes of threads, which take longer than a small read.
   *
   * @return false when it would have to wait, cannot tell, or fails: {@link #read} then does it
   */
  default boolean readAtOnce(long offset, RamPieces target) {
    return false;
  }

  /** Writes {@code source.byteSize()} bytes at byte {@code offset}. */
  CompletableFuture<Void> write(long offset, MemorySegment source);

  /** Completes when all earlier completed writes are on stable storage. */
  CompletableFuture<Void> flush();

  /** Tells that the guest no longer needs these bytes; they may read as zero afterwards or not. */
  CompletableFuture<Void> discard(long offset, long length);

  /** Writes zeros, allocating as little as possible. */
  CompletableFuture<Void> writeZeroes(long offset, long length);

  @Override
  void close();
}
