package org.tuber.perf.disk;

import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.guest.CpioWriter;
import org.tuber.perf.Arguments;
import org.tuber.perf.kernels.KernelBuild;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.GuestFolder;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.measure.WorkFolder;
import org.tuber.perf.report.Measurement;

/**
 * {@code tuber perf disk}: how fast a Linux guest reads and writes raw images on an NVMe disk and,
 * where the guest's modules are at hand, an IDE disk. Requests pass the guest's page cache by, one
 * at a time; the host's page cache is used by both emulators.
 */
public final class DiskCommand {
  private static final Architecture MACHINE = Architecture.X86_64;
  private static final String COMMAND = "perf disk";
  private static final String HELP =
      """
      Usage: tuber perf disk [OPTIONS] [-- TUBER_OPTIONS]

      A Linux guest writes and reads 64 MiB in order in requests of 1 MiB and 3,000 requests of
      4 KiB all over it, each round on an NVMe and an IDE disk, past its page cache; under Tuber
      and, when installed, qemu-system-x86_64 -accel tcg, in turn. Contents are checked.

        -n RUNS          runs of each emulator (3)
        --rounds N       rounds of each kind (9); the last third counts
        --guest DIR      folder with vmlinux or vmlinuz ($TUBER_GUESTS/amd64, else fetched
                         once and kept in the user's cache); the kernel must have NVMe built in
        --modules DIR    folder with modules of that kernel for IDE disks, as files ending in
                         .ko ($TUBER_GUESTS/pc/modules-amd64); without, NVMe alone
        --no-qemu        Tuber alone
        --limit SECONDS  a run that takes longer has failed (900)
        --json FILE      write the numbers there too
        -- OPTIONS       more options for Tuber's machine, e.g. -accel interp
      """;

  /** Drivers of IDE disks, in an order in which each finds what it uses. */
  private static final List<String> MODULES =
      List.of(
          "scsi_common",
          "scsi_mod",
          "crct10dif_common",
          "crct10dif_generic",
          "crc-t10dif",
          "crc64",
          "crc64-rocksoft",
          "t10-pi",
          "sd_mod",
          "libata",
          "ata_piix");

  private static final String LAST_MODULE = "ata_piix.ko";
  private static final long DISK_BYTES = 64L << 20;

  private final Path folder;
  private final int limit;

  private DiskCommand(Path folder, int limit) {
    this.folder = folder;
    this.limit = limit;
  }

  /** Does it; status 1 when a run failed. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(
            COMMAND,
            commandLine,
            Set.of("-n", "--rounds", "--guest", "--modules", "--limit", "--json"),
            Set.of("--no-qemu"));
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    try (WorkFolder folder = WorkFolder.create("tuber-perf-disk")) {
      int limit = arguments.number("--limit", 900, 1);
      return new DiskCommand(folder.path(), limit).measure(arguments, out);
    } catch (IOException e) {
      throw new CommandLineException(COMMAND + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 1;
    }
  }

  /** Where the modules are, or null. */
  private static Path modules(String named) {
    String guests = System.getenv("TUBER_GUESTS");
    Path modules =
        named != null
            ? Path.of(named)
            : guests != null
                ? Path.of(guests, "pc/modules-amd64")
                : Path.of(System.getProperty("user.home"), ".cache/tuber/guests/pc/modules-amd64");
    if (Files.exists(modules.resolve(LAST_MODULE))) {
      return modules;
    }
    if (named != null) {
      throw new CommandLineException("--modules " + named + ": no " + LAST_MODULE + " there");
    }
    return null;
  }

  private Path initrd(Path program, Path modules) throws IOException {
    CpioWriter cpio = new CpioWriter();
    cpio.directory("dev", 0755);
    // Linux opens it for its first program, which has no other way to speak.
    cpio.characterDevice("dev/console", 0600, 5, 1);
    cpio.file("init", 0755, Files.readAllBytes(program));
    for (String module : modules == null ? List.<String>of() : MODULES) {
      Path file = modules.resolve(module + ".ko");
      if (Files.exists(file)) {
        cpio.file(module + ".ko", 0644, Files.readAllBytes(file));
      }
    }
    return Files.write(folder.resolve("initrd"), cpio.finish());
  }

  private String image(String name) throws IOException {
    Path image = folder.resolve(name);
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(DISK_BYTES);
    }
    return "format=raw,file=" + image;
  }

  private DiskLog log(Emulator emulator, Guest guest)
      throws IOException, InterruptedException, FailedRunException {
    ProcessRun run = emulator.boot(guest, limit).run();
    DiskLog log = new DiskLog(run.lines());
    if (run.hasTimedOut() || run.status() != 0 || !log.isComplete()) {
      throw FailedRunException.of(emulator.name() + ", disks", run, limit, "no last line");
    }
    return log;
  }

  private int measure(Arguments arguments, PrintStream out)
      throws IOException, InterruptedException {
    final int runs = arguments.number("-n", 3, 1);
    int rounds = arguments.number("--rounds", 9, 1);
    Path modules = modules(arguments.text("--modules", null));
    List<String> disks = new ArrayList<>();
    disks.addAll(List.of("-drive", "if=none,id=n," + image("nvme.img")));
    disks.addAll(List.of("-device", "nvme,drive=n,serial=1"));
    if (modules != null) {
      disks.addAll(List.of("-drive", "if=ide,index=0," + image("ide.img")));
    }
    List<String> mine = new ArrayList<>(disks);
    mine.addAll(arguments.passedOn());
    Emulator.Tuber tuber = Emulator.Tuber.ofThisProcess(mine);
    Optional<Emulator.Qemu> qemu =
        arguments.has("--no-qemu")
            ? Optional.empty()
            : Emulator.Qemu.installed(MACHINE).map(found -> found.with(disks));
    String names = modules == null ? "nvme0n1" : "nvme0n1,sda";
    Path program = KernelBuild.linuxProgram("disk", folder);
    Guest guest =
        new Guest(
            MACHINE,
            GuestFolder.find(arguments.text("--guest", null), MACHINE).kernel(null),
            initrd(program, modules),
            "%s DISK_ROUNDS=%d DISK_NAMES=%s DISK_MODULES=%s"
                .formatted(MACHINE.commandLine(), rounds, names, String.join(",", MODULES)));
    Measurement measurement = new Measurement(out, tuber.build(), qemu.map(Emulator.Qemu::version));
    if (modules == null) {
      out.println("no modules for IDE disks here, NVMe alone");
    }
    DiskReport report = new DiskReport(Math.max(1, rounds / 3));
    try {
      for (int i = 0; i < runs; i++) {
        DiskLog ours = log(tuber, guest);
        report.add(ours, qemu.isPresent() ? log(qemu.get(), guest) : null);
      }
    } catch (FailedRunException e) {
      out.println(e.getMessage());
      return 1;
    }
    measurement.end(arguments, report.text(), "disks", report.json());
    return 0;
  }
}
