package org.tuber.perf.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  @Test
  void medianAndSpread() {
    assertThat(new Samples(3, 1, 2).median()).isEqualTo(2);
    assertThat(new Samples(4, 1, 2, 3).median()).isEqualTo(2.5);
    assertThat(new Samples(3, 1, 2).withSpread()).isEqualTo("2.00 (1.00 to 3.00)");
    assertThatThrownBy(Samples::new).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void ratiosArePairwise() {
    // The host was busy during the second pair: both took longer, the ratio stays.
    Samples ratios = Samples.ratios(new double[] {2, 20, 3}, new double[] {1, 10, 1});
    assertThat(ratios.median()).isEqualTo(2);
    assertThat(ratios.max()).isEqualTo(3);
    assertThat(Samples.geometricMean(0.5, 2)).isCloseTo(1, within(1e-12));
  }

  @Test
  void columnsLineUp() {
    String table = new Table("run", "s").row("1", "10.25").row("median", null).toString();
    assertThat(table)
        .isEqualTo(
            """
            run         s
            1       10.25
            median      -
            """);
    assertThatThrownBy(() -> new Table("a").row("1", "2"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void jsonHoldsTheNumbers(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("result.json");
    var json = JsonFile.object();
    json.set("ratio", JsonFile.of(new Samples(1, 3)));
    JsonFile.write(file, json);
    assertThat(Files.readString(file)).contains("\"median\" : 2.0", "\"count\" : 2");
  }
}
