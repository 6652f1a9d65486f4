package org.tuber.perf.boot;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.function.ToDoubleFunction;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/** Boots of both emulators, pair by pair. */
final class BootReport {
  private final List<BootSample> ours = new ArrayList<>();
  private final List<BootSample> theirs = new ArrayList<>();

  /**
   * Adds a pair.
   *
   * @param qemu null when there is no QEMU
   */
  void add(BootSample tuber, BootSample qemu) {
    ours.add(tuber);
    if (qemu != null) {
      theirs.add(qemu);
    }
  }

  private static double[] of(List<BootSample> samples, ToDoubleFunction<BootSample> what) {
    return samples.stream().mapToDouble(what).toArray();
  }

  private Samples ratios(ToDoubleFunction<BootSample> what) {
    return Samples.ratios(of(ours, what), of(theirs, what));
  }

  String text() {
    Table table =
        new Table(
            "run",
            "tuber s",
            "to marker",
            "cpu s",
            "peak MiB",
            "M instr",
            "MIPS",
            "qemu s",
            "to marker",
            "cpu s",
            "peak MiB",
            "ratio");
    for (int i = 0; i < ours.size(); i++) {
      row(table, String.valueOf(i + 1), ours.get(i), theirs.isEmpty() ? null : theirs.get(i));
    }
    row(table, "median", median(ours), theirs.isEmpty() ? null : median(theirs));
    StringBuilder out = new StringBuilder(table.toString());
    if (!theirs.isEmpty()) {
      out.append(
          String.format(
              Locale.ROOT,
              "%nwhole process, tuber / qemu: %s over %d pairs%n"
                  + "processor time, tuber / qemu: %s%n"
                  + "instructions under qemu: not counted (its counting modes slow it down)%n",
              ratios(BootSample::seconds).withSpread(),
              ours.size(),
              ratios(BootSample::processorSeconds).withSpread()));
    }
    return out.toString();
  }

  private static BootSample median(List<BootSample> samples) {
    double[] counted =
        samples.stream()
            .filter(sample -> sample.instructions().isPresent())
            .mapToDouble(sample -> sample.instructions().getAsLong())
            .toArray();
    return new BootSample(
        new Samples(of(samples, BootSample::seconds)).median(),
        new Samples(of(samples, BootSample::markerSeconds)).median(),
        new Samples(of(samples, BootSample::processorSeconds)).median(),
        new Samples(of(samples, BootSample::peakMebibytes)).median(),
        counted.length == 0
            ? OptionalLong.empty()
            : OptionalLong.of((long) new Samples(counted).median()));
  }

  private static void row(Table table, String name, BootSample tuber, BootSample qemu) {
    boolean isCounted = tuber.instructions().isPresent();
    double millions = tuber.instructions().orElse(0) / 1e6;
    table.row(
        name,
        format("%.2f", tuber.seconds()),
        format("%.2f", tuber.markerSeconds()),
        format("%.2f", tuber.processorSeconds()),
        format("%.0f", tuber.peakMebibytes()),
        isCounted ? format("%.0f", millions) : null,
        isCounted ? format("%.0f", millions / tuber.seconds()) : null,
        qemu == null ? null : format("%.2f", qemu.seconds()),
        qemu == null ? null : format("%.2f", qemu.markerSeconds()),
        qemu == null ? null : format("%.2f", qemu.processorSeconds()),
        qemu == null ? null : format("%.0f", qemu.peakMebibytes()),
        qemu == null ? null : format("%.2f", tuber.seconds() / qemu.seconds()));
  }

  private static String format(String pattern, double value) {
    return String.format(Locale.ROOT, pattern, value);
  }

  ObjectNode json() {
    ObjectNode result = JsonFile.object();
    result.set("tuber", json(ours));
    if (!theirs.isEmpty()) {
      result.set("qemu", json(theirs));
      result.set("ratio", JsonFile.of(ratios(BootSample::seconds)));
      result.set("processorRatio", JsonFile.of(ratios(BootSample::processorSeconds)));
    }
    return result;
  }

  private static ObjectNode json(List<BootSample> samples) {
    ObjectNode result = JsonFile.object();
    result.set("seconds", JsonFile.numbers(of(samples, BootSample::seconds)));
    result.set("markerSeconds", JsonFile.numbers(of(samples, BootSample::markerSeconds)));
    result.set("processorSeconds", JsonFile.numbers(of(samples, BootSample::processorSeconds)));
    result.set("peakMebibytes", JsonFile.numbers(of(samples, BootSample::peakMebibytes)));
    ArrayNode counts = result.putArray("instructions");
    for (BootSample sample : samples) {
      sample.instructions().ifPresent(counts::add);
    }
    return result;
  }
}
