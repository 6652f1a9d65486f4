package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CacheMode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.Sizes;
import org.tuber.devices.block.ops.ImageBench;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bench}: takes the time of many equal requests. */
@Command(name = "bench", description = "Measures speed.", mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  private static final int MAX_THREADS = 64;

  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "-c", defaultValue = "75000", description = "Requests.")
  long count;

  @Option(names = "-d", defaultValue = "64", description = "At the same time.")
  int depth;

  @Option(names = "-o", defaultValue = "0", description = "Offset.")
  String offset;

  @Option(names = "-s", defaultValue = "4096", description = "Size.")
  String size;

  @Option(names = "-S", description = "Step.")
  String step;

  @Option(names = "-w", description = "Write.")
  boolean write;

  @Option(names = "--pattern", defaultValue = "0", description = "Byte to write.")
  int pattern;

  @Option(names = "--flush-interval", defaultValue = "0", description = "Flush after so many.")
  long flushInterval;

  @Option(names = "-t", description = "Cache mode.")
  String cache;

  @Option(
      names = {"-n", "--native", "--no-drain"},
      hidden = true)
  boolean ignored;

  @Option(names = "-i", hidden = true)
  String aio;

  @Parameters String filename;

  @Override
  public Integer call() throws IOException {
    int bytes = Math.clamp(Sizes.parse(filename, "-s", size), 1, 1 << 30);
    long from = Sizes.parse(filename, "-o", offset);
    long by = step == null ? bytes : Sizes.parse(filename, "-S", step);
    PrintWriter out = spec.commandLine().getOut();
    ImageSource.Named n = source.named(filename, write);
    try (BlockNode node = Images.open(n.filename(), ImageSource.withCache(n.options(), cache))) {
      if (!source.quiet) {
        out.printf(
            "Sending %d %s requests, %d bytes each, %d in parallel (starting at offset %d, step"
                + " size %d)%n",
            count, write ? "write" : "read", bytes, depth, from, by);
        if (flushInterval > 0) {
          out.printf("Sending flush every %d requests%n", flushInterval);
        }
        out.flush();
      }
      ImageBench.Load load =
          new ImageBench.Load(count, depth, from, bytes, by, write, pattern, flushInterval);
      long nanos = ImageBench.run(node, load, threads());
      if (!source.quiet) {
        out.printf(Locale.ROOT, "Run completed in %3.3f seconds.%n", nanos / 1e9);
      }
    }
    return 0;
  }

  /**
   * How many threads serve the requests. Past the host's cache as many as there are requests at a
   * time. Through it a request is a copy by a processor, and of copies to one file Linux makes one
   * at a time: a second writer only waits, which slows the first down by a third.
   */
  private int threads() throws ImageException {
    if (cache != null && CacheMode.parse(cache).isDirect()) {
      return MAX_THREADS;
    }
    return write ? 1 : Runtime.getRuntime().availableProcessors();
  }
}
