package org.tuber.perf.user;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.report.HostState;
import org.tuber.perf.report.JsonFile;

/**
 * {@code tuber perf user}: whole processes of unmodified programs, under Tuber and QEMU in turn. A
 * run whose output differs from the first by a byte has failed.
 */
public final class UserModeCommand {
  private static final String COMMAND = "perf user";
  private static final int TAIL_LINES = 15;
  private static final String HELP =
      """
      Usage: tuber perf user [OPTIONS] [-- TUBER_OPTIONS]

      Runs programs of this host, or of a folder, under 'tuber user' and, when installed, under
      QEMU's user mode, in turn; the output of all runs has to be the same.

        -n RUNS          runs of each (3)
        --only TEXT      programs with TEXT in their name
        -L DIR           a folder with the programs and libraries of another system
        --qemu PROGRAM   QEMU's user mode (qemu-x86_64)
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
            Set.of("-n", "--only", "-L", "--qemu", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    try {
      Path folder = Files.createTempDirectory("tuber-perf-user");
      try {
        int limit = arguments.number("--limit", 300, 1);
        return new UserModeCommand(out, folder, limit).measure(arguments);
      } finally {
        try (var files = Files.walk(folder)) {
          for (Path p : files.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(p);
          }
        }
      }
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private int measure(Arguments arguments) throws IOException, InterruptedException {
    int runs = arguments.number("-n", 3, 1);
    String sysroot = arguments.text("-L", null);
    Path root = Path.of(sysroot == null ? "/" : sysroot).toAbsolutePath();
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(List.of());
    List<String> ours = new ArrayList<>(List.of(tuber.script().toString(), "user"));
    ours.addAll(arguments.passedOn());
    List<String> theirs = new ArrayList<>(List.of(arguments.text("--qemu", "qemu-x86_64")));
    if (sysroot != null) {
      ours.addAll(List.of("-L", root.toString()));
      theirs.addAll(List.of("-L", root.toString()));
    }
    Optional<String> version =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.version(theirs.get(0));
    out.println("tuber: " + tuber.build());
    out.println("qemu: " + version.orElse("none"));
    HostState before = HostState.now();
    UserReport report = new UserReport();
    String wanted = arguments.text("--only", "");
    for (Program program : Program.suite(folder)) {
      if (!program.name().contains(wanted)) {
        continue;
      }
      List<String> command = program.command(root);
      if (command == null) {
        out.println(program.name() + ": " + program.file() + " is not installed, left out");
        continue;
      }
      Path expected = folder.resolve("expected");
      Files.deleteIfExists(expected);
      report.host(program.name(), seconds("host", List.of(), command, expected));
      for (int i = 0; i < runs; i++) {
        double mine = seconds("tuber", ours, command, expected);
        double other = version.isEmpty() ? 0 : seconds("qemu", theirs, command, expected);
        if (mine < 0 || other < 0) {
          return 1;
        }
        report.add(program.name(), mine, other);
      }
    }
    HostState after = HostState.now();
    out.println(before.line(after));
    out.println();
    out.print(report.text());
    if (arguments.has("--json")) {
      var json = JsonFile.object();
      json.set("host", before.json(after));
      json.put("tuber", tuber.build()).put("qemu", version.orElse(null));
      json.set("programs", report.json());
      JsonFile.write(Path.of(arguments.text("--json", "")), json);
    }
    return 0;
  }

  /** Seconds of one run, or -1 after saying what went wrong. */
  private double seconds(String who, List<String> emulator, List<String> command, Path expected)
      throws IOException, InterruptedException {
    List<String> whole = new ArrayList<>(emulator);
    whole.addAll(command);
    Path output = folder.resolve("output");
    ProcessRun run = ProcessRun.into(output, whole, Map.of("TUBER_NO_BUILD", "1"), limit);
    if (run.hasTimedOut() || run.status() != 0) {
      out.printf(
          "%s failed on %s: %s%n%s",
          who,
          String.join(" ", command),
          run.hasTimedOut() ? "no end within " + limit + " s" : "status " + run.status(),
          run.tail(TAIL_LINES));
      return -1;
    }
    if (!Files.exists(expected)) {
      Files.move(output, expected);
    } else if (Files.mismatch(output, expected) >= 0) {
      out.printf("%s failed on %s: other output%n", who, String.join(" ", command));
      return -1;
    }
    return run.seconds();
  }
}
