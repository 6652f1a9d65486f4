package org.tuber.perf.user;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.UserMode;
import org.tuber.perf.measure.WorkFolder;
import org.tuber.perf.report.Measurement;

/**
 * {@code tuber perf user}: whole processes of unmodified programs, under Tuber and QEMU in turn. A
 * run whose output differs from the first by a byte has failed.
 */
public final class UserModeCommand {
  private static final String COMMAND = "perf user";
  private static final String HELP =
      """
      Usage: tuber perf user [OPTIONS] [-- TUBER_OPTIONS]

      Runs programs of this host, or of a folder, under 'tuber user' and, when installed, under
      QEMU's user mode, in turn; the output of all runs has to be the same.

        -n RUNS          runs of each (3)
        --arch ARCH      x86_64 or aarch64 (x86_64)
        --only TEXT      programs with TEXT in their name
        -L DIR           a folder with the programs and libraries of another system
                         (for aarch64 $TUBER_GUESTS/arm64-sysroot)
        --qemu PROGRAM   QEMU's user mode (qemu-ARCH)
        --no-qemu        Tuber alone
        --limit SECONDS  a run that takes longer has failed (300)
        --json FILE      write the numbers there too
        -- OPTIONS       more options for 'tuber user', e.g. -cpu qemu64
      """;

  private final PrintStream out;
  private final Path folder;
  private final int limit;

  private UserModeCommand(PrintStream out, Path folder, int limit) {
    this.out = out;
    this.folder = folder;
    this.limit = limit;
  }

  /** Does it; status 1 when a run failed. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(
            COMMAND,
            commandLine,
            Set.of("-n", Architecture.OPTION, "--only", "-L", "--qemu", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    try (WorkFolder folder = WorkFolder.create("tuber-perf-user")) {
      int limit = arguments.number("--limit", 300, 1);
      return new UserModeCommand(out, folder.path(), limit).measure(arguments);
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private static Path root(Arguments arguments, Architecture architecture) {
    if (arguments.has("-L")) {
      return Path.of(arguments.text("-L", "")).toAbsolutePath();
    }
    return architecture
        .programs()
        .orElseThrow(
            () ->
                new CommandLineException(
                    COMMAND + ": no programs for " + architecture.word() + "; name them by -L DIR"))
        .toAbsolutePath();
  }

  private int measure(Arguments arguments) throws IOException, InterruptedException {
    int runs = arguments.number("-n", 3, 1);
    Architecture architecture = Architecture.of(arguments);
    Path root = root(arguments, architecture);
    boolean isForeign = arguments.has("-L") || !architecture.isHost();
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(List.of());
    List<String> shared = isForeign ? List.of("-L", root.toString()) : List.of();
    List<String> options = new ArrayList<>(arguments.passedOn());
    options.addAll(shared);
    UserMode ours = UserMode.tuber(tuber, options);
    UserMode theirs = UserMode.qemu(arguments.text("--qemu", architecture.userQemu()), shared);
    Optional<String> version =
        arguments.has("--no-qemu")
            ? Optional.empty()
            : Emulator.Qemu.version(theirs.prefix().get(0));
    Measurement measurement = new Measurement(out, tuber.build(), version);
    UserReport report = new UserReport();
    String wanted = arguments.text("--only", "");
    List<Program> programs =
        Program.suite(folder).stream().filter(p -> p.name().contains(wanted)).toList();
    Program.writeInputs(programs, folder);
    for (Program program : programs) {
      List<String> command = program.command(root);
      if (command == null) {
        out.println(program.name() + ": " + program.file() + " is not installed, left out");
        continue;
      }
      UserRunner runner = new UserRunner(command, folder, limit);
      try {
        report.host(
            program.name(), architecture.isHost() ? runner.run(UserMode.HOST).seconds() : 0);
        for (int i = 0; i < runs; i++) {
          double mine = runner.run(ours).seconds();
          report.add(program.name(), mine, version.isEmpty() ? 0 : runner.run(theirs).seconds());
        }
      } catch (FailedRunException e) {
        out.println(e.getMessage());
        return 1;
      }
    }
    measurement.end(arguments, report.text(), "programs", report.json());
    return 0;
  }
}
