package org.tuber.launcher.img;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.tuber.devices.block.AmendOptions;
import org.tuber.devices.block.AmendableNode;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code amend}: changes options of an existing image. */
@Command(name = "amend", description = "Changes format options.", mixinStandardHelpOptions = true)
final class AmendCommand implements Callable<Integer> {
  @Mixin ImageSource source;

  @Option(names = "-o", required = true, description = "Format options, name=value,…")
  List<String> options = new ArrayList<>();

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "--force", description = "Also what loses data.")
  boolean force;

  @Option(names = "-t", hidden = true)
  String ignored;

  @Parameters String filename;

  @Override
  public Integer call() throws IOException {
    try (BlockNode node = source.open(filename, true);
        ProgressLine line = new ProgressLine(progress, "amend")) {
      if (!(node instanceof AmendableNode image)) {
        throw new ImageException(
            filename, "amend", "not supported by the " + node.formatName() + " format");
      }
      image.amend(
          new AmendOptions(ImageSource.parseAll(options), source.objects()::secret, force), line);
    }
    return 0;
  }
}
