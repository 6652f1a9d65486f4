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
   * Wall-clock seconds since 1970-01-01 UTC as the guest shall see them (for real-time clocks);
   * advances with {@link #nanos}.
   */
  long wallSeconds();
}
