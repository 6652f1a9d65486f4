package org.tuber.perf.user;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UserReportTest {
  @Test
  void meanCountsLongRunsOnly() {
    UserReport report = new UserReport();
    report.host("short", 0.01);
    report.add("short", 1, 0.1);
    report.host("long", 0.5);
    report.add("long", 2, 4);
    report.add("long", 3, 4);
    report.host("longer", 0.5);
    report.add("longer", 16, 8);
    assertThat(report.text())
        .contains("10.00 (10.00 to 10.00)")
        .contains("0.63 (0.50 to 0.75)")
        // The square root of 0.625 times 2.
        .contains("more than 2 s under qemu: geometric mean 1.12 of 2 programs");
    assertThat(report.json().at("/1/ratio/median").asDouble()).isEqualTo(0.625);
  }

  @Test
  void withoutQemuThereIsNoRatio() {
    UserReport report = new UserReport();
    report.host("hello", 0);
    report.add("hello", 0.5, 0);
    assertThat(report.text()).doesNotContain("geometric").contains("0.50");
    assertThat(report.json().at("/0").has("ratio")).isFalse();
  }
}
