package org.tuber.devices.block.ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.tuber.devices.block.BlockNode;
import org.tuber.devices.block.Bytes;

/** Compares what two disks read as: {@code img compare}. */
public final class ImageCompare {
  private static final int CHUNK_BYTES = 2 << 20;

  private final BlockNode a;
  private final BlockNode b;
  private final Progress progress;
  private final ByteBuffer bufferA = Bytes.pageAligned(CHUNK_BYTES);
  private final ByteBuffer bufferB = Bytes.pageAligned(CHUNK_BYTES);

  /** Prepares the comparison. */
  public ImageCompare(BlockNode a, BlockNode b, Progress progress) {
    this.a = a;
    this.b = b;
    this.progress = progress;
  }

  /** Offset of the first difference, or -1; what one disk has more must be zero. */
  public long firstDifference() throws IOException {
    long common = Math.min(a.lengthBytes(), b.lengthBytes());
    long total = Math.max(a.lengthBytes(), b.lengthBytes());
    long at = 0;
    while (at < common) {
      long span = Math.min(common - at, 1L << 30);
      ChainStatus.Extent ea = ChainStatus.at(a, null, at, span);
      ChainStatus.Extent eb = ChainStatus.at(b, null, at, ea.length());
      long n = eb.length();
      if (!ea.zero() || !eb.zero()) {
        n = Math.min(n, CHUNK_BYTES);
        long differs = compare(at, (int) n, ea.zero(), eb.zero());
        if (differs >= 0) {
          return differs;
        }
      }
      at += n;
      progress.report(at, total);
    }
    BlockNode longer = a.lengthBytes() > b.lengthBytes() ? a : b;
    while (at < total) {
      ChainStatus.Extent e = ChainStatus.at(longer, null, at, total - at);
      long n = e.length();
      if (!e.zero()) {
        n = Math.min(n, CHUNK_BYTES);
        bufferA.clear().limit((int) n);
        longer.read(at, bufferA);
        long differs = firstNonZero(bufferA, at, (int) n);
        if (differs >= 0) {
          return differs;
        }
      }
      at += n;
      progress.report(at, total);
    }
    return -1;
  }

  private long compare(long at, int n, boolean zeroA, boolean zeroB) throws IOException {
    if (!zeroA) {
      bufferA.clear().limit(n);
      a.read(at, bufferA);
    }
    if (!zeroB) {
      bufferB.clear().limit(n);
      b.read(at, bufferB);
    }
    if (zeroA) {
      return firstNonZero(bufferB, at, n);
    }
    if (zeroB) {
      return firstNonZero(bufferA, at, n);
    }
    int differs = bufferA.flip().mismatch(bufferB.flip());
    // Differences are told by sector, as the first byte of one.
    return differs < 0 ? -1 : at + differs & -512L;
  }

  private static long firstNonZero(ByteBuffer buffer, long at, int n) {
    if (Bytes.isZero(buffer, 0, n)) {
      return -1;
    }
    int i = 0;
    while (buffer.get(i) == 0) {
      i++;
    }
    return at + i & -512L;
  }
}
