package org.tuber.launcher.img;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormat;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code create}: makes an empty image. */
@Command(name = "create", description = "Creates a disk image.", mixinStandardHelpOptions = true)
final class CreateCommand implements Callable<Integer> {
  @Mixin ImageSource source;
  @Spec CommandSpec spec;

  @Option(names = "-b", description = "Backing file.")
  String backing;

  @Option(names = "-F", description = "Format of the backing file.")
  String backingFormat;

  @Option(names = "-u", description = "Do not open the backing file.")
  boolean unsafe;

  @Option(names = "-o", description = "Format options, name=value,…")
  List<String> options = new ArrayList<>();

  @Parameters(index = "0", paramLabel = "FILE")
  String filename;

  @Parameters(index = "1", arity = "0..1", paramLabel = "SIZE")
  String size;

  @Override
  public Integer call() throws IOException {
    ImageFormat format =
        ImageFormats.byName(filename, source.format == null ? "raw" : source.format);
    Map<String, String> all = new LinkedHashMap<>(ImageSource.parseAll(options));
    String optionSize = all.remove("size");
    if (backing != null) {
      all.put("backing_file", backing);
    }
    if (backingFormat != null) {
      all.put("backing_fmt", backingFormat);
    }
    String base = all.get("backing_file");
    long bytes = -1;
    String text = size != null ? size : optionSize;
    if (text != null) {
      bytes = Sizes.parse(filename, "size", text);
    }
    if (base != null) {
      requireBackingFormat(format, all);
    }
    if (base != null && !unsafe) {
      String path = Images.resolve(filename, base);
      try (BlockNode node =
          Images.open(path, source.options(false).withFormat(all.get("backing_fmt")))) {
        bytes = bytes < 0 ? node.lengthBytes() : bytes;
      }
    }
    if (bytes < 0) {
      throw new ImageException(filename, "size", "Image creation needs a size parameter");
    }
    CreateOptions o = new CreateOptions(filename, bytes, all).withSecrets(source.objects()::secret);
    o.requireOnly(format.name(), format.createOptionNames());
    format.create(o);
    if (!source.quiet) {
      spec.commandLine().getOut().println(describe(format, o));
    }
    return 0;
  }

  private void requireBackingFormat(ImageFormat format, Map<String, String> all)
      throws ImageException {
    if (!format.supportsBacking()) {
      throw new ImageException(
          filename, "backing_file", "not supported for file format '" + format.name() + "'");
    }
    if (format.createOptionNames().contains("backing_fmt") && !all.containsKey("backing_fmt")) {
      throw new ImageException(
          filename, "backing_fmt", "backing file specified without backing format (use -F)");
    }
  }

  /** The line that tells what is made. */
  static String describe(ImageFormat format, CreateOptions o) {
    StringBuilder s = new StringBuilder("Formatting '");
    s.append(o.filename()).append("', fmt=").append(format.name());
    Map<String, String> all = new LinkedHashMap<>();
    if (format.name().equals("qcow2")) {
      all.put("cluster_size", "65536");
      all.put("extended_l2", "off");
      all.put("compression_type", "zlib");
    }
    all.put("size", Long.toString(o.sizeBytes()));
    if (o.options().containsKey("backing_file")) {
      all.put("backing_file", "");
    }
    if (o.options().containsKey("backing_fmt")) {
      all.put("backing_fmt", "");
    }
    if (format.name().equals("qcow2")) {
      all.put("lazy_refcounts", "off");
      all.put("refcount_bits", "16");
    }
    all.putAll(o.options());
    all.forEach((k, v) -> s.append(' ').append(k).append('=').append(v));
    return s.toString();
  }
}
