package org.tuber.core.time;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TickRateTest {
  @Test
  void aTickBeginsAtItsNanosecond() {
    Random random = new Random(3);
    for (long hz : new long[] {1, 32_768, 1_193_182, 3_579_545, 1_000_000_000, 4_999_999_999L}) {
      TickRate rate = new TickRate(hz);
      for (int i = 0; i < 1000; i++) {
        long nanos = random.nextLong(1L << 60);
        long tick = rate.ticks(nanos);
        assertThat(rate.nanos(tick)).isLessThanOrEqualTo(nanos);
        if (hz <= 1_000_000_000L) {
          assertThat(rate.ticks(rate.nanos(tick))).isEqualTo(tick);
          assertThat(rate.nanos(tick + 1)).isGreaterThan(nanos);
        }
      }
    }
  }

  @Test
  void aTickTooFarAwayIsNever() {
    assertThat(new TickRate(1).nanos(Long.MAX_VALUE)).isEqualTo(Timer.NEVER);
    assertThat(new TickRate(1_000_000_000L).nanos(Long.MAX_VALUE)).isEqualTo(Timer.NEVER);
  }
}
