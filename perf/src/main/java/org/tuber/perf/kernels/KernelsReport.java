package org.tuber.perf.kernels;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/** Runs of the kernel guest under both emulators, pair by pair, beside the bare host. */
final class KernelsReport {
  private static final double CLOCK_TOLERANCE = 0.03;

  private final String reference;
  private final KernelLog host;
  private final int steadyRounds;
  private final List<KernelLog> ours = new ArrayList<>();
  private final List<KernelLog> theirs = new ArrayList<>();

  /**
   * An empty report.
   *
   * @param reference who is right
   * @param host the same program as it ran there, on the host itself where that is possible
   * @param steadyRounds how many of the last rounds count as after the warm-up
   */
  KernelsReport(String reference, KernelLog host, int steadyRounds) {
    this.reference = reference;
    this.host = host;
    this.steadyRounds = steadyRounds;
  }

  /**
   * Adds a pair.
   *
   * @param qemu null when there is no QEMU
   */
  void add(KernelLog tuber, KernelLog qemu) {
    ours.add(tuber);
    if (qemu != null) {
      theirs.add(qemu);
    }
  }

  private static boolean isInteger(Kernel kernel) {
    return kernel.kind() == Kernel.Kind.INTEGER;
  }

  /** Wrong checksums and clocks, one line each; empty when all is well. */
  List<String> complaints() {
    List<String> result = new ArrayList<>();
    complain(result, "tuber", ours);
    complain(result, "qemu", theirs);
    return result;
  }

  private void complain(List<String> result, String name, List<KernelLog> logs) {
    for (KernelLog log : logs) {
      for (Kernel kernel : log.kernels()) {
        if (!log.sum(kernel).equals(host.sum(kernel)) || !log.isConstant()) {
          result.add(
              String.format(
                  "WRONG RESULT: %s computed %s for %s, %s %s",
                  name, log.sum(kernel), kernel.word(), reference, host.sum(kernel)));
        }
      }
      if (Math.abs(log.clockRate() - 1) > CLOCK_TOLERANCE) {
        result.add(
            String.format(
                Locale.ROOT,
                "%s: the guest's clock ran at %.3f of ours; its times are off by that",
                name,
                log.clockRate()));
      }
    }
  }

  private double[] medians(List<KernelLog> logs, Kernel kernel) {
    return logs.stream()
        .mapToDouble(log -> new Samples(log.steady(kernel, steadyRounds)).median())
        .toArray();
  }

  private double best(List<KernelLog> logs, Kernel kernel) {
    return logs.stream()
        .mapToDouble(log -> new Samples(log.steady(kernel, steadyRounds)).min())
        .min()
        .orElseThrow();
  }

  private static double first(List<KernelLog> logs, Kernel kernel) {
    return new Samples(logs.stream().mapToDouble(log -> log.seconds(kernel)[0]).toArray()).median();
  }

  private Samples ratios(Kernel kernel) {
    return Samples.ratios(medians(ours, kernel), medians(theirs, kernel));
  }

  private double meanRatio(Predicate<Kernel> which) {
    return Samples.geometricMean(
        host.kernels().stream()
            .filter(which)
            .mapToDouble(kernel -> ratios(kernel).median())
            .toArray());
  }

  String text() {
    Table table =
        new Table(
            "s per round",
            reference,
            "tuber 1st",
            "best",
            "median",
            "qemu 1st",
            "best",
            "median",
            "tuber / qemu");
    for (Kernel kernel : host.kernels()) {
      boolean hasQemu = !theirs.isEmpty();
      table.row(
          kernel.word(),
          seconds(new Samples(host.seconds(kernel)).median()),
          seconds(first(ours, kernel)),
          seconds(best(ours, kernel)),
          seconds(new Samples(medians(ours, kernel)).median()),
          hasQemu ? seconds(first(theirs, kernel)) : null,
          hasQemu ? seconds(best(theirs, kernel)) : null,
          hasQemu ? seconds(new Samples(medians(theirs, kernel)).median()) : null,
          hasQemu ? ratios(kernel).withSpread() : null);
    }
    StringBuilder out = new StringBuilder(table.toString());
    out.append(
        String.format(
            "%nbest and median: of the last %d rounds; ratio: of the medians, over %d pairs%n",
            steadyRounds, ours.size()));
    if (!theirs.isEmpty()) {
      appendMean(out, "integer kernels", KernelsReport::isInteger);
      appendMean(out, "floating point kernels", kernel -> kernel.kind() == Kernel.Kind.FLOAT);
      appendMean(out, "all kernels", kernel -> true);
    }
    return out.toString();
  }

  private void appendMean(StringBuilder out, String name, Predicate<Kernel> which) {
    if (host.kernels().stream().anyMatch(which)) {
      out.append(
          String.format(
              Locale.ROOT,
              "geometric mean of the %s, tuber / qemu: %.2f%n",
              name,
              meanRatio(which)));
    }
  }

  private static String seconds(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  ObjectNode json() {
    ObjectNode result = JsonFile.object();
    result.put("steadyRounds", steadyRounds);
    for (Kernel kernel : host.kernels()) {
      ObjectNode node = result.putObject(kernel.word());
      node.set("host", JsonFile.numbers(host.seconds(kernel)));
      node.set("tuber", json(ours, kernel));
      if (!theirs.isEmpty()) {
        node.set("qemu", json(theirs, kernel));
        node.set("ratio", JsonFile.of(ratios(kernel)));
      }
    }
    if (!theirs.isEmpty() && host.kernels().stream().anyMatch(KernelsReport::isInteger)) {
      result.put("integerGeometricMean", meanRatio(KernelsReport::isInteger));
    }
    return result;
  }

  private static ArrayNode json(List<KernelLog> logs, Kernel kernel) {
    ArrayNode array = JsonFile.object().putArray("runs");
    logs.forEach(log -> array.add(JsonFile.numbers(log.seconds(kernel))));
    return array;
  }
}
