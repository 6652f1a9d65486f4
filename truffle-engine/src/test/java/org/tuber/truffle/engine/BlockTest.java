package org.tuber.truffle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** When classes stop to leave for accesses that miss. */
class BlockTest {
  private static final int WINDOW = 2000;

  private final Block block = new Block(0x1000, 0, new long[2], Block.FALL, 0, 0x1001, 1);

  /**
   * {@code windows} of misses, one every {@code instructions}; how often the class is to change.
   */
  private int missing(int windows, long instructions, long start) {
    int changes = 0;
    for (int i = 1; i <= windows * WINDOW; i++) {
      changes += block.missed(start + i * instructions) ? 1 : 0;
    }
    return changes;
  }

  @Test
  void rareMissesAreLeftFor() {
    assertThat(missing(20, 400, 0)).isZero();
    assertThat(block.missesMuch()).isFalse();
  }

  @Test
  void manyMissesInTheBeginningAreNotEnough() {
    assertThat(missing(2, 10, 0)).isZero();
    assertThat(missing(20, 5000, 100_000)).isZero();
    assertThat(block.missesMuch()).isFalse();
  }

  /** CPUs share blocks, and each counts its own instructions. */
  @Test
  void countsOfTwoCpusAreNotCompared() {
    for (int window = 0; window < 10; window++) {
      assertThat(missing(1, 400, 1L << 40)).isZero();
      assertThat(missing(1, 400, 0)).isZero();
    }
    assertThat(block.missesMuch()).isFalse();
  }

  @Test
  void workingSetsBeyondTheTableAreCalledFor() {
    assertThat(missing(3, 20, 0)).isOne();
    assertThat(block.isScattered()).as("asks for each access").isTrue();
    assertThat(block.missesMuch()).as("calls for each access").isFalse();
    assertThat(missing(10, 20, 100_000_000)).as("changed once more").isOne();
    assertThat(block.missesMuch()).isTrue();
  }
}
