package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.ops.ChainStatus;
import org.tuber.devices.block.ops.ImageCompare;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code compare}: exit status 0 for equal disks, 1 for different ones, more on errors. */
@Command(
    name = "compare",
    description = "Compares two images.",
    mixinStandardHelpOptions = true,
    exitCodeOnExecutionException = 2)
final class CompareCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "-F", description = "Format of the second image.")
  String secondFormat;

  @Option(names = "-s", description = "Strict: size and allocation must agree too.")
  boolean strict;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "-T", hidden = true)
  String cache;

  @Parameters(index = "0")
  String first;

  @Parameters(index = "1")
  String second;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    ImageSource.Named n = source.named(second, false);
    try (BlockNode a = source.open(first, false);
        BlockNode b =
            Images.open(
                n.filename(),
                source.imageOpts ? n.options() : n.options().withFormat(secondFormat));
        ProgressLine line = new ProgressLine(progress, "compare")) {
      if (a.lengthBytes() != b.lengthBytes()) {
        if (strict) {
          say(out, "Strict mode: Image size mismatch!");
          return 1;
        }
        say(out, "Warning: Image size mismatch!");
      }
      if (strict) {
        long at = firstStatusDifference(a, b);
        if (at >= 0) {
          say(out, "Strict mode: Offset " + at + " block status mismatch!");
          return 1;
        }
      }
      long at = new ImageCompare(a, b, line).firstDifference();
      if (at >= 0) {
        say(out, "Content mismatch at offset " + at + "!");
        return 1;
      }
      say(out, "Images are identical.");
      return 0;
    }
  }

  private void say(PrintWriter out, String text) {
    if (!source.quiet) {
      out.println(text);
    }
  }

  private static long firstStatusDifference(BlockNode a, BlockNode b) throws IOException {
    long at = 0;
    while (at < a.lengthBytes()) {
      ChainStatus.Extent ea = ChainStatus.at(a, null, at, a.lengthBytes() - at);
      ChainStatus.Extent eb = ChainStatus.at(b, null, at, ea.length());
      if (ea.data() != eb.data() || ea.zero() != eb.zero()) {
        return at;
      }
      at += eb.length();
    }
    return -1;
  }
}
