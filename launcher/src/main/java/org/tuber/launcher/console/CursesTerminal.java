package org.tuber.launcher.console;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jline.builtins.ScreenTerminal;
import org.tuber.devices.character.VirtualTerminal;

/** A monitor or serial line as 80 by 24 cells: what JLine's terminal makes of its bytes. */
final class CursesTerminal {
  private static final int COLUMNS = 80;
  private static final int ROWS = 24;
  private static final int CHUNK_BYTES = 1 << 14;
  private static final int DARKEST = 4;
  private static final int BRIGHT = 13;

  /** A cell of JLine's: the character below; above, fore and back colour and looks. */
  private static final int CHARACTER_MASK = 0x1fffff;

  private static final int INVERSE = 0x0200_0000;
  private static final int BOLD = 0x0800_0000;
  private static final int FORE_GIVEN = 0x1000_0000;
  private static final int BACK_GIVEN = 0x2000_0000;
  private static final int PALE = 7;

  private final VirtualTerminal terminal;
  private final ScreenTerminal screen = new ScreenTerminal(COLUMNS, ROWS);
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private final byte[] chunk = new byte[CHUNK_BYTES];
  private final ByteBuffer undecoded = ByteBuffer.allocate(CHUNK_BYTES + 8);
  private final CharBuffer decoded = CharBuffer.allocate(CHUNK_BYTES + 8);
  private final int[] cursor = new int[2];
  private long read;

  CursesTerminal(VirtualTerminal terminal) {
    this.terminal = terminal;
  }

  /** Takes in what has been printed since. */
  void update() {
    int[] length = new int[1];
    do {
      read = terminal.copy(read, chunk, length);
      undecoded.put(chunk, 0, length[0]).flip();
      decoder.decode(undecoded, decoded, false);
      undecoded.compact();
      screen.write(decoded.flip());
      decoded.clear();
    } while (length[0] > 0);
    String answer = screen.read();
    if (answer != null && !answer.isEmpty()) {
      type(answer.getBytes(StandardCharsets.UTF_8));
    }
  }

  void type(byte[] bytes) {
    terminal.type(bytes);
  }

  int columns() {
    return COLUMNS;
  }

  /** The cells, as {@link CursesPainter} wants them. */
  long[] cells() {
    long[] theirs = new long[COLUMNS * ROWS];
    screen.dump(theirs, 0, 0, ROWS, COLUMNS, cursor);
    for (int i = 0; i < theirs.length; i++) {
      theirs[i] = cell(theirs[i]);
    }
    return theirs;
  }

  /** The cursor's cell. */
  int cursor() {
    return Math.min(ROWS - 1, cursor[1]) * COLUMNS + Math.min(COLUMNS - 1, cursor[0]);
  }

  private static long cell(long theirs) {
    int character = (int) theirs & CHARACTER_MASK;
    int look = (int) (theirs >>> 32);
    int fore = (look & FORE_GIVEN) != 0 ? nearest(look >> 12 & 0xfff) : PALE;
    int back = (look & BACK_GIVEN) != 0 ? nearest(look & 0xfff) : 0;
    if ((look & BOLD) != 0) {
      fore |= 8;
    }
    boolean inverse = (look & INVERSE) != 0;
    return CursesPainter.cell(
        character < ' ' ? ' ' : character, inverse ? back : fore, inverse ? fore : back);
  }

  /** The terminal's colour next to one of four bits for each of red, green and blue. */
  private static int nearest(int colour) {
    int red = colour >> 8;
    int green = colour >> 4 & 15;
    int blue = colour & 15;
    int most = Math.max(red, Math.max(green, blue));
    if (most < DARKEST) {
      return 0;
    }
    int half = most / 2;
    int index = (red > half ? 1 : 0) | (green > half ? 2 : 0) | (blue > half ? 4 : 0);
    return most > BRIGHT ? index | 8 : index;
  }
}
