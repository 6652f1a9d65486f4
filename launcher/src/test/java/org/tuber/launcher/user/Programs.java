package org.tuber.launcher.user;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.TuberProcess;

/** Programs under {@code tuber user} beside the same without it. */
final class Programs {
  /** A program in Perl: a hash, a child process, floating point. */
  static final String PERL =
      "my %h; $h{$_ % 97} .= chr(65 + $_ % 26) for 1..20000; print map { \"$_=$h{$_}\\n\" } sort"
          + " keys %h; $p = fork; exit 7 if !$p; waitpid($p, 0); printf(\"%d %.15g %s\\n\", $? >>"
          + " 8, sqrt(2) ** 3, 2 ** 40)";

  private Programs() {}

  /** What came of a command that was run natively. */
  record Result(int status, String out) {}

  static void needsHost() {
    String arch = System.getProperty("os.arch");
    assumeTrue(
        System.getProperty("os.name").equals("Linux") && arch.equals("amd64"),
        "user mode needs a Linux host on x86-64");
  }

  /** A file that CI has and others may lack. */
  static void needs(String file) {
    boolean there = Files.isExecutable(Path.of(file));
    if (System.getenv("CI") != null) {
      assertThat(there).as(file + " is installed").isTrue();
    } else {
      assumeTrue(there, file + " is not installed");
    }
  }

  static Result runNative(Path folder, List<String> command) throws Exception {
    Process p =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectInput(new File("/dev/null"))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(p.waitFor(), out);
  }

  /** Runs {@code tuber user} with {@code arguments}; what it says as errors goes to a file. */
  static Result runEmulated(Path folder, List<String> arguments, Path errors) throws Exception {
    List<String> all = new ArrayList<>(List.of("user"));
    all.addAll(arguments);
    Process p =
        TuberProcess.builder(true, all.toArray(String[]::new))
            .directory(folder.toFile())
            .redirectInput(new File("/dev/null"))
            .redirectError(errors.toFile())
            .start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(p.waitFor(), out);
  }

  /** Output and status of both have to be equal. */
  static void same(Path folder, List<String> plain, List<String> emulated) throws Exception {
    Path errors = folder.resolve("errors");
    Result expected = runNative(folder, plain);
    Result actual = runEmulated(folder, emulated, errors);
    assertThat(actual.out()).as(Files.readString(errors)).isEqualTo(expected.out());
    assertThat(actual.status()).isEqualTo(expected.status());
  }

  /** Compiles a program of C for the host. */
  static Path compile(Path folder, String name, String source, List<String> options)
      throws Exception {
    return compile("/usr/bin/gcc", folder, name, source, options);
  }

  static Path compile(
      String compiler, Path folder, String name, String source, List<String> options)
      throws Exception {
    needs(compiler);
    Path c = Files.writeString(folder.resolve(name + ".c"), source);
    Path program = folder.resolve(name);
    List<String> command =
        new ArrayList<>(List.of(compiler, "-O1", "-o", program.toString(), c.toString()));
    command.addAll(options);
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
    return program;
  }

  static Path resource(String name) throws Exception {
    return Path.of(Programs.class.getResource(name).toURI());
  }

  /** Programs with damaged headers: each ends somehow, and nothing fails inside. */
  static void damaged(String compiler, Path folder, List<String> options) throws Exception {
    Path tiny =
        compile(
            compiler,
            folder,
            "tiny",
            Files.readString(resource("tiny.c")),
            join(options, "-static", "-nostdlib"));
    Path driver =
        compile(
            compiler,
            folder,
            "damaged",
            Files.readString(resource("damaged.c")),
            join(options, "-w"));
    Path errors = folder.resolve("errors");
    int variants = 150;
    List<String> command =
        List.of(driver.toString(), tiny.toString(), "0", Integer.toString(variants));
    Result r = runEmulated(folder, command, errors);
    assertThat(r.out().lines().count()).isEqualTo(variants);
    assertThat(r.out()).contains(": 2a00\n");
    assertThat(r.status()).isZero();
    assertThat(Files.readString(errors)).isEmpty();
  }

  static List<String> join(List<String> first, String... more) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(more));
    return all;
  }
}
