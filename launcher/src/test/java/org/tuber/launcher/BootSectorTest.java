package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntBinaryOperator;
import java.util.function.Predicate;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.launcher.web.ScreenFont;

/**
 * Real-mode programs that people use: games of one boot sector, and a small shell that a floppy
 * with a FAT file system loads. A client of QMP presses keys and looks at the screen.
 */
@Timeout(300)
class BootSectorTest {
  private static final int FLOPPY_BYTES = 1_474_560;
  private static final int SECTOR_BYTES = 512;
  private static final int BOOT_CODE = 62;
  private static final int LOOKS = 300;
  private static final int EXIT_STATUS = 7;
  private static final int SQUARE_PIXELS = 16;
  private static final int PICTURE_HEIGHT = 200;
  private static final int MODE_X_ROWS = 240;
  private static final int ALL_BITS = 0xffffff;
  private static final int UPPER_SIX_BITS = 0xfcfcfc;
  private static final String QEMU = "/usr/bin/qemu-system-x86_64";

  @TempDir Path dir;
  private final List<String> events = new ArrayList<>();

  @BeforeEach
  void needsTools() {
    HostTool.need(
        "nasm seabios mtools",
        "/usr/bin/nasm",
        "/usr/bin/mcopy",
        "/usr/share/seabios/bios-256k.bin",
        "/usr/share/seabios/vgabios-stdvga.bin");
  }

  private byte[] assemble(String name) throws Exception {
    for (String file : List.of(name + ".asm", "palette.inc")) {
      try (InputStream in = getClass().getResourceAsStream("pc/" + file)) {
        Files.write(dir.resolve(file), in.readAllBytes());
      }
    }
    HostTool.shell(dir, "nasm -f bin -o %s.bin %s.asm".formatted(name, name));
    return Files.readAllBytes(dir.resolve(name + ".bin"));
  }

  private static List<String> machine(Path floppy, Path socket, String... more) {
    List<String> all = new ArrayList<>(List.of("-m", "16", "-nodefaults"));
    all.addAll(List.of("-display", "none", "-boot", "a"));
    all.addAll(List.of("-drive", "if=floppy,format=raw,file=" + floppy));
    all.addAll(List.of("-device", "isa-debug-exit"));
    all.addAll(List.of("-qmp", "unix:" + socket + ",server=on,wait=off"));
    all.addAll(Arrays.asList(more));
    return all;
  }

  private Process start(Path floppy, Path socket, String... more) throws Exception {
    List<String> all = new ArrayList<>(List.of("system-x86_64", "-accel", "interp"));
    all.addAll(machine(floppy, socket, more));
    return start(TuberProcess.builder(true, all.toArray(String[]::new)), socket);
  }

  private Process start(ProcessBuilder builder, Path socket) throws Exception {
    Path log = dir.resolve("log");
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    process.getOutputStream().close();
    while (!Files.exists(socket)) {
      assertThat(process.waitFor(100, TimeUnit.MILLISECONDS)).as(Files.readString(log)).isFalse();
    }
    return process;
  }

  private QmpClient client(Path socket) throws IOException {
    QmpClient client = new QmpClient(socket);
    client.next();
    client.ask("{'execute':'qmp_capabilities'}", events);
    return client;
  }

  private void press(QmpClient client, String... keys) throws IOException {
    for (String key : keys) {
      String list = "{'type':'qcode','data':'" + key + "'}";
      String request = "{'execute':'send-key','arguments':{'hold-time':20,'keys':[" + list + "]}}";
      assertThat(client.ask(request, events).has("return")).as(key).isTrue();
    }
  }

