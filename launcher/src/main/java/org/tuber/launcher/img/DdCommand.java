package org.tuber.launcher.img;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.ImageFormats;
import org.tuber.devices.block.Images;
import org.tuber.devices.block.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code dd}: copies a range of blocks into a new image. */
@Command(name = "dd", description = "Copies blocks.", mixinStandardHelpOptions = true)
final class DdCommand implements Callable<Integer> {
  private static final Set<String> OPERANDS = Set.of("if", "of", "bs", "count", "skip");

  @Mixin ImageSource source;

  @Option(names = "-O", defaultValue = "raw", description = "Format of the target.")
  String targetFormat;

  @Parameters(arity = "2..*", paramLabel = "if=FILE of=FILE [bs=N] [count=N] [skip=N]")
  List<String> operands;

  @Override
  public Integer call() throws IOException {
    Map<String, String> m = new LinkedHashMap<>();
    for (String o : operands) {
      int eq = o.indexOf('=');
      if (eq < 0 || !OPERANDS.contains(o.substring(0, eq))) {
        throw new ImageException("dd", o, "unrecognized operand");
      }
      m.put(o.substring(0, eq), o.substring(eq + 1));
    }
    String in = m.get("if");
    String target = m.get("of");
    if (in == null || target == null) {
      throw new ImageException("dd", "operands", "must specify both input (if) and output (of)");
    }
    long bs = Sizes.parse("dd", "bs", m.getOrDefault("bs", "512"));
    if (bs <= 0 || bs > 1 << 30) {
      throw new ImageException("dd", "bs", "must be between 1 and 1G");
    }
    try (BlockNode from = source.open(in, false)) {
      long skip = Math.multiplyExact(Sizes.parse("dd", "skip", m.getOrDefault("skip", "0")), bs);
      long end = from.lengthBytes();
      if (m.containsKey("count")) {
        long count = Sizes.parse("dd", "count", m.get("count"));
        end = Math.min(end, skip + Math.min(count * bs, end));
      }
      long bytes = Math.max(0, end - skip);
      ImageFormats.byName(target, targetFormat).create(CreateOptions.of(target, bytes));
      try (BlockNode to = Images.open(target, source.options(true).withFormat(targetFormat))) {
        copy(from, skip, to, bytes, (int) Math.max(bs, 1 << 20));
      }
    }
    return 0;
  }

  private static void copy(BlockNode from, long skip, BlockNode to, long bytes, int chunk)
      throws IOException {
    ByteBuffer b = ByteBuffer.allocateDirect(chunk);
    for (long at = 0; at < bytes; at += chunk) {
      b.clear().limit((int) Math.min(chunk, bytes - at));
      from.read(skip + at, b);
      to.write(at, b.flip());
    }
    to.flush();
  }
}
