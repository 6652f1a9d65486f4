package org.tuber.launcher.img;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Sizes;
import org.tuber.devices.block.ops.ImageCommit;
import org.tuber.devices.block.ops.Pace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code commit}: moves an overlay's content into its backing file. */
@Command(
    name = "commit",
    description = "Moves changes into the backing file.",
    mixinStandardHelpOptions = true)
final class CommitCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "-b", description = "Image of the chain to commit into.")
  String base;

  @Option(names = "-d", description = "Do not empty the overlay.")
  boolean keep;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "-t", description = "Cache mode.")
  String cache;

  @Option(names = "-r", description = "At most so many bytes a second.")
  String rate;

  @Parameters String filename;

  @Override
  public Integer call() throws IOException {
    ImageSource.Named n = source.named(filename, true);
    Pace pace = new Pace(rate == null ? 0 : Sizes.parse(filename, "-r", rate));
    OpenOptions options = ImageSource.withCache(n.options(), cache);
    try (BlockNode top = Images.open(n.filename(), options.withBackingLocked(false));
        ProgressLine line = new ProgressLine(progress, "commit")) {
      BlockNode stop = top.backing();
      if (base != null) {
        while (stop != null && !isBase(stop)) {
          stop = stop.backing();
        }
      }
      if (stop == null) {
        throw new ImageException(
            filename, "base", base == null ? "the image has no backing file" : "not in the chain");
      }
      OpenOptions o =
          ImageSource.withCache(source.options(true), cache).withFormat(stop.formatName());
      try (BlockNode target = Images.open(stop.filename(), o)) {
        ImageCommit.run(top, stop, target, pace, line);
      }
      if (!keep && stop == top.backing()) {
        top.makeEmpty();
      }
    }
    if (!source.quiet) {
      spec.commandLine().getOut().println("Image committed.");
    }
    return 0;
  }

  private boolean isBase(BlockNode node) {
    return node.filename().equals(base)
        || Images.isSameFile(node.filename(), base)
        || Images.isSameFile(node.filename(), Images.resolve(filename, base));
  }
}
