package org.tuber.devices.block.qcow2;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Writes that have taken clusters and store their bytes there outside of the image's lock, so that
 * others can do the same meanwhile. Until they have entered them in the tables nobody may touch the
 * guest clusters they are for.
 */
final class PendingWrites {
  private final ReentrantReadWriteLock.WriteLock lock;
  private final Condition changed;
  private final List<Range> ranges = new ArrayList<>();

  /** Threads that want the image without such writes. */
  private int waiting;

  /** Guest clusters from one offset to another. */
  private record Range(long from, long to) {}

  PendingWrites(ReentrantReadWriteLock lock) {
    this.lock = lock.writeLock();
    this.changed = this.lock.newCondition();
  }

  /** Takes the write lock once no such write is under way. */
  void lockAlone() {
    lock.lock();
    waiting++;
    while (!ranges.isEmpty()) {
      changed.awaitUninterruptibly();
    }
    waiting--;
    changed.signalAll();
  }

  /**
   * Waits, with the write lock held, until a range is free and nobody wants the image alone.
   *
   * @return false if that gave the lock away meanwhile
   */
  boolean isFree(long from, long to) {
    boolean free = true;
    while (overlaps(from, to) || waiting > 0 && !ranges.isEmpty()) {
      free = false;
      changed.awaitUninterruptibly();
    }
    return free;
  }

  private boolean overlaps(long from, long to) {
    for (Range r : ranges) {
      if (from < r.to && r.from < to) {
        return true;
      }
    }
    return false;
  }

  /** Keeps others away from a range; with the write lock held. */
  void add(long from, long to) {
    ranges.add(new Range(from, to));
  }

  /** Lets them in again; with the write lock held. */
  void remove(long from, long to) {
    ranges.remove(new Range(from, to));
    changed.signalAll();
  }
}
