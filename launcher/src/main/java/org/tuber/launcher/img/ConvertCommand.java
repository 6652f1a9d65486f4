package org.tuber.launcher.img;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.OpenOptions;
import org.tuber.devices.block.Sizes;
import org.tuber.devices.block.ops.ImageCopy;
import org.tuber.devices.block.ops.Pace;
import org.tuber.devices.block.options.ImageOptions;
import org.tuber.devices.block.options.OptionTree;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code convert}: copies an image into another format. */
@Command(name = "convert", description = "Copies an image.", mixinStandardHelpOptions = true)
final class ConvertCommand implements Callable<Integer> {
  @Mixin ImageSource source;

  @Option(names = "-O", description = "Format of the target.")
  String targetFormat;

  @Option(names = "-o", description = "Format options of the target.")
  List<String> options = new ArrayList<>();

  @Option(names = "-B", description = "Backing file of the target.")
  String backing;

  @Option(names = "-F", description = "Format of the backing file.")
  String backingFormat;

  @Option(names = "-c", description = "Compress.")
  boolean compress;

  @Option(names = "-n", description = "The target exists already.")
  boolean noCreate;

  @Option(names = "--target-is-zero", description = "The target reads as zero already.")
  boolean targetIsZero;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "-S", description = "Length of zeros worth a hole.")
  String sparse;

  @Option(names = "-m", description = "Workers.")
  Integer workers;

  @Option(names = "-W", description = "Write out of order.")
  boolean outOfOrder;

  @Option(
      names = {"-l", "-s"},
      description = "Internal snapshot to copy.")
  String snapshot;

  @Option(names = "-r", description = "Write at most so many bytes a second.")
  String rate;

  @Option(names = "--bitmaps", description = "Copy the persistent dirty bitmaps, too.")
  boolean bitmaps;

  @Option(
      names = "--skip-broken-bitmaps",
      description = "Leave out bitmaps that a crash made inconsistent.")
  boolean skipBroken;

  @Option(
      names = "--target-image-opts",
      description = "The target is described by options; needs -n.")
  boolean targetImageOpts;

  @Option(names = "--salvage", description = "Unreadable parts become zeros.")
  boolean salvage;

  @Option(
      names = "-t",
      defaultValue = "unsafe",
      description = "Cache mode of the target (default: ${DEFAULT-VALUE}, as in qemu-img).")
  String targetCache;

  @Option(names = "-T", description = "Cache mode of the source.")
  String sourceCache;

  @Parameters(arity = "2..*", paramLabel = "SOURCE… TARGET")
  List<String> files;

  @Override
  public Integer call() throws IOException {
    List<BlockNode> sources = new ArrayList<>();
    try {
      for (String name : files.subList(0, files.size() - 1)) {
        ImageSource.Named n = source.named(name, false);
        BlockNode node = Images.open(n.filename(), ImageSource.withCache(n.options(), sourceCache));
        sources.add(node);
        SnapshotChoice.show(node, snapshot);
      }
      copy(sources, files.getLast());
    } finally {
      for (BlockNode s : sources) {
        s.close();
      }
    }
    return 0;
  }

  private void copy(List<BlockNode> sources, String target) throws IOException {
    if (targetImageOpts && !noCreate) {
      throw new ImageException(target, "--target-image-opts", "requires use of -n flag");
    }
    if (bitmaps && sources.size() > 1) {
      throw new ImageException(
          target, "--bitmaps", "Copying bitmaps only possible with one source");
    }
    long size = 0;
    for (BlockNode s : sources) {
      size += s.lengthBytes();
      if (Images.isSameFile(s.filename(), target)) {
        throw new ImageException(target, "target", "is the source as well");
      }
    }
    ImageFormat format = ImageFormats.byName(target, targetFormat == null ? "raw" : targetFormat);
    Map<String, String> all = new LinkedHashMap<>(ImageSource.parseAll(options));
    String wanted = all.remove("size");
    long targetBytes = wanted == null ? size : Sizes.parse(target, "size", wanted);
    if (backing != null) {
      all.put("backing_file", backing);
    }
    if (backingFormat != null) {
      all.put("backing_fmt", backingFormat);
    }
    if (compress) {
      all.putIfAbsent("subformat", format.name().equals("vmdk") ? "streamOptimized" : "");
      all.values().removeIf(String::isEmpty);
    }
    if (!noCreate) {
      CreateOptions o =
          new CreateOptions(target, targetBytes, all).withSecrets(source.objects()::secret);
      o.requireOnly(format.name(), format.createOptionNames());
      format.create(o);
    }
    OpenOptions open =
        ImageSource.withCache(source.options(true), targetCache)
            .withFormat(noCreate && targetFormat == null ? null : format.name());
    String key = all.getOrDefault("encrypt.key-secret", all.get("key-secret"));
    open = key == null ? open : open.withSecretId(key);
    String base = all.get("backing_file");
    long sparseBytes = sparse == null ? 4096 : Sizes.parse(target, "-S", sparse);
    String file = target;
    if (targetImageOpts) {
      ImageOptions described =
          ImageOptions.of(OptionTree.of(target, ImageSource.parse(target)), open.withFormat(null));
      file = described.filename();
      open = described.options();
    }
    long bytesPerSecond = rate == null ? 0 : Sizes.parse(target, "-r", rate);
    try (BlockNode node = Images.open(file, open);
        ProgressLine line = new ProgressLine(progress, "convert")) {
      if (node.lengthBytes() < size) {
        throw new ImageException(target, "size", "the target is smaller than the source");
      }
      BlockNode shared = base == null ? null : findBase(sources.getFirst(), base, target);
      ImageCopy.Options o = ImageCopy.Options.standard();
      o =
          new ImageCopy.Options(
              workers == null ? defaultWorkers(o.threads()) : Math.clamp(workers, 1, 16),
              compress,
              sparseBytes,
              (!noCreate || targetIsZero) && node.startsZeroed() && base == null,
              !outOfOrder,
              shared,
              salvage,
              new Pace(bytesPerSecond));
      new ImageCopy(sources, node, o, line).run();
      if (bitmaps) {
        copyBitmaps(sources.getFirst(), node);
      }
      node.flush();
    }
  }

  /**
   * Pieces are written in order, and one that takes long to compress keeps the others waiting: with
   * more workers than processors somebody always has something to do.
   */
  private int defaultWorkers(int processors) {
    return compress ? Math.max(4, processors) : processors;
  }

  private void copyBitmaps(BlockNode from, BlockNode to) throws IOException {
    for (DirtyBitmap b : from.bitmaps()) {
      if (b.isInconsistent() && skipBroken) {
        continue;
      }
      if (b.isInconsistent()) {
        throw new ImageException(
            from.filename(),
            "bitmap",
            "Cannot copy inconsistent bitmap '" + b.name() + "'; use --skip-broken-bitmaps");
      }
      DirtyBitmap copy = new DirtyBitmap(b.name(), to.lengthBytes(), b.granularityBytes());
      to.addBitmap(copy);
      copy.merge(b);
      copy.setRecording(b.isRecording());
    }
  }

  /** The image in the source's chain that the target's backing file is; null if it is not there. */
  private static BlockNode findBase(BlockNode top, String base, String target) {
    String path = Images.resolve(target, base);
    for (BlockNode n = top.backing(); n != null; n = n.backing()) {
      if (Images.isSameFile(n.filename(), path)) {
        return n;
      }
    }
    return null;
  }
}
