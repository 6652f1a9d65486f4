package org.tuber.devices.block.ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.Preallocation;

/** Moves what the images above a base hold down into the base: {@code img commit}. */
public final class ImageCommit {
  private static final int CHUNK_BYTES = 2 << 20;

  private ImageCommit() {}

  /**
   * Copies down.
   *
   * @param top the chain to read
   * @param stop the image in that chain that the base is; ranges it provides are left alone
   * @param base the same image, opened for writing
   * @param pace how fast
   */
  public static void run(
      BlockNode top, BlockNode stop, BlockNode base, Pace pace, Progress progress)
      throws IOException {
    if (base.isReadOnly()) {
      throw new ImageException(base.filename(), "base", "is not writable");
    }
    long total = top.lengthBytes();
    if (base.lengthBytes() < total) {
      base.resize(total, Preallocation.OFF);
    }
    ByteBuffer buffer = Bytes.pageAligned(CHUNK_BYTES);
    long at = 0;
    while (at < total) {
      ChainStatus.Extent e = ChainStatus.at(top, stop, at, Math.min(total - at, 1L << 30));
      long n = e.length();
      if (e.data()) {
        n = Math.min(n, CHUNK_BYTES);
        buffer.clear().limit((int) n);
        top.read(at, buffer);
        pace.take(n);
        base.write(at, buffer.flip());
      } else if (e.zero() && e.node() != null) {
        base.writeZeroes(at, n, true);
      }
      at += n;
      progress.report(at, total);
    }
    base.flush();
  }
}
