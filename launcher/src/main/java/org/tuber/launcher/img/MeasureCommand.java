package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Sizes;
import org.tuber.devices.block.ops.ImageMeasure;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code measure}: tells how large an image file will be. */
@Command(name = "measure", description = "Measures an image.", mixinStandardHelpOptions = true)
final class MeasureCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "-O", defaultValue = "raw", description = "Format of the target.")
  String targetFormat;

  @Option(names = "-o", description = "Format options of the target.")
  List<String> options = new ArrayList<>();

  @Option(names = "--size", description = "Size of an empty disk.")
  String size;

  @Option(names = "-l", description = "Internal snapshot to measure.")
  String snapshot;

  @Option(names = "--output", defaultValue = "human", description = "human or json")
  String output;

  @Parameters(arity = "0..1", paramLabel = "FILE")
  String filename;

  @Override
  public Integer call() throws IOException {
    if ((size == null) == (filename == null)) {
      throw new ImageException("measure", "size", "give either --size or an image");
    }
    PrintWriter out = spec.commandLine().getOut();
    Map<String, String> all = ImageSource.parseAll(options);
    try (BlockNode node = filename == null ? null : source.open(filename, false)) {
      if (node != null) {
        SnapshotChoice.show(node, snapshot);
      }
      long bytes = node == null ? Sizes.parse("measure", "size", size) : node.lengthBytes();
      CreateOptions o = new CreateOptions("measure", bytes, all);
      ImageMeasure.Sizes s = ImageMeasure.measure(targetFormat, o, node);
      if (ImageSource.isJson(output)) {
        Map<String, Object> m = new LinkedHashMap<>();
        if (s.bitmaps() >= 0) {
          m.put("bitmaps", s.bitmaps());
        }
        m.put("required", s.required());
        m.put("fully-allocated", s.fullyAllocated());
        out.println(JsonText.of(m));
      } else {
        out.println("required size: " + s.required());
        out.println("fully allocated size: " + s.fullyAllocated());
        if (s.bitmaps() >= 0) {
          out.println("bitmaps size: " + s.bitmaps());
        }
      }
    }
    return 0;
  }
}
