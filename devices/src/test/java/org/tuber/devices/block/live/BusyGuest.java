package org.tuber.devices.block.live;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.tuber.devices.block.BlockNode;

/**
 * Threads that write to a disk all the time, each to stripes of its own that share clusters with
 * the others', and know what the disk must read as.
 */
final class BusyGuest implements AutoCloseable {
  private static final int THREADS = 3;
  private static final int STRIPE_BYTES = 10_240;

  private final BlockNode disk;
  private final byte[] expected;
  private final ReentrantReadWriteLock still = new ReentrantReadWriteLock(true);
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile boolean stop;
  private final AtomicLong writes = new AtomicLong();

  BusyGuest(BlockNode disk, byte[] content, long seed) {
    this.disk = disk;
    this.expected = content;
    for (int i = 0; i < THREADS; i++) {
      int me = i;
      threads.add(Thread.ofPlatform().start(() -> work(me, new Random(seed * THREADS + me))));
    }
  }

  private void work(int me, Random random) {
    int stripes = expected.length / STRIPE_BYTES;
    try {
      while (!stop) {
        int stripe = random.nextInt(stripes / THREADS) * THREADS + me;
        int n = 1 + random.nextInt(STRIPE_BYTES);
        int at = stripe * STRIPE_BYTES + random.nextInt(STRIPE_BYTES - n + 1);
        still.readLock().lock();
        try {
          one(random, at, n);
        } finally {
          still.readLock().unlock();
        }
      }
    } catch (IOException | RuntimeException | AssertionError e) {
      failure.compareAndSet(null, e);
    }
  }

  private void one(Random random, int at, int n) throws IOException {
    switch (random.nextInt(8)) {
      case 0 -> {
        disk.writeZeroes(at, n, random.nextBoolean());
        Arrays.fill(expected, at, at + n, (byte) 0);
      }
      case 1 -> {
        ByteBuffer b = ByteBuffer.allocate(n);
        disk.read(at, b);
        int differs = b.flip().mismatch(ByteBuffer.wrap(expected, at, n).slice());
        assertThat(differs < 0 ? -1 : at + differs).as("wrong byte under load").isEqualTo(-1);
      }
      case 2 -> disk.flush();
      default -> {
        byte[] data = new byte[n];
        random.nextBytes(data);
        disk.write(at, ByteBuffer.wrap(data));
        System.arraycopy(data, 0, expected, at, n);
      }
    }
    writes.incrementAndGet();
  }

  /** Something done while no request is on the way. */
  interface Pause {
    void run() throws IOException;
  }

  /** The content at the moment {@code p} ran. */
  byte[] at(Pause p) throws IOException {
    still.writeLock().lock();
    try {
      p.run();
      return expected.clone();
    } finally {
      still.writeLock().unlock();
    }
  }

  /** Waits for some requests. */
  void work(int requests) throws IOException {
    long goal = writes.get() + requests;
    while (writes.get() < goal && failure.get() == null) {
      Thread.onSpinWait();
      LockSupport.parkNanos(1_000_000);
    }
    check();
  }

  private void check() throws IOException {
    if (failure.get() != null) {
      throw new IOException("the guest saw a failure", failure.get());
    }
  }

  /** Stops and gives the content at the end. */
  byte[] stop() throws IOException {
    close();
    check();
    return expected;
  }

  @Override
  public void close() {
    stop = true;
    try {
      for (Thread t : threads) {
        t.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
