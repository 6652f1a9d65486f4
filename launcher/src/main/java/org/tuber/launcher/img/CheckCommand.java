package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CheckReport;
import org.tuber.devices.block.CheckReport.Repair;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code check}: looks for damage. Exit status 0 clean, 2 damage, 3 leaks, 63 not supported. */
@Command(name = "check", description = "Checks an image.", mixinStandardHelpOptions = true)
final class CheckCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "--output", defaultValue = "human", description = "human or json")
  String output;

  @Option(names = "-r", paramLabel = "leaks|all", description = "Repair.")
  String repair;

  @Option(
      names = {"-t", "-T"},
      hidden = true)
  String cache;

  @Parameters(paramLabel = "FILE")
  String filename;

  @Override
  public Integer call() throws IOException {
    Repair what =
        repair == null
            ? Repair.NONE
            : switch (repair) {
              case "leaks" -> Repair.LEAKS;
              case "all" -> Repair.ALL;
              default -> throw new ImageException(filename, "-r", "leaks or all");
            };
    ImageSource.Named n = source.named(filename, what != Repair.NONE);
    PrintWriter out = spec.commandLine().getOut();
    try (BlockNode node =
        Images.open(
            n.filename(),
            n.options()
                .withOpenBacking(false)
                .withWithoutKeys(true)
                .withRepairDirty(false)
                .withAllowCorrupt(true))) {
      CheckReport r = node.check(what);
      if (r == null) {
        spec.commandLine().getErr().println("tuber img: This image format does not support checks");
        return 63;
      }
      CheckReport after = r;
      if (what != Repair.NONE && !r.isClean()) {
        after = node.check(Repair.NONE);
      }
      if (ImageSource.isJson(output)) {
        out.println(JsonText.of(json(node, after, r)));
      } else {
        print(out, after, r);
      }
      if (after.corruptions() > 0) {
        return 2;
      }
      return after.leaks() > 0 ? 3 : 0;
    }
  }

  private static Map<String, Object> json(BlockNode node, CheckReport r, CheckReport first) {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("image-end-offset", r.imageEndOffset());
    m.put("total-clusters", r.totalClusters());
    m.put("check-errors", 0);
    putPositive(m, "corruptions", r.corruptions());
    putPositive(m, "leaks", r.leaks());
    putPositive(m, "corruptions-fixed", first.corruptionsFixed());
    putPositive(m, "leaks-fixed", first.leaksFixed());
    putPositive(m, "allocated-clusters", r.allocatedClusters());
    putPositive(m, "fragmented-clusters", r.fragmentedClusters());
    putPositive(m, "compressed-clusters", r.compressedClusters());
    m.put("filename", node.filename());
    m.put("format", node.formatName());
    return m;
  }

  private static void putPositive(Map<String, Object> m, String key, long v) {
    if (v > 0) {
      m.put(key, v);
    }
  }

  private void print(PrintWriter out, CheckReport r, CheckReport first) {
    first.messages().forEach(out::println);
    if (source.quiet) {
      return;
    }
    if (first.leaksFixed() + first.corruptionsFixed() > 0) {
      out.println("The following inconsistencies were found and repaired:");
      out.println();
      out.println("    " + first.leaksFixed() + " leaked clusters");
      out.println("    " + first.corruptionsFixed() + " corruptions");
      out.println();
      out.println("Double checking the fixed image now...");
      r.messages().forEach(out::println);
    }
    if (r.isClean()) {
      out.println("No errors were found on the image.");
    }
    if (r.corruptions() > 0) {
      out.println();
      out.println(r.corruptions() + " errors were found on the image.");
      out.println("Data may be corrupted, or further writes to the image may corrupt it.");
    }
    if (r.leaks() > 0) {
      out.println();
      out.println(r.leaks() + " leaked clusters were found on the image.");
      out.println("This means waste of disk space, but no harm to data.");
    }
    if (r.totalClusters() > 0 && r.allocatedClusters() > 0) {
      double allocated = r.allocatedClusters();
      out.printf(
          Locale.ROOT,
          "%d/%d = %.2f%% allocated, %.2f%% fragmented, %.2f%% compressed clusters%n",
          r.allocatedClusters(),
          r.totalClusters(),
          allocated * 100 / r.totalClusters(),
          r.fragmentedClusters() * 100 / allocated,
          r.compressedClusters() * 100 / allocated);
    }
    if (r.imageEndOffset() > 0) {
      out.println("Image end offset: " + r.imageEndOffset());
    }
  }
}
