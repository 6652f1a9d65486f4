package org.tuber.devices.block.ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;

/** Sends a number of equal requests and takes the time: {@code img bench}. */
public final class ImageBench {
  /**
   * The load.
   *
   * @param count requests
   * @param depth at the same time
   * @param offset of the first
   * @param size of each, in bytes
   * @param step from one to the next
   * @param write write instead of read
   * @param pattern byte to write
   * @param flushInterval flush after so many writes; 0 never
   */
  public record Load(
      long count,
      int depth,
      long offset,
      int size,
      long step,
      boolean write,
      int pattern,
      long flushInterval) {}

  private ImageBench() {}

  /** Runs the load with at most {@code threads} threads; returns nanoseconds. */
  public static long run(BlockNode node, Load load, int threads) throws IOException {
    AtomicLong next = new AtomicLong();
    AtomicReference<IOException> failure = new AtomicReference<>();
    int n = Math.clamp(load.depth, 1, threads);
    Thread[] workers = new Thread[n];
    long start = System.nanoTime();
    for (int i = 0; i < n; i++) {
      workers[i] = Thread.ofPlatform().name("bench").start(() -> work(node, load, next, failure));
    }
    try {
      for (Thread t : workers) {
        t.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (failure.get() != null) {
      throw failure.get();
    }
    return System.nanoTime() - start;
  }

  private static void work(
      BlockNode node, Load load, AtomicLong next, AtomicReference<IOException> failure) {
    ByteBuffer buffer = Bytes.pageAligned(load.size);
    while (buffer.hasRemaining()) {
      buffer.put((byte) load.pattern);
    }
    long disk = node.lengthBytes();
    try {
      for (long i = next.getAndIncrement();
          i < load.count && failure.get() == null;
          i = next.getAndIncrement()) {
        long at = load.offset + i * load.step;
        // As qemu-img goes round: what was aligned stays so.
        at = disk <= load.size ? 0 : at % (disk - load.size);
        buffer.clear();
        if (load.write) {
          node.write(at, buffer);
          if (load.flushInterval > 0 && (i + 1) % load.flushInterval == 0) {
            node.flush();
          }
        } else {
          node.read(at, buffer);
        }
      }
    } catch (IOException e) {
      failure.compareAndSet(null, e);
    }
  }
}
