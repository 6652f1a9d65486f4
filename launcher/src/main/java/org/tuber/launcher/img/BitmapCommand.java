package org.tuber.launcher.img;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** {@code bitmap}: changes the dirty bitmaps stored in an image, in the order of the options. */
@Command(
    name = "bitmap",
    description = "Changes the dirty bitmaps of an image.",
    mixinStandardHelpOptions = true)
final class BitmapCommand implements Callable<Integer> {
  private static final int MIN_GRANULARITY_BYTES = 512;
  private static final long MAX_GRANULARITY_BYTES = 2L << 30;

  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "--add", description = "Make the bitmap.")
  boolean add;

  @Option(names = "--remove", description = "Forget the bitmap.")
  boolean remove;

  @Option(names = "--clear", description = "Unmark everything.")
  boolean clear;

  @Option(names = "--enable", description = "Record changes from now on.")
  boolean enable;

  @Option(names = "--disable", description = "Record no more changes.")
  boolean disable;

  @Option(names = "--merge", paramLabel = "BITMAP", description = "Mark what that one marks.")
  List<String> merge = new ArrayList<>();

  @Option(
      names = {"-g", "--granularity"},
      paramLabel = "SIZE",
      description = "Bytes for one mark, with --add.")
  String granularity;

  @Option(
      names = {"-b", "--source-file"},
      paramLabel = "FILE",
      description = "Image with the bitmap to merge.")
  String sourceFile;

  @Option(
      names = {"-F", "--source-format"},
      paramLabel = "FMT",
      description = "Format of that image.")
  String sourceFormat;

  @Parameters(index = "0")
  String filename;

  @Parameters(index = "1")
  String bitmap;

  @Override
  public Integer call() throws IOException {
    List<ArgSpec> actions = actions();
    if (actions.isEmpty()) {
      throw new ImageException(
          filename,
          "bitmap",
          "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge");
    }
    if (granularity != null && !add) {
      throw new ImageException(filename, "--granularity", "only supported with --add");
    }
    if (sourceFile != null && merge.isEmpty()) {
      throw new ImageException(filename, "-b", "only supported with --merge");
    }
    try (BlockNode node = source.open(filename, true)) {
      int merged = 0;
      for (ArgSpec action : actions) {
        String name = ((picocli.CommandLine.Model.OptionSpec) action).longestName();
        String from = name.equals("--merge") ? merge.get(merged++) : null;
        act(node, name, from);
      }
      node.flush();
    }
    return 0;
  }

  /** What was asked for, in order; merging may be asked for several times. */
  private List<ArgSpec> actions() {
    List<ArgSpec> all = new ArrayList<>();
    ParseResult given = spec.commandLine().getParseResult();
    for (ArgSpec a : given.matchedArgs()) {
      if (a instanceof picocli.CommandLine.Model.OptionSpec o
          && List.of("--add", "--remove", "--clear", "--enable", "--disable", "--merge")
              .contains(o.longestName())) {
        all.add(o);
      }
    }
    return all;
  }

  private static DirtyBitmap find(BlockNode node, String name) throws IOException {
    for (DirtyBitmap b : node.bitmaps()) {
      if (b.name().equals(name)) {
        return b;
      }
    }
    throw new ImageException(node.filename(), "bitmap", "Dirty bitmap '" + name + "' not found");
  }

  private static DirtyBitmap usable(BlockNode node, String name) throws IOException {
    DirtyBitmap b = find(node, name);
    if (b.isInconsistent()) {
      throw new ImageException(
          node.filename(), "bitmap", "Bitmap '" + name + "' is inconsistent and cannot be used");
    }
    return b;
  }

  private void act(BlockNode node, String action, String from) throws IOException {
    switch (action) {
      case "--add" -> node.addBitmap(new DirtyBitmap(bitmap, node.lengthBytes(), bytes(node)));
      case "--remove" -> node.removeBitmap(bitmap);
      case "--clear" -> usable(node, bitmap).clear();
      case "--enable" -> usable(node, bitmap).setRecording(true);
      case "--disable" -> usable(node, bitmap).setRecording(false);
      default -> merge(usable(node, bitmap), node, from);
    }
    if (add && disable && action.equals("--add")) {
      find(node, bitmap).setRecording(false);
    }
  }

  private void merge(DirtyBitmap target, BlockNode node, String from) throws IOException {
    if (sourceFile == null) {
      target.merge(usable(node, from));
      return;
    }
    OpenOptions options = source.options(false).withFormat(sourceFormat);
    try (BlockNode other = Images.open(sourceFile, options)) {
      DirtyBitmap b = usable(other, from);
      if (b.diskBytes() != target.diskBytes()) {
        throw new ImageException(sourceFile, "bitmap", "the images are of different sizes");
      }
      target.merge(b);
    }
  }

  private long bytes(BlockNode node) throws IOException {
    long bytes;
    if (granularity == null) {
      int cluster = node.clusterBytes();
      int usual = DirtyBitmap.DEFAULT_GRANULARITY_BYTES;
      return cluster == 0 ? usual : Math.max(4096, Math.min(usual, cluster));
    }
    bytes = Sizes.parse(filename, "granularity", granularity);
    if (bytes < MIN_GRANULARITY_BYTES
        || bytes > MAX_GRANULARITY_BYTES
        || Long.bitCount(bytes) != 1) {
      throw new ImageException(
          filename, "granularity", "Granularity must be power of 2 and at least 512");
    }
    return bytes;
  }
}
