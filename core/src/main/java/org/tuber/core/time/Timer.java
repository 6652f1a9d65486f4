package org.tuber.core.time;

/** A deadline on the {@link VirtualClock} and what to do then. Used under the device lock. */
public final class Timer {
  /** Deadline of a timer that is not armed. */
  public static final long NEVER = Long.MAX_VALUE;

  private final VirtualClock clock;
  private final Runnable expired;
  private long deadlineNanos = NEVER;

  /** Place in the clock's {@link TimerQueue}, or -1. */
  int queueIndex = -1;

  /** A timer, not armed, that runs {@code expired} under the device lock. */
  public Timer(VirtualClock clock, Runnable expired) {
    this.clock = clock;
    this.expired = expired;
  }

  /** Arms the timer for {@code deadlineNanos} on its clock, which may be past already. */
  public void arm(long deadlineNanos) {
    this.deadlineNanos = deadlineNanos;
    clock.schedule(this, deadlineNanos);
  }

  /** Disarms the timer. */
  public void disarm() {
    if (deadlineNanos != NEVER) {
      deadlineNanos = NEVER;
      clock.cancel(this);
    }
  }

  /** True between {@link #arm} and expiry or {@link #disarm}. */
  public boolean isArmed() {
    return deadlineNanos != NEVER;
  }

  /** The deadline in nanoseconds, or {@link #NEVER}. */
  public long deadlineNanos() {
    return deadlineNanos;
  }

  /** Called by the clock when the deadline is reached. */
  public void fire() {
    deadlineNanos = NEVER;
    expired.run();
  }
}
