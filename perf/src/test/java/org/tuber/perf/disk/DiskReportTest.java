package org.tuber.perf.disk;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.perf.measure.ProcessRun;

class DiskReportTest {
  private static DiskLog log(long... nanos) {
    StringBuilder said = new StringBuilder("[    1.0] Linux\n");
    for (int i = 0; i < nanos.length; i++) {
      said.append("DISK sda random-read round %d bytes 4096000 nanos %d\n".formatted(i, nanos[i]));
    }
    said.append("DISKS done\n");
    return new DiskLog(said.toString().lines().map(l -> new ProcessRun.Line(0, l)).toList());
  }

  @Test
  void roundsAreRead() {
    DiskLog log = log(1_000_000_000, 500_000_000);
    assertThat(log.subjects()).containsExactly("sda random-read");
    assertThat(log.rates("sda random-read")).containsExactly(4_096_000, 8_192_000);
    assertThat(log.steady("sda random-read", 1)).containsExactly(8_192_000);
    assertThat(log.isComplete()).isTrue();
    assertThat(new DiskLog(List.of()).isComplete()).isFalse();
  }

  @Test
  void reportComparesThroughputWhenWarm() {
    DiskReport report = new DiskReport(1);
    report.add(log(4_000_000_000L, 1_000_000_000), log(500_000_000, 500_000_000));
    assertThat(report.text()).contains("sda random-read", "250/s", "1000/s", "2000/s", "0.50");
    assertThat(report.json().at("/sda random-read/ratio/median").asDouble()).isEqualTo(0.5);
  }
}
