package org.tuber.devices.display;

import java.nio.charset.StandardCharsets;

/**
 * The monitor's description of itself: one block with one preferred and a few established modes.
 *
 * <p>VESA Enhanced EDID standard release A revision 2 (EDID 1.4), section 3.
 */
final class Edid {
  private static final int BLOCK_BYTES = 128;
  private static final int DPI = 96;
  private static final int REFRESH_HZ = 60;

  private final byte[] block = new byte[BLOCK_BYTES];

  private Edid() {}

  /** A monitor that likes {@code width} by {@code height} best. */
  static byte[] of(int width, int height) {
    Edid e = new Edid();
    e.identity(width, height);
    e.colours();
    e.modes(width, height);
    int sum = 0;
    for (byte b : e.block) {
      sum += b;
    }
    e.put(127, -sum);
    return e.block;
  }

  private void put(int at, int... values) {
    for (int i = 0; i < values.length; i++) {
      block[at + i] = (byte) values[i];
    }
  }

  private static int millimetres(int pixels) {
    return pixels * 254 / (DPI * 10);
  }

  private void identity(int width, int height) {
    put(0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0);
    int maker = ('T' - 64) << 10 | ('U' - 64) << 5 | 'B' - 64;
    put(8, maker >> 8, maker, 1, 0, 0, 0, 0, 0, 1, 36, 1, 4);
    // Digital, 8 bits a colour; gamma 2.2; sRGB and a preferred mode.
    put(20, 0xa0, millimetres(width) / 10, millimetres(height) / 10, 120, 0x06);
  }

  private void colours() {
    put(25, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54);
    // Established: 640x480, 800x600, 1024x768 at 60 Hz.
    put(35, 0x21, 0x08, 0x00);
    for (int i = 38; i < 54; i++) {
      put(i, 1);
    }
  }

  private void modes(int width, int height) {
    int hBlank = width * 35 / 100;
    int vBlank = height * 35 / 1000 + 1;
    int hFront = width * 25 / 100;
    int hSync = width * 3 / 100;
    int vFront = Math.max(1, height * 5 / 1000);
    int vSync = Math.max(1, height * 5 / 1000);
    int clock = (int) ((long) REFRESH_HZ * (width + hBlank) * (height + vBlank) / 10_000);
    int wide = millimetres(width);
    int high = millimetres(height);
    put(54, clock, clock >> 8, width, hBlank, width >> 8 << 4 | hBlank >> 8);
    put(59, height, vBlank, height >> 8 << 4 | vBlank >> 8, hFront, hSync);
    put(64, (vFront & 15) << 4 | vSync & 15);
    put(65, hFront >> 8 << 6 | (hSync >> 8 & 3) << 4 | (vFront >> 4 & 3) << 2 | vSync >> 4 & 3);
    put(66, wide, high, wide >> 8 << 4 | high >> 8, 0, 0, 0x18);
    put(72, 0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 0xff, 0x01, 0x0a, 32, 32, 32, 32, 32, 32);
    text(90, 0xfc, "Tuber monitor");
    text(108, 0xff, "1");
  }

  private void text(int at, int kind, String text) {
    put(at, 0, 0, 0, kind, 0);
    byte[] letters = (text + "\n            ").getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(letters, 0, block, at + 5, 13);
  }
}
