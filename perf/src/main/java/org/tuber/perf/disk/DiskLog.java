package org.tuber.perf.disk;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tuber.perf.measure.ProcessRun;

/** What one run of the guest program ({@code disk.c}) said: bytes a second of each round. */
final class DiskLog {
  private static final Pattern ROUND =
      Pattern.compile("DISK (\\w+) ([a-z-]+) round \\d+ bytes (\\d+) nanos (\\d+)");
  private static final String END = "DISKS done";

  private final Map<String, List<Double>> rates = new LinkedHashMap<>();
  private final boolean isComplete;

  /** Reads it. */
  DiskLog(List<ProcessRun.Line> lines) {
    boolean hasEnd = false;
    for (ProcessRun.Line line : lines) {
      Matcher m = ROUND.matcher(line.text());
      if (m.find()) {
        double seconds = Math.max(1, Long.parseLong(m.group(4))) / 1e9;
        rates
            .computeIfAbsent(m.group(1) + " " + m.group(2), what -> new ArrayList<>())
            .add(Long.parseLong(m.group(3)) / seconds);
      }
      hasEnd |= line.text().contains(END);
    }
    isComplete = hasEnd;
  }

  /** True when the program came to its end. */
  boolean isComplete() {
    return isComplete;
  }

  /** What was measured: a disk and a kind of access each. */
  List<String> subjects() {
    return List.copyOf(rates.keySet());
  }

  /** Bytes a second of each round. */
  double[] rates(String subject) {
    return rates.getOrDefault(subject, List.of()).stream()
        .mapToDouble(Double::doubleValue)
        .toArray();
  }

  /** The last {@code count} rounds: after the warm-up. */
  double[] steady(String subject, int count) {
    double[] all = rates(subject);
    return Arrays.copyOfRange(all, Math.max(0, all.length - count), all.length);
  }
}
