package org.tuber.launcher.console;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.LongSupplier;

/** Puts the time since it was switched on before each line of output (Ctrl-A t). */
final class TimeStamps {
  private static final long NANOS_PER_MILLI = 1_000_000;
  private static final byte[] NONE = {};

  private final LongSupplier nanos;
  private boolean on;
  private boolean lineStart;
  private long startNanos;

  TimeStamps(LongSupplier nanos) {
    this.nanos = nanos;
  }

  void toggle() {
    on = !on;
    lineStart = false;
    startNanos = nanos.getAsLong();
  }

  /** What to print before {@code value}; empty most of the time. */
  byte[] before(byte value) {
    if (!on) {
      return NONE;
    }
    boolean stamp = lineStart;
    lineStart = value == '\n';
    if (!stamp) {
      return NONE;
    }
    long millis = (nanos.getAsLong() - startNanos) / NANOS_PER_MILLI;
    return String.format(
            Locale.ROOT,
            "[%02d:%02d:%02d.%03d] ",
            millis / 3_600_000,
            millis / 60_000 % 60,
            millis / 1000 % 60,
            millis % 1000)
        .getBytes(StandardCharsets.US_ASCII);
  }
}
