package org.tuber.devices.storage;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.BlockBackend;

/**
 * The one request that a drive has at its image. The answer comes through the machine's event loop,
 * under the device lock; the answer to a request that was forgotten meanwhile (a reset, another
 * state loaded) is dropped.
 */
final class PendingRequest {
  private static final Logger LOG = LoggerFactory.getLogger(PendingRequest.class);

  /** Hears how the request ended. */
  interface Done {
    /** The request succeeded, or not. */
    void done(boolean success);
  }

  private final Executor eventLoop;
  private final Done done;
  private int generation;
  private boolean pending;

  PendingRequest(Executor eventLoop, Done done) {
    this.eventLoop = eventLoop;
    this.done = done;
  }

  /** True from the start of a request until its answer. */
  boolean isPending() {
    return pending;
  }

  void read(BlockBackend disk, long offset, byte[] target, int at, int length) {
    start(disk.read(offset, MemorySegment.ofArray(target).asSlice(at, length)));
  }

  void write(BlockBackend disk, long offset, byte[] source, int at, int length) {
    start(disk.write(offset, MemorySegment.ofArray(source).asSlice(at, length)));
  }

  void flush(BlockBackend disk) {
    start(disk.flush());
  }

  void discard(BlockBackend disk, long offset, long length) {
    start(disk.discard(offset, length));
  }

  /** Waits for a request that the drive itself composed. */
  void start(CompletableFuture<Void> request) {
    int mine = ++generation;
    pending = true;
    var unused =
        request.whenComplete(
            (nothing, failure) -> eventLoop.execute(() -> answered(mine, failure)));
  }

  /** Drops the answer when it comes. */
  void forget() {
    generation++;
    pending = false;
  }

  private void answered(int number, Throwable failure) {
    if (number != generation) {
      return;
    }
    pending = false;
    if (failure != null) {
      LOG.warn("a disk image failed: {}", failure.toString());
    }
    done.done(failure == null);
  }
}
