package org.tuber.perf.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class BootReportTest {
  @Test
  void pairsMediansAndRatio() {
    BootReport report = new BootReport();
    report.add(
        new BootSample(4, 3.5, 5, 900, OptionalLong.of(400_000_000)),
        new BootSample(2, 1.5, 2, 150, OptionalLong.empty()));
    report.add(
        new BootSample(6, 5, 7, 910, OptionalLong.of(420_000_000)),
        new BootSample(2, 1.5, 2, 150, OptionalLong.empty()));
    assertThat(report.text())
        .contains("median     5.00       4.25   6.00       905      410    82    2.00")
        .contains("tuber / qemu: 2.50 (2.00 to 3.00) over 2 pairs")
        .contains("not counted");
    assertThat(report.json().at("/ratio/median").asDouble()).isEqualTo(2.5);
    assertThat(report.json().at("/tuber/instructions/0").asLong()).isEqualTo(400_000_000);
  }

  @Test
  void withoutQemuThereIsNoRatio() {
    BootReport report = new BootReport();
    report.add(new BootSample(4, 3.5, 5, 900, OptionalLong.empty()), null);
    assertThat(report.text()).doesNotContain("pairs").contains("4.00");
    assertThat(report.json().has("qemu")).isFalse();
  }
}
