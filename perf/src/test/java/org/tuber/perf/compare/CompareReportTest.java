package org.tuber.perf.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.kernels.Kernel;
import org.tuber.perf.report.Pages;
import org.w3c.dom.NodeList;

class CompareReportTest {
  private static Run run(double seconds) {
    return new Run(seconds, 2 * seconds, 9, 10, new double[] {2 * seconds, seconds, seconds});
  }

  private static Subject subject(String name, double ours, double theirs) throws Exception {
    Subject s =
        new Subject(
            Suite.SYSTEM,
            name,
            "integer",
            "s a round",
            side ->
                switch (side) {
                  case HOST -> run(0.1);
                  case TUBER -> run(ours);
                  case QEMU -> run(theirs);
                });
    s.onHost();
    for (int i = 0; i < 6; i++) {
      s.pair(i, true);
    }
    return s;
  }

  @Test
  void sidesTakeTurnsToGoFirst() throws Exception {
    List<Subject.Side> order = new ArrayList<>();
    Subject s =
        new Subject(
            Suite.USER,
            "any",
            "integer",
            "s",
            side -> {
              order.add(side);
              return run(1);
            });
    s.pair(0, true);
    s.pair(1, true);
    assertThat(order)
        .containsExactly(
            Subject.Side.TUBER, Subject.Side.QEMU, Subject.Side.QEMU, Subject.Side.TUBER);
    assertThat(s.tuber).hasSize(2);
  }

  @Test
  void ratiosAndMeans() throws Exception {
    CompareReport report =
        new CompareReport(
            Map.of("tuber", "this <one> & that"),
            List.of(subject("fib", 1, 2), subject("sieve", 4, 2)));
    assertThat(report.text())
        .contains("fib", "0.50 [0.50, 0.50]", "2.00 [2.00, 2.00]")
        .contains("system, integer");
    assertThat(report.means().get("system, all").median()).isEqualTo(1);
    var json = report.json();
    assertThat(json.at("/programs/0/ratio/median").asDouble()).isEqualTo(0.5);
    assertThat(json.at("/programs/1/tuber/firstSeconds/0").asDouble()).isEqualTo(8);
    assertThat(json.at("/geometricMeans/system, integer/confidence").asDouble()).isEqualTo(0.95);
  }

  @Test
  void pageIsWellFormedAndShowsEveryPair() throws Exception {
    Subject failed = new Subject(Suite.USER, "bad", "integer", "s", side -> null);
    failed.pair(0, true);
    CompareReport report =
        new CompareReport(
            Map.of("tuber", "this <one> & that"), List.of(subject("fib", 1, 2), failed));
    var page = Pages.parse(new ComparePage(report).html());
    NodeList circles = page.getElementsByTagName("circle");
    // Six ratios, and six pairs of two.
    assertThat(circles.getLength()).isEqualTo(18);
    assertThat(page.getElementsByTagName("p").item(0).getTextContent())
        .contains("this <one> & that");
    assertThat(failed.failure).startsWith("not for this processor");
  }

  @Test
  void namesAreThoseOfTheSuite() {
    Path folder = Path.of("/nowhere");
    Suite.check(Set.of("fib", "boot", "python3", "hello"), folder);
    assertThatThrownBy(() -> Suite.check(Set.of("fibs"), folder))
        .isInstanceOf(CommandLineException.class)
        .hasMessageContaining("--only fibs: unknown");
    assertThat(Suite.kernels(Set.of("aes", "python3"))).containsExactly(Kernel.AES);
    assertThat(Suite.kernels(Set.of())).hasSize(20);
    assertThat(Suite.programs(Set.of("xz"), folder)).hasSize(1);
  }
}
