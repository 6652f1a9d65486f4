package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The Arm board boots an unmodified Debian kernel, which says so and switches off. Needs the files
 * of {@code tuber fetch debian-arm64 $TUBER_GUESTS/arm64}.
 */
@EnabledIf("hasGuest")
@Timeout(1200)
class ArmBootTest {
  private static final String COMMAND_LINE =
      "console=ttyAMA0 nokaslr cryptomgr.notests lpj=1000000";

  private static Path guest() {
    String guests = System.getenv("TUBER_GUESTS");
    return (guests == null
            ? Path.of(System.getProperty("user.home"), ".cache", "tuber", "guests")
            : Path.of(guests))
        .resolve("arm64");
  }

  static boolean hasGuest() {
    return System.getenv("CI") != null
        || Stream.of("vmlinuz", "initrd.cpio.gz")
            .allMatch(name -> Files.isReadable(guest().resolve(name)));
  }

  @ParameterizedTest
  @CsvSource({
    "interp, 2, 1, cortex-a57",
    "tcg, 3, 2, cortex-a72",
    "tcg, 2, 2, neoverse-n1",
    "tcg, 3, 1, max",
  })
  void kernelBootsSpeaksAndSwitchesOff(String accel, int gic, int cpus, String model)
      throws Exception {
    boots(guest().resolve("vmlinuz"), accel, gic, cpus, model);
  }

  /** Twenty times each, of the cloud kernel and of the generic one. */
  @Tag("soak")
  @Timeout(14_400)
  @ParameterizedTest
  @CsvSource({
    "arm64, 2, 1", "arm64, 2, 2", "arm64, 3, 1", "arm64, 3, 2",
    "arm64-boot, 2, 1", "arm64-boot, 2, 2", "arm64-boot, 3, 1", "arm64-boot, 3, 2"
  })
  void twentyOfTwenty(String kernel, int gic, int cpus) throws Exception {
    for (int i = 0; i < 20; i++) {
      boots(guest().resolveSibling(kernel).resolve("vmlinuz"), "tcg", gic, cpus, "cortex-a57");
    }
  }

  private static void boots(Path kernel, String accel, int gic, int cpus, String model)
      throws Exception {
    List<String> arguments = new ArrayList<>(List.of("system-aarch64", "-cpu", model));
    arguments.addAll(List.of("-M", "virt,gic-version=" + gic, "-smp", Integer.toString(cpus)));
    arguments.addAll(List.of("-accel", accel, "-m", "512", "-nographic", "-no-reboot"));
    arguments.addAll(List.of("-nic", "none", "-kernel", kernel.toString()));
    arguments.addAll(List.of("-initrd", guest().resolve("initrd.cpio.gz").toString()));
    arguments.addAll(List.of("-append", COMMAND_LINE));
    TuberProcess.Result result = TuberProcess.run(arguments.toArray(String[]::new));
    assertThat(result.out()).contains("GUEST-MARKER aarch64");
    assertThat(result.out()).contains("Brought up 1 node, " + cpus + " CPU");
    assertThat(result.out()).doesNotContain("BUG", "WARNING", "Call trace");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }
}
