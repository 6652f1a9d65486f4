package org.tuber.devices.block.ops;

import java.util.concurrent.locks.LockSupport;

/** Keeps a copy from writing more than so many bytes a second. */
public final class Pace {
  private final long bytesPerSecond;
  private long start;
  private long taken;

  /** With a limit; 0: none. */
  public Pace(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Waits until so many bytes more may be written. */
  void take(long bytes) {
    if (bytesPerSecond == 0) {
      return;
    }
    long wait;
    synchronized (this) {
      long now = System.nanoTime();
      start = taken == 0 ? now : start;
      long due = start + (long) (taken * 1e9 / bytesPerSecond);
      taken += bytes;
      wait = due - now;
    }
    while (wait > 0) {
      long before = System.nanoTime();
      LockSupport.parkNanos(wait);
      wait -= System.nanoTime() - before;
    }
  }
}
