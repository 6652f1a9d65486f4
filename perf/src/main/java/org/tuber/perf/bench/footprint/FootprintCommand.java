package org.tuber.perf.bench.footprint;

import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.tuber.perf.Arguments;
import org.tuber.perf.report.HostState;
import org.tuber.perf.report.JsonFile;
import org.tuber.perf.report.Samples;
import org.tuber.perf.report.Table;

/**
 * {@code tuber perf footprint}: the comparison of {@link FootprintBenchmark} on a busy host. The
 * representations take turns in one process, slice by slice, and each slice is timed by the
 * thread's processor time; a ratio is that of neighbouring slices.
 */
public final class FootprintCommand {
  private static final String COMMAND = "perf footprint";
  private static final int[] SIZES = {200, 2_000, 8_000, 50_000};
  private static final double WARM_UP_SECONDS = 0.5;
  private static final double SLICE_SECONDS = 0.03;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final String HELP =
      """
      Usage: tuber perf footprint [OPTIONS]

      Decoded instructions as objects, as one and as two words: millions of instructions a
      second of processor time, by the number of distinct blocks that are run in turn.

        -n SLICES    slices of each (21)
        --blocks N   only this many distinct blocks (200, 2000, 8000, 50000 in turn)
        --json FILE  write the numbers there too
      """;

  private FootprintCommand() {}

  /** One representation of the program. */
  private interface Code {
    void round(Machine machine);
  }

  /** Does it. */
  public static int run(List<String> commandLine, PrintStream out) {
    Arguments arguments =
        new Arguments(COMMAND, commandLine, Set.of("-n", "--blocks", "--json"), Set.of());
    if (arguments.isHelp()) {
      out.print(HELP);
      return 0;
    }
    int slices = arguments.number("-n", 21, 1);
    HostState before = HostState.now();
    Table table =
        new Table("distinct blocks", "objects", "one word", "two words", "two words / objects");
    var json = JsonFile.object();
    int only = arguments.number("--blocks", 0, 1);
    for (int blocks : only == 0 ? SIZES : new int[] {only}) {
      Samples[] mips = new Samples[3];
      Samples ratios = compare(Program.random(blocks), slices, mips);
      table.row(
          String.format(Locale.ROOT, "%,d", blocks),
          whole(mips[0]),
          whole(mips[1]),
          whole(mips[2]),
          ratios.withSpread());
      var row = json.putObject(String.valueOf(blocks));
      row.set("objects", JsonFile.of(mips[0]));
      row.set("oneWord", JsonFile.of(mips[1]));
      row.set("twoWords", JsonFile.of(mips[2]));
      row.set("twoWordsByObjects", JsonFile.of(ratios));
    }
    HostState after = HostState.now();
    out.println(before.line(after));
    out.println("medians of " + slices + " slices, MIPS");
    out.println();
    out.print(table);
    if (arguments.has("--json")) {
      json.set("host", before.json(after));
      JsonFile.write(Path.of(arguments.text("--json", "")), json);
    }
    return 0;
  }

  private static String whole(Samples samples) {
    return String.format(Locale.ROOT, "%.0f", samples.median());
  }

  /**
   * Measures all three.
   *
   * @param mips receives objects, one word, two words
   * @return two words by objects
   */
  private static Samples compare(Program program, int slices, Samples[] mips) {
    Machine machine = new Machine();
    ObjectCode objects = new ObjectCode(program);
    FlatCode oneWord = new FlatCode(program, 1);
    FlatCode twoWords = new FlatCode(program, 2);
    // Code that has been there for a while lies as the collector left it.
    System.gc();
    Code[] codes = {objects::round, oneWord::round, twoWords::round};
    double millions = program.instructions() / 1e6;
    for (Code code : codes) {
      slice(code, machine, millions, WARM_UP_SECONDS);
    }
    double[][] results = new double[codes.length][slices];
    for (int i = 0; i < slices; i++) {
      for (int k = 0; k < codes.length; k++) {
        results[k][i] = slice(codes[k], machine, millions, SLICE_SECONDS);
      }
    }
    for (int k = 0; k < codes.length; k++) {
      mips[k] = new Samples(results[k]);
    }
    return Samples.ratios(results[2], results[0]);
  }

  private static double slice(Code code, Machine machine, double millions, double seconds) {
    // Not timed: fills the caches with this representation after the turn of another.
    code.round(machine);
    long start = THREADS.getCurrentThreadCpuTime();
    double done = 0;
    double spent;
    do {
      code.round(machine);
      done += millions;
      spent = (THREADS.getCurrentThreadCpuTime() - start) / 1e9;
    } while (spent < seconds);
    return done / spent;
  }
}
