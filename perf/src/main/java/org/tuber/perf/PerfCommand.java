package org.tuber.perf;

import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Subcommand;
import org.tuber.perf.bench.BenchCommand;
import org.tuber.perf.bench.footprint.FootprintCommand;
import org.tuber.perf.boot.BootCommand;
import org.tuber.perf.compare.CompareCommand;
import org.tuber.perf.disk.DiskCommand;
import org.tuber.perf.img.ImageCommand;
import org.tuber.perf.kernels.KernelsCommand;
import org.tuber.perf.profile.ProfileCommand;
import org.tuber.perf.user.UserModeCommand;

/** {@code tuber perf WHAT}: measures Tuber, beside QEMU where that is the question. */
public final class PerfCommand implements Subcommand {
  private static final String NAMES =
      "compare, profile, boot, kernels, user, img, disk, bench, footprint";
  private static final String HELP =
      """
      Usage: tuber perf WHAT [OPTIONS]

        compare    one suite under Tuber and QEMU, in machines and as processes: report with plots
        profile    where a guest's time goes: flame graph, regions, timeline
        boot       boot a Debian kernel under Tuber and QEMU in turn: time, memory, ratio
        kernels    six small programs in a Linux guest under Tuber and QEMU in turn
        user       Linux programs in user mode under Tuber and QEMU in turn
        img        conversions of disk images and requests on them, 'tuber img' and qemu-img in turn
        disk       a guest's disk throughput under Tuber and QEMU in turn
        bench      JMH benchmarks of the engine without an operating system
        footprint  decoded instructions as objects and as words, side by side

      'tuber perf WHAT -h' explains one of them.
      """;

  @Override
  public String name() {
    return "perf";
  }

  @Override
  public String summary() {
    return "measure: perf compare, perf profile, perf boot, perf kernels, perf user, perf img,"
        + " perf disk, perf bench";
  }

  @Override
  public int run(List<String> arguments) {
    if (arguments.isEmpty()) {
      throw new CommandLineException("perf: what? one of " + NAMES);
    }
    List<String> rest = arguments.subList(1, arguments.size());
    return switch (arguments.get(0)) {
      case "compare" -> CompareCommand.run(rest, System.out);
      case "profile" -> ProfileCommand.run(rest, System.out);
      case "boot" -> BootCommand.run(rest, System.out);
      case "kernels" -> KernelsCommand.run(rest, System.out);
      case "user" -> UserModeCommand.run(rest, System.out);
      case "img" -> ImageCommand.run(rest, System.out);
      case "disk" -> DiskCommand.run(rest, System.out);
      case "footprint" -> FootprintCommand.run(rest, System.out);
      case "bench" -> BenchCommand.run(rest);
      case "-h", "-help", "--help" -> {
        System.out.print(HELP);
        yield 0;
      }
      default ->
          throw new CommandLineException(
              "perf: unknown '" + arguments.get(0) + "'; one of " + NAMES);
    };
  }
}
