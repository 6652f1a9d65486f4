package org.tuber.perf.img;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.tuber.perf.img.ImageReport.Run;

final class ImageReportTest {
  @Test
  void ratiosArePairByPair() {
    ImageReport report = new ImageReport();
    report.add("raw to qcow2", new Run(2, 1, 70), new Run(1, 1, 24));
    report.add("raw to qcow2", new Run(6, 3, 70), new Run(6, 2, 24));
    report.add("raw to qcow2", new Run(1, 2, 72), new Run(2, 1, 26));
    assertThat(report.text().lines().skip(1).findFirst().orElseThrow())
        .contains("raw to qcow2", "1.00 [0.50, 2.00]", "1.50 [1.00, 2.00]", "70", "24");
    assertThat(report.json().get(0).get("ratio").get("pairs").asInt()).isEqualTo(3);
  }

  @Test
  void withoutQemuThereIsNoRatio() {
    ImageReport report = new ImageReport();
    report.add("read 4 KiB", new Run(2, 1, 70), null);
    assertThat(report.text()).contains("read 4 KiB", "2.00", "-");
    assertThat(report.json().get(0).has("ratio")).isFalse();
  }

  @Test
  void bothProgramsGetTheSameArguments() {
    ImageTask task = ImageTask.all().get(2);
    assertThat(task.arguments("a", "b"))
        .containsExactly("convert", "-f", "qcow2", "-c", "-O", "qcow2", "a", "b");
    assertThat(ImageTask.all().get(4).arguments("a", "b")).startsWith("bench").endsWith("-w", "a");
  }
}
