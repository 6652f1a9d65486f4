package org.tuber.perf.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class PairedRatioTest {
  @Test
  void coverageIsThatOfFairCoins() {
    // 1 - 2 (1 + 10) / 1024, and the textbook's values for the extremes.
    assertThat(PairedRatio.coverage(10, 2)).isEqualTo(1 - 22.0 / 1024);
    assertThat(PairedRatio.coverage(6, 1)).isEqualTo(0.96875);
    assertThat(PairedRatio.coverage(5, 1)).isEqualTo(0.9375);
    assertThat(PairedRatio.coverage(1, 1)).isZero();
  }

  @Test
  void intervalIsTheNarrowestThatIsSureEnough() {
    PairedRatio ten = PairedRatio.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    assertThat(ten.median()).isEqualTo(5.5);
    assertThat(ten.low()).isEqualTo(2);
    assertThat(ten.high()).isEqualTo(9);
    assertThat(ten.confidence()).isEqualTo(1 - 22.0 / 1024);
    PairedRatio three = PairedRatio.of(new double[] {3, 1, 2}, new double[] {1, 1, 1});
    assertThat(three).isEqualTo(new PairedRatio(2, 1, 3, 0.75, 3));
    assertThat(PairedRatio.of(0.5)).hasToString("0.50");
    assertThatThrownBy(() -> PairedRatio.ratios(new double[2], new double[3]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void meanIsOfTheProgramsMedians() {
    PairedRatio mean =
        PairedRatio.geometricMean(List.of(new double[] {2, 2, 2}, new double[] {8, 8, 8}));
    assertThat(mean.median()).isCloseTo(4, within(1e-12));
    assertThat(mean.low()).isCloseTo(4, within(1e-12));
    assertThat(mean.high()).isCloseTo(4, within(1e-12));
    assertThat(mean.confidence()).isEqualTo(0.95);
    PairedRatio noisy =
        PairedRatio.geometricMean(List.of(new double[] {1, 2, 4}, new double[] {1, 1, 1}));
    assertThat(noisy.median()).isCloseTo(Math.sqrt(2), within(1e-12));
    assertThat(noisy.low()).isCloseTo(1, within(1e-12));
    assertThat(noisy.high()).isCloseTo(2, within(1e-12));
    assertThat(PairedRatio.geometricMean(List.of(new double[] {3})).confidence()).isZero();
  }
}
