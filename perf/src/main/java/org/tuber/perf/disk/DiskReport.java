package org.tuber.perf.disk;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/** Throughput under both emulators, pair by pair; more is better. */
final class DiskReport {
  private static final double MEBIBYTE = 1 << 20;
  private static final double REQUEST = 4096;

  private final int steadyRounds;
  private final List<DiskLog> ours = new ArrayList<>();
  private final List<DiskLog> theirs = new ArrayList<>();

  /**
   * An empty report.
   *
   * @param steadyRounds how many of the last rounds count as after the warm-up
   */
  DiskReport(int steadyRounds) {
    this.steadyRounds = steadyRounds;
  }

  /**
   * Adds a pair.
   *
   * @param qemu null when there is no QEMU
   */
  void add(DiskLog tuber, DiskLog qemu) {
    ours.add(tuber);
    if (qemu != null) {
      theirs.add(qemu);
    }
  }

  private double[] medians(List<DiskLog> logs, String subject) {
    return logs.stream()
        .mapToDouble(log -> new Samples(log.steady(subject, steadyRounds)).median())
        .toArray();
  }

  private Samples ratios(String subject) {
    return Samples.ratios(medians(ours, subject), medians(theirs, subject));
  }

  private static String rate(String subject, double bytesPerSecond) {
    return subject.contains("random")
        ? String.format(Locale.ROOT, "%.0f/s", bytesPerSecond / REQUEST)
        : String.format(Locale.ROOT, "%.0f MiB/s", bytesPerSecond / MEBIBYTE);
  }

  String text() {
    Table table = new Table("disk", "tuber 1st", "median", "qemu 1st", "median", "tuber / qemu");
    boolean hasQemu = !theirs.isEmpty();
    for (String s : ours.getFirst().subjects()) {
      table.row(
          s,
          rate(s, ours.getFirst().rates(s)[0]),
          rate(s, new Samples(medians(ours, s)).median()),
          hasQemu ? rate(s, theirs.getFirst().rates(s)[0]) : null,
          hasQemu ? rate(s, new Samples(medians(theirs, s)).median()) : null,
          hasQemu ? ratios(s).withSpread() : null);
    }
    return table
        + String.format(
            "%nrandom: requests of 4 KiB; median: of the last %d rounds;"
                + " ratio of throughput, over %d pairs, more is better%n",
            steadyRounds, ours.size());
  }

  ObjectNode json() {
    ObjectNode result = JsonFile.object();
    result.put("steadyRounds", steadyRounds);
    for (String s : ours.getFirst().subjects()) {
      ObjectNode node = result.putObject(s);
      node.set("tuberBytesPerSecond", json(ours, s));
      if (!theirs.isEmpty()) {
        node.set("qemuBytesPerSecond", json(theirs, s));
        node.set("ratio", JsonFile.of(ratios(s)));
      }
    }
    return result;
  }

  private static ArrayNode json(List<DiskLog> logs, String subject) {
    ArrayNode array = JsonFile.object().putArray("runs");
    logs.forEach(log -> array.add(JsonFile.numbers(log.rates(subject))));
    return array;
  }
}
