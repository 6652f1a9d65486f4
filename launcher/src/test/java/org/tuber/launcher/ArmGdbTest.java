package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * GDB for many architectures looks at U-Boot on the Arm board from its first instruction on. Needs
 * the files of {@code .ci/fetch-arm64-boot}.
 */
@Timeout(900)
class ArmGdbTest {
  private static final long PATIENCE_SECONDS = 500;

  @TempDir Path dir;
  private Path uBoot;

  @BeforeEach
  void needsTools() throws Exception {
    String guests = System.getenv("TUBER_GUESTS");
    Path home = Path.of(System.getProperty("user.home"));
    Path all = guests == null ? home.resolve(".cache/tuber/guests") : Path.of(guests);
    uBoot = all.resolve("arm64-boot/u-boot.bin");
    String look = "command -v gdb-multiarch";
    boolean gdb = new ProcessBuilder("sh", "-c", look).start().waitFor() == 0;
    boolean found = gdb && Files.isReadable(uBoot);
    if (System.getenv("CI") == null) {
      assumeTrue(found, "gdb-multiarch is not installed, or not there: " + uBoot);
    }
    assertThat(found).as("gdb-multiarch and .ci/fetch-arm64-boot in CI").isTrue();
  }

  private String gdb(Path socket, String... commands) throws IOException, InterruptedException {
    return new GdbClient("gdb-multiarch", "aarch64", dir, PATIENCE_SECONDS).run(socket, commands);
  }

  @ParameterizedTest
  @ValueSource(strings = {"interp", "tcg,mode=classes"})
  void fromTheResetVector(String accel) throws Exception {
    Path socket = dir.resolve("gdb.sock");
    List<String> arguments =
        List.of("-M", "virt,gic-version=3", "-smp", "2", "-m", "256", "-accel", accel);
    Process tuber =
        TuberProcess.builder(
                true,
                Stream.of(
                        List.of("system-aarch64"),
                        arguments,
                        List.of("-display", "none", "-serial", "null", "-bios", uBoot.toString()),
                        List.of("-S", "-gdb", "unix:" + socket))
                    .flatMap(List::stream)
                    .toArray(String[]::new))
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("tuber.out").toFile())
            .start();
    try {
      while (!Files.exists(socket)) {
        assertThat(tuber.waitFor(100, TimeUnit.MILLISECONDS))
            .as(Files.readString(dir.resolve("tuber.out")))
            .isFalse();
      }
      String said =
          gdb(
              socket,
              "printf \"start %lx EL%d\\n\", $pc, ($cpsr >> 2) & 3",
              "info threads",
              "x/i $pc",
              "stepi",
              "printf \"branched %d\\n\", $pc != 0 && $pc != 4",
              "stepi",
              "stepi",
              "stepi",
              "set $there = $pc",
              "set $x5 = 0x123456789abcdef0",
              "set $v3.d.u[1] = 7",
              "set $v3.s.f[0] = 1.5",
              "printf \"x5 %lx v3 %d %x\\n\", $x5, $v3.d.u[1], $v3.s.u[0]",
              "set var *(long*)0x41000000 = 0x1122334455667788",
              "printf \"memory %x\\n\", *(int*)0x41000004",
              "monitor info registers",
              "monitor system_reset",
              "maintenance flush register-cache",
              "printf \"reset %lx\\n\", $pc",
              "hbreak *$there",
              "continue",
              "printf \"again there %d\\n\", $pc == $there",
              "delete",
              "rwatch *(int*)0x40000000",
              "continue",
              "printf \"read before %x\\n\", *(unsigned*)0x40000000",
              "delete",
              "kill");
      assertThat(said)
          .contains("start 0 EL1")
          .contains("Thread 1.2 (CPU#1")
          .contains("=> 0x0:")
          .contains("branched 1")
          .contains("x5 123456789abcdef0 v3 7 3fc00000")
          .contains("memory 11223344")
          .contains("X05=123456789abcdef0")
          .contains("reset 0")
          .contains("again there 1")
          .contains("Hardware read watchpoint 2: *(int*)0x40000000")
          .contains("read before edfe0dd0");
      assertThat(tuber.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as("killed").isTrue();
      assertThat(tuber.exitValue()).isZero();
    } finally {
      tuber.destroyForcibly();
    }
  }
}
