package org.tuber.launcher.img;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.ops.ImageRebase;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rebase}: gives an image another backing file. */
@Command(
    name = "rebase",
    description = "Changes the backing file.",
    mixinStandardHelpOptions = true)
final class RebaseCommand implements Callable<Integer> {
  @Mixin ImageSource source;

  @Option(names = "-b", required = true, description = "New backing file; empty for none.")
  String backing;

  @Option(names = "-F", description = "Format of the new backing file.")
  String backingFormat;

  @Option(names = "-u", description = "Change the name only.")
  boolean unsafe;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(
      names = {"-t", "-T"},
      hidden = true)
  String cache;

  @Parameters String filename;

  @Override
  public Integer call() throws IOException {
    ImageSource.Named n = source.named(filename, true);
    boolean none = backing.isEmpty();
    if (!none && backingFormat == null) {
      throw new ImageException(
          filename, "backing_fmt", "backing file specified without backing format (use -F)");
    }
    try (BlockNode image = Images.open(n.filename(), n.options().withOpenBacking(!unsafe));
        ProgressLine line = new ProgressLine(progress, "rebase")) {
      if (!unsafe) {
        String path = none ? null : Images.resolve(filename, backing);
        try (BlockNode fresh =
            none ? null : Images.open(path, source.options(false).withFormat(backingFormat))) {
          ImageRebase.copyDifferences(image, fresh, line);
        }
      }
      image.changeBacking(none ? null : backing, backingFormat);
    }
    return 0;
  }
}
