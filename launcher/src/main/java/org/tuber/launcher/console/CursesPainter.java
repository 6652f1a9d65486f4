package org.tuber.launcher.console;

import java.util.Arrays;

/**
 * Draws cells on a terminal of some size (ECMA-48, with colours 8 to 15 as xterm and others have
 * them), only what has changed. A cell is a character in its low 32 bits, colours and looks above.
 */
final class CursesPainter {
  /** Takes the terminal's other screen. */
  static final String ENTER = "\033[?1049h\033[0m\033[2J";

  /** Gives it back. */
  static final String LEAVE = "\033[0m\033[?25h\033[?1049l";

  private static final int FORE_SHIFT = 32;
  private static final int BACK_SHIFT = 36;
  private static final int CURSOR_NONE = -1;
  private static final long DEFAULT_LOOK = 7L << FORE_SHIFT;

  /** Code page 437 from 80H on, and its pictures below 20H. */
  private static final String HIGH =
      "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
          + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

  private static final String LOW = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";

  /** The order of colours: VGA counts blue first, terminals red. */
  private static final int[] ANSI = {0, 4, 2, 6, 1, 5, 3, 7};

  private long[] shown = {};
  private int shownColumns;
  private int shownRows;
  private int shownCursor = Integer.MIN_VALUE;

  /** A cell of a VGA text mode. */
  static long vgaCell(int character, int attribute) {
    char c;
    if (character >= 0x80) {
      c = HIGH.charAt(character - 0x80);
    } else if (character < LOW.length()) {
      c = LOW.charAt(character);
    } else {
      c = character == 0x7f ? '⌂' : (char) character;
    }
    return cell(c, colour(attribute & 15), colour(attribute >> 4));
  }

  private static int colour(int vga) {
    return ANSI[vga & 7] | vga & 8;
  }

  /** A cell with a terminal's colours, 0 to 15. */
  static long cell(int character, int fore, int back) {
    return character | (long) fore << FORE_SHIFT | (long) back << BACK_SHIFT;
  }

  /**
   * What to send to show {@code cells}. Of a picture larger than the terminal the part with the
   * cursor is shown.
   *
   * @param columns cells in a row
   * @param cursor the cursor's cell, or -1
   */
  String paint(long[] cells, int columns, int cursor, int width, int height) {
    StringBuilder text = new StringBuilder();
    if (width != shownColumns || height != shownRows) {
      shownColumns = width;
      shownRows = height;
      shown = new long[width * height];
      Arrays.fill(shown, cell(' ', 7, 0));
      text.append("\033[0m\033[2J");
      shownCursor = Integer.MIN_VALUE;
    }
    int rows = cells.length / columns;
    int top = cursor < 0 ? 0 : Math.max(0, cursor / columns - height + 1);
    int left = cursor < 0 ? 0 : Math.max(0, cursor % columns - width + 1);
    long look = -1;
    for (int y = 0; y < height; y++) {
      int pen = -1;
      for (int x = 0; x < width; x++) {
        boolean inside = y + top < rows && x + left < columns;
        long cell = inside ? cells[(y + top) * columns + x + left] : DEFAULT_LOOK | ' ';
        int at = y * width + x;
        if (cell == shown[at]) {
          continue;
        }
        shown[at] = cell;
        if (pen != x) {
          text.append("\033[").append(y + 1).append(';').append(x + 1).append('H');
        }
        if (look != cell >>> FORE_SHIFT) {
          look = cell >>> FORE_SHIFT;
          appendLook(text, (int) look & 15, (int) look >> 4 & 15);
        }
        text.appendCodePoint((int) cell);
        pen = x + 1;
      }
    }
    int place =
        cursor < 0
            ? CURSOR_NONE
            : (cursor / columns - top) * width + Math.min(width - 1, cursor % columns - left);
    if (!text.isEmpty() || place != shownCursor) {
      shownCursor = place;
      appendCursor(text, place, width);
    }
    return text.toString();
  }

  private static void appendLook(StringBuilder text, int fore, int back) {
    text.append("\033[0;").append(fore < 8 ? 30 + fore : 82 + fore);
    text.append(';').append(back < 8 ? 40 + back : 92 + back).append('m');
  }

  private static void appendCursor(StringBuilder text, int place, int width) {
    if (place == CURSOR_NONE) {
      text.append("\033[?25l");
      return;
    }
    text.append("\033[").append(place / width + 1).append(';').append(place % width + 1);
    text.append("H\033[?25h");
  }
}
