package org.tuber.perf.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProcessRunTest {
  @Test
  void timesLinesAndStatus() throws Exception {
    ProcessRun run =
        ProcessRun.of(
            List.of("sh", "-c", "echo one; sleep 0.2; echo $X; echo bad >&2; exit 3"),
            Map.of("X", "two"),
            20);
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.hasTimedOut()).isFalse();
    assertThat(run.lines()).extracting(ProcessRun.Line::text).containsExactly("one", "two");
    assertThat(run.lines().get(1).nanos() - run.lines().get(0).nanos()).isGreaterThan(100_000_000);
    assertThat(run.wallNanos()).isGreaterThanOrEqualTo(run.lines().get(1).nanos());
    assertThat(run.peakBytes()).isPositive();
    assertThat(run.tail(1)).isEqualTo("two\nbad\n");
  }

  @Test
  void whatHangsIsKilled() throws Exception {
    ProcessRun run = ProcessRun.of(List.of("sleep", "30"), Map.of(), 1);
    assertThat(run.hasTimedOut()).isTrue();
    assertThat(run.seconds()).isBetween(1.0, 20.0);
  }

  @Test
  void peakMemoryIsTheHighWaterMark() {
    String status = "Name:\tjava\nVmPeak:\t  900 kB\nVmHWM:\t   12 kB\nVmRSS:\t    8 kB\n";
    assertThat(ProcessRun.parsePeakBytes(status)).isEqualTo(12 << 10);
    assertThat(ProcessRun.parsePeakBytes("Name:\tkthread\n")).isZero();
  }

  @Test
  void instructionCountsOfAllCpus() {
    String log = "engine: 120 instructions in 1 s\nother\nengine: 3 instructions in 1 s\n";
    assertThat(Emulator.Tuber.instructions(log)).hasValue(123);
    assertThat(Emulator.Tuber.instructions("nothing")).isEmpty();
  }

  @Test
  void bothEmulatorsGetTheSameGuest() {
    List<String> options =
        new Guest(Architecture.X86_64, Path.of("k"), Path.of("i"), "a b").options();
    assertThat(options).containsSequence("-kernel", "k", "-initrd", "i", "-append", "a b");
  }
}
