package org.tuber.devices.display.vnc;

import io.netty.buffer.ByteBuf;
import java.util.zip.Deflater;
import org.tuber.devices.display.DisplaySurface;

/**
 * Turns rectangles into bytes for one client: raw, hextile, ZRLE, Tight. RFC 6143, section 7.7.
 *
 * <p>Deviation: of the tile kinds of ZRLE only solid, two colours and raw are used.
 */
final class RfbEncoder implements AutoCloseable {
  static final int RAW = 0;
  static final int COPY_RECT = 1;
  static final int HEXTILE = 5;
  static final int TIGHT = 7;
  static final int ZRLE = 16;

  private static final int HEXTILE_SIZE = 16;
  private static final int ZRLE_SIZE = 64;
  private static final int HEXTILE_RAW = 1;
  private static final int HEXTILE_BACKGROUND = 2;
  private static final int HEXTILE_FOREGROUND = 4;
  private static final int HEXTILE_SUBRECTANGLES = 8;
  private static final int MAX_SUBRECTANGLES = 255;
  private static final int PACKED_BYTES = 8192;

  private final Deflater deflater = new Deflater(Deflater.BEST_SPEED);
  private final TightEncoder tight = new TightEncoder();
  private RfbPixelFormat format = RfbPixelFormat.DEFAULT;
  private int background;
  private int foreground;
  private int colours;

  void setFormat(RfbPixelFormat newFormat) {
    format = newFormat;
  }

  /** Appends a rectangle with its header. */
  void encode(ByteBuf out, DisplaySurface s, int x, int y, int w, int h, int encoding) {
    out.writeShort(x).writeShort(y).writeShort(w).writeShort(h).writeInt(encoding);
    switch (encoding) {
      case HEXTILE -> hextile(out, s, x, y, w, h);
      case ZRLE -> zrle(out, s, x, y, w, h);
      case TIGHT -> tight.encode(out, format, s, x, y, w, h);
      default -> raw(out, s, x, y, w, h);
    }
  }

  private void raw(ByteBuf out, DisplaySurface s, int x, int y, int w, int h) {
    for (int row = y; row < y + h; row++) {
      for (int column = x; column < x + w; column++) {
        format.put(out, s.pixels()[row * s.width() + column]);
      }
    }
  }

  /** Finds out the colours of a tile: at most two are told apart, 3 means more. */
  private void survey(DisplaySurface s, int x, int y, int w, int h) {
    background = s.pixels()[y * s.width() + x];
    colours = 1;
    for (int row = y; row < y + h; row++) {
      for (int column = x; column < x + w; column++) {
        int pixel = s.pixels()[row * s.width() + column];
        if (pixel == background || colours == 2 && pixel == foreground) {
          continue;
        }
        colours++;
        foreground = pixel;
        if (colours > 2) {
          return;
        }
      }
    }
  }

  private void hextile(ByteBuf out, DisplaySurface s, int x, int y, int w, int h) {
    for (int ty = y; ty < y + h; ty += HEXTILE_SIZE) {
      for (int tx = x; tx < x + w; tx += HEXTILE_SIZE) {
        int tw = Math.min(HEXTILE_SIZE, x + w - tx);
        int th = Math.min(HEXTILE_SIZE, y + h - ty);
        survey(s, tx, ty, tw, th);
        int start = out.writerIndex();
        if (colours == 1) {
          out.writeByte(HEXTILE_BACKGROUND);
          format.put(out, background);
        } else if (colours > 2 || !hextileTwo(out, s, tx, ty, tw, th)) {
          out.writerIndex(start);
          out.writeByte(HEXTILE_RAW);
          raw(out, s, tx, ty, tw, th);
        }
      }
    }
  }

  /** A tile of two colours, by horizontal runs; false when there are too many. */
  private boolean hextileTwo(ByteBuf out, DisplaySurface s, int x, int y, int w, int h) {
    out.writeByte(HEXTILE_BACKGROUND | HEXTILE_FOREGROUND | HEXTILE_SUBRECTANGLES);
    format.put(out, background);
    format.put(out, foreground);
    int countAt = out.writerIndex();
    out.writeByte(0);
    int count = 0;
    for (int row = 0; row < h; row++) {
      int from = (y + row) * s.width() + x;
      int column = 0;
      while (column < w) {
        int run = column;
        while (run < w && s.pixels()[from + run] == foreground) {
          run++;
        }
        if (run > column) {
          out.writeByte(column << 4 | row);
          out.writeByte((run - column - 1) << 4);
          count++;
        }
        column = run + 1;
      }
    }
    out.setByte(countAt, count);
    return count <= MAX_SUBRECTANGLES;
  }

  private void zrle(ByteBuf out, DisplaySurface s, int x, int y, int w, int h) {
    ByteBuf plain = out.alloc().heapBuffer();
    try {
      for (int ty = y; ty < y + h; ty += ZRLE_SIZE) {
        for (int tx = x; tx < x + w; tx += ZRLE_SIZE) {
          zrleTile(
              plain, s, tx, ty, Math.min(ZRLE_SIZE, x + w - tx), Math.min(ZRLE_SIZE, y + h - ty));
        }
      }
      int lengthAt = out.writerIndex();
      out.writeInt(0);
      deflate(deflater, plain, out);
      out.setInt(lengthAt, out.writerIndex() - lengthAt - 4);
    } finally {
      plain.release();
    }
  }

  /** Packs all of {@code plain} so that the receiver can unpack all of it. */
  static void deflate(Deflater deflater, ByteBuf plain, ByteBuf out) {
    byte[] bytes = new byte[plain.readableBytes()];
    plain.readBytes(bytes);
    deflater.setInput(bytes);
    byte[] packed = new byte[PACKED_BYTES];
    int n;
    do {
      n = deflater.deflate(packed, 0, packed.length, Deflater.SYNC_FLUSH);
      out.writeBytes(packed, 0, n);
    } while (n == packed.length);
  }

  private void zrleTile(ByteBuf out, DisplaySurface s, int x, int y, int w, int h) {
    survey(s, x, y, w, h);
    switch (colours) {
      case 1 -> {
        out.writeByte(1);
        format.putCompressed(out, background);
      }
      case 2 -> {
        out.writeByte(2);
        format.putCompressed(out, background);
        format.putCompressed(out, foreground);
        for (int row = y; row < y + h; row++) {
          int from = row * s.width() + x;
          for (int column = 0; column < w; column += 8) {
            int bits = 0;
            for (int i = 0; i < 8 && column + i < w; i++) {
              bits |= s.pixels()[from + column + i] == foreground ? 0x80 >> i : 0;
            }
            out.writeByte(bits);
          }
        }
      }
      default -> {
        out.writeByte(0);
        for (int row = y; row < y + h; row++) {
          for (int column = x; column < x + w; column++) {
            format.putCompressed(out, s.pixels()[row * s.width() + column]);
          }
        }
      }
    }
  }

  @Override
  public void close() {
    tight.close();
    deflater.end();
  }
}
