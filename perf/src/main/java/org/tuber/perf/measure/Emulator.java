package org.tuber.perf.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.tuber.launcher.CommandLineException;

/** A system emulator as its user starts it: one process from a command line. */
public sealed interface Emulator {
  /** Name in reports. */
  String name();

  /** Boots {@code guest} and waits for the end. */
  Outcome boot(Guest guest, int limitSeconds) throws IOException, InterruptedException;

  /**
   * A run and the guest instructions in it, where the emulator counts them without being slowed
   * down.
   */
  record Outcome(ProcessRun run, OptionalLong instructions) {}

  /** Tuber through its own start script, which was built when it started us. */
  record Tuber(Path script, List<String> extra) implements Emulator {
    /** Where {@code ./tuber} says it is. */
    static final String SCRIPT_PROPERTY = "tuber.script";

    private static final Pattern INSTRUCTIONS = Pattern.compile("engine: (\\d+) instructions");

    /**
     * The one this process was started by.
     *
     * @param extra options for its machine
     */
    public static Tuber ofThisProcess(List<String> extra) {
      String script = System.getProperty(SCRIPT_PROPERTY);
      if (script == null) {
        throw new CommandLineException("perf: start it by ./tuber in the source folder");
      }
      return new Tuber(Path.of(script), extra);
    }

    @Override
    public String name() {
      return "tuber";
    }

    /** How the start script will run it. */
    public String build() {
      Path image = script.resolveSibling("launcher/target/image/bin/tuber");
      boolean isImage = Files.isExecutable(image) && System.getenv("TUBER_NO_IMAGE") == null;
      return isImage ? "runtime image (when not older than the build)" : "JDK and jars";
    }

    @Override
    public Outcome boot(Guest guest, int limitSeconds) throws IOException, InterruptedException {
      Path log = Files.createTempFile("tuber-perf", ".log");
      try {
        List<String> command = new ArrayList<>();
        command.add(script.toString());
        command.add(guest.architecture().systemCommand());
        command.addAll(guest.options());
        command.addAll(List.of("-d", "engine", "-D", log.toString()));
        command.addAll(extra);
        ProcessRun run = ProcessRun.of(command, Map.of("TUBER_NO_BUILD", "1"), limitSeconds);
        return new Outcome(run, instructions(Files.readString(log)));
      } finally {
        Files.deleteIfExists(log);
      }
    }

    /** Finds the count in the text of {@code -d engine}; of several CPUs the sum. */
    static OptionalLong instructions(String log) {
      Matcher matcher = INSTRUCTIONS.matcher(log);
      long sum = 0;
      boolean hasAny = false;
      while (matcher.find()) {
        sum += Long.parseLong(matcher.group(1));
        hasAny = true;
      }
      return hasAny ? OptionalLong.of(sum) : OptionalLong.empty();
    }
  }

  /**
   * QEMU with its own code generator. It counts instructions only in modes that slow it down
   * (icount, plug-ins), so here it does not.
   */
  record Qemu(Path program, String version, List<String> extra) implements Emulator {
    /** The one on the search path, if there is one that starts. */
    public static Optional<Qemu> installed(Architecture architecture) {
      String name = "qemu-" + architecture.systemCommand();
      for (String folder : System.getenv().getOrDefault("PATH", "").split(":")) {
        Path program = Path.of(folder.isEmpty() ? "." : folder, name);
        if (Files.isExecutable(program)) {
          return version(program.toString()).map(version -> new Qemu(program, version, List.of()));
        }
      }
      return Optional.empty();
    }

    /** The same with more options for its machine. */
    public Qemu with(List<String> more) {
      return new Qemu(program, version, more);
    }

    /** Its version, where {@code program} is a QEMU that starts. */
    public static Optional<String> version(String program) {
      try {
        ProcessRun run = ProcessRun.of(List.of(program, "--version"), Map.of(), 30);
        return run.first(line -> line.contains("version"))
            .map(line -> line.text().replaceFirst(".*version ", "").replaceFirst("[ (].*", ""));
      } catch (IOException e) {
        return Optional.empty();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      }
    }

    @Override
    public String name() {
      return "qemu";
    }

    @Override
    public Outcome boot(Guest guest, int limitSeconds) throws IOException, InterruptedException {
      List<String> command = new ArrayList<>();
      command.add(program.toString());
      command.addAll(List.of("-accel", "tcg"));
      command.addAll(guest.options());
      command.addAll(extra);
      return new Outcome(ProcessRun.of(command, Map.of(), limitSeconds), OptionalLong.empty());
    }
  }
}
