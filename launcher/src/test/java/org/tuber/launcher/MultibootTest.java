package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;

/**
 * GNU Mach, a multiboot kernel in 32-bit code with segments that do not start at 0, gets through
 * its drivers to where it misses its first server. Needs {@code $TUBER_GUESTS/multiboot/gnumach},
 * which {@code .ci/fetch-multiboot} brings.
 */
@EnabledIf("hasKernel")
@Timeout(300)
class MultibootTest {
  private static final Duration PATIENCE = Duration.ofSeconds(200);

  private static Path kernel() {
    String guests = System.getenv("TUBER_GUESTS");
    return (guests == null
            ? Path.of(System.getProperty("user.home"), ".cache", "tuber", "guests")
            : Path.of(guests))
        .resolve("multiboot/gnumach");
  }

  static boolean hasKernel() {
    return Files.isReadable(kernel());
  }

  @Test
  void gnuMachGetsAsFarAsItCanWithoutServers() throws Exception {
    Process process =
        TuberProcess.builder(
                true,
                "system-x86_64",
                "-M",
                "pc",
                "-m",
                "256",
                "-nographic",
                "-nic",
                "none",
                "-kernel",
                kernel().toString(),
                "-append",
                "console=com0")
            .redirectErrorStream(true)
            .start();
    StringBuilder said = new StringBuilder();
    long end = System.nanoTime() + PATIENCE.toNanos();
    // It waits for a key after the panic, so it has to be ended from here.
    try (Reader out = new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)) {
      char[] buffer = new char[1024];
      while (!said.toString().contains("No bootstrap code loaded") && System.nanoTime() < end) {
        int n = out.read(buffer);
        if (n < 0) {
          break;
        }
        said.append(buffer, 0, n);
      }
    } finally {
      process.destroyForcibly();
    }
    assertThat(said)
        .contains(
            "GNU Mach 1.8",
            "biosmem: 000000000000100000:00000000000ffe0000, available",
            "pcibios_init: Using configuration type 1",
            "probing scsi",
            "RTC time is",
            "panic ../kern/bootstrap.c",
            "No bootstrap code loaded with the kernel!");
  }
}
