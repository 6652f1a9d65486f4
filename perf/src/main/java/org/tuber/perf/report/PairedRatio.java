package org.tuber.perf.report;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * How many times as long one side takes as the other: the median over pairs of neighbouring runs,
 * with an interval from the sign test on the logarithms of the ratios. The k-th smallest and k-th
 * largest ratio enclose the true median unless fewer than k of n fair coins show one side, whatever
 * the distribution of the noise. With fewer than six pairs no interval reaches 95 %; then it goes
 * from the smallest to the largest, and {@link #confidence} says how much that is worth.
 */
public record PairedRatio(double median, double low, double high, double confidence, int pairs) {
  /** What an interval should reach. */
  public static final double WANTED_CONFIDENCE = 0.95;

  private static final int RESAMPLES = 2000;
  private static final long SEED = 20260119;

  /** The ratio of {@code ours} to {@code theirs}, measured pair by pair. */
  public static PairedRatio of(double[] ours, double[] theirs) {
    return of(ratios(ours, theirs));
  }

  /** The ratio, from those of the pairs. */
  public static PairedRatio of(double... ratios) {
    double[] sorted = ratios.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    int k = 1;
    while (2 * (k + 1) <= n && coverage(n, k + 1) >= WANTED_CONFIDENCE) {
      k++;
    }
    return new PairedRatio(
        new Samples(sorted).median(), sorted[k - 1], sorted[n - k], coverage(n, k), n);
  }

  /** Pair by pair. */
  public static double[] ratios(double[] ours, double[] theirs) {
    if (ours.length != theirs.length) {
      throw new IllegalArgumentException(ours.length + " against " + theirs.length);
    }
    double[] ratios = new double[ours.length];
    for (int i = 0; i < ours.length; i++) {
      ratios[i] = ours[i] / theirs[i];
    }
    return ratios;
  }

  /** Chance that the median lies between the k-th smallest and the k-th largest of n. */
  static double coverage(int n, int k) {
    double below = 0;
    double term = Math.pow(0.5, n);
    for (int i = 0; i < k; i++) {
      below += term;
      term = term * (n - i) / (i + 1);
    }
    return Math.max(0, 1 - 2 * below);
  }

  /**
   * The geometric mean over several programs of each one's median ratio. Its interval is a
   * bootstrap's: pairs are drawn again within each program, and the middle 95 % of the means are
   * kept. Of a single pair per program nothing can be drawn; the confidence is 0 then.
   */
  public static PairedRatio geometricMean(List<double[]> programs) {
    double[] medians = programs.stream().mapToDouble(p -> new Samples(p).median()).toArray();
    int pairs = programs.stream().mapToInt(p -> p.length).min().orElseThrow();
    Random random = new Random(SEED);
    double[] means = new double[RESAMPLES];
    double[] drawn = new double[programs.size()];
    for (int i = 0; i < RESAMPLES; i++) {
      for (int k = 0; k < drawn.length; k++) {
        double[] from = programs.get(k);
        double[] again = new double[from.length];
        for (int m = 0; m < again.length; m++) {
          again[m] = from[random.nextInt(from.length)];
        }
        drawn[k] = new Samples(again).median();
      }
      means[i] = Samples.geometricMean(drawn);
    }
    Arrays.sort(means);
    int cut = (int) Math.floor(RESAMPLES * (1 - WANTED_CONFIDENCE) / 2);
    return new PairedRatio(
        Samples.geometricMean(medians),
        means[cut],
        means[RESAMPLES - 1 - cut],
        pairs > 1 ? WANTED_CONFIDENCE : 0,
        pairs);
  }

  /** {@code median [low, high]}, without the interval where it means nothing. */
  @Override
  public String toString() {
    return confidence == 0
        ? String.format(Locale.ROOT, "%.2f", median)
        : String.format(Locale.ROOT, "%.2f [%.2f, %.2f]", median, low, high);
  }

  /** The same for programs. */
  public ObjectNode json() {
    return JsonFile.object()
        .put("median", median)
        .put("low", low)
        .put("high", high)
        .put("confidence", confidence)
        .put("pairs", pairs);
  }
}
