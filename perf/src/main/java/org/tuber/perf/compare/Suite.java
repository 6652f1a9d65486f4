package org.tuber.perf.compare;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.boot.BootSample;
import org.tuber.perf.kernels.Kernel;
import org.tuber.perf.kernels.KernelLog;
import org.tuber.perf.kernels.KernelRunner;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.measure.UserMode;
import org.tuber.perf.user.Program;
import org.tuber.perf.user.UserRunner;

/** What is compared: the kernels in both modes, the boot, and the distribution's programs. */
final class Suite {
  static final String SYSTEM = "system";
  static final String USER = "user";
  private static final String BOOT = "boot";

  /**
   * Who takes part.
   *
   * @param machine Tuber's machine
   * @param qemuMachine QEMU's, or null
   * @param process Tuber's user mode
   * @param qemuProcess QEMU's, or null
   */
  record Contestants(
      Emulator machine, Emulator qemuMachine, UserMode process, UserMode qemuProcess) {
    boolean hasQemu(String mode) {
      return (mode.equals(SYSTEM) ? qemuMachine : qemuProcess) != null;
    }
  }

  private final Contestants contestants;
  private final int limitSeconds;
  private final Map<Kernel, String> sums = new HashMap<>();

  Suite(Contestants contestants, int limitSeconds) {
    this.contestants = contestants;
    this.limitSeconds = limitSeconds;
  }

  /** The kernels that {@code names} asks for. */
  static List<Kernel> kernels(Set<String> names) {
    return Arrays.stream(Kernel.values())
        .filter(k -> names.isEmpty() || names.contains(k.word()))
        .toList();
  }

  /** The programs that {@code names} asks for, by their first word. */
  static List<Program> programs(Set<String> names, Path folder) {
    return Program.suite(folder).stream()
        .filter(p -> names.isEmpty() || names.contains(p.name().split("[ ,]", 2)[0]))
        .toList();
  }

  /** Fails where a name is none of the suite's. */
  static void check(Set<String> names, Path folder) {
    for (String name : names) {
      if (!name.equals(BOOT)
          && kernels(Set.of(name)).isEmpty()
          && programs(Set.of(name), folder).isEmpty()) {
        List<String> known =
            new ArrayList<>(Arrays.stream(Kernel.values()).map(Kernel::word).toList());
        known.add(BOOT);
        Program.suite(folder).stream()
            .map(p -> p.name().split("[ ,]", 2)[0])
            .distinct()
            .forEach(known::add);
        throw new CommandLineException(
            "perf compare: --only " + name + ": unknown; known: " + String.join(", ", known));
      }
    }
  }

  /** The kernels and the boot in a machine. */
  List<Subject> system(Set<String> names, KernelRunner runner, GuestFolder folder) {
    List<Subject> all = new ArrayList<>();
    Path linux = folder.kernel(null);
    if (names.isEmpty() || names.contains(BOOT)) {
      Guest guest =
          new Guest(Architecture.X86_64, linux, folder.initrd(), Architecture.X86_64.commandLine());
      all.add(
          new Subject(
              SYSTEM,
              BOOT,
              "boot",
              "s whole",
              side ->
                  side == Subject.Side.HOST
                      ? null
                      : Run.of(BootSample.of(machine(side), guest, limitSeconds))));
    }
    for (Kernel kernel : kernels(names)) {
      List<Kernel> alone = List.of(kernel);
      all.add(
          subject(
              SYSTEM,
              kernel,
              side ->
                  side == Subject.Side.HOST
                      ? runner.process(UserMode.HOST, alone)
                      : runner.boot(machine(side), linux, alone)));
    }
    return all;
  }

  private interface KernelRun {
    KernelRunner.Result run(Subject.Side side)
        throws IOException, InterruptedException, FailedRunException;
  }

  /** A kernel whose checksums are compared with those of all its runs before. */
  private Subject subject(String mode, Kernel kernel, KernelRun run) {
    return new Subject(
        mode,
        kernel.word(),
        kernel.kind().title(),
        mode.equals(USER) ? "s whole" : "s a round",
        side -> {
          KernelRunner.Result result = run.run(side);
          KernelLog log = result.log();
          if (log.kernels().isEmpty()) {
            return null;
          }
          String sum = sums.computeIfAbsent(kernel, k -> log.sum(kernel));
          if (!log.isConstant() || !sum.equals(log.sum(kernel))) {
            throw FailedRunException.of(
                side + ", " + kernel.word(),
                result.run(),
                limitSeconds,
                "WRONG RESULT " + log.sum(kernel) + " in place of " + sum);
          }
          return Run.of(result, kernel, mode.equals(USER));
        });
  }

  private Emulator machine(Subject.Side side) {
    return side == Subject.Side.TUBER ? contestants.machine : contestants.qemuMachine;
  }

  private UserMode process(Subject.Side side) {
    return switch (side) {
      case HOST -> UserMode.HOST;
      case TUBER -> contestants.process;
      case QEMU -> contestants.qemuProcess;
    };
  }

  /**
   * The kernels and the programs as processes.
   *
   * @param missing hears of programs that are not installed
   */
  List<Subject> user(Set<String> names, KernelRunner runner, Path folder, Consumer<String> missing)
      throws IOException {
    List<Subject> all = new ArrayList<>();
    for (Kernel kernel : kernels(names)) {
      List<Kernel> alone = List.of(kernel);
      all.add(subject(USER, kernel, side -> runner.process(process(side), alone)));
    }
    List<Program> programs = programs(names, folder);
    Program.writeInputs(programs, folder);
    for (Program program : programs) {
      List<String> command = program.command(Path.of("/"));
      if (command == null) {
        missing.accept(program.name());
        continue;
      }
      UserRunner one = new UserRunner(command, folder, limitSeconds);
      all.add(
          new Subject(
              USER,
              program.name(),
              program.isLong() ? "long programs" : "short programs",
              "s whole",
              side -> Run.of(one.run(process(side)))));
    }
    return all;
  }
}
