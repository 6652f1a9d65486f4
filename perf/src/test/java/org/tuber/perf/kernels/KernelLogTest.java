package org.tuber.perf.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.measure.ProcessRun;

class KernelLogTest {
  private static KernelLog log(String sum, double... seconds) {
    List<ProcessRun.Line> lines = new ArrayList<>();
    lines.add(new ProcessRun.Line(5, "[    1.0] Linux"));
    long now = 1_000;
    lines.add(new ProcessRun.Line(now, "KERNEL fib begin"));
    for (int i = 0; i < seconds.length; i++) {
      long nanos = (long) (seconds[i] * 1e9);
      now += nanos;
      lines.add(
          new ProcessRun.Line(now, "KERNEL fib round " + i + " nanos " + nanos + " sum " + sum));
    }
    lines.add(new ProcessRun.Line(now, "KERNELS done"));
    return new KernelLog(lines);
  }

  @Test
  void roundsAndSumsAreRead() {
    KernelLog log = log("00000000000000ff", 2, 1, 0.5);
    assertThat(log.kernels()).containsExactly(Kernel.FIB);
    assertThat(log.seconds(Kernel.FIB)).containsExactly(2, 1, 0.5);
    assertThat(log.steady(Kernel.FIB, 2)).containsExactly(1, 0.5);
    assertThat(log.sum(Kernel.FIB)).isEqualTo("00000000000000ff");
    assertThat(log.isComplete()).isTrue();
    assertThat(log.clockRate()).isEqualTo(1);
    assertThat(new KernelLog(List.of()).isComplete()).isFalse();
  }

  @Test
  void reportComparesWhatIsWarm() {
    KernelsReport report = new KernelsReport("host", log("00000000000000ff", 0.1), 1);
    report.add(log("00000000000000ff", 9, 1), log("00000000000000ff", 2, 2));
    assertThat(report.text())
        .contains("fib", "9.000", "0.50 (0.50 to 0.50)")
        .contains("geometric mean of the integer kernels, tuber / qemu: 0.50");
    assertThat(report.complaints()).isEmpty();
    assertThat(report.json().at("/fib/ratio/median").asDouble()).isEqualTo(0.5);
  }

  @Test
  void wrongResultsAreNoSpeed() {
    KernelsReport report = new KernelsReport("host", log("00000000000000ff", 0.1), 1);
    report.add(log("00000000000000fe", 1), null);
    assertThat(report.complaints()).hasSize(1).first().asString().startsWith("WRONG RESULT: tuber");
  }

  @Test
  void namesOfKernelsAreChecked() {
    assertThat(Kernel.list("--only", "fib,sse2")).containsExactly(Kernel.FIB, Kernel.SSE2);
    assertThat(Kernel.list("--only", "all")).hasSize(Kernel.values().length);
    assertThatThrownBy(() -> Kernel.list("--only", "fib,life"))
        .isInstanceOf(CommandLineException.class)
        .hasMessageContaining("--only life: unknown kernel");
  }
}
