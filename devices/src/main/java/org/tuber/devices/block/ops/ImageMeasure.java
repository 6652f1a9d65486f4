package org.tuber.devices.block.ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.CreateOptions;
import org.tuber.devices.block.DirtyBitmap;
import org.tuber.devices.block.ImageException;

/** Computes how large an image file will become: {@code img measure}. */
public final class ImageMeasure {
  private static final int DIRECTORY_ENTRY_BYTES = 24;

  private ImageMeasure() {}

  /**
   * File sizes.
   *
   * @param required with the present content
   * @param fullyAllocated when every byte of the disk is allocated
   * @param bitmaps of the persistent bitmaps beside it; -1 where source or target has none
   */
  public record Sizes(long required, long fullyAllocated, long bitmaps) {}

  /** Measures for a target format; {@code source} may be null for an empty disk. */
  public static Sizes measure(String format, CreateOptions target, BlockNode source)
      throws IOException {
    return switch (format) {
      case "raw" -> new Sizes(target.sizeBytes(), target.sizeBytes(), -1);
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
    boolean isOld = Set.of("0.10", "v2").contains(target.get("compat", "1.1"));
    boolean hasBitmaps = !isOld && source != null && source.knowsBitmaps();
    return new Sizes(
        meta + data, meta + disk, hasBitmaps ? bitmapBytes(source.bitmaps(), cluster) : -1);
  }

  /** Of each bitmap its clusters and their table, and of all the directory. */
  private static long bitmapBytes(List<DirtyBitmap> bitmaps, long cluster) {
    long bytes = 0;
    long directory = 0;
    for (DirtyBitmap b : bitmaps) {
      if (b.isInconsistent()) {
        continue;
      }
      long bits = Math.ceilDiv(b.diskBytes(), b.granularityBytes());
      long clusters = Math.ceilDiv(Math.ceilDiv(bits, 8), cluster);
      bytes += clusters * cluster + roundUp(8 * clusters, cluster);
      int name = b.name().getBytes(StandardCharsets.UTF_8).length;
      directory += roundUp(DIRECTORY_ENTRY_BYTES + name, 8);
    }
    return bytes + roundUp(directory, cluster);
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
