package org.tuber.core.time;

import java.util.Comparator;
import java.util.PriorityQueue;

/** A clock that moves only when told: for tests and for runs that must be reproducible. */
public final class ManualClock implements VirtualClock {
  private record Entry(long deadlineNanos, long order, Timer timer) {}

  private final PriorityQueue<Entry> queue =
      new PriorityQueue<>(
          Comparator.comparingLong(Entry::deadlineNanos).thenComparingLong(Entry::order));
  private final long startWallSeconds;
  private long nanos;
  private long order;

  /** A clock at zero whose wall time starts at {@code startWallSeconds} since 1970. */
  public ManualClock(long startWallSeconds) {
    this.startWallSeconds = startWallSeconds;
  }

  @Override
  public long nanos() {
    return nanos;
  }

  @Override
  public void schedule(Timer timer, long deadlineNanos) {
    cancel(timer);
    queue.add(new Entry(deadlineNanos, order++, timer));
  }

  @Override
  public void cancel(Timer timer) {
    queue.removeIf(e -> e.timer == timer);
  }

  @Override
  public long wallSeconds() {
    return startWallSeconds + nanos / 1_000_000_000L;
  }

  /** Moves time forward by {@code deltaNanos}, firing timers in order at their own times. */
  public void advance(long deltaNanos) {
    long target = nanos + deltaNanos;
    while (!queue.isEmpty() && queue.peek().deadlineNanos <= target) {
      Entry e = queue.remove();
      nanos = Math.max(nanos, e.deadlineNanos);
      e.timer.fire();
    }
    nanos = target;
  }

  /** The next deadline in nanoseconds, or {@link Timer#NEVER}. */
  public long nextDeadlineNanos() {
    return queue.isEmpty() ? Timer.NEVER : queue.peek().deadlineNanos;
  }
}
