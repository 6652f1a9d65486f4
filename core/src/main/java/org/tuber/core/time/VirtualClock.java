package org.tuber.core.time;

/**
 * The guest's time. Devices know no other clock. It stands still while the machine is stopped. Used
 * under the device lock.
 */
public interface VirtualClock {
  /** Nanoseconds since the machine was started, not counting stops. */
  long nanos();

  /**
   * Calls {@code timer} once {@link #nanos} reaches {@code deadlineNanos}; replaces its deadline.
   */
  void schedule(Timer timer, long deadlineNanos);

  /** Forgets the deadline of {@code timer}; harmless when it has none. */
  void cancel(Timer timer);

  /**
   * Fires the timers that are due, on the calling thread. A CPU calls it when the guest reads the
   * time, so that no guest sees a deadline go by without the interrupt it asked for, however late
   * the host schedules the event loop. Without the device lock; costs one comparison when nothing
   * is due.
   */
  default void catchUp() {}

  /**
   * Wall-clock seconds since 1970-01-01 UTC as the guest shall see them (for real-time clocks);
   * advances with {@link #nanos}.
   */
  long wallSeconds();
}
