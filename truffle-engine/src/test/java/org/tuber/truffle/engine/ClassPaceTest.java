package org.tuber.truffle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ClassPaceTest {
  private static final long SECOND = 1_000_000_000;

  private long millis;
  private long now = SECOND;
  private final ClassPace pace = new ClassPace(3000, () -> millis, 2);

  /** Lets seconds go by in each of which the compilers work so long. */
  private void pass(int seconds, int millisEach) {
    for (int i = 0; i < seconds; i++) {
      now += SECOND;
      millis += millisEach;
      pace.look(now);
    }
  }

  @Test
  void blocksHaveToRunMoreOftenWhileTheCompilersAreBusy() {
    millis = 100_000;
    pass(1, 0);
    assertThat(pace.threshold()).as("what was before does not count").isEqualTo(12_000);
    pass(10, 1900);
    assertThat(pace.threshold()).isEqualTo(48_000);
    pass(2, 400);
    assertThat(pace.threshold()).as("as busy as they should be").isEqualTo(48_000);
    pass(1, 200);
    assertThat(pace.threshold()).isEqualTo(24_000);
    pass(10, 0);
    assertThat(pace.threshold()).isEqualTo(3_000);
    pass(1, 1000);
    assertThat(pace.threshold()).isEqualTo(6_000);
  }

  @Test
  void looksOftenerThanTwiceASecondChangeNothing() {
    pace.look(now);
    millis = 10_000;
    for (int i = 0; i < 100; i++) {
      pace.look(now + i);
    }
    assertThat(pace.threshold()).isEqualTo(12_000);
  }
}
