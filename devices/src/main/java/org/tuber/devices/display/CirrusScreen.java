package org.tuber.devices.display;

import org.tuber.core.mem.GuestRam;

/**
 * Draws what a GD5446 shows in its packed-pixel modes, and the hardware cursor.
 *
 * <p>CL-GD5446 Technical Reference Manual, "Extended Sequencer Mode" (SR7), "Hidden DAC" and
 * "Hardware Cursor". Deviations: mixed palette and direct-colour modes are drawn as direct colour;
 * the screen-off bit of SR1 is without effect, as the card's usual BIOS leaves it set.
 */
final class CirrusScreen {
  private static final int CURSOR_AREA_BYTES = 16 << 10;
  private static final int CURSOR_ENABLED = 1;
  private static final int CURSOR_LARGE = 4;
  private static final int MAX_SIDE = 2048;
  private static final int ATTRIBUTE_INDEX = 0x3c0;
  private static final int PALETTE_ON = 0x20;

  private final byte[] sr;
  private final byte[] cr;
  private final byte[] hiddenPalette;
  private final VgaCore vga;
  private final GuestRam vram;

  CirrusScreen(byte[] sr, byte[] cr, byte[] hiddenPalette, VgaCore vga, GuestRam vram) {
    this.sr = sr;
    this.cr = cr;
    this.hiddenPalette = hiddenPalette;
    this.vga = vga;
    this.vram = vram;
  }

  private int crtc(int index) {
    return vga.crtc[index] & 0xff;
  }

  /** Bits of a pixel: SR7 says how many bytes, the hidden DAC what they mean. */
  private int depth(int hiddenDac) {
    return switch (sr[7] & 0x0e) {
      case 0x02, 0x06 -> (hiddenDac & 0x0f) == 1 ? 16 : 15;
      case 0x04 -> 24;
      case 0x08 -> 32;
      default -> 8;
    };
  }

  /** Draws the frame buffer. */
  void render(DisplaySurface out, int hiddenDac) {
    int width = Math.min(MAX_SIDE, (crtc(1) + 1) * 8);
    int height = (crtc(0x12) | (crtc(7) & 2) << 7 | (crtc(7) & 0x40) << 3) + 1;
    if ((cr[0x1a] & 1) != 0) {
      height *= 2; // interlaced
    }
    out.resize(width, height);
    if ((vga.readPort(ATTRIBUTE_INDEX) & PALETTE_ON) == 0) {
      out.clear();
      return;
    }
    int depth = depth(hiddenDac);
    int bytes = (depth + 7) / 8;
    int pitch = (crtc(0x13) | (cr[0x1b] & 0x10) << 4) * 8;
    int start = crtc(0x0c) << 8 | crtc(0x0d) | (cr[0x1b] & 1) << 16;
    start |= (cr[0x1b] & 0x0c) << 15 | (cr[0x1d] & 0x80) << 12;
    long mask = vram.sizeBytes() - 1;
    int[] pixels = out.pixels();
    int at = 0;
    for (int y = 0; y < height; y++) {
      long from = 4L * start + (long) y * pitch;
      for (int x = 0; x < width; x++) {
        pixels[at++] = pixel(from + (long) x * bytes, mask, depth);
      }
    }
  }

  private int pixel(long from, long mask, int depth) {
    int low = vram.load8(from & mask);
    if (depth == 8) {
      return vga.colour(low);
    }
    int second = vram.load8(from + 1 & mask);
    if (depth <= 16) {
      int v = low | second << 8;
      int red = v >> (depth == 16 ? 11 : 10) & 31;
      int green = depth == 16 ? v >> 5 & 63 : (v >> 5 & 31) << 1 | v >> 9 & 1;
      int blue = v & 31;
      return (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | blue << 3 | blue >> 2;
    }
    return vram.load8(from + 2 & mask) << 16 | second << 8 | low;
  }

  /** Draws the cursor over the picture, when it is on. */
  void drawCursor(DisplaySurface out, int left, int top) {
    if ((sr[0x12] & CURSOR_ENABLED) == 0) {
      return;
    }
    boolean large = (sr[0x12] & CURSOR_LARGE) != 0;
    int side = large ? 64 : 32;
    long base = vram.sizeBytes() - CURSOR_AREA_BYTES + (sr[0x13] & (large ? 0x3c : 0x3f)) * 256L;
    int lineBytes = large ? 16 : 4;
    int secondPlane = large ? 8 : 128;
    int background = colour(0);
    int foreground = colour(15);
    int[] pixels = out.pixels();
    for (int y = 0; y < side && top + y < out.height(); y++) {
      for (int x = 0; x < side && left + x < out.width(); x++) {
        long at = base + (long) y * lineBytes + x / 8;
        int first = vram.load8(at) >> 7 - x % 8 & 1;
        int second = vram.load8(at + secondPlane) >> 7 - x % 8 & 1;
        int pixel = (top + y) * out.width() + left + x;
        if (second != 0) {
          pixels[pixel] = first != 0 ? foreground : background;
        } else if (first != 0) {
          pixels[pixel] ^= 0xffffff;
        }
      }
    }
  }

  private int colour(int index) {
    int result = 0;
    for (int i = 0; i < 3; i++) {
      int part = hiddenPalette[3 * index + i] & 0x3f;
      result = result << 8 | part << 2 | part >> 4;
    }
    return result;
  }
}
