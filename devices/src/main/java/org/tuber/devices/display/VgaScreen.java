package org.tuber.devices.display;

import org.tuber.core.mem.GuestRam;

/**
 * Draws what the registers of a VGA say is on the screen: text with loaded fonts, planes of 1, 2
 * and 4 bits, 256 colours.
 *
 * <p>IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem". Deviations: cursor and
 * blinking characters are always seen; horizontal and preset-row panning and the overscan border
 * are not drawn.
 */
final class VgaScreen {
  private static final int MAX_WIDTH = 2304;
  private static final int GLYPH_ROWS = 32;

  private final VgaCore vga;
  private final GuestRam vram;
  private final int[] colours = new int[16];

  VgaScreen(VgaCore vga, GuestRam vram) {
    this.vga = vga;
    this.vram = vram;
  }

  private int cr(int index) {
    return vga.crtc[index] & 0xff;
  }

  boolean isText() {
    return (vga.attribute[0x10] & 1) == 0 && (vga.graphics[6] & 1) == 0;
  }

  private int columns() {
    return cr(0x01) + 1;
  }

  private int lines() {
    return (cr(0x12) | (cr(7) & 2) << 7 | (cr(7) & 0x40) << 3) + 1;
  }

  private int charHeight() {
    return (cr(9) & 31) + 1;
  }

  private int start() {
    return cr(0x0c) << 8 | cr(0x0d);
  }

  private int splitLine() {
    return cr(0x18) | (cr(7) & 0x10) << 4 | (cr(9) & 0x40) << 3;
  }

  /** Video memory, which ends where it ends: beyond, there is nothing. */
  private int vram8(long offset) {
    return offset < vram.sizeBytes() ? vram.load8(offset) : 0;
  }

  private void loadColours() {
    for (int i = 0; i < colours.length; i++) {
      int index = vga.attribute[i] & 0x3f;
      int select = vga.attribute[0x14];
      index =
          (vga.attribute[0x10] & 0x80) != 0
              ? index & 0x0f | (select & 0x0f) << 4
              : index | (select & 0x0c) << 4;
      colours[i] = vga.colour(index);
    }
  }

  void render(DisplaySurface out) {
    int dots = isText() && (vga.sequencer[1] & 1) == 0 ? 9 : 8;
    int doubled = (vga.sequencer[1] & 8) != 0 ? 2 : 1;
    out.resize(Math.min(columns() * dots * doubled, MAX_WIDTH), lines());
    if (!vga.isScreenOn()) {
      out.clear();
      return;
    }
    loadColours();
    if (isText()) {
      drawText(out, dots, doubled);
    } else if ((vga.graphics[5] & 0x40) != 0) {
      draw256(out);
    } else {
      drawPlanes(out, doubled);
    }
  }

  // Text.

  private long fontBase(boolean second) {
    int select = vga.sequencer[3];
    int a = select >> 2 & 3 | select >> 3 & 4;
    int b = select & 3 | select >> 2 & 4;
    int font = second ? a : b;
    return (font & 3) * 0x4000L + (font >> 2) * 0x2000L;
  }

  private void drawText(DisplaySurface out, int dots, int doubled) {
    int height = charHeight();
    int columns = out.width() / (dots * doubled);
    int cursor = cr(0x0e) << 8 | cr(0x0f);
    long plain = fontBase(false);
    long bold = fontBase(true);
    boolean blink = (vga.attribute[0x10] & 8) != 0;
    boolean lineGraphics = (vga.attribute[0x10] & 4) != 0;
    for (int y = 0; y < out.height(); y++) {
      int row = y / height;
      int scan = y % height;
      boolean cursorLine =
          (cr(0x0a) & 0x20) == 0 && scan >= (cr(0x0a) & 31) && scan <= (cr(0x0b) & 31);
      for (int x = 0; x < columns; x++) {
        int cell = (start() + row * cr(0x13) * 2 + x) & 0xffff;
        int character = vram8(4L * cell);
        int look = vram8(4L * cell + 1);
        long font = (look & 8) != 0 ? bold : plain;
        int glyph = vram8(4 * (font + character * GLYPH_ROWS + scan) + 2);
        int pattern = glyph << 1;
        if (lineGraphics && character >= 0xc0 && character <= 0xdf) {
          pattern |= glyph & 1;
        }
        if (cell == cursor && cursorLine) {
          pattern = 0x1ff;
        }
        int back = colours[look >> 4 & (blink ? 7 : 15)];
        drawGlyphRow(out, y, x * dots * doubled, pattern, colours[look & 15], back, dots, doubled);
      }
    }
  }

