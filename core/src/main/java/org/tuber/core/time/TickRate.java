package org.tuber.core.time;

/**
 * Converts the guest's nanoseconds to ticks of a fixed rate and back without drift: tick {@code n}
 * begins at {@code nanos(n)} and {@code ticks(nanos(n)) == n}.
 */
public final class TickRate {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final long MAX_HZ = 9_000_000_000L;

  private final long hz;

  /**
   * A rate.
   *
   * @param hz ticks per second, 1 to 9 GHz
   */
  public TickRate(long hz) {
    if (hz <= 0 || hz > MAX_HZ) {
      throw new IllegalArgumentException("rate " + hz + " Hz");
    }
    this.hz = hz;
  }

  /** Ticks per second. */
  public long hz() {
    return hz;
  }

  /** Ticks completed at {@code nanos}, which is not negative. */
  public long ticks(long nanos) {
    long seconds = nanos / NANOS_PER_SECOND;
    long rest = nanos - seconds * NANOS_PER_SECOND;
    return seconds * hz + rest * hz / NANOS_PER_SECOND;
  }

  /** First nanosecond at which {@code ticks} are completed; {@link Timer#NEVER} when too far. */
  public long nanos(long ticks) {
    if (ticks < 0) {
      return 0;
    }
    long seconds = ticks / hz;
    if (seconds >= Timer.NEVER / NANOS_PER_SECOND - 1) {
      return Timer.NEVER;
    }
    long rest = ticks - seconds * hz;
    return seconds * NANOS_PER_SECOND + (rest * NANOS_PER_SECOND + hz - 1) / hz;
  }
}
