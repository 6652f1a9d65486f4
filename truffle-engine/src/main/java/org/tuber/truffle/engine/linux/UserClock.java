package org.tuber.truffle.engine.linux;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.tuber.core.time.Timer;
import org.tuber.core.time.VirtualClock;

/** Host time as the guest's: the TSC counts it, and interval timers run by it. */
final class UserClock implements VirtualClock {
  private final long start = System.nanoTime();
  private ScheduledExecutorService executor;

  @Override
  public long nanos() {
    return System.nanoTime() - start;
  }

  @Override
  public void schedule(Timer timer, long deadlineNanos) {
    throw new UnsupportedOperationException("no devices in user mode");
  }

  @Override
  public void cancel(Timer timer) {}

  @Override
  public long wallSeconds() {
    return System.currentTimeMillis() / 1000;
  }

  /** Runs {@code action} once after a delay, then every {@code periodNanos} unless that is 0. */
  synchronized ScheduledFuture<?> after(Runnable action, long delayNanos, long periodNanos) {
    if (executor == null) {
      ScheduledThreadPoolExecutor pool =
          new ScheduledThreadPoolExecutor(
              1,
              task -> {
                Thread t = new Thread(task, "tuber-timer");
                t.setDaemon(true);
                return t;
              });
      pool.setRemoveOnCancelPolicy(true);
      executor = pool;
    }
    return periodNanos > 0
        ? executor.scheduleAtFixedRate(action, delayNanos, periodNanos, TimeUnit.NANOSECONDS)
        : executor.schedule(action, delayNanos, TimeUnit.NANOSECONDS);
  }

  /** Ends the thread of the timers, and waits for it unless one of them is long at work. */
  void close() {
    ScheduledExecutorService ending;
    synchronized (this) {
      ending = executor;
    }
    if (ending == null) {
      return;
    }
    ending.shutdownNow();
    try {
      ending.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
