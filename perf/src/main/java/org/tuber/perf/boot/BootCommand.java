package org.tuber.perf.boot;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.perf.Arguments;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.report.HostState;
import org.tuber.perf.report.JsonFile;

/**
 * {@code tuber perf boot}: whole processes, from their start to the guest's power-off. Tuber and
 * QEMU run in turn, so that both see the same weather on a shared host.
 */
public final class BootCommand {
  private static final String COMMAND = "perf boot";
  private static final String MARKER = "GUEST-MARKER";
  private static final int TAIL_LINES = 15;
  private static final String HELP =
      """
      Usage: tuber perf boot [OPTIONS] [-- TUBER_OPTIONS]

      Boots a guest that prints a marker line and switches off, under Tuber and, when
      installed, under qemu-system-x86_64 -accel tcg, in turn. Each run is a fresh process.

        -n RUNS          runs of each (3)
        --guest DIR      folder with vmlinux, vmlinuz, initrd.cpio.gz ($TUBER_GUESTS/amd64,
                         else fetched once and kept in the user's cache)
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
            Set.of("-n", "--guest", "--kernel", "--append", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    int runs = arguments.number("-n", 3, 1);
    int limit = arguments.number("--limit", 300, 1);
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(arguments.passedOn());
    GuestFolder folder = GuestFolder.find(arguments.text("--guest", null));
    Guest guest =
        new Guest(
            folder.kernel(arguments.text("--kernel", null)),
            folder.initrd(),
            arguments.text("--append", Guest.COMMAND_LINE));
    Optional<Emulator.Qemu> qemu =
        arguments.has("--no-qemu") ? Optional.empty() : Emulator.Qemu.installed();
    out.println("guest: " + guest.kernel() + ", " + guest.append());
    out.println("tuber: " + tuber.build());
    out.println("qemu: " + qemu.map(Emulator.Qemu::version).orElse("none"));
    HostState before = HostState.now();
    BootReport report = new BootReport();
    try {
      for (int i = 0; i < runs; i++) {
        BootSample ours = boot(tuber, guest, limit, out);
        BootSample theirs = qemu.isPresent() ? boot(qemu.get(), guest, limit, out) : null;
        if (ours == null || (theirs == null && qemu.isPresent())) {
          return 1;
        }
        report.add(ours, theirs);
      }
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
    HostState after = HostState.now();
    out.println(before.line(after));
    out.println();
    out.print(report.text());
    if (arguments.has("--json")) {
      var json = JsonFile.object();
      json.set("host", before.json(after));
      json.put("kernel", guest.kernel().toString()).put("append", guest.append());
      json.put("tuber", tuber.build()).put("qemu", qemu.map(Emulator.Qemu::version).orElse(null));
      json.set("boot", report.json());
      JsonFile.write(Path.of(arguments.text("--json", "")), json);
    }
    return 0;
  }

  /** One boot, or null after saying what went wrong. */
  private static BootSample boot(Emulator emulator, Guest guest, int limit, PrintStream out)
      throws IOException, InterruptedException {
    Emulator.Outcome outcome = emulator.boot(guest, limit);
    var run = outcome.run();
    var marker = run.first(line -> line.contains(MARKER));
    if (run.hasTimedOut() || run.status() != 0 || marker.isEmpty()) {
      out.printf(
          "%s failed: %s, %s%n",
          emulator.name(),
          run.hasTimedOut() ? "no end within " + limit + " s" : "status " + run.status(),
          marker.isEmpty() ? "no " + MARKER + " line" : "marker seen");
      out.print(run.tail(TAIL_LINES));
      return null;
    }
    return new BootSample(
        run.seconds(),
        marker.get().nanos() / 1e9,
        run.processorSeconds(),
        run.peakMebibytes(),
        outcome.instructions());
  }
}
