package org.tuber.launcher.console;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * Carries guest output to a host stream on a thread of its own, so that a guest CPU does not wait
 * in a system call for every character.
 *
 * <p>The writer takes everything that is there, writes it and then rests for a millisecond before
 * it looks again: a chatty guest costs a thousand wake-ups a second, not one for each byte, and a
 * byte is never later than that. When the reader of the stream is slow, the ring fills and the
 * guest waits: losing output would be worse. Where somebody else decides whether they read, the
 * guest waits only so long, and what comes then is lost until they read again.
 */
final class ByteOutlet {
  private static final int RING_BYTES = 1 << 16;
  private static final long REST_NANOS = 1_000_000;

  private final OutputStream out;
  private final long patienceNanos;
  private final byte[] ring = new byte[RING_BYTES];
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition filled = lock.newCondition();
  private final Condition drained = lock.newCondition();
  private int head;
  private int size;
  private boolean writing;
  private boolean idle;
  private boolean hurry;
  private boolean stalled;
  private boolean broken;
  private boolean closed;

  /**
   * An outlet.
   *
   * @param patienceNanos how long somebody waits for the reader; 0: for ever
   */
  ByteOutlet(String name, OutputStream out, long patienceNanos) {
    this.out = out;
    this.patienceNanos = patienceNanos == 0 ? Long.MAX_VALUE : patienceNanos;
    Thread.ofPlatform().daemon().name(name + "-output").start(this::drainLoop);
  }

  /** Queues one byte; waits only while the ring is full. */
  void write(byte value) {
    lock.lock();
    try {
      if (size == RING_BYTES) {
        awaitDrained(() -> size == RING_BYTES);
      }
      if (broken || closed || size == RING_BYTES) {
        return;
      }
      ring[(head + size) & (RING_BYTES - 1)] = value;
      size++;
      if (idle) {
        filled.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits while {@code full}, once for each time that the reader stops reading. */
  private void awaitDrained(BooleanSupplier full) {
    long leftNanos = stalled ? 0 : patienceNanos;
    boolean interrupted = false;
    while (full.getAsBoolean() && !broken && !closed && leftNanos > 0) {
      try {
        leftNanos = drained.awaitNanos(leftNanos);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    stalled = full.getAsBoolean();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Queues several bytes. */
  void write(byte[] bytes) {
    for (byte value : bytes) {
      write(value);
    }
  }

  /** Returns once everything queued so far is in the host's hands, or that cannot be. */
  void flush() {
    lock.lock();
    try {
      hurry = true;
      filled.signal();
      awaitDrained(() -> size > 0 || writing);
      hurry = false;
    } finally {
      lock.unlock();
    }
  }

  /** Writes what is left and ends the thread; the stream stays open. */
  void close() {
    flush();
    lock.lock();
    try {
      closed = true;
      filled.signal();
      drained.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void drainLoop() {
    byte[] chunk = new byte[RING_BYTES];
    while (true) {
      int length = take(chunk);
      if (length < 0) {
        return;
      }
      boolean failed = false;
      try {
        out.write(chunk, 0, length);
        out.flush();
      } catch (IOException e) {
        // The other end of the pipe has gone; the guest runs on without a listener, as on a real
        // line.
        failed = true;
      }
      written(failed);
      if (failed) {
        return;
      }
    }
  }

  private int take(byte[] chunk) {
    lock.lock();
    try {
      while (size == 0) {
        if (closed) {
          return -1;
        }
        idle = true;
        filled.awaitUninterruptibly();
      }
      idle = false;
      int length = size;
      int first = Math.min(length, RING_BYTES - head);
      System.arraycopy(ring, head, chunk, 0, first);
      System.arraycopy(ring, 0, chunk, first, length - first);
      head = (head + length) & (RING_BYTES - 1);
      size = 0;
      writing = true;
      return length;
    } finally {
      lock.unlock();
    }
  }

  private void written(boolean failed) {
    lock.lock();
    try {
      writing = false;
      stalled = false;
      broken |= failed;
      drained.signalAll();
      long rest = REST_NANOS;
      while (rest > 0 && !broken && !closed && !hurry && size < RING_BYTES / 2) {
        rest = filled.awaitNanos(rest);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      broken = true;
    } finally {
      lock.unlock();
    }
  }
}
