package org.tuber.perf.bench;

import java.util.List;
import org.openjdk.jmh.runner.NoBenchmarksException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.tuber.launcher.CommandLineException;

/**
 * {@code tuber perf bench}: JMH with its own options, in processes with the flags of this one, so
 * that regions are compiled as in production.
 */
public final class BenchCommand {
  private static final String HELP =
      """
      Usage: tuber perf bench [JMH_OPTIONS] [REGEXP ...]

        EngineBenchmark     six kernels in the interpreter and in compiled regions
                            (-p kernel=SIEVE,FIB,SHA,QUICKSORT,HASH,SSE2 -p tier=INTERPRETER,REGION)
        FootprintBenchmark  decoded instructions as objects and as words, by distinct blocks

        -l                  list the benchmarks
        -rf json -rff FILE  results as a file

      Other options: those of JMH, e.g. -f FORKS -wi ITERATIONS -i ITERATIONS -r TIME.
      """;

  private BenchCommand() {}

  /** Runs the benchmarks that match. */
  public static int run(List<String> arguments) {
    if (arguments.contains("-h") || arguments.contains("--help")) {
      System.out.print(HELP);
      return 0;
    }
    try {
      CommandLineOptions options = new CommandLineOptions(arguments.toArray(String[]::new));
      Runner runner = new Runner(options);
      if (options.shouldList()) {
        runner.list();
      } else {
        runner.run();
      }
      return 0;
    } catch (CommandLineOptionException e) {
      throw new CommandLineException("perf bench: " + e.getMessage());
    } catch (NoBenchmarksException e) {
      throw new CommandLineException(
          "perf bench: no benchmark matches " + String.join(" ", arguments));
    } catch (RunnerException e) {
      throw new CommandLineException("perf bench: " + e.getMessage());
    }
  }
}
