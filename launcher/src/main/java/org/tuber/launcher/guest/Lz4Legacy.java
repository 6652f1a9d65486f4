package org.tuber.launcher.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Decoder for the LZ4 legacy frame (LZ4 Frame Format description, "Legacy frame"; LZ4 Block Format
 * description), the form in which kernels are compressed with LZ4.
 */
final class Lz4Legacy {
  private static final int MIN_MATCH = 4;
  private static final int RUN_MASK = 15;

  private final byte[] in;
  private final byte[] out;
  private int from;
  private int to;

  private Lz4Legacy(byte[] in, int size) {
    this.in = in;
    this.out = new byte[size];
  }

  /**
   * Decodes {@code length} bytes of {@code in}, magic number first, to {@code size} bytes.
   *
   * @throws IndexOutOfBoundsException for damaged input
   */
  static byte[] decode(byte[] in, int length, int size) throws IOException {
    Lz4Legacy frame = new Lz4Legacy(in, size);
    ByteBuffer view = ByteBuffer.wrap(in).order(ByteOrder.LITTLE_ENDIAN);
    frame.from = 4;
    while (frame.from + 4 <= length && frame.to < size) {
      int blockBytes = view.getInt(frame.from);
      frame.from += 4;
      if (blockBytes <= 0 || blockBytes > length - frame.from) {
        throw new IOException("LZ4 block length");
      }
      frame.block(frame.from + blockBytes);
    }
    if (frame.to != size) {
      throw new IOException("LZ4 size");
    }
    return frame.out;
  }

  private void block(int end) throws IOException {
    while (from < end) {
      int token = in[from++] & 0xff;
      int literals = run(token >>> 4);
      System.arraycopy(in, from, out, to, literals);
      from += literals;
      to += literals;
      if (from >= end) {
        return;
      }
      int distance = (in[from] & 0xff) | (in[from + 1] & 0xff) << 8;
      from += 2;
      int length = run(token & RUN_MASK) + MIN_MATCH;
      if (distance == 0 || distance > to) {
        throw new IOException("LZ4 distance");
      }
      // Source and target may overlap: then the copy repeats what it has just written.
      for (int i = 0; i < length; i++) {
        out[to] = out[to - distance];
        to++;
      }
    }
  }

  private int run(int start) {
    int length = start;
    if (start == RUN_MASK) {
      int more;
      do {
        more = in[from++] & 0xff;
        length += more;
      } while (more == 255);
    }
    return length;
  }
}
