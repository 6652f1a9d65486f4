package org.tuber.perf.boot;

import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.report.Measurement;

/**
 * {@code tuber perf boot}: whole processes, from their start to the guest's power-off. Tuber and
 * QEMU run in turn, so that both see the same weather on a shared host.
 */
public final class BootCommand {
  private static final String COMMAND = "perf boot";
  private static final String HELP =
      """
      Usage: tuber perf boot [OPTIONS] [-- TUBER_OPTIONS]

      Boots a guest that prints a marker line and switches off, under Tuber and, when
      installed, under qemu-system-* -accel tcg, in turn. Each run is a fresh process.

        -n RUNS          runs of each (3)
        --arch ARCH      x86_64 or aarch64 (x86_64)
        --guest DIR      folder with vmlinux, vmlinuz, initrd.cpio.gz ($TUBER_GUESTS/amd64
                         or arm64, else fetched once and kept in the user's cache)
        --kernel NAME    file in that folder (vmlinux)
        --append TEXT    kernel command line
        --no-qemu        Tuber alone
        --limit SECONDS  a run that takes longer has failed (300)
        --json FILE      write the numbers there too
        -- OPTIONS       more options for Tuber's machine, e.g. -accel interp
      """;

  private BootCommand() {}

  /** Does it; status 1 when a boot failed. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(
            COMMAND,
            commandLine,
            Set.of(
                "-n", Architecture.OPTION, "--guest", "--kernel", "--append", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    int runs = arguments.number("-n", 3, 1);
    int limit = arguments.number("--limit", 300, 1);
    Architecture architecture = Architecture.of(arguments);
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(arguments.passedOn());
    GuestFolder folder = GuestFolder.find(arguments.text("--guest", null), architecture);
    Guest guest =
        new Guest(
            architecture,
            folder.kernel(arguments.text("--kernel", null)),
            folder.initrd(),
            arguments.text("--append", architecture.commandLine()));
    Optional<Emulator.Qemu> qemu =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.installed(architecture);
    out.println("guest: " + guest.kernel() + ", " + guest.append());
    Measurement measurement = new Measurement(out, tuber.build(), qemu.map(Emulator.Qemu::version));
    BootReport report = new BootReport();
    try {
      for (int i = 0; i < runs; i++) {
        BootSample ours = BootSample.of(tuber, guest, limit);
        BootSample theirs = qemu.isPresent() ? BootSample.of(qemu.get(), guest, limit) : null;
        report.add(ours, theirs);
      }
    } catch (FailedRunException e) {
      out.println(e.getMessage());
      return 1;
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
    measurement
        .with("kernel", guest.kernel().toString())
        .with("append", guest.append())
        .end(arguments, report.text(), "boot", report.json());
    return 0;
  }
}
