package org.tuber.perf.compare;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.report.PairedRatio;
import org.tuber.perf.report.Samples;

/** One program of the suite in one mode, and its runs so far. */
final class Subject {
  /** Who runs it. */
  enum Side {
    HOST,
    TUBER,
    QEMU
  }

  /** Runs it once; empty where it cannot run there. */
  interface Runner {
    /** A run, or null where the program finds that it does not suit the processor. */
    Run run(Side side) throws IOException, InterruptedException, FailedRunException;
  }

  final String mode;
  final String name;
  final String group;

  /** What {@link Run#seconds} is of it. */
  final String measure;

  private final Runner runner;
  final List<Run> tuber = new ArrayList<>();
  final List<Run> qemu = new ArrayList<>();

  /** On the host itself, or null. */
  Run host;

  /** Why there is nothing to see, or nothing right; null when all is well. */
  String failure;

  Subject(String mode, String name, String group, String measure, Runner runner) {
    this.mode = mode;
    this.name = name;
    this.group = group;
    this.measure = measure;
    this.runner = runner;
  }

  /**
   * Runs a pair. Who goes first changes from pair to pair, so that what rises or falls steadily
   * (heat, caches, others' work) is no advantage.
   */
  void pair(int number, boolean hasQemu) throws IOException, InterruptedException {
    if (failure != null) {
      return;
    }
    try {
      boolean isSwapped = hasQemu && number % 2 == 1;
      Run theirs = isSwapped ? runner.run(Side.QEMU) : null;
      Run ours = runner.run(Side.TUBER);
      if (hasQemu && !isSwapped) {
        theirs = runner.run(Side.QEMU);
      }
      if (ours == null || (hasQemu && theirs == null)) {
        failure = "not for this processor" + (ours == null ? ", tuber" : ", qemu");
        return;
      }
      tuber.add(ours);
      if (hasQemu) {
        qemu.add(theirs);
      }
    } catch (FailedRunException e) {
      failure = e.getMessage();
    }
  }

  /** Runs it on the host itself. */
  void onHost() throws IOException, InterruptedException {
    try {
      host = runner.run(Side.HOST);
    } catch (FailedRunException e) {
      failure = e.getMessage();
    }
  }

  boolean isPaired() {
    return !qemu.isEmpty();
  }

  double[] ratios(ToDoubleFunction<Run> what) {
    return PairedRatio.ratios(of(tuber, what), of(qemu, what));
  }

  static double[] of(List<Run> runs, ToDoubleFunction<Run> what) {
    return runs.stream().mapToDouble(what).toArray();
  }

  static double median(List<Run> runs, ToDoubleFunction<Run> what) {
    return new Samples(of(runs, what)).median();
  }
}
