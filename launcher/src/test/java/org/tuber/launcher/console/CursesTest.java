package org.tuber.launcher.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Collectors;
import org.jline.builtins.ScreenTerminal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.core.backend.KeyCode;
import org.tuber.devices.character.VirtualTerminal;

/** What the terminal display draws and which keys it presses. */
class CursesTest {
  private final TypedKeys keys = new TypedKeys();

  private static String names(List<KeyCode> chord) {
    return chord.stream().map(KeyCode::qcode).collect(Collectors.joining("-"));
  }

  @ParameterizedTest
  @CsvSource({
    "97,a",
    "65,shift-a",
    "13,ret",
    "127,backspace",
    "9,tab",
    "27,esc",
    "3,ctrl-c",
    "0,ctrl-spc",
    "33,shift-1",
    "124,shift-backslash",
    "28,ctrl-backslash",
    "200,''"
  })
  void bytesAreKeys(int value, String chord) {
    assertThat(names(keys.plain(value))).isEqualTo(chord);
  }

  @ParameterizedTest
  @CsvSource({
    "'',A,up",
    "'',P,f1",
    "3,~,delete",
    "15,~,f5",
    "1;5,D,ctrl-left",
    "1;4,H,alt-shift-home",
    "'',Z,shift-tab",
    "99999999999,~,''",
    "x,~,''",
    "'',?,''"
  })
  void sequencesAreKeys(String parameters, char end, String chord) {
    assertThat(names(keys.sequence(parameters, end))).isEqualTo(chord);
  }

  @Test
  void altIsEscapeBeforeAKey() {
    assertThat(names(keys.meta('x'))).isEqualTo("alt-x");
    assertThat(keys.meta(255)).isEmpty();
  }

  /** What a terminal of this size shows after the painter's bytes. */
  private static String shown(ScreenTerminal terminal, String painted) {
    terminal.write(painted);
    return terminal.toString();
  }

  private static long[] cells(String text, int attribute) {
    return text.chars().mapToLong(c -> CursesPainter.vgaCell(c, attribute)).toArray();
  }

  @Test
  void onlyWhatChangesIsDrawn() {
    CursesPainter painter = new CursesPainter();
    ScreenTerminal terminal = new ScreenTerminal(20, 4);
    assertThat(shown(terminal, painter.paint(cells("hello worlds and all", 0x1f), 10, 3, 20, 4)))
        .contains("hello worl")
        .contains("ds and all");
    assertThat(painter.paint(cells("hello worlds and all", 0x1f), 10, 3, 20, 4)).isEmpty();
    String change = painter.paint(cells("hello worlds Xnd all", 0x1f), 10, -1, 20, 4);
    assertThat(change).isEqualTo("\033[2;4H\033[0;97;44mX\033[?25l");
  }

  @Test
  void aSmallTerminalFollowsTheCursor() {
    CursesPainter painter = new CursesPainter();
    ScreenTerminal terminal = new ScreenTerminal(5, 2);
    String text = "aaaaaaaaaabbbbbbbbbbccccccccccdddddDDDDD";
    assertThat(shown(terminal, painter.paint(cells(text, 7), 10, 39, 5, 2)))
        .contains("ccccc")
        .contains("DDDDD")
        .doesNotContain("b");
  }

  @Test
  void charactersOfThePcHaveTheirLooks() {
    assertThat((char) CursesPainter.vgaCell(0xc9, 7)).isEqualTo('╔');
    assertThat((char) CursesPainter.vgaCell(0x01, 7)).isEqualTo('☺');
    assertThat((char) CursesPainter.vgaCell(0xff, 7)).isEqualTo(' ');
    assertThat((char) CursesPainter.vgaCell(0x7f, 7)).isEqualTo('⌂');
    assertThat(CursesPainter.vgaCell('x', 0x4e)).isEqualTo(CursesPainter.cell('x', 11, 1));
  }

  @Test
  void aLineIsATerminal() throws IOException {
    VirtualTerminal line = new VirtualTerminal("serial0");
    CursesTerminal terminal = new CursesTerminal(line);
    line.output().write("\033[31mr\033[0m\u00e9\r\n\033[7mi".getBytes(StandardCharsets.UTF_8));
    terminal.update();
    long[] cells = terminal.cells();
    assertThat(cells[0]).isEqualTo(CursesPainter.cell('r', 1, 0));
    assertThat(cells[1]).isEqualTo(CursesPainter.cell('é', 7, 0));
    assertThat(cells[80]).isEqualTo(CursesPainter.cell('i', 0, 7));
    assertThat(terminal.cursor()).isEqualTo(81);
  }
}
