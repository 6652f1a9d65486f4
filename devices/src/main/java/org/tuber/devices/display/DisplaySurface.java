package org.tuber.devices.display;

import java.util.Arrays;

/** One picture: rows of pixels, each with red in bits 23:16, green in 15:8 and blue in 7:0. */
public final class DisplaySurface {
  private int width;
  private int height;
  private int[] pixels = {};

  /** An empty picture. */
  public DisplaySurface() {}

  /** Gives the picture its size; a new size makes it black. */
  public void resize(int newWidth, int newHeight) {
    if (newWidth != width || newHeight != height) {
      width = newWidth;
      height = newHeight;
      pixels = new int[newWidth * newHeight];
    }
  }

  /** Makes all of it black. */
  public void clear() {
    Arrays.fill(pixels, 0);
  }

  /** Pixels in a row. */
  public int width() {
    return width;
  }

  /** Rows. */
  public int height() {
    return height;
  }

  /** The pixels themselves, row by row. */
  public int[] pixels() {
    return pixels;
  }

  /** A copy that the owner of this one does not change. */
  public DisplaySurface copy() {
    DisplaySurface result = new DisplaySurface();
    result.width = width;
    result.height = height;
    result.pixels = pixels.clone();
    return result;
  }

  /**
   * True when a rectangle looks the same in both; the pictures have the same size.
   *
   * @param columns pixels to the right of {@code x}
   * @param rows rows below {@code y}
   */
  public boolean sameIn(DisplaySurface other, int x, int y, int columns, int rows) {
    for (int row = y; row < y + rows; row++) {
      int from = row * width + x;
      if (!Arrays.equals(pixels, from, from + columns, other.pixels, from, from + columns)) {
        return false;
      }
    }
    return true;
  }
}
