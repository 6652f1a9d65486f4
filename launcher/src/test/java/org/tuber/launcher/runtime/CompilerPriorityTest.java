package org.tuber.launcher.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.launcher.TuberProcess;

/** Whom the compilers give way to. */
class CompilerPriorityTest {
  private static final int PATIENCE_SECONDS = 60;
  private static final int NICE_FIELD = 16;

  /** Nice value of the threads whose name begins so (proc_pid_stat(5), field 19). */
  private static List<Integer> nice(long process, String name) throws IOException {
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + process + "/task"))) {
      return threads
          .map(CompilerPriorityTest::stat)
          .filter(text -> text.contains("(" + name))
          .map(text -> text.substring(text.lastIndexOf(')') + 2).split(" ")[NICE_FIELD])
          .map(Integer::valueOf)
          .toList();
    }
  }

  private static String stat(Path thread) {
    try {
      return Files.readString(thread.resolve("stat"));
    } catch (IOException e) {
      return "ended";
    }
  }

  private static Process machine(int cpus) throws IOException {
    return TuberProcess.builder(
            true, "system-x86_64", "-smp", "" + cpus, "-display", "none", "-serial", "null")
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  @Test
  void theyGiveWayToOneCpu() throws Exception {
    assumeThat(Path.of("/proc/self/task")).isDirectory();
    assumeThat(Runtime.getRuntime().availableProcessors()).isGreaterThan(1);
    Process process = machine(1);
    try {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
      // One after the other.
      while (!nice(process.pid(), "C2 Compiler").contains(5)
          || !nice(process.pid(), "C1 Compiler").contains(5)) {
        assertThat(System.nanoTime()).as("in time").isLessThan(end);
        TimeUnit.MILLISECONDS.sleep(100);
      }
      assertThat(nice(process.pid(), "C1 Compiler")).isNotEmpty().containsOnly(5);
      assertThat(nice(process.pid(), "tuber-cpu")).isNotEmpty().containsOnly(0);
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  @Test
  void threadsAreFoundByName(@TempDir Path tasks) throws Exception {
    String[] names = {"java", "C1 CompilerThre", "tuber-cpu0", "C2 CompilerThre"};
    for (int i = 0; i < names.length; i++) {
      Path thread = Files.createDirectory(tasks.resolve("" + (100 + i)));
      Files.writeString(thread.resolve("comm"), names[i] + "\n");
    }
    assertThat(CompilerPriority.compilers(tasks)).containsExactlyInAnyOrder(101, 103);
    assertThat(CompilerPriority.compilers(tasks.resolve("none"))).isEmpty();
  }
}
