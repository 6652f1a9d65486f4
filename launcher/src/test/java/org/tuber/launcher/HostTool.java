package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs and files of the host that tests make their guests' media from. */
final class HostTool {
  private static final long PATIENCE_SECONDS = 120;

  private HostTool() {}

  /** Skips the test where one of these files is not installed; in CI that is a failure. */
  static void need(String debianPackages, String... files) {
    boolean found = Arrays.stream(files).allMatch(file -> Files.exists(Path.of(file)));
    if (System.getenv("CI") == null) {
      assumeTrue(found, debianPackages + " (Debian packages) are not installed");
    }
    assertThat(found).as(debianPackages + " must be installed in CI").isTrue();
  }

  /** A guest's files: {@code $TUBER_GUESTS}, else the user's cache. */
  static Path guests() {
    String guests = System.getenv("TUBER_GUESTS");
    return guests == null
        ? Path.of(System.getProperty("user.home"), ".cache", "tuber", "guests")
        : Path.of(guests);
  }

  /** Skips the test where a guest's files have not been fetched; in CI that is a failure. */
  static Path guest(String... names) {
    for (String name : names) {
      boolean found = Files.isReadable(guests().resolve(name));
      if (System.getenv("CI") == null) {
        assumeTrue(found, guests().resolve(name) + " is not there; .ci/run fetches it");
      }
      assertThat(found).as(name + " must be there in CI").isTrue();
    }
    return guests();
  }

  /** Runs a host program in {@code folder} and expects status 0 or one of {@code alsoFine}. */
  static String run(Path folder, List<String> command, Integer... alsoFine)
      throws IOException, InterruptedException {
    Path out = Files.createTempFile("host-tool", ".out");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectInput(Path.of("/dev/null").toFile())
              .redirectOutput(out.toFile());
      // Some file system tools live where only root's search path leads.
      builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
      Process process = builder.start();
      boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
      process.destroyForcibly();
      String said = Files.readString(out, StandardCharsets.ISO_8859_1);
      assertThat(ended).as(command + " ends: " + said).isTrue();
      if (!Arrays.asList(alsoFine).contains(process.exitValue())) {
        assertThat(process.exitValue()).as(command + ": " + said).isZero();
      }
      return said;
    } finally {
      Files.delete(out);
    }
  }

  /** The same for a short line of shell, which stops at the first failing command. */
  static String shell(Path folder, String line) throws IOException, InterruptedException {
    return run(folder, List.of("bash", "-euo", "pipefail", "-c", line));
  }
}
