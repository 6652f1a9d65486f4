package org.tuber.devices.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The installed qemu-img and qemu-io as the other side of interoperability tests. Where they are
 * missing such tests are skipped, except in CI, where that is an error.
 */
public final class QemuTools {
  private QemuTools() {}

  /** What a program said. */
  public record Result(int status, String output) {}

  /** Skips the calling test when a program is missing. */
  public static void require(String program) {
    require(program, "--version");
  }

  /** The same for a program without {@code --version}: {@code argument} has it do nothing. */
  public static void require(String program, String argument) {
    boolean there;
    try {
      there = run(Path.of("."), program, argument).status == 0;
    } catch (IOException e) {
      there = false;
    }
    require(there, program + " is not installed");
  }

  /** Skips the calling test when qemu-img has no driver of that name. */
  public static void requireDriver(String driver, String debianPackage) throws IOException {
    String help = run(Path.of("."), "qemu-img", "--help").output;
    require(help.contains(" " + driver), "qemu-img has no " + driver + ": " + debianPackage);
  }

  private static void require(boolean there, String message) {
    if (System.getenv("CI") != null) {
      assertThat(there).as(message).isTrue();
    }
    assumeTrue(there, message);
  }

  /** Runs a program in a directory. */
  public static Result run(Path directory, String... command) throws IOException {
    Process p =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
    p.getOutputStream().close();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!p.waitFor(60, TimeUnit.SECONDS)) {
        p.destroyForcibly();
        throw new IOException(command[0] + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    return new Result(p.exitValue(), out);
  }

  /** Runs qemu-img and wants status 0. */
  public static String img(Path directory, String... arguments) throws IOException {
    List<String> all = new ArrayList<>();
    all.add("qemu-img");
    all.addAll(List.of(arguments));
    Result r = run(directory, all.toArray(String[]::new));
    assertThat(r.status).as(String.join(" ", all) + "\n" + r.output).isZero();
    return r.output;
  }

  /** Runs qemu-io commands on an image and wants no failure. */
  public static String io(Path directory, String format, Path image, String... commands)
      throws IOException {
    List<String> all = new ArrayList<>(List.of("qemu-io", "-f", format));
    for (String c : commands) {
      all.add("-c");
      all.add(c);
    }
    all.add(image.toString());
    Result r = run(directory, all.toArray(String[]::new));
    assertThat(r.status).as(String.join(" ", all) + "\n" + r.output).isZero();
    assertThat(r.output).doesNotContain("Pattern verification failed").doesNotContain("error");
    return r.output;
  }
}
