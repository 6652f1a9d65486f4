package org.tuber.devices.block.qcow2;

import com.github.luben.zstd.Zstd;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Compresses and restores one cluster at a time, as deflate without a frame or as zstd ({@code
 * docs/interop/qcow2.txt}, "Compressed Clusters Descriptor").
 *
 * <p>The format wants deflate distances of at most 4 KiB. Java's deflater cannot be told so: where
 * the system's zlib is missing, a full flush every 4 KiB keeps distances short at some cost in
 * size.
 */
final class ClusterCodec {
  static final int DEFLATE = 0;
  static final int ZSTD = 1;
  private static final int WINDOW_BYTES = 4096;
  private static final int ZSTD_LEVEL = 3;

  private ClusterCodec() {}

  /** Compresses; returns null when the result would not be smaller than {@code limit} bytes. */
  static byte[] compress(int type, byte[] cluster, int limit) {
    if (type == ZSTD) {
      byte[] out = new byte[(int) Zstd.compressBound(cluster.length)];
      long n = Zstd.compressByteArray(out, 0, out.length, cluster, 0, cluster.length, ZSTD_LEVEL);
      return Zstd.isError(n) || n >= limit ? null : java.util.Arrays.copyOf(out, (int) n);
    }
    SystemZlib zlib = SystemZlib.available();
    return zlib != null ? zlib.deflate(cluster, limit) : deflate(cluster, limit);
  }

  private static byte[] deflate(byte[] cluster, int limit) {
    Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
    try {
      byte[] out = new byte[limit];
      int n = 0;
      for (int at = 0; at < cluster.length; at += WINDOW_BYTES) {
        boolean last = at + WINDOW_BYTES >= cluster.length;
        deflater.setInput(cluster, at, Math.min(WINDOW_BYTES, cluster.length - at));
        if (last) {
          deflater.finish();
        }
        int got;
        do {
          if (n == limit) {
            return null;
          }
          got = deflater.deflate(out, n, limit - n, last ? Deflater.NO_FLUSH : Deflater.FULL_FLUSH);
          n += got;
        } while (last ? !deflater.finished() : got > 0 && n == limit);
      }
      return java.util.Arrays.copyOf(out, n);
    } finally {
      deflater.end();
    }
  }

  /** Restores a cluster; false when the data is damaged. */
  static boolean decompress(int type, byte[] packed, byte[] cluster) {
    return type == ZSTD ? unzstd(packed, cluster) : inflate(packed, cluster);
  }

  private static boolean inflate(byte[] packed, byte[] cluster) {
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(packed);
      int n = 0;
      while (n < cluster.length) {
        int got = inflater.inflate(cluster, n, cluster.length - n);
        if (got == 0) {
          return false;
        }
        n += got;
      }
      return true;
    } catch (DataFormatException e) {
      return false;
    } finally {
      inflater.end();
    }
  }

  private static boolean unzstd(byte[] packed, byte[] cluster) {
    // The stored length is in sectors: the frame's own end has to be found.
    long frame = Zstd.findFrameCompressedSize(packed);
    if (Zstd.isError(frame)) {
      return false;
    }
    long n = Zstd.decompressByteArray(cluster, 0, cluster.length, packed, 0, (int) frame);
    return !Zstd.isError(n) && n == cluster.length;
  }
}
