package org.tuber.machine.run;

import org.tuber.core.time.VirtualClock;

/**
 * A {@link VirtualClock} with the side that only run control sees: starting, stopping, firing.
 *
 * <p>Two kinds are foreseen. A <em>host</em> clock ({@link HostClock}) follows the host's monotonic
 * time; the event loop sleeps until the next deadline and CPUs run unbounded. An
 * <em>instruction-counted</em> clock advances by what the CPUs report to {@link #ran}; it hands out
 * {@link #budget}s that end at the next deadline, the event loop never sleeps for it ({@link
 * #sleepNanos} is NEVER), and an idle machine skips straight to the next deadline ({@link #idle}).
 * Run control asks these four questions at the same places for both.
 */
public interface MachineClock extends VirtualClock {
  /** Lets time run. */
  void start();

  /** Freezes time. */
  void stop();

  /** True between {@link #start} and {@link #stop}. */
  boolean isRunning();

  /** Who must be woken when a deadline earlier than the one it sleeps for is scheduled. */
  void setEarlierDeadlineListener(DeadlineListener listener);

  /** Fires the timers that are due now. Under the device lock. */
  void fireDue();

  /** The next deadline, or {@link org.tuber.core.time.Timer#NEVER}. Under the device lock. */
  long nextDeadlineNanos();

  /**
   * How long the event loop may sleep before a timer at {@code deadlineNanos} is due, in host
   * nanoseconds; {@link org.tuber.core.time.Timer#NEVER} when host time does not make it due.
   */
  long sleepNanos(long deadlineNanos);

  /** Most instructions a CPU may run before it must come back to let timers fire. */
  long budget();

  /** A CPU came back having run {@code instructions}. On the CPU's thread, no lock held. */
  default void ran(long instructions) {}

  /** All CPUs wait for an interrupt. On a CPU's thread, no lock held. */
  default void idle() {}

  /** Hears of new deadlines. */
  @FunctionalInterface
  interface DeadlineListener {
    /** A timer was armed for {@code deadlineNanos}. Under the device lock. */
    void scheduled(long deadlineNanos);
  }
}
