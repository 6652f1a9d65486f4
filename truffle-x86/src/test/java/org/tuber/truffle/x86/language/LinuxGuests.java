package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;

/** Linux programs and libraries of this host for tests of the language. */
final class LinuxGuests {
  /** Where Debian has the libraries of amd64. */
  static final String AMD64 = "/lib/x86_64-linux-gnu/";

  private LinuxGuests() {}

  static void needsLinux() {
    assumeTrue(
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64"),
        "user mode needs a Linux host on x86-64");
  }

  /** A file that CI has and others may lack. */
  static void needs(String file) {
    boolean there = Files.exists(Path.of(file));
    if (System.getenv("CI") != null) {
      assertThat(there).as(file + " is there").isTrue();
    } else {
      assumeTrue(there, file + " is not there");
    }
  }

  static Context.Builder builder() {
    return Context.newBuilder("x86")
        .allowAllAccess(true)
        .option("engine.WarnInterpreterOnly", "false");
  }

  /** A context that runs user mode by the interpreter alone: short runs are faster so. */
  static Context context() {
    return builder().option("x86.Tier", "interp").build();
  }

  static Source source(String file) throws IOException {
    return Source.newBuilder("x86", Path.of(file).toFile()).build();
  }

  static Value library(Context c, String file) throws IOException {
    needs(file);
    return c.eval(source(file));
  }

  /** Compiles C. */
  static Path compile(Path folder, String name, String code, String... options) throws Exception {
    needs("/usr/bin/gcc");
    Path c = Files.writeString(folder.resolve(name + ".c"), code);
    Path out = folder.resolve(name);
    List<String> command =
        new ArrayList<>(List.of("/usr/bin/gcc", "-O1", "-o", out.toString(), c.toString()));
    command.addAll(List.of(options));
    Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(p.waitFor()).as(said).isZero();
    return out;
  }

  /** Output, errors and what eval gave. */
  record Run(Value value, String out, String errors) {}

  static Run run(Source source, byte[] input, Map<String, String> options, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    try (Context c =
        builder()
            .option("x86.Tier", "interp")
            .options(options)
            .arguments("x86", arguments)
            .in(new java.io.ByteArrayInputStream(input))
            .out(out)
            .err(errors)
            .build()) {
      Value v = c.eval(source);
      return new Run(
          v, out.toString(StandardCharsets.UTF_8), errors.toString(StandardCharsets.UTF_8));
    }
  }
}
