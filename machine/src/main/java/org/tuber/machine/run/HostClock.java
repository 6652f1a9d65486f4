package org.tuber.machine.run;

import java.time.Instant;
import java.time.ZoneId;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.time.Timer;
import org.tuber.core.time.TimerQueue;
import org.tuber.machine.MachineConfig;

/**
 * The guest's time as the host's monotonic clock, minus the time the machine was stopped.
 *
 * <p>{@link #nanos} may be called by any thread without a lock: the time-stamp counter reads it on
 * the CPU's hot path. Everything else is used under the device lock.
 */
public final class HostClock implements MachineClock {
  private static final long RUNNING = Long.MIN_VALUE;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final TimerQueue timers = new TimerQueue();
  private final long startWallSeconds;
  private final ReentrantLock deviceLock;
  private DeadlineListener listener = deadline -> {};

  /** Host time that corresponds to guest time 0; published by the volatile write that follows. */
  private long hostOrigin;

  /** Guest time while stopped, or {@link #RUNNING}. */
  private volatile long frozenNanos;

  /** The next deadline, for {@link #catchUp} to read without the lock. */
  private volatile long dueNanos = Timer.NEVER;

  /**
   * A stopped clock at 0; wall time then is {@code startWallSeconds} since 1970.
   *
   * @param deviceLock the machine's lock, taken by {@link #catchUp}
   */
  public HostClock(long startWallSeconds, ReentrantLock deviceLock) {
    this.startWallSeconds = startWallSeconds;
    this.deviceLock = deviceLock;
  }

  /** A stopped clock at 0 with the wall time that {@code base} says. */
  public static HostClock startingAt(MachineConfig.RtcBase base, ReentrantLock deviceLock) {
    if (base instanceof MachineConfig.RtcBase.Fixed(long seconds)) {
      return new HostClock(seconds, deviceLock);
    }
    Instant now = Instant.now();
    boolean local = base instanceof MachineConfig.RtcBase.LocalTime;
    int offset = local ? ZoneId.systemDefault().getRules().getOffset(now).getTotalSeconds() : 0;
    return new HostClock(now.getEpochSecond() + offset, deviceLock);
  }

  @Override
  public long nanos() {
    long frozen = frozenNanos;
    return frozen == RUNNING ? System.nanoTime() - hostOrigin : frozen;
  }

  @Override
  public void start() {
    long frozen = frozenNanos;
    if (frozen != RUNNING) {
      hostOrigin = System.nanoTime() - frozen;
      frozenNanos = RUNNING;
    }
  }

  @Override
  public void stop() {
    frozenNanos = nanos();
  }

  /** Sets a stopped clock, as loading a snapshot does. */
  public void setNanos(long nanos) {
    if (isRunning()) {
      throw new IllegalStateException("the clock is running");
    }
    frozenNanos = nanos;
  }

  @Override
  public boolean isRunning() {
    return frozenNanos == RUNNING;
  }

  @Override
  public void setEarlierDeadlineListener(DeadlineListener newListener) {
    listener = newListener;
  }

  @Override
  public void schedule(Timer timer, long deadlineNanos) {
    timers.schedule(timer, deadlineNanos);
    dueNanos = timers.nextDeadlineNanos();
    listener.scheduled(deadlineNanos);
  }

  @Override
  public void cancel(Timer timer) {
    timers.cancel(timer);
    dueNanos = timers.nextDeadlineNanos();
  }

  @Override
  public void fireDue() {
    // One reading of the clock for the whole round: a timer that re-arms itself in the past gets
    // its
    // next turn in the next round, after others had the lock.
    long now = nanos();
    int round = timers.size();
    Timer due;
    while (round-- > 0 && (due = timers.pollDue(now)) != null) {
      due.fire();
    }
    dueNanos = timers.nextDeadlineNanos();
  }

  @Override
  public void catchUp() {
    if (isRunning() && nanos() >= dueNanos) {
      deviceLock.lock();
      try {
        fireDue();
      } finally {
        deviceLock.unlock();
      }
    }
  }

  @Override
  public long nextDeadlineNanos() {
    return timers.nextDeadlineNanos();
  }

  @Override
  public long sleepNanos(long deadlineNanos) {
    return !isRunning() || deadlineNanos == Timer.NEVER
        ? Timer.NEVER
        : Math.max(0, deadlineNanos - nanos());
  }

  @Override
  public long budget() {
    return Long.MAX_VALUE;
  }

  @Override
  public long wallSeconds() {
    return startWallSeconds + Math.floorDiv(nanos(), NANOS_PER_SECOND);
  }
}
