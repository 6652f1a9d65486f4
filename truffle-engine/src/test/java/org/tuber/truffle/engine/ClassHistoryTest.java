package org.tuber.truffle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** When classes stop to leave for accesses that miss. */
class ClassHistoryTest {
  private static final int WINDOW = 2000;

  private final ClassHistory history = new ClassHistory();

  /**
   * {@code windows} of misses, one every {@code instructions}; how often the class is to change.
   */
  private int missing(int windows, long instructions, long start) {
    int changes = 0;
    for (int i = 1; i <= windows * WINDOW; i++) {
      changes += history.missed(start + i * instructions) ? 1 : 0;
    }
    return changes;
  }

  @Test
  void rareMissesAreLeftFor() {
    assertThat(missing(20, 400, 0)).isZero();
    assertThat(history.missesMuch()).isFalse();
  }

  @Test
  void manyMissesInTheBeginningAreNotEnough() {
    assertThat(missing(2, 10, 0)).isZero();
    assertThat(missing(20, 5000, 100_000)).isZero();
    assertThat(history.missesMuch()).isFalse();
  }

  /** CPUs share blocks, and each counts its own instructions. */
  @Test
  void countsOfTwoCpusAreNotCompared() {
    for (int window = 0; window < 10; window++) {
      assertThat(missing(1, 400, 1L << 40)).isZero();
      assertThat(missing(1, 400, 0)).isZero();
    }
    assertThat(history.missesMuch()).isFalse();
  }

  @Test
  void workingSetsBeyondTheTableAreCalledFor() {
    assertThat(missing(3, 20, 0)).isOne();
    assertThat(history.isScattered()).as("asks for each access").isTrue();
    assertThat(history.missesMuch()).as("calls for each access").isFalse();
    assertThat(missing(10, 20, 100_000_000)).as("changed once more").isOne();
    assertThat(history.missesMuch()).isTrue();
  }
}
