package org.tuber.perf.kernels;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.tuber.launcher.guest.CpioWriter;
import org.tuber.perf.measure.Architecture;
import org.tuber.perf.measure.Emulator;
import org.tuber.perf.measure.FailedRunException;
import org.tuber.perf.measure.Guest;
import org.tuber.perf.measure.ProcessRun;
import org.tuber.perf.measure.UserMode;

/** The kernels as one Linux program: a machine's first program, or a process in user mode. */
public final class KernelRunner {
  /** A run of the process and what it said. */
  public record Result(ProcessRun run, KernelLog log) {}

  private final Architecture architecture;
  private final Path program;
  private final Path initrd;
  private final int rounds;
  private final int limitSeconds;

  /**
   * A program of {@code build} for {@code kernels}, which runs {@code rounds} of each, for at most
   * {@code limitSeconds}.
   */
  public KernelRunner(KernelBuild build, List<Kernel> kernels, int rounds, int limitSeconds)
      throws IOException, InterruptedException {
    this.architecture = build.architecture();
    this.rounds = rounds;
    this.limitSeconds = limitSeconds;
    program = build.linuxProgram(kernels.contains(Kernel.LARGE));
    initrd = program.resolveSibling("initrd");
    Files.write(initrd, initramfs(Files.readAllBytes(program)));
  }

  private static byte[] initramfs(byte[] program) {
    CpioWriter cpio = new CpioWriter();
    cpio.directory("dev", 0755);
    // Linux opens it for its first program, which has no other way to speak.
    cpio.characterDevice("dev/console", 0600, 5, 1);
    cpio.file("init", 0755, program);
    return cpio.finish();
  }

  private Map<String, String> environment(List<Kernel> kernels) {
    return Map.of(
        "KERNEL_ROUNDS",
        String.valueOf(rounds),
        "KERNEL_ONLY",
        kernels.stream().map(Kernel::word).collect(Collectors.joining(",")));
  }

  /** What the emulators boot. */
  public Guest guest(Path linux, List<Kernel> kernels) {
    StringBuilder append = new StringBuilder(architecture.commandLine());
    environment(kernels)
        .forEach((name, value) -> append.append(' ').append(name).append('=').append(value));
    return new Guest(architecture, linux, initrd, append.toString());
  }

  /** A machine that boots {@code linux} and runs {@code kernels} in it. */
  public Result boot(Emulator emulator, Path linux, List<Kernel> kernels)
      throws IOException, InterruptedException, FailedRunException {
    ProcessRun run = emulator.boot(guest(linux, kernels), limitSeconds).run();
    return checked(emulator.name(), kernels, run);
  }

  /** A process that runs {@code kernels}. */
  public Result process(UserMode mode, List<Kernel> kernels)
      throws IOException, InterruptedException, FailedRunException {
    ProcessRun run = mode.run(List.of(program.toString()), environment(kernels), limitSeconds);
    return checked(mode.name(), kernels, run);
  }

  private Result checked(String who, List<Kernel> kernels, ProcessRun run)
      throws FailedRunException {
    KernelLog log = new KernelLog(run.lines());
    if (run.hasTimedOut() || run.status() != 0 || !log.isComplete()) {
      String what = kernels.stream().map(Kernel::word).collect(Collectors.joining(", "));
      throw FailedRunException.of(who + ", " + what, run, limitSeconds, "no last line");
    }
    return new Result(run, log);
  }
}
