package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Sizes;
import org.tuber.devices.block.ops.ChainStatus;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code map}: tells where the bytes of a disk are. */
@Command(name = "map", description = "Tells where data is.", mixinStandardHelpOptions = true)
final class MapCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "--output", defaultValue = "human", description = "human or json")
  String output;

  @Option(names = {"-s", "--start-offset"})
  String start;

  @Option(names = {"-l", "--max-length"})
  String maxLength;

  @Parameters(paramLabel = "FILE")
  String filename;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    boolean json = ImageSource.isJson(output);
    try (BlockNode node = source.open(filename, false)) {
      long from = start == null ? 0 : Sizes.parse(filename, "start-offset", start);
      long end = node.lengthBytes();
      if (maxLength != null) {
        end = Math.min(end, from + Sizes.parse(filename, "max-length", maxLength));
      }
      // An image may have more extents than fit into memory.
      String before = "[";
      if (!json) {
        out.printf("%-16s%-16s%-16s%s%n", "Offset", "Length", "Mapped to", "File");
      }
      while (from < end) {
        ChainStatus.Extent e = ChainStatus.joined(node, null, from, end - from);
        if (json) {
          out.print(before + json(e));
          before = ",\n";
        } else if (e.data()) {
          print(out, e);
        }
        from += e.length();
      }
      if (json) {
        out.println((before.equals("[") ? before : "") + "]");
      }
    }
    return 0;
  }

  private static String json(ChainStatus.Extent e) {
    String s =
        "{ \"start\": "
            + e.offset()
            + ", \"length\": "
            + e.length()
            + ", \"depth\": "
            + e.depth()
            + ", \"present\": "
            + e.present()
            + ", \"zero\": "
            + e.zero()
            + ", \"data\": "
            + e.data();
    return s + (e.hostOffset() >= 0 ? ", \"offset\": " + e.hostOffset() + "}" : "}");
  }

  private void print(PrintWriter out, ChainStatus.Extent e) throws ImageException {
    if (e.hostOffset() < 0) {
      throw new ImageException(
          filename, "map", "File contains external, encrypted or compressed clusters.");
    }
    out.printf(
        "%-16s%-16s%-16s%s%n",
        hex(e.offset()), hex(e.length()), hex(e.hostOffset()), e.node().files().getLast().name());
  }

  private static String hex(long v) {
    return v == 0 ? "0" : "0x" + Long.toHexString(v);
  }
}
