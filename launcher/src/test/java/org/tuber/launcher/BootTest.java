package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;

/**
 * The command boots an unmodified Debian kernel, which says so and switches off. Needs the files of
 * {@code tuber fetch debian $TUBER_GUESTS/amd64}.
 */
@EnabledIf("hasGuest")
@Timeout(1200)
class BootTest {
  private static final String COMMAND_LINE =
      "console=ttyS0 nokaslr mitigations=off cryptomgr.notests";

  /**
   * What a kernel says of time: measured speeds, dates, and which of two drivers was ready first.
   * These lines differ between two runs of any emulator.
   */
  private static final List<String> OF_TIME =
      List.of(
          "tsc: ",
          "APIC calibration not consistent with PM-Timer",
          "APIC delta adjusted to PM-Timer",
          "hrtimer: interrupt took",
          "clocksource: ",
          "Calibrating delay loop",
          "smpboot: Total of 1 processors activated",
          "node 0 deferred pages initialised in",
          "audit: type=2000",
          "rtc_cmos ",
          "sched_clock: Marking stable",
          "random: crng init done",
          "input: ");

  static Path guest() {
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

  @Test
  void compressedKernelBootsSpeaksAndSwitchesOff() throws Exception {
    boot("vmlinuz", "tcg");
  }

  /**
   * INIT and SIPI to seven, and interrupts between eight, on however few processors the host has.
   */
  @Test
  void eightProcessorsStartAndStop() throws Exception {
    assertThat(boot("vmlinux", "tcg", "-smp", "8"))
        .contains("smpboot: Total of 8 processors activated");
  }

  /** Interpreted only, compiled as usual, and everything compiled that the compiler can take. */
  @Test
  void everyTierSaysTheSame() throws Exception {
    List<String> interpreted = spoken(boot("vmlinux", "interp"));
    assertThat(interpreted).hasSizeGreaterThan(200);
    assertThat(spoken(boot("vmlinux", "tcg"))).isEqualTo(interpreted);
    assertThat(spoken(boot("vmlinux", "tcg,mode=immediate"))).isEqualTo(interpreted);
    // Some thousand host classes; one for each block would take minutes.
    assertThat(spoken(boot("vmlinux", "tcg,hot-threshold=2000"))).isEqualTo(interpreted);
  }

  private static String boot(String kernel, String accel, String... more) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of("system-x86_64", "-M", "pc", "-accel", accel, "-m", "512", "-nographic"));
    arguments.addAll(List.of("-no-reboot", "-nic", "none"));
    arguments.addAll(List.of("-kernel", guest().resolve(kernel).toString()));
    arguments.addAll(List.of("-initrd", guest().resolve("initrd.cpio.gz").toString()));
    arguments.addAll(List.of("-append", COMMAND_LINE));
    arguments.addAll(List.of(more));
    TuberProcess.Result result = TuberProcess.run(arguments.toArray(String[]::new));
    assertThat(result.out()).contains("GUEST-MARKER x86_64");
    assertThat(result.out()).doesNotContain("BUG", "WARNING", "Call Trace");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    return result.out();
  }

  /**
   * All lines in a fixed order, without time: initializers that run in threads of the kernel's own
   * speak in the order in which they were scheduled.
   */
  private static List<String> spoken(String serial) {
    List<String> lines = new ArrayList<>();
    for (String line : serial.lines().toList()) {
      String said =
          line.replaceFirst("^\\[ *[0-9.]+\\] ", "")
              .replaceFirst("^(GUEST-MARKER .*) up .*$", "$1");
      // A quirk that took more than 10 ms is told of.
      boolean isOfTime = said.matches(".* took [0-9]+ usecs");
      if (!isOfTime && OF_TIME.stream().noneMatch(said::startsWith)) {
        lines.add(said);
      }
    }
    lines.sort(String::compareTo);
    return lines;
  }
}
