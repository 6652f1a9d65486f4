package org.tuber.truffle.x86.oracle;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * How long the oracle's tests run and with which seed: {@code -Dtuber.oracle.seconds} (15 in a
 * build, 600 under {@code -Psoak}) and {@code -Dtuber.oracle.seed}. A build always begins with the
 * same samples, so that what fails is what was changed; a soak draws its seed and prints it.
 */
final class Slice {
  private static final int SHORT_SECONDS = 15;
  private static final int SOAK_SECONDS = 600;

  private static final long BUILD_SEED = 20_261_121;

  final long seed =
      Long.getLong(
          "tuber.oracle.seed", Boolean.getBoolean("tuber.soak") ? System.nanoTime() : BUILD_SEED);
  private final long endNanos;

  private Slice() {
    int usual = Boolean.getBoolean("tuber.soak") ? SOAK_SECONDS : SHORT_SECONDS;
    int seconds = Integer.getInteger("tuber.oracle.seconds", usual);
    endNanos = System.nanoTime() + seconds * 1_000_000_000L;
  }

  /** Starts, where the host can be an oracle; the test is skipped elsewhere. */
  static Slice begin(String what) {
    String unsuitable = HostCpu.unsuitable();
    assumeTrue(unsuitable == null, unsuitable);
    Slice slice = new Slice();
    System.out.println("host-CPU oracle, " + what + ": -Dtuber.oracle.seed=" + slice.seed);
    return slice;
  }

  boolean isOver() {
    return System.nanoTime() >= endNanos;
  }
}
