package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The command boots an unmodified Debian kernel, which says so and switches off. Needs the files of
 * {@code tuber fetch debian $TUBER_GUESTS/amd64}.
 */
@EnabledIf("hasGuest")
@Timeout(900)
class BootTest {
  private static final String COMMAND_LINE =
      "console=ttyS0 quiet nokaslr mitigations=off cryptomgr.notests";

  private static Path guest() {
    String guests = System.getenv("TUBER_GUESTS");
    return (guests == null
            ? Path.of(System.getProperty("user.home"), ".cache", "tuber", "guests")
            : Path.of(guests))
        .resolve("amd64");
  }

  static boolean hasGuest() {
    return Stream.of("vmlinux", "vmlinuz", "initrd.cpio.gz")
        .allMatch(name -> Files.isReadable(guest().resolve(name)));
  }

  @ParameterizedTest
  @CsvSource({"vmlinux, tcg", "vmlinuz, tcg", "vmlinux, interp"})
  void debianBootsSpeaksAndSwitchesOff(String kernel, String accel) throws Exception {
    TuberProcess.Result result =
        TuberProcess.run(
            "system-x86_64",
            "-M",
            "pc",
            "-accel",
            accel,
            "-m",
            "512",
            "-nographic",
            "-no-reboot",
            "-nic",
            "none",
            "-kernel",
            guest().resolve(kernel).toString(),
            "-initrd",
            guest().resolve("initrd.cpio.gz").toString(),
            "-append",
            COMMAND_LINE);
    assertThat(result.out()).contains("GUEST-MARKER x86_64");
    assertThat(result.out()).doesNotContain("BUG", "WARNING", "Call Trace");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }
}
