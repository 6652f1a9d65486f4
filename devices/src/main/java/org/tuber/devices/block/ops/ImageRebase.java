package org.tuber.devices.block.ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;

/** Gives an image another backing file without changing what it reads as: {@code img rebase}. */
public final class ImageRebase {
  private static final int CHUNK_BYTES = 1 << 20;

  private ImageRebase() {}

  /**
   * Copies into the image whatever reads differently through the new backing file.
   *
   * @param image open for writing, with its old chain
   * @param newBacking the new backing file, or null for none
   */
  public static void copyDifferences(BlockNode image, BlockNode newBacking, Progress progress)
      throws IOException {
    long total = image.lengthBytes();
    int unit = Math.max(512, image.clusterBytes());
    int chunk = Math.max(CHUNK_BYTES, unit);
    ByteBuffer old = Bytes.pageAligned(chunk);
    ByteBuffer fresh = Bytes.pageAligned(chunk);
    BlockNode oldBacking = image.backing();
    long at = 0;
    while (at < total) {
      ChainStatus.Extent e = ChainStatus.at(image, oldBacking, at, total - at);
      long same = e.length();
      if (e.node() == null) {
        // Where both are known to be zero there is nothing to compare, which may be a terabyte.
        same = Math.min(zeros(oldBacking, at, same), zeros(newBacking, at, same));
      }
      if (same > 0) {
        at += same;
        progress.report(at, total);
        continue;
      }
      int n = (int) Math.min(e.length(), chunk - at % unit);
      load(oldBacking, at, old.clear().limit(n));
      load(newBacking, at, fresh.clear().limit(n));
      copy(image, at, old.flip(), fresh.flip(), unit);
      at += n;
      progress.report(at, total);
    }
    image.flush();
  }

  /** How far a backing file is known to read as zeros; 0 if it is not. */
  private static long zeros(BlockNode node, long at, long length) throws IOException {
    if (node == null || at >= node.lengthBytes()) {
      return length;
    }
    ChainStatus.Extent e = ChainStatus.joined(node, null, at, length);
    return e.zero() ? e.length() : 0;
  }

  private static void load(BlockNode node, long at, ByteBuffer target) throws IOException {
    long there = node == null ? 0 : node.lengthBytes() - at;
    int end = target.limit();
    if (there > 0) {
      target.limit((int) Math.min(end, there));
      node.read(at, target);
      target.limit(end);
    }
    Bytes.zeroFill(target);
  }

  private static void copy(BlockNode image, long at, ByteBuffer old, ByteBuffer fresh, int unit)
      throws IOException {
    int n = old.limit();
    int from = 0;
    while (from < n) {
      int to = (int) Math.min(n, (at + from) / unit * unit + unit - at);
      if (old.slice(from, to - from).mismatch(fresh.slice(from, to - from)) >= 0) {
        if (Bytes.isZero(old, from, to - from)) {
          image.writeZeroes(at + from, to - from, true);
        } else {
          image.write(at + from, old.slice(from, to - from));
        }
      }
      from = to;
    }
  }
}
