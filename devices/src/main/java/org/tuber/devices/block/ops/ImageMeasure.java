package org.tuber.devices.block.ops;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.ImageException;

/** Computes how large an image file will become: {@code img measure}. */
public final class ImageMeasure {
  private ImageMeasure() {}

  /**
   * File sizes.
   *
   * @param required with the present content
   * @param fullyAllocated when every byte of the disk is allocated
   */
  public record Sizes(long required, long fullyAllocated) {}

  /** Measures for a target format; {@code source} may be null for an empty disk. */
  public static Sizes measure(String format, CreateOptions target, BlockNode source)
      throws IOException {
    return switch (format) {
      case "raw" -> new Sizes(target.sizeBytes(), target.sizeBytes());
      case "qcow2" -> qcow2(target, source);
      default ->
          throw new ImageException(
              target.filename(), "format", "the " + format + " format cannot be measured");
    };
  }

  private static Sizes qcow2(CreateOptions target, BlockNode source) throws IOException {
    long cluster = target.bytes("cluster_size", 65536);
    long refcountBits = target.bytes("refcount_bits", 16);
    long entryBytes = target.flag("extended_l2", false) ? 16 : 8;
    long disk = roundUp(target.sizeBytes(), cluster);
    long meta = cluster;
    long l2Entries = roundUp(disk / cluster, cluster / entryBytes);
    meta += l2Entries * entryBytes;
    long l1Entries = roundUp(l2Entries * entryBytes / cluster, cluster / 8);
    meta += l1Entries * 8;
    meta += refcountBytes((meta + disk) / cluster, cluster, refcountBits);
    String preallocation = target.get("preallocation", "off");
    boolean all = preallocation.equals("full") || preallocation.equals("falloc");
    long data = all ? disk : source == null ? 0 : usedBytes(source, cluster);
    return new Sizes(meta + data, meta + disk);
  }

  private static long refcountBytes(long clusters, long clusterBytes, long bits) {
    long perTable = clusterBytes / 8;
    long perBlock = clusterBytes * 8 / bits;
    long table = 0;
    long blocks = 0;
    long last;
    long n = 0;
    do {
      last = n;
      blocks = (clusters + table + blocks + perBlock - 1) / perBlock;
      table = (blocks + perTable - 1) / perTable;
      n = clusters + blocks + table;
    } while (n != last);
    return (blocks + table) * clusterBytes;
  }

  private static long usedBytes(BlockNode source, long cluster) throws IOException {
    long used = 0;
    long countedTo = 0;
    long at = 0;
    while (at < source.lengthBytes()) {
      ChainStatus.Extent e = ChainStatus.at(source, null, at, source.lengthBytes() - at);
      if (e.data()) {
        long from = Math.max(countedTo, at / cluster * cluster);
        long to = roundUp(at + e.length(), cluster);
        used += Math.max(0, to - from);
        countedTo = Math.max(countedTo, to);
      }
      at += e.length();
    }
    return used;
  }

  private static long roundUp(long v, long unit) {
    return (v + unit - 1) / unit * unit;
  }
}
