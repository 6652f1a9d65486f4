package org.tuber.launcher;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.machine.firmware.FirmwareFiles;

/** GDB itself looks at SeaBIOS from its first instruction on. */
@Timeout(900)
class GdbTest {
  private static final long PATIENCE_SECONDS = 500;

  /** A byte of BIOS data that SeaBIOS writes early: the equipment word. */
  private static final String EQUIPMENT = "0x410";

  @TempDir Path dir;

  @BeforeEach
  void needsTools() throws Exception {
    boolean gdb = new ProcessBuilder("sh", "-c", "command -v gdb").start().waitFor() == 0;
    boolean firmware = new FirmwareFiles(List.of()).find("bios-256k.bin") != null;
    if (System.getenv("CI") == null) {
      assumeTrue(gdb, "gdb is not installed");
      assumeTrue(firmware, "SeaBIOS (Debian package seabios) is not installed");
    }
    assertThat(gdb && firmware).as("gdb and SeaBIOS must be installed in CI").isTrue();
  }

  /** Runs GDB over {@code commands}; what it says. */
  private String gdb(Path socket, String... commands) throws IOException, InterruptedException {
    return new GdbClient("gdb", "i386:x86-64", dir, PATIENCE_SECONDS).run(socket, commands);
  }

  @ParameterizedTest
  @ValueSource(strings = {"interp", "tcg", "tcg,mode=immediate", "tcg,mode=classes"})
  void realModeFromTheResetVector(String accel) throws Exception {
    Path socket = dir.resolve("gdb.sock");
    Process tuber =
        TuberProcess.builder(
                true,
                "system-x86_64",
                "-m",
                "64",
                "-smp",
                "2",
                "-accel",
                accel,
                "-nodefaults",
                "-display",
                "none",
                "-S",
                "-gdb",
                "unix:" + socket)
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
              "printf \"start %x %x\\n\", $cs, $rip",
              "printf \"far jump %x\\n\", *(unsigned char*)0xfffffff0",
              "info threads",
              "break *0xfe05b",
              "continue",
              "printf \"entry %x %x\\n\", $cs, $rip",
              "monitor gdb-linear on",
              "maintenance flush register-cache",
              "printf \"linear %x\\n\", $rip",
              "stepi",
              "printf \"stepped %d\\n\", $rip > 0xfe05b && $rip < 0xfe070",
              "set $rbx = 0x12345678",
              "set $xmm3.v4_i32[1] = 77",
              "printf \"rbx %x xmm3 %d\\n\", $rbx, $xmm3.v4_i32[1]",
              "set var *(int*)0x1000 = 0x55667788",
              "printf \"memory %x\\n\", *(short*)0x1002",
              "delete",
              "watch *(unsigned short*)" + EQUIPMENT,
              "continue",
              "continue",
              "printf \"protected %d\\n\", $cr0 & 1",
              "delete",
              "kill");
      assertThat(said)
          .contains("start f000 fff0")
          .contains("far jump ea")
          .contains("Thread 1.2 (CPU#1")
          .contains("entry f000 e05b")
          .contains("linear fe05b")
          .contains("stepped 1")
          .contains("rbx 12345678 xmm3 77")
          .contains("memory 5566")
          .contains("Hardware watchpoint 2: *(unsigned short*)" + EQUIPMENT)
          .contains("Old value = 0")
          .contains("protected 1");
      assertThat(tuber.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as("killed").isTrue();
      assertThat(tuber.exitValue()).isZero();
      assertThat(socket).doesNotExist();
    } finally {
      tuber.destroyForcibly();
    }
  }

  /**
   * The kernel itself says where its functions are; after a reset it is caught in them, on both
   * CPUs.
   */
  @Test
  void kernelFromItsFirstFunctionOn() throws Exception {
    Path guest = BootTest.guest();
    assumeTrue(BootTest.hasGuest(), "no guest: tuber fetch debian " + guest);
    Path socket = dir.resolve("gdb.sock");
    Path out = dir.resolve("serial");
    Process tuber =
        TuberProcess.builder(
                true,
                "system-x86_64",
                "-m",
                "512",
                "-smp",
                "2",
                "-nographic",
                "-nic",
                "none",
                "-kernel",
                guest.resolve("vmlinux").toString(),
                "-initrd",
                guest.resolve("initrd.cpio.gz").toString(),
                "-append",
                "console=ttyS0 nokaslr mitigations=off cryptomgr.notests guest.shell",
                "-gdb",
                "unix:" + socket)
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    try {
      await(tuber, out, "GUEST-MARKER", 1);
      OutputStream keys = tuber.getOutputStream();
      keys.write("busybox grep -w -E 'start_kernel|jiffies' /proc/kallsyms\n".getBytes(US_ASCII));
      keys.flush();
      await(tuber, out, " start_kernel\r?\n", 1);
      String start = symbol(out, "start_kernel");
      String jiffies = symbol(out, "jiffies");
      String said =
          gdb(
              socket,
              "info threads",
              // First the reset: what lies there now is freed and filled with breakpoint
              // instructions, which GDB takes for the guest's own.
              "monitor system_reset",
              "maintenance flush register-cache",
              "hbreak *0x" + start,
              "continue",
              "printf \"start_kernel %d\\n\", $rip == 0x" + start,
              "stepi",
              "printf \"stepped %d\\n\", $rip != 0x" + start,
              "delete",
              "watch *(long*)0x" + jiffies,
              "continue",
              "printf \"kernel %d\\n\", (unsigned long)$rip >> 63",
              "delete",
              "detach");
      assertThat(said)
          .contains("Thread 1.2 (CPU#1")
          .contains("start_kernel 1")
          .contains("stepped 1")
          .contains("Old value = 4294892296")
          .contains("New value = 4294892297")
          .contains("kernel 1");
      await(tuber, out, "GUEST-MARKER", 2);
    } finally {
      tuber.destroyForcibly();
    }
  }

  private static void await(Process tuber, Path out, String pattern, int times) throws Exception {
    Pattern wanted = Pattern.compile(pattern);
    while (wanted.matcher(Files.readString(out, ISO_8859_1)).results().count() < times) {
      assertThat(tuber.waitFor(200, TimeUnit.MILLISECONDS)).as("the guest has ended").isFalse();
    }
  }

  private static String symbol(Path out, String name) throws IOException {
    Matcher line =
        Pattern.compile("([0-9a-f]{16}) \\w " + name + "\\s")
            .matcher(Files.readString(out, ISO_8859_1));
    assertThat(line.find()).isTrue();
    return line.group(1);
  }
}
