package org.tuber.launcher;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Starts the command as a process of its own, with the flags and the division of jars that ./tuber
 * uses, but from the classes under test.
 */
public final class TuberProcess {
  private static final Set<String> COMPILER = Set.of("compiler", "truffle-compiler");
  private static final Set<String> TRUFFLE =
      Set.of(
          "truffle-api",
          "truffle-runtime",
          "polyglot",
          "collections",
          "jniutils",
          "nativeimage",
          "word");
  private static final long PATIENCE_SECONDS = 600;

  private TuberProcess() {}

  /** What came of it. */
  public record Result(int status, String out, String err) {}

  /** Runs {@code tuber} with {@code arguments}, standard input empty. */
  public static Result run(String... arguments) throws IOException, InterruptedException {
    return finish(builder(true, arguments));
  }

  /** The same with the JDK's own empty compiler module left in place. */
  static Result runWithoutCompiler(String... arguments) throws IOException, InterruptedException {
    return finish(builder(false, arguments));
  }

  /** The process before its start, for tests that talk to it. */
  public static ProcessBuilder builder(boolean withCompiler, String... arguments) {
    List<String> compiler = new ArrayList<>();
    List<String> truffle = new ArrayList<>();
    List<String> rest = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      String artifact =
          Path.of(entry).getFileName().toString().replaceFirst("-[0-9][0-9.]*\\.jar$", "");
      boolean isGraal = entry.contains("graalvm");
      if (isGraal && COMPILER.contains(artifact)) {
        compiler.add(entry);
      } else if (isGraal && TRUFFLE.contains(artifact)) {
        truffle.add(entry);
      } else {
        rest.add(entry);
      }
    }
    Path flags = Path.of(System.getProperty("tuber.root"), "launcher/src/jvm/tuber.flags");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.add("@" + flags);
    if (withCompiler) {
      command.addAll(List.of("--upgrade-module-path", String.join(File.pathSeparator, compiler)));
    } else {
      // truffle-compiler is an ordinary module, only jdk.graal.compiler has to be replaced.
      compiler.stream().filter(jar -> jar.contains("truffle-compiler")).forEach(truffle::add);
    }
    command.addAll(List.of("--module-path", String.join(File.pathSeparator, truffle)));
    command.addAll(List.of("-cp", String.join(File.pathSeparator, rest)));
    command.addAll(List.of("-Dtuber.stdin.tty=false", "org.tuber.launcher.Tuber"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command);
  }

  private static Result finish(ProcessBuilder builder) throws IOException, InterruptedException {
    Path out = Files.createTempFile("tuber", ".out");
    Path err = Files.createTempFile("tuber", ".err");
    try {
      Process process =
          builder
              .redirectInput(new File("/dev/null"))
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("no end within " + PATIENCE_SECONDS + " s");
      }
      return new Result(
          process.exitValue(),
          Files.readString(out, StandardCharsets.UTF_8),
          Files.readString(err, StandardCharsets.UTF_8));
    } finally {
      Stream.of(out, err).forEach(file -> file.toFile().delete());
    }
  }
}