  private static void drawGlyphRow(
      DisplaySurface out, int y, int x, int pattern, int fore, int back, int dots, int doubled) {
    int[] pixels = out.pixels();
    int at = y * out.width() + x;
    for (int d = 0; d < dots * doubled; d++) {
      pixels[at + d] = (pattern >> (8 - d / doubled) & 1) != 0 ? fore : back;
    }
  }

  /** The characters on the screen; letters outside of ASCII as question marks. */
  String text() {
    StringBuilder text = new StringBuilder();
    int rows = lines() / charHeight();
    for (int row = 0; row < rows; row++) {
      int from = text.length();
      for (int x = 0; x < columns(); x++) {
        int c = vram8(4L * (start() + row * cr(0x13) * 2 + x & 0xffff));
        text.append(c == 0 ? ' ' : c < ' ' || c > '~' ? '?' : (char) c);
      }
      int end = text.length();
      while (end > from && text.charAt(end - 1) == ' ') {
        end--;
      }
      text.setLength(end);
      text.append('\n');
    }
    return text.toString();
  }

  /** Fills in the characters with their attributes. */
  void render(TextScreen out) {
    int columns = columns();
    int rows = Math.max(1, lines() / charHeight());
    out.resize(columns, rows);
    out.setBlank(!vga.isScreenOn());
    boolean blink = (vga.attribute[0x10] & 8) != 0;
    for (int row = 0; row < rows; row++) {
      for (int x = 0; x < columns; x++) {
        int cell = (start() + row * cr(0x13) * 2 + x) & 0xffff;
        int look = vram8(4L * cell + 1);
        out.set(row * columns + x, vram8(4L * cell), blink ? look & 0x7f : look);
      }
    }
    int position = ((cr(0x0e) << 8 | cr(0x0f)) - start()) & 0xffff;
    int pitch = Math.max(1, cr(0x13) * 2);
    boolean seen = (cr(0x0a) & 0x20) == 0 && position % pitch < columns;
    out.setCursor(seen ? position / pitch * columns + position % pitch : -1);
  }

  // Graphics.

  /** The plane cell where the line at {@code y} starts. */
  private int lineStart(int y) {
    int split = splitLine();
    int base = start();
    int line = y;
    if (y > split) {
      base = 0;
      line = y - split - 1;
    }
    int repeat = charHeight() << ((cr(9) & 0x80) != 0 ? 1 : 0);
    int scan = line % repeat;
    int address = base + line / repeat * cr(0x13) * 2;
    // Compatibility with CGA and Hercules: the row within the character selects the bank.
    if ((cr(0x17) & 1) == 0) {
      address = address & ~0x2000 | (scan & 1) << 13;
    }
    if ((cr(0x17) & 2) == 0) {
      address = address & ~0x4000 | (scan & 2) << 13;
    }
    return address;
  }

  private void draw256(DisplaySurface out) {
    int[] pixels = out.pixels();
    int at = 0;
    for (int y = 0; y < out.height(); y++) {
      long from = 4L * lineStart(y);
      for (int x = 0; x < out.width(); x++) {
        // Two dots for each pixel.
        pixels[at++] = vga.colour(vram8(from + (x >> 1)));
      }
    }
  }

  private void drawPlanes(DisplaySurface out, int doubled) {
    int enabled = vga.attribute[0x12] & 15;
    boolean interleaved = (vga.graphics[5] & 0x20) != 0;
    int[] pixels = out.pixels();
    int at = 0;
    for (int y = 0; y < out.height(); y++) {
      int from = lineStart(y);
      for (int x = 0; x < out.width(); x++) {
        int dot = x / doubled;
        long cell = 4L * (from + (dot >> 3) & 0xffff);
        int bit = 7 - (dot & 7);
        int colour;
        if (interleaved) {
          // Two bits of each pixel side by side: the first half of a cell in planes 0 and 2.
          int half = dot >> 2 & 1;
          int shift = 6 - 2 * (dot & 3);
          colour = vram8(cell + half) >> shift & 3 | (vram8(cell + half + 2) >> shift & 3) << 2;
        } else {
          colour =
              vram8(cell) >> bit & 1
                  | (vram8(cell + 1) >> bit & 1) << 1
                  | (vram8(cell + 2) >> bit & 1) << 2
                  | (vram8(cell + 3) >> bit & 1) << 3;
        }
        pixels[at++] = colours[colour & enabled];
      }
    }
  }
}
