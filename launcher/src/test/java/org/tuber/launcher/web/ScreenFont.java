package org.tuber.launcher.web;

import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.machine.firmware.FirmwareFiles;

/** Reads the characters of a text screen from its picture, by the font of the video BIOS. */
public final class ScreenFont {
  private static final int CELL_WIDTH = 9;
  private static final int CELL_HEIGHT = 16;
  private static final int COLOUR_MASK = 0xffffff;
  private static final int[] LETTER_A = {
    0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0
  };

  private final Map<String, Character> looks = new HashMap<>();

  private ScreenFont() {}

  /** The characters of the standard card's BIOS by the look of their left eight columns. */
  public static ScreenFont ofVideoBios() throws IOException {
    byte[] rom = Files.readAllBytes(new FirmwareFiles(List.of()).find("vgabios-stdvga.bin"));
    int at = 0;
    while (!isLetterA(rom, at)) {
      at++;
    }
    ScreenFont font = new ScreenFont();
    for (char c = '~'; c >= ' '; c--) {
      StringBuilder look = new StringBuilder();
      for (int row = 0; row < CELL_HEIGHT; row++) {
        look.append((char) (rom[at + (c - 'A') * CELL_HEIGHT + row] & 0xff));
      }
      font.looks.put(look.toString(), c);
    }
    return font;
  }

  private static boolean isLetterA(byte[] rom, int at) {
    for (int i = 0; i < LETTER_A.length; i++) {
      if ((rom[at + i] & 0xff) != LETTER_A[i]) {
        return false;
      }
    }
    return true;
  }

  /** The text of a picture of 80 by 25 characters, unknown ones as question marks. */
  public String read(int[] pixels, int width, int height) {
    StringBuilder text = new StringBuilder();
    for (int y = 0; y + CELL_HEIGHT <= height; y += CELL_HEIGHT) {
      for (int x = 0; x + CELL_WIDTH <= width; x += CELL_WIDTH) {
        StringBuilder look = new StringBuilder();
        for (int row = 0; row < CELL_HEIGHT; row++) {
          int bits = 0;
          for (int column = 0; column < 8; column++) {
            int pixel = pixels[(y + row) * width + x + column] & COLOUR_MASK;
            bits |= pixel == 0 ? 0 : 0x80 >> column;
          }
          look.append((char) bits);
        }
        text.append(looks.getOrDefault(look.toString(), '?'));
      }
      text.append('\n');
    }
    return text.toString();
  }
}
