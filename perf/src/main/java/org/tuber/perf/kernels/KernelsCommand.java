package org.tuber.perf.kernels;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.guest.CpioWriter;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.report.HostState;
import org.tuber.perf.report.JsonFile;

/**
 * {@code tuber perf kernels}: steady state in a Linux guest. The six kernels are the guest's only
 * program and time themselves; Tuber and QEMU run in turn.
 */
public final class KernelsCommand {
  private static final String COMMAND = "perf kernels";
  private static final int TAIL_LINES = 15;
  private static final String HELP =
      """
      Usage: tuber perf kernels [OPTIONS] [-- TUBER_OPTIONS]

      Builds six small programs with gcc, makes them the first program of a Debian kernel,
      and runs that under Tuber and, when installed, qemu-system-x86_64 -accel tcg, in turn.
      sieve: byte stores, fib: calls, sha: ALU, quicksort: branches, hash: TLB misses,
      sse2: double precision.

        -n RUNS          runs of each emulator (3)
        --rounds N       rounds of each kernel in a run (12); the last third counts
        --only K,K,...   only these kernels
        --guest DIR      folder with vmlinux or vmlinuz ($TUBER_GUESTS/amd64, else fetched
                         once and kept in the user's cache)
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
            Set.of("-n", "--rounds", "--only", "--guest", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    try (KernelBuild build = KernelBuild.start()) {
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
    String only = only(arguments.text("--only", null));
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(arguments.passedOn());
    Optional<Emulator.Qemu> qemu =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.installed();
    Path kernel = GuestFolder.find(arguments.text("--guest", null)).kernel(null);
    Path program = build.linuxProgram();
    Map<String, String> environment =
        Map.of("KERNEL_ROUNDS", String.valueOf(rounds), "KERNEL_ONLY", only);
    Path initrd = program.resolveSibling("initrd");
    Files.write(initrd, initramfs(Files.readAllBytes(program)));
    StringBuilder append = new StringBuilder(Guest.COMMAND_LINE);
    environment.forEach((name, value) -> append.append(' ').append(name).append('=').append(value));
    Guest guest = new Guest(kernel, initrd, append.toString());
    out.println("tuber: " + tuber.build());
    out.println("qemu: " + qemu.map(Emulator.Qemu::version).orElse("none"));
    HostState before = HostState.now();
    KernelLog host =
        new KernelLog(ProcessRun.of(List.of(program.toString()), environment, limit).lines());
    KernelsReport report = new KernelsReport(host, Math.max(1, rounds / 3));
    for (int i = 0; i < runs; i++) {
      KernelLog ours = boot(tuber, guest, limit, out);
      KernelLog theirs = qemu.isPresent() ? boot(qemu.get(), guest, limit, out) : null;
      if (ours == null || (theirs == null && qemu.isPresent())) {
        return 1;
      }
      report.add(ours, theirs);
    }
    HostState after = HostState.now();
    out.println(before.line(after));
    out.println();
    out.print(report.text());
    report.complaints().forEach(out::println);
    if (arguments.has("--json")) {
      var json = JsonFile.object();
      json.set("host", before.json(after));
      json.put("tuber", tuber.build()).put("qemu", qemu.map(Emulator.Qemu::version).orElse(null));
      json.set("kernels", report.json());
      JsonFile.write(Path.of(arguments.text("--json", "")), json);
    }
    return report.complaints().stream().anyMatch(line -> line.startsWith("WRONG")) ? 1 : 0;
  }

  /** Checks a list of kernel names; null stands for all. */
  static String only(String list) {
    List<String> known = Arrays.stream(Kernel.values()).map(Kernel::word).toList();
    if (list == null) {
      return String.join(",", known);
    }
    for (String name : list.split(",", -1)) {
      if (!known.contains(name)) {
        throw new CommandLineException(
            String.format(
                Locale.ROOT,
                "%s: --only %s: unknown kernel; known: %s",
                COMMAND,
                name,
                String.join(", ", known)));
      }
    }
    return list;
  }

  private static byte[] initramfs(byte[] program) {
    CpioWriter cpio = new CpioWriter();
    cpio.directory("dev", 0755);
    // Linux opens it for its first program, which has no other way to speak.
    cpio.characterDevice("dev/console", 0600, 5, 1);
    cpio.file("init", 0755, program);
    return cpio.finish();
  }

  /** One run, or null after saying what went wrong. */
  private static KernelLog boot(Emulator emulator, Guest guest, int limit, PrintStream out)
      throws IOException, InterruptedException {
    ProcessRun run = emulator.boot(guest, limit).run();
    KernelLog log = new KernelLog(run.lines());
    if (run.hasTimedOut() || run.status() != 0 || !log.isComplete()) {
      out.printf(
          "%s failed: %s%n",
          emulator.name(),
          run.hasTimedOut() ? "no end within " + limit + " s" : "status " + run.status());
      out.print(run.tail(TAIL_LINES));
      return null;
    }
    return log;
  }
}
