package org.tuber.devices.block.live;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ops.ChainStatus;

/** Copies ranges between nodes, zeros as zeros. For one thread at a time. */
final class ChunkCopy {
  /** Most that is copied in one step; guest writes to it wait meanwhile. */
  static final int MAX_BYTES = 1 << 20;

  /** Writing failed, not reading. */
  static final class TargetException extends IOException {
    private static final long serialVersionUID = 1L;

    TargetException(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  private final ByteBuffer buffer = Bytes.pageAligned(MAX_BYTES);

  /**
   * Makes {@code target} read in a range as {@code source} does.
   *
   * @param skipZeros zeros need not be written: the target reads as zero where nothing was written
   */
  void copy(BlockNode source, BlockNode target, long offset, long length, boolean skipZeros)
      throws IOException {
    long at = offset;
    long end = offset + length;
    while (at < end) {
      ChainStatus.Extent e = ChainStatus.at(source, null, at, Math.min(end - at, MAX_BYTES));
      int n = (int) e.length();
      if (!e.zero()) {
        buffer.clear().limit(n);
        source.read(at, buffer);
      }
      try {
        if (!e.zero() && !Bytes.isZero(buffer, 0, n)) {
          target.write(at, buffer.flip());
        } else if (!skipZeros) {
          target.writeZeroes(at, n, true);
        }
      } catch (IOException failure) {
        throw new TargetException(failure);
      }
      at += n;
    }
  }
}
