package org.tuber.perf.kernels;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.measure.UserMode;
import org.tuber.perf.report.Measurement;

/**
 * {@code tuber perf kernels}: steady state in a Linux guest. Kernels are the guest's only program
 * and time themselves; Tuber and QEMU run in turn.
 */
public final class KernelsCommand {
  private static final String COMMAND = "perf kernels";
  private static final String HELP =
      """
      Usage: tuber perf kernels [OPTIONS] [-- TUBER_OPTIONS]

      Builds six small programs with gcc, makes them the first program of a Debian kernel,
      and runs that under Tuber and, when installed, qemu-system-* -accel tcg, in turn.
      sieve: byte stores, fib: calls, sha: ALU, quicksort: branches, hash: TLB misses,
      sse2: double precision.

        -n RUNS          runs of each emulator (3)
        --arch ARCH      x86_64 or aarch64 (x86_64); of the latter, checksums are compared
                         with those of qemu-aarch64
        --rounds N       rounds of each kernel in a run (12); the last third counts
        --only K,K,...   these kernels, also others of 'perf compare'; 'all'
        --guest DIR      folder with vmlinux or vmlinuz ($TUBER_GUESTS/amd64 or arm64, else
                         fetched once and kept in the user's cache)
        --no-qemu        Tuber alone
        --limit SECONDS  a run that takes longer has failed (900)
        --json FILE      write the numbers there too
        -- OPTIONS       more options for Tuber's machine, e.g. -accel interp
      """;

  private KernelsCommand() {}

  /** Does it; status 1 when a run failed or computed something wrong. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(
            COMMAND,
            commandLine,
            Set.of("-n", Architecture.OPTION, "--rounds", "--only", "--guest", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    try (KernelBuild build = KernelBuild.start(Architecture.of(arguments))) {
      return measure(arguments, build, out);
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  private static int measure(Arguments arguments, KernelBuild build, PrintStream out)
      throws IOException, InterruptedException {
    int runs = arguments.number("-n", 3, 1);
    int rounds = arguments.number("--rounds", 12, 1);
    int limit = arguments.number("--limit", 900, 1);
    List<Kernel> kernels =
        arguments.has("--only")
            ? Kernel.list(COMMAND + ": --only", arguments.text("--only", ""))
            : Kernel.BARE;
    Architecture architecture = build.architecture();
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(arguments.passedOn());
    Optional<Emulator.Qemu> qemu =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.installed(architecture);
    Path linux = GuestFolder.find(arguments.text("--guest", null), architecture).kernel(null);
    UserMode reference = architecture.reference();
    KernelRunner runner = new KernelRunner(build, kernels, rounds, limit);
    Measurement measurement = new Measurement(out, tuber.build(), qemu.map(Emulator.Qemu::version));
    KernelsReport report;
    try {
      report =
          new KernelsReport(
              reference.name(), runner.process(reference, kernels).log(), Math.max(1, rounds / 3));
      for (int i = 0; i < runs; i++) {
        KernelLog ours = runner.boot(tuber, linux, kernels).log();
        KernelLog theirs = qemu.isPresent() ? runner.boot(qemu.get(), linux, kernels).log() : null;
        report.add(ours, theirs);
      }
    } catch (FailedRunException e) {
      out.println(e.getMessage());
      return 1;
    }
    measurement.end(arguments, report.text(), "kernels", report.json());
    report.complaints().forEach(out::println);
    return report.complaints().stream().anyMatch(line -> line.startsWith("WRONG")) ? 1 : 0;
  }
}
