package org.tuber.truffle.engine;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/**
 * How often a block has to run before it gets a host class, on a machine that has settled: while
 * the host's compilers are busy with classes that came before, more often. A guest that always does
 * something new would else keep them so busy that the classes that matter wait, and the guest waits
 * for a processor (docs/adr/0006).
 */
final class ClassPace {
  private static final long LOOK_NANOS = 500_000_000;

  /** More of all processors' time than this is too much for the compilers. */
  private static final double BUSY = 0.3;

  /** Less than this, and there is time for more. */
  private static final double IDLE = 0.15;

  private static final int FIRST_SHIFT = 2;
  private static final int MOST_SHIFT = 4;

  private final int least;
  private final LongSupplier compilerMillis;
  private final int processors;
  private long lastLook;
  private long lastMillis;
  private volatile int shift = FIRST_SHIFT;

  /**
   * A pace.
   *
   * @param least executions that are enough while the compilers have time
   * @param compilerMillis what all of them have worked so far
   */
  ClassPace(int least, LongSupplier compilerMillis, int processors) {
    this.least = least;
    this.compilerMillis = compilerMillis;
    this.processors = processors;
  }

  /** The pace of this host. */
  static ClassPace ofHost(int least) {
    return new ClassPace(least, ClassPace::totalMillis, Runtime.getRuntime().availableProcessors());
  }

  private static long totalMillis() {
    CompilationMXBean compilers = ManagementFactory.getCompilationMXBean();
    boolean isKnown = compilers != null && compilers.isCompilationTimeMonitoringSupported();
    return isKnown ? compilers.getTotalCompilationTime() : 0;
  }

  /** Looks at the compilers if it is time to; one thread. */
  void look(long nanos) {
    long passed = nanos - lastLook;
    if (passed < LOOK_NANOS) {
      return;
    }
    long millis = compilerMillis.getAsLong();
    double share = (millis - lastMillis) * 1e6 / passed / processors;
    boolean isFirst = lastLook == 0;
    lastLook = nanos;
    lastMillis = millis;
    if (isFirst) {
      return;
    }
    if (share > BUSY) {
      shift = Math.min(shift + 1, MOST_SHIFT);
    } else if (share < IDLE) {
      shift = Math.max(shift - 1, 0);
    }
  }

  /** Executions that are enough now. */
  int threshold() {
    return least << shift;
  }
}
