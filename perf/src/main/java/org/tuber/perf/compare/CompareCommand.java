package org.tuber.perf.compare;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.kernels.KernelBuild;
import org.tuber.perf.kernels.KernelRunner;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.measure.UserMode;
import org.tuber.perf.measure.WorkFolder;
import org.tuber.perf.report.HostState;
import org.tuber.perf.report.JsonFile;

/** {@code tuber perf compare}: one suite under Tuber and QEMU, run by run in turn. */
public final class CompareCommand {
  private static final String COMMAND = "perf compare";
  private static final String HELP =
      """
      Usage: tuber perf compare [OPTIONS] [-- TUBER_OPTIONS]

      Runs programs under Tuber and, when installed, QEMU's code generator, pair by pair, each
      run a fresh process; who goes first changes from pair to pair. In a machine (system): a
      boot, and twenty small programs as a Linux guest's only one, seconds a round in the
      steady state. As processes (user): the same with their start, and the programs of
      'perf user'. All of it takes a quarter of an hour a pair.

        -n PAIRS         pairs of each program (3; an interval of 95 % needs 6)
        --suite NAME     system, user or all (all)
        --only N,N,...   only these: kernels (see 'perf kernels'), boot, or programs by their
                         first word (python3, xz, ...)
        --rounds N       rounds of each kernel in a run (9); the last third counts
        --cpu MODEL      -cpu for both, e.g. max
        --out DIR        also writes compare.json and compare.html there
        --guest DIR      folder with vmlinux or vmlinuz ($TUBER_GUESTS/amd64, else fetched
                         once and kept in the user's cache)
        --no-qemu        Tuber alone
        --no-host        not on the host itself
        --limit SECONDS  a run that takes longer has failed (600)
        -- OPTIONS       more options for Tuber, e.g. -accel interp (with one --suite)
      """;

  private final Arguments arguments;
  private final PrintStream out;
  private final Path folder;

  private CompareCommand(Arguments arguments, PrintStream out, Path folder) {
    this.arguments = arguments;
    this.out = out;
    this.folder = folder;
  }

  /** Does it; status 1 when a run failed or computed something wrong. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(
            COMMAND,
            commandLine,
            Set.of("-n", "--suite", "--only", "--rounds", "--cpu", "--out", "--guest", "--limit"),
            Set.of("--no-qemu", "--no-host"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    try (WorkFolder folder = WorkFolder.create("tuber-perf-compare")) {
      return new CompareCommand(arguments, out, folder.path()).measure();
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private int measure() throws IOException, InterruptedException {
    String suite = arguments.text("--suite", "all");
    if (!Set.of("all", Suite.SYSTEM, Suite.USER).contains(suite)) {
      throw new CommandLineException(COMMAND + ": --suite " + suite + ": system, user or all");
    }
    Set<String> names = new LinkedHashSet<>();
    if (arguments.has("--only")) {
      names.addAll(List.of(arguments.text("--only", "").split(",", -1)));
      Suite.check(names, folder);
    }
    int pairs = arguments.number("-n", 3, 1);
    int limit = arguments.number("--limit", 600, 1);
    Map<String, String> facts = new LinkedHashMap<>();
    Suite.Contestants contestants = contestants(facts);
    HostState before = HostState.now();
    Suite programs = new Suite(contestants, limit);
    List<Subject> subjects = new ArrayList<>();
    try (KernelBuild build = KernelBuild.start(Architecture.X86_64)) {
      KernelRunner kernels =
          new KernelRunner(build, Suite.kernels(names), arguments.number("--rounds", 9, 1), limit);
      if (!suite.equals(Suite.USER)) {
        GuestFolder guest = GuestFolder.find(arguments.text("--guest", null), Architecture.X86_64);
        subjects.addAll(programs.system(names, kernels, guest));
      }
      if (!suite.equals(Suite.SYSTEM)) {
        subjects.addAll(
            programs.user(
                names, kernels, folder, p -> out.println(p + ": not installed, left out")));
      }
      for (Subject subject : subjects) {
        run(subject, pairs, contestants.hasQemu(subject.mode));
      }
    }
    HostState after = HostState.now();
    facts.put("pairs", String.valueOf(pairs));
    facts.put("host", before.line(after).replaceFirst("^host: ", ""));
    CompareReport report = new CompareReport(facts, subjects);
    out.println();
    out.print(report.text());
    if (arguments.has("--out")) {
      Path to = Files.createDirectories(Path.of(arguments.text("--out", "")));
      JsonFile.write(to.resolve("compare.json"), report.json());
      Files.writeString(to.resolve("compare.html"), new ComparePage(report).html());
      out.println("written: " + to.resolve("compare.html") + ", " + to.resolve("compare.json"));
    }
    return subjects.stream().anyMatch(CompareCommand::isBroken) ? 1 : 0;
  }

  private static boolean isBroken(Subject s) {
    return s.failure != null && !s.failure.startsWith("not for this processor");
  }

  private Suite.Contestants contestants(Map<String, String> facts) {
    List<String> shared =
        arguments.has("--cpu") ? List.of("-cpu", arguments.text("--cpu", "")) : List.of();
    List<String> options = new ArrayList<>(shared);
    options.addAll(arguments.passedOn());
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(options);
    Optional<Emulator.Qemu> qemu =
        arguments.has("--no-qemu")
            ? Optional.empty()
            : Emulator.Qemu.installed(Architecture.X86_64);
    String userQemu = Architecture.X86_64.userQemu();
    Optional<String> userVersion =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.version(userQemu);
    facts.put("tuber", tuber.build() + (options.isEmpty() ? "" : ", " + String.join(" ", options)));
    facts.put(
        "qemu",
        String.format(
            Locale.ROOT,
            "%s (machine, -accel tcg), %s (user mode)%s",
            qemu.map(Emulator.Qemu::version).orElse("none"),
            userVersion.orElse("none"),
            shared.isEmpty() ? "" : ", " + String.join(" ", shared)));
    facts.put("java", Runtime.version().toString());
    return new Suite.Contestants(
        tuber,
        qemu.map(q -> q.with(shared)).orElse(null),
        UserMode.tuber(tuber, options),
        userVersion.map(v -> UserMode.qemu(userQemu, shared)).orElse(null));
  }

  /** All pairs of one program, with a line for who watches. */
  private void run(Subject subject, int pairs, boolean hasQemu)
      throws IOException, InterruptedException {
    if (!arguments.has("--no-host")) {
      subject.onHost();
    }
    for (int i = 0; i < pairs; i++) {
      subject.pair(i, hasQemu);
    }
    String figures = subject.failure;
    if (figures == null) {
      figures = CompareReport.seconds(Subject.median(subject.tuber, Run::seconds)) + " s";
      if (subject.isPaired()) {
        figures +=
            ", qemu " + CompareReport.seconds(Subject.median(subject.qemu, Run::seconds)) + " s";
      }
    }
    out.println(subject.mode + " " + subject.name + ": " + figures);
  }
}