  private void type(QmpClient client, String text) throws IOException {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case ' ' -> press(client, "spc");
        case '.' -> press(client, "dot");
        case '\n' -> press(client, "ret");
        default -> press(client, String.valueOf(c));
      }
    }
  }

  private BufferedImage picture(QmpClient client) throws IOException {
    Path file = dir.resolve("screen.png");
    String request =
        "{'execute':'screendump','arguments':{'format':'png','filename':'" + file + "'}}";
    assertThat(client.ask(request, events).has("return")).isTrue();
    return ImageIO.read(file.toFile());
  }

  private String text(QmpClient client, ScreenFont font) throws IOException {
    BufferedImage p = picture(client);
    int[] pixels = p.getRGB(0, 0, p.getWidth(), p.getHeight(), null, 0, p.getWidth());
    return font.read(pixels, p.getWidth(), p.getHeight());
  }

  private void awaitText(QmpClient client, ScreenFont font, Predicate<String> wanted)
      throws Exception {
    String text = "";
    for (int i = 0; i < LOOKS; i++) {
      text = text(client, font);
      if (wanted.test(text)) {
        return;
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
    assertThat(wanted.test(text)).as(text).isTrue();
  }

  /** Arrow keys by an interrupt handler of the game's own, stars and score on the text screen. */
  @Test
  void textModeGameIsWon() throws Exception {
    Path floppy = dir.resolve("game.img");
    Files.write(floppy, Arrays.copyOf(assemble("collect"), FLOPPY_BYTES));
    Path socket = dir.resolve("qmp");
    Process game = start(floppy, socket, "-vga", "std");
    try (QmpClient client = client(socket)) {
      ScreenFont font = ScreenFont.ofVideoBios();
      awaitText(client, font, text -> text.startsWith("SCORE 0") && text.contains("@   *"));
      press(client, "right", "right", "right");
      awaitText(client, font, text -> text.contains("@*"));
      press(client, "right");
      awaitText(client, font, text -> text.startsWith("SCORE 1"));
      press(client, "up", "up");
      awaitText(client, font, text -> text.startsWith("SCORE 2"));
      press(client, "left", "left", "left", "left");
      awaitText(client, font, text -> text.startsWith("SCORE 3") && text.contains("YOU WON"));
      assertThat(text(client, font)).doesNotContain("*");
    } finally {
      game.destroyForcibly();
      game.waitFor();
    }
  }

  /** A boot sector that says something on COM1 is read out of the buffer behind it. */
  @Test
  void serialOutputIsKeptForTheMonitor() throws Exception {
    Path floppy = dir.resolve("serial.img");
    Files.write(floppy, Arrays.copyOf(assemble("serial"), FLOPPY_BYTES));
    Path socket = dir.resolve("qmp");
    Process machine =
        start(floppy, socket, "-chardev", "ringbuf,id=r,size=32", "-serial", "chardev:r");
    try (QmpClient client = client(socket)) {
      String read = "{'execute':'ringbuf-read','arguments':{'device':'r','size':100}}";
      StringBuilder said = new StringBuilder();
      for (int i = 0; i < LOOKS && !said.toString().contains("the end."); i++) {
        said.append(client.ask(read, events).get("return").asText());
        TimeUnit.MILLISECONDS.sleep(100);
      }
      assertThat(said).contains("from COM1 to the end.");
      client.ask(
          "{'execute':'ringbuf-write','arguments':{'device':'r','data':'aGk=','format':'base64'}}",
          events);
      assertThat(client.ask(read, events).get("return").asText()).isEqualTo("hi");
      assertThat(client.ask(read.replace("'r'", "'x'"), events).at("/error/desc").asText())
          .isEqualTo("Device 'x' not found");
    } finally {
      machine.destroyForcibly();
      machine.waitFor();
    }
  }

  private static int colour(int index) {
    int red = index >> 2;
    return rgb(red, red ^ 63, index & 63);
  }

  private static int rgb(int red, int green, int blue) {
    return wide(red) << 16 | wide(green) << 8 | wide(blue);
  }

  /** Six bits as eight: the card repeats the upper ones. */
  private static int wide(int six) {
    return six << 2 | six >> 4;
  }

  /**
   * What a program should have drawn.
   *
   * @param rows of the picture
   * @param index number of the colour at x and y in its lowest byte
   * @param bits of red, green and blue that are compared
   */
  private record Wanted(int rows, IntBinaryOperator index, int bits) {
    /** True when each of the picture's pixels is right, the repeated ones too. */
    boolean isIn(BufferedImage picture) {
      int scale = picture.getHeight() / rows;
      if (scale == 0 || picture.getWidth() != 320 * scale) {
        return false;
      }
      for (int y = 0; y < rows * scale; y++) {
        for (int x = 0; x < 320 * scale; x++) {
          int wanted = colour(index.applyAsInt(x / scale, y / scale) & 0xff);
          if (((picture.getRGB(x, y) ^ wanted) & bits) != 0) {
            return false;
          }
        }
      }
      return true;
    }
  }

  /** The pattern with the square at this place. */
  private static Wanted square(int squareX, int squareY) {
    return new Wanted(
        PICTURE_HEIGHT,
        (x, y) ->
            x >= squareX
                    && x < squareX + SQUARE_PIXELS
                    && y >= squareY
                    && y < squareY + SQUARE_PIXELS
                ? 255
                : x ^ y,
        ALL_BITS);
  }

  private void awaitPicture(QmpClient client, int squareX, int squareY) throws Exception {
    awaitPicture(client, square(squareX, squareY), "square at " + squareX + ", " + squareY);
  }

  private void awaitPicture(QmpClient client, Wanted wanted, String what) throws Exception {
    for (int i = 0; i < LOOKS; i++) {
      if (wanted.isIn(picture(client))) {
        return;
      }
      TimeUnit.MILLISECONDS.sleep(100);
    }
    assertThat(wanted.isIn(picture(client))).as(what).isTrue();
  }

  /** 256 colours of its own palette; every pixel of the picture is compared. */
  private void paints(String card) throws Exception {
    Path floppy = dir.resolve("paint.img");
    Files.write(floppy, Arrays.copyOf(assemble("paint"), FLOPPY_BYTES));
    Path socket = dir.resolve("qmp");
    Process game = start(floppy, socket, "-vga", card);
    try (QmpClient client = client(socket)) {
      awaitPicture(client, 152, 92);
      press(client, "right", "right", "down");
      awaitPicture(client, 168, 100);
      press(client, "up", "up", "left");
      awaitPicture(client, 160, 84);
      press(client, "esc");
      assertThat(game.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(game.exitValue()).isEqualTo(EXIT_STATUS);
    } finally {
      game.destroyForcibly();
      game.waitFor();
    }
  }

  @Test
  void mode13hPictureFollowsTheKeys() throws Exception {
    paints("std");
  }

  @Test
  void mode13hPictureFollowsTheKeysOnCirrus() throws Exception {
    paints("cirrus");
  }

  /** The second page of mode X, the first one's mirror image, from an address of its own. */
  private static int mirrored(int x, int y, int shift) {
    int at = y * 320 + x + shift;
    return at % 320 ^ MODE_X_ROWS - 1 - at / 320;
  }

  private void turnsPages(Process machine, Path socket, int bits) throws Exception {
    try (QmpClient client = client(socket)) {
      awaitPicture(client, new Wanted(MODE_X_ROWS, (x, y) -> x ^ y, bits), "first page");
      press(client, "spc");
      awaitPicture(client, new Wanted(MODE_X_ROWS, (x, y) -> mirrored(x, y, 0), bits), "second");
      press(client, "spc");
      awaitPicture(
          client,
          new Wanted(MODE_X_ROWS, (x, y) -> y < 200 ? mirrored(x, y, 0) : x ^ y - 200, bits),
          "split");
      press(client, "spc");
      awaitPicture(
          client,
          new Wanted(MODE_X_ROWS, (x, y) -> y < 200 ? mirrored(x, y, 20) : x ^ y - 200, bits),
          "shifted");
      press(client, "esc");
      assertThat(machine.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(machine.exitValue()).isEqualTo(EXIT_STATUS);
    } finally {
      machine.destroyForcibly();
      machine.waitFor();
    }
  }

  /**
   * Mode X: planes without chain, two pages, latches, start address and split screen. QEMU shows
   * the same, but for the lower two bits that a six-bit colour is given.
   */
  @ParameterizedTest
  @ValueSource(strings = {"std", "cirrus"})
  void modeXPagesAreThoseOfQemu(String card) throws Exception {
    Path floppy = dir.resolve("pages.img");
    Files.write(floppy, Arrays.copyOf(assemble("pages"), FLOPPY_BYTES));
    Path socket = dir.resolve("qmp");
    turnsPages(start(floppy, socket, "-vga", card), socket, ALL_BITS);
    if (Files.isExecutable(Path.of(QEMU))) {
      Path other = dir.resolve("qemu-qmp");
      List<String> command = new ArrayList<>(List.of(QEMU, "-accel", "tcg"));
      command.addAll(machine(floppy, other, "-vga", card));
      turnsPages(start(new ProcessBuilder(command), other), other, UPPER_SIX_BITS);
    }
  }

  /** A file system of mtools with the shell as its first file, which the boot sector loads. */
  private Path shellFloppy() throws Exception {
    assemble("shell");
    byte[] loader = assemble("loader");
    Files.writeString(dir.resolve("readme.txt"), "It was written by mtools.\r\n");
    Path floppy = dir.resolve("shell.img");
    HostTool.shell(
        dir,
        "truncate -s %d shell.img; mformat -i shell.img -f 1440 ::".formatted(FLOPPY_BYTES)
            + "; mcopy -i shell.img shell.bin ::/SHELL.SYS"
            + "; mcopy -i shell.img readme.txt ::/README.TXT");
    byte[] image = Files.readAllBytes(floppy);
    System.arraycopy(loader, BOOT_CODE, image, BOOT_CODE, SECTOR_BYTES - BOOT_CODE);
    image[0] = (byte) 0xeb; // over the parameters of the file system
    image[1] = BOOT_CODE - 2;
    image[2] = (byte) 0x90;
    return Files.write(floppy, image);
  }

  /** Lists a folder, shows a file and writes into one; mtools reads what was written. */
  @Test
  void shellFromFloppyReadsAndWritesFiles() throws Exception {
    Path floppy = shellFloppy();
    Path socket = dir.resolve("qmp");
    Process dos = start(floppy, socket, "-vga", "std");
    try (QmpClient client = client(socket)) {
      ScreenFont font = ScreenFont.ofVideoBios();
      awaitText(client, font, text -> text.contains("A>"));
      type(client, "dir\n");
      awaitText(
          client, font, text -> text.contains("README   TXT") && text.contains("SHELL    SYS"));
      type(client, "type readme.txt\n");
      awaitText(client, font, text -> text.contains("It was written by mtools."));
      type(client, "mark readme.txt\n");
      awaitText(client, font, text -> text.contains("marked"));
      type(client, "nonsense\n");
      awaitText(client, font, text -> text.contains("what?"));
      type(client, "exit\n");
      assertThat(dos.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(dos.exitValue()).isEqualTo(EXIT_STATUS);
    } finally {
      dos.destroyForcibly();
      dos.waitFor();
    }
    assertThat(HostTool.shell(dir, "mtype -i shell.img ::/README.TXT"))
        .contains("MARKED BY SHELLby mtools");
  }
}
