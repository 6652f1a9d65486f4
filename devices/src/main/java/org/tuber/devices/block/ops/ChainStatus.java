package org.tuber.devices.block.ops;

import java.io.IOException;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.BlockStatus;

/** Where bytes of a disk come from, through the whole backing chain. */
public final class ChainStatus {
  private ChainStatus() {}

  /**
   * One extent.
   *
   * @param offset guest offset
   * @param length in bytes
   * @param depth how many images down, 0 the top
   * @param node the image that decides, or null if none does
   * @param present some image has the extent allocated
   * @param zero reads as zero
   * @param data stored as data
   * @param hostOffset offset in the image file, or -1
   * @param compressed stored compressed
   */
  public record Extent(
      long offset,
      long length,
      int depth,
      BlockNode node,
      boolean present,
      boolean zero,
      boolean data,
      long hostOffset,
      boolean compressed) {

    /** True if {@code next} follows and is of the same kind. */
    boolean continuesWith(Extent next) {
      return depth == next.depth
          && present == next.present
          && zero == next.zero
          && data == next.data
          && compressed == next.compressed
          && node == next.node
          && (hostOffset < 0) == (next.hostOffset < 0)
          && (hostOffset < 0 || hostOffset + length == next.hostOffset);
    }

    Extent plus(long more) {
      return new Extent(
          offset, length + more, depth, node, present, zero, data, hostOffset, compressed);
    }
  }

  /** The extent at an offset; looks no further down than {@code base}, exclusive. */
  public static Extent at(BlockNode top, BlockNode base, long offset, long length)
      throws IOException {
    BlockNode node = top;
    int depth = 0;
    long n = length;
    while (true) {
      long there = node.lengthBytes() - offset;
      if (there <= 0) {
        // Past the end of a shorter backing file zeros show.
        return new Extent(offset, n, depth, node, false, true, false, -1, false);
      }
      BlockStatus s = node.status(offset, Math.min(n, there));
      n = s.length();
      if (s.kind() != BlockStatus.Kind.UNALLOCATED) {
        boolean data = s.kind() == BlockStatus.Kind.DATA;
        return new Extent(
            offset, n, depth, node, true, !data, data, s.hostOffset(), s.compressed());
      }
      BlockNode next = node.backing();
      if (next == null || next == base) {
        return new Extent(offset, n, depth, null, false, next == null, false, -1, false);
      }
      node = next;
      depth++;
    }
  }

  /** The same, with equal neighbours joined up to {@code length}. */
  public static Extent joined(BlockNode top, BlockNode base, long offset, long length)
      throws IOException {
    Extent e = at(top, base, offset, length);
    while (e.length() < length) {
      Extent next = at(top, base, offset + e.length(), length - e.length());
      if (!e.continuesWith(next)) {
        break;
      }
      e = e.plus(next.length());
    }
    return e;
  }
}
