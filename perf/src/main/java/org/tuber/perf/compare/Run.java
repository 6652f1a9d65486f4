package org.tuber.perf.compare;

import java.util.Arrays;
import org.tuber.perf.boot.BootSample;
import org.tuber.perf.kernels.Kernel;
import org.tuber.perf.kernels.KernelRunner;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.report.Samples;

/**
 * One run of one program.
 *
 * @param seconds what counts: of a round in the steady state, or of the whole process
 * @param firstSeconds the first round, or the whole process once more
 * @param wholeSeconds the process from its start to its end
 * @param processorSeconds of all its threads
 * @param rounds seconds of each round, empty for programs without
 */
record Run(
    double seconds,
    double firstSeconds,
    double wholeSeconds,
    double processorSeconds,
    double[] rounds) {
  /** Part of the rounds, at the end, that counts as steady: one in so many. */
  private static final int STEADY_PART = 3;

  /**
   * A run of a kernel.
   *
   * @param whole the process counts, with its start, and not the steady state
   */
  static Run of(KernelRunner.Result result, Kernel kernel, boolean whole) {
    double[] rounds = result.log().seconds(kernel);
    return new Run(
        whole ? result.run().seconds() : steady(rounds),
        rounds[0],
        result.run().seconds(),
        result.run().processorSeconds(),
        rounds);
  }

  /** The median of the last third. */
  private static double steady(double[] rounds) {
    int first = rounds.length - Math.max(1, rounds.length / STEADY_PART);
    return new Samples(Arrays.copyOfRange(rounds, first, rounds.length)).median();
  }

  /** A round in the steady state, or {@link #seconds} where there are no rounds. */
  double steadySeconds() {
    return rounds.length == 0 ? seconds : steady(rounds);
  }

  static Run of(ProcessRun run) {
    return new Run(
        run.seconds(), run.seconds(), run.seconds(), run.processorSeconds(), new double[0]);
  }

  static Run of(BootSample boot) {
    return new Run(
        boot.seconds(),
        boot.markerSeconds(),
        boot.seconds(),
        boot.processorSeconds(),
        new double[0]);
  }
}
