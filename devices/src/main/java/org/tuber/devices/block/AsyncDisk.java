package org.tuber.devices.block;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.RamPieces;

/** A node as device models use it: requests are queued to a few threads of its own. */
public final class AsyncDisk implements BlockBackend {
  private static final int THREADS = 4;

  /** Decides when a request may begin. */
  @FunctionalInterface
  public interface Admission {
    /** Runs {@code go} once, now or later, on any thread. */
    void admit(boolean write, long bytes, Runnable go);
  }

  private final BlockNode node;
  private final Admission admission;
  private final ExecutorService threads;

  /** Takes over a node. */
  public AsyncDisk(BlockNode node) {
    this(node, (write, bytes, go) -> go.run());
  }

  /** Takes over a node whose requests may have to wait. */
  public AsyncDisk(BlockNode node, Admission admission) {
    this.node = node;
    this.admission = admission;
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

  private CompletableFuture<Void> submit(boolean write, long bytes, Work work) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    admission.admit(write, bytes, () -> submit(work, done));
    return done;
  }

  private void submit(Work work, CompletableFuture<Void> done) {
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
    } catch (RejectedExecutionException e) {
      done.completeExceptionally(new IOException("disk is closed", e));
    }
  }

  @Override
  public long lengthBytes() {
    return node.lengthBytes();
  }

  @Override
  public void onResize(Runnable listener) {
    node.onResize(listener);
  }

  @Override
  public boolean isReadOnly() {
    return node.isReadOnly();
  }

  @Override
  public CompletableFuture<Void> read(long offset, MemorySegment target) {
    return submit(false, target.byteSize(), () -> node.read(offset, target.asByteBuffer()));
  }

  @Override
  public boolean readAtOnce(long offset, RamPieces target) {
    return node.readAtOnce(offset, target);
  }

  @Override
  public CompletableFuture<Void> write(long offset, MemorySegment source) {
    return submit(true, source.byteSize(), () -> node.write(offset, source.asByteBuffer()));
  }

  @Override
  public CompletableFuture<Void> flush() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    submit(node::flush, done);
    return done;
  }

  @Override
  public CompletableFuture<Void> discard(long offset, long length) {
    return submit(true, length, () -> node.discard(offset, length));
  }

  @Override
  public CompletableFuture<Void> writeZeroes(long offset, long length) {
    return submit(true, length, () -> node.writeZeroes(offset, length, true));
  }

  @Override
  public void close() {
    threads.close();
    try {
      node.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
