package org.tuber.devices.block;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.tuber.core.backend.BlockBackend;

/** A node as device models use it: requests are queued to a few threads of its own. */
public final class AsyncDisk implements BlockBackend {
  private static final int THREADS = 4;

  private final BlockNode node;
  private final ExecutorService threads;

  /** Takes over a node. */
  public AsyncDisk(BlockNode node) {
    this.node = node;
    this.threads =
        Executors.newFixedThreadPool(
            THREADS,
            r -> {
              Thread t = new Thread(r, "disk " + node.filename());
              t.setDaemon(true);
              return t;
            });
  }

  /** The node behind. */
  public BlockNode node() {
    return node;
  }

  private interface Work {
    void run() throws IOException;
  }

  private CompletableFuture<Void> submit(Work work) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    try {
      threads.execute(
          () -> {
            try {
              work.run();
              done.complete(null);
            } catch (IOException | RuntimeException e) {
              done.completeExceptionally(e instanceof IOException ? e : new IOException(e));
            }
          });
    } catch (java.util.concurrent.RejectedExecutionException e) {
      done.completeExceptionally(new IOException("disk is closed", e));
    }
    return done;
  }

  @Override
  public long lengthBytes() {
    return node.lengthBytes();
  }

  @Override
  public boolean isReadOnly() {
    return node.isReadOnly();
  }

  @Override
  public CompletableFuture<Void> read(long offset, MemorySegment target) {
    return submit(() -> node.read(offset, target.asByteBuffer()));
  }

  @Override
  public CompletableFuture<Void> write(long offset, MemorySegment source) {
    return submit(() -> node.write(offset, source.asByteBuffer()));
  }

  @Override
  public CompletableFuture<Void> flush() {
    return submit(node::flush);
  }

  @Override
  public CompletableFuture<Void> discard(long offset, long length) {
    return submit(() -> node.discard(offset, length));
  }

  @Override
  public CompletableFuture<Void> writeZeroes(long offset, long length) {
    return submit(() -> node.writeZeroes(offset, length, true));
  }

  @Override
  public void close() {
    threads.close();
    try {
      node.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
