package org.tuber.perf.kernels;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tuber.perf.measure.ProcessRun;

/**
 * What one run of the guest program ({@code guest.c}) said: seconds of each round by the guest's
 * clock, checksums, and how far the guest's clock is from ours.
 */
public final class KernelLog {
  private static final Pattern BEGIN = Pattern.compile("KERNEL (\\w+) begin");
  private static final Pattern ROUND =
      Pattern.compile("KERNEL (\\w+) round (\\d+) nanos (\\d+) sum ([0-9a-f]{16})");
  private static final String END = "KERNELS done";

  private final Map<Kernel, List<Double>> rounds = new EnumMap<>(Kernel.class);
  private final Map<Kernel, String> sums = new EnumMap<>(Kernel.class);
  private final boolean isComplete;
  private boolean isConstant = true;
  private double guestSeconds;
  private double hostSeconds;

  /** Reads it. */
  public KernelLog(List<ProcessRun.Line> lines) {
    boolean hasEnd = false;
    long previous = 0;
    for (ProcessRun.Line line : lines) {
      if (BEGIN.matcher(line.text()).find()) {
        previous = line.nanos();
      }
      Matcher matcher = ROUND.matcher(line.text());
      if (matcher.find()) {
        hostSeconds += (line.nanos() - previous) / 1e9;
        previous = line.nanos();
        add(matcher);
      }
      hasEnd |= line.text().contains(END);
    }
    isComplete = hasEnd;
  }

  private void add(Matcher matcher) {
    Kernel kernel = Kernel.valueOf(matcher.group(1).toUpperCase(java.util.Locale.ROOT));
    double seconds = Long.parseLong(matcher.group(3)) / 1e9;
    guestSeconds += seconds;
    rounds.computeIfAbsent(kernel, k -> new ArrayList<>()).add(seconds);
    String before = sums.put(kernel, matcher.group(4));
    isConstant &= before == null || before.equals(matcher.group(4));
  }

  /** True when the program came to its end. */
  public boolean isComplete() {
    return isComplete;
  }

  /** True when every round of a kernel had the same checksum. */
  public boolean isConstant() {
    return isConstant;
  }

  /** The kernels that ran. */
  public List<Kernel> kernels() {
    return List.copyOf(rounds.keySet());
  }

  /** Seconds of each round. */
  public double[] seconds(Kernel kernel) {
    return rounds.get(kernel).stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** The last {@code count} rounds: after the warm-up. */
  public double[] steady(Kernel kernel, int count) {
    double[] all = seconds(kernel);
    return java.util.Arrays.copyOfRange(all, Math.max(0, all.length - count), all.length);
  }

  /** Checksum. */
  public String sum(Kernel kernel) {
    return sums.get(kernel);
  }

  /** Guest seconds for each second of ours during the rounds; 1 when its clock is right. */
  public double clockRate() {
    return guestSeconds / hostSeconds;
  }
}
