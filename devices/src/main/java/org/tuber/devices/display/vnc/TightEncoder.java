package org.tuber.devices.display.vnc;

import io.netty.buffer.ByteBuf;
import java.util.zip.Deflater;
import org.tuber.devices.display.DisplaySurface;

/**
 * The Tight encoding for one client: one colour, a palette, or all colours, packed by zlib. RFC
 * 6143 leaves it out; "The RFB Protocol" (rfbproto), section "Tight Encoding".
 *
 * <p>Deviation: neither JPEG nor the gradient filter, the picture is always exact.
 */
final class TightEncoder implements AutoCloseable {
  private static final int FILL = 0x80;
  private static final int EXPLICIT_FILTER = 0x40;
  private static final int PALETTE_FILTER = 1;
  private static final int MOST_COLOURS = 128;

  /** Shorter data go as they are, without a length. */
  private static final int LEAST_PACKED = 12;

  private static final int MANY = 0;
  private static final int TWO = 1;
  private static final int SOME = 2;

  private final Deflater[] streams = {
    new Deflater(Deflater.BEST_SPEED),
    new Deflater(Deflater.BEST_SPEED),
    new Deflater(Deflater.BEST_SPEED)
  };
  private final int[] palette = new int[MOST_COLOURS];
  private final byte[] indices = new byte[VncSession.TILE * VncSession.TILE];
  private int colours;

  /** Appends a rectangle of at most {@link VncSession#TILE} pixels each way, without its header. */
  void encode(ByteBuf out, RfbPixelFormat format, DisplaySurface s, int x, int y, int w, int h) {
    survey(s, x, y, w, h);
    if (colours == 1) {
      out.writeByte(FILL);
      format.putTight(out, palette[0]);
      return;
    }
    ByteBuf plain = out.alloc().heapBuffer();
    try {
      if (colours == 0) {
        out.writeByte(MANY << 4);
        for (int row = y; row < y + h; row++) {
          for (int column = x; column < x + w; column++) {
            format.putTight(plain, s.pixels()[row * s.width() + column]);
          }
        }
        pack(out, plain, MANY);
      } else {
        int stream = colours == 2 ? TWO : SOME;
        out.writeByte(stream << 4 | EXPLICIT_FILTER);
        out.writeByte(PALETTE_FILTER).writeByte(colours - 1);
        for (int i = 0; i < colours; i++) {
          format.putTight(out, palette[i]);
        }
        if (colours == 2) {
          bits(plain, w, h);
        } else {
          plain.writeBytes(indices, 0, w * h);
        }
        pack(out, plain, stream);
      }
    } finally {
      plain.release();
    }
  }

  /** Numbers the colours; {@link #colours} is 0 when they are too many. */
  private void survey(DisplaySurface s, int x, int y, int w, int h) {
    colours = 0;
    int last = 0;
    for (int i = 0; i < w * h; i++) {
      int pixel = s.pixels()[(y + i / w) * s.width() + x + i % w];
      if (colours == 0 || palette[last] != pixel) {
        last = 0;
        while (last < colours && palette[last] != pixel) {
          last++;
        }
        if (last == MOST_COLOURS) {
          colours = 0;
          return;
        }
        if (last == colours) {
          palette[colours++] = pixel;
        }
      }
      indices[i] = (byte) last;
    }
  }

  private void bits(ByteBuf plain, int w, int h) {
    for (int row = 0; row < h; row++) {
      for (int column = 0; column < w; column += 8) {
        int bits = 0;
        for (int i = 0; i < 8 && column + i < w; i++) {
          bits |= indices[row * w + column + i] << 7 - i;
        }
        plain.writeByte(bits);
      }
    }
  }

  private void pack(ByteBuf out, ByteBuf plain, int stream) {
    if (plain.readableBytes() < LEAST_PACKED) {
      out.writeBytes(plain);
      return;
    }
    ByteBuf packed = out.alloc().heapBuffer();
    try {
      RfbEncoder.deflate(streams[stream], plain, packed);
      int length = packed.readableBytes();
      // Seven bits a byte, low ones first, bit 7: more follow.
      for (; length > 0x7f; length >>>= 7) {
        out.writeByte(length & 0x7f | 0x80);
      }
      out.writeByte(length).writeBytes(packed);
    } finally {
      packed.release();
    }
  }

  @Override
  public void close() {
    for (Deflater stream : streams) {
      stream.end();
    }
  }
}
