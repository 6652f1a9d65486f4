package org.tuber.launcher.img;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Preallocation;
import org.tuber.devices.block.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code resize}: changes the size of a disk. */
@Command(name = "resize", description = "Resizes an image.", mixinStandardHelpOptions = true)
final class ResizeCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "--shrink", description = "Allow losing the end.")
  boolean shrink;

  @Option(names = "--preallocation", defaultValue = "off")
  String preallocation;

  @Parameters(index = "0")
  String filename;

  @Parameters(index = "1", paramLabel = "[+|-]SIZE")
  String size;

  @Override
  public Integer call() throws IOException {
    try (BlockNode node = source.open(filename, true)) {
      boolean relative = size.startsWith("+") || size.startsWith("-");
      long bytes = Sizes.parse(filename, "size", relative ? size.substring(1) : size);
      if (relative) {
        bytes = node.lengthBytes() + (size.startsWith("+") ? bytes : -bytes);
      }
      if (bytes < 0) {
        throw new ImageException(filename, "size", "New image size must be positive");
      }
      bytes = bytes + 511 & -512L;
      if (bytes < node.lengthBytes() && !shrink) {
        throw new ImageException(
            filename,
            "size",
            "Use the --shrink option to perform a shrink operation: all data past the new end is"
                + " lost");
      }
      node.resize(bytes, Preallocation.parse(filename, preallocation));
      node.flush();
    }
    if (!source.quiet) {
      spec.commandLine().getOut().println("Image resized.");
    }
    return 0;
  }
}
