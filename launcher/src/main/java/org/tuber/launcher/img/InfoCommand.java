package org.tuber.launcher.img;

import java.io.IOException;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.ImageInfo;
import org.tuber.devices.block.ImageInfo.SnapshotInfo;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code info}: tells what an image is. */
@Command(name = "info", description = "Tells what an image is.", mixinStandardHelpOptions = true)
final class InfoCommand implements Callable<Integer> {
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "--output", defaultValue = "human", description = "human or json")
  String output;

  @Option(names = "--backing-chain", description = "Tell of the backing files too.")
  boolean chain;

  @Option(
      names = {"-t", "-T"},
      hidden = true)
  String cache;

  @Parameters(paramLabel = "FILE")
  String filename;

  @Override
  public Integer call() throws IOException {
    List<ImageInfo> all = new ArrayList<>();
    ImageSource.Named named = source.named(filename, false);
    String name = named.filename();
    OpenOptions o = named.options().withOpenBacking(false).withWithoutKeys(true);
    while (name != null && all.size() <= OpenOptions.MAX_DEPTH) {
      try (BlockNode node = Images.open(name, o)) {
        ImageInfo info = Images.info(node);
        all.add(info);
        name = chain ? info.fullBackingName() : null;
        o = o.withFormat(info.backingFormat());
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    if (ImageSource.isJson(output)) {
      List<Object> maps = new ArrayList<>();
      all.forEach(i -> maps.add(json(i)));
      out.println(JsonText.of(chain ? maps : maps.getFirst()));
      return 0;
    }
    for (int i = 0; i < all.size(); i++) {
      if (i > 0) {
        out.println();
      }
      print(out, all.get(i));
    }
    return 0;
  }

  private static Map<String, Object> json(ImageInfo i) {
    Map<String, Object> m = new LinkedHashMap<>();
    if (i.backingFormat() != null) {
      m.put("backing-filename-format", i.backingFormat());
    }
    if (!i.snapshots().isEmpty()) {
      List<Object> list = new ArrayList<>();
      i.snapshots().forEach(s -> list.add(json(s)));
      m.put("snapshots", list);
    }
    m.put("virtual-size", i.virtualSizeBytes());
    m.put("filename", i.filename());
    if (i.clusterBytes() > 0) {
      m.put("cluster-size", i.clusterBytes());
    }
    m.put("format", i.format());
    if (i.actualSizeBytes() >= 0) {
      m.put("actual-size", i.actualSizeBytes());
    }
    if (i.encrypted()) {
      m.put("encrypted", true);
    }
    if (i.specific() != null) {
      Map<String, Object> s = new LinkedHashMap<>();
      s.put("type", i.specific().type());
      s.put("data", i.specific().data());
      m.put("format-specific", s);
    }
    if (i.backingName() != null) {
      m.put("full-backing-filename", i.fullBackingName());
      m.put("backing-filename", i.backingName());
    }
    m.put("dirty-flag", i.dirty());
    return m;
  }

  private static Map<String, Object> json(SnapshotInfo s) {
    Map<String, Object> m = new LinkedHashMap<>();
    if (s.icount() != -1) {
      m.put("icount", s.icount());
    }
    m.put("vm-clock-nsec", s.vmClockNanos() % 1_000_000_000L);
    m.put("name", s.name());
    m.put("date-sec", s.dateSeconds());
    m.put("date-nsec", s.dateNanos());
    m.put("vm-clock-sec", s.vmClockNanos() / 1_000_000_000L);
    m.put("id", s.id());
    m.put("vm-state-size", s.vmStateBytes());
    return m;
  }

  private static void print(PrintWriter out, ImageInfo i) {
    out.println("image: " + i.filename());
    out.println("file format: " + i.format());
    out.println(
        "virtual size: "
            + Sizes.human(i.virtualSizeBytes())
            + " ("
            + i.virtualSizeBytes()
            + " bytes)");
    out.println("disk size: " + Sizes.humanOrUnavailable(i.actualSizeBytes()));
    if (i.encrypted()) {
      out.println("encrypted: yes");
    }
    if (i.clusterBytes() > 0) {
      out.println("cluster_size: " + i.clusterBytes());
    }
    if (i.dirty()) {
      out.println("cleanly shut down: no");
    }
    if (i.backingName() != null) {
      out.print("backing file: " + i.backingName());
      out.println(
          i.backingName().equals(i.fullBackingName())
              ? ""
              : " (actual path: " + i.fullBackingName() + ")");
      if (i.backingFormat() != null) {
        out.println("backing file format: " + i.backingFormat());
      }
    }
    if (!i.snapshots().isEmpty()) {
      printSnapshots(out, i.snapshots());
    }
    if (i.specific() != null) {
      out.println("Format specific information:");
      print(out, i.specific().data(), 1);
    }
  }

  private static void print(PrintWriter out, Map<?, ?> data, int depth) {
    data.forEach(
        (k, v) -> {
          out.print("    ".repeat(depth) + k.toString().replace('-', ' ') + ":");
          if (v instanceof Map<?, ?> m) {
            out.println();
            print(out, m, depth + 1);
          } else if (v instanceof List<?> l) {
            out.println();
            for (int i = 0; i < l.size(); i++) {
              out.println("    ".repeat(depth + 1) + "[" + i + "]:");
              if (l.get(i) instanceof Map<?, ?> m) {
                print(out, m, depth + 2);
              }
            }
          } else {
            out.println(" " + v);
          }
        });
  }

  /** The table of snapshots. */
  static void printSnapshots(PrintWriter out, List<SnapshotInfo> snapshots) {
    out.println("Snapshot list:");
    out.printf("%-10s%-17s%8s%20s%13s%11s%n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (SnapshotInfo s : snapshots) {
      long seconds = s.vmClockNanos() / 1_000_000_000L;
      String clock =
          String.format(
              Locale.ROOT,
              "%02d:%02d:%02d.%03d",
              seconds / 3600,
              seconds / 60 % 60,
              seconds % 60,
              s.vmClockNanos() / 1_000_000 % 1000);
      String date =
          DATE.format(Instant.ofEpochSecond(s.dateSeconds()).atZone(ZoneId.systemDefault()));
      out.printf(
          "%-9s %-16s %8s%20s%13s%11s%n",
          s.id(),
          s.name(),
          Sizes.human(s.vmStateBytes()),
          date,
          clock,
          s.icount() == -1 ? "" : Long.toString(s.icount()));
    }
  }
}
