package org.tuber.perf.report;

import java.util.Arrays;
import java.util.Locale;

/** Repeated measurements of one thing. */
public final class Samples {
  private final double[] sorted;

  /** At least one measurement. */
  public Samples(double... values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("no measurement");
    }
    sorted = values.clone();
    Arrays.sort(sorted);
  }

  /** The middle one, or the mean of the two in the middle. */
  public double median() {
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** The smallest. */
  public double min() {
    return sorted[0];
  }

  /** The largest. */
  public double max() {
    return sorted[sorted.length - 1];
  }

  /** How many. */
  public int count() {
    return sorted.length;
  }

  /** {@code median (min to max)} with two decimals. */
  public String withSpread() {
    return String.format(Locale.ROOT, "%.2f (%.2f to %.2f)", median(), min(), max());
  }

  /**
   * Ratios of measurements made side by side. What both members of a pair suffered from the host's
   * other work cancels out, which it does not in a ratio of medians.
   */
  public static Samples ratios(double[] ours, double[] theirs) {
    if (ours.length != theirs.length) {
      throw new IllegalArgumentException(ours.length + " against " + theirs.length);
    }
    double[] ratios = new double[ours.length];
    for (int i = 0; i < ours.length; i++) {
      ratios[i] = ours[i] / theirs[i];
    }
    return new Samples(ratios);
  }

  /** The geometric mean, right for ratios. */
  public static double geometricMean(double... values) {
    double sum = 0;
    for (double value : values) {
      sum += Math.log(value);
    }
    return Math.exp(sum / values.length);
  }
}
