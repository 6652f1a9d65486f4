package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Debian's graphical installer comes to its first question, which looks like its golden, and hears
 * the keys and the mouse of a VNC client. Needs {@code $TUBER_GUESTS/installer} and {@code
 * $TUBER_GUESTS/installer-i386}, which {@code .ci/fetch-installer} brings.
 *
 * <p>{@code -Dtuber.installer.beside=true} does the same with QEMU after it and prints both times.
 */
@Tag("soak")
@Timeout(3600)
class InstallerTest {
  private static final int FIRST_PORT = 5900;
  private static final int LOOK_MILLIS = 1000;
  private static final int MOST_LOOKS = 1800;
  private static final boolean BESIDE = Boolean.getBoolean("tuber.installer.beside");
  private static final int KEY_DOWN = 0xff54;
  private static final int SELECTED = 0x2b8b80;
  private static final int COLUMN = 700;
  private static final int TOLERANCE = 40;
  private static final double MOST_DIFFERENT = 0.02;

  @TempDir Path dir;
  private final List<String> events = new ArrayList<>();

  /** What a VNC client sends; what it gets is not looked at. */
  private static final class Hands implements AutoCloseable {
    private final Socket socket;
    private final DataOutputStream out;

    Hands(int port) throws IOException {
      socket = new Socket(InetAddress.getLoopbackAddress(), port);
      out = new DataOutputStream(socket.getOutputStream());
      DataInputStream in = new DataInputStream(socket.getInputStream());
      in.readFully(new byte[12]);
      out.writeBytes("RFB 003.008\n");
      in.readFully(new byte[in.readUnsignedByte()]);
      out.writeByte(1); // no authentication
      assertThat(in.readInt()).isZero();
      out.writeByte(1); // others may look, too
      in.readFully(new byte[20]);
      in.readFully(new byte[in.readInt()]);
    }

    void press(int symbol) throws Exception {
      for (int down = 1; down >= 0; down--) {
        out.writeByte(4);
        out.writeByte(down);
        out.writeShort(0);
        out.writeInt(symbol);
        TimeUnit.MILLISECONDS.sleep(200);
      }
    }

    void point(int x, int y, int buttons) throws Exception {
      out.writeByte(5);
      out.writeByte(buttons);
      out.writeShort(x);
      out.writeShort(y);
      TimeUnit.MILLISECONDS.sleep(100);
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  private BufferedImage picture(QmpClient client) throws IOException {
    Path file = dir.resolve("screen.png");
    String request =
        "{'execute':'screendump','arguments':{'format':'png','filename':'" + file + "'}}";
    assertThat(client.ask(request, events).has("return")).isTrue();
    return ImageIO.read(file.toFile());
  }

  /** The part of the pixels that are not the same. */
  private static double difference(BufferedImage a, BufferedImage b) {
    if (a.getWidth() != b.getWidth() || a.getHeight() != b.getHeight()) {
      return 1;
    }
    int different = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        different += isNear(a.getRGB(x, y), b.getRGB(x, y)) ? 0 : 1;
      }
    }
    return different / (double) (a.getWidth() * a.getHeight());
  }

  private static boolean isNear(int p, int q) {
    boolean near = true;
    for (int shift = 0; shift <= 16; shift += 8) {
      near &= Math.abs((p >> shift & 0xff) - (q >> shift & 0xff)) <= TOLERANCE;
    }
    return near;
  }

  /** The row of pixels in the middle of the selected line of the list, or -1. */
  private static int selectedRow(BufferedImage picture) {
    int first = -1;
    for (int y = 180; y < picture.getHeight(); y++) {
      boolean selected = isNear(picture.getRGB(COLUMN, y), SELECTED);
      if (selected && first < 0) {
        first = y;
      } else if (!selected && first >= 0) {
        return (first + y) / 2;
      }
    }
    return -1;
  }

  private int awaitOtherRow(QmpClient client, int row) throws Exception {
    for (int i = 0; i < MOST_LOOKS; i++) {
      int now = selectedRow(picture(client));
      if (now >= 0 && now != row) {
        return now;
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
    }
    throw new AssertionError("the selection stays at " + row);
  }

  private ProcessBuilder emulator(boolean isQemu, List<String> arguments) {
    List<String> command = new ArrayList<>();
    if (!isQemu) {
      command.add("system-x86_64");
      command.addAll(arguments);
      return TuberProcess.builder(true, command.toArray(String[]::new));
    }
    command.addAll(List.of("qemu-system-x86_64", "-accel", "tcg"));
    command.addAll(arguments);
    return new ProcessBuilder(command);
  }

  private Process start(boolean isQemu, Path guest, Path socket, int display) throws Exception {
    Path log = dir.resolve("log");
    ProcessBuilder builder =
        emulator(
            isQemu,
            List.of(
                "-m",
                "1024",
                "-nic",
                "none",
                "-vga",
                "std",
                "-vnc",
                "127.0.0.1:" + display,
                "-serial",
                "file:" + dir.resolve("serial"),
                "-kernel",
                guest.resolve("linux").toString(),
                "-initrd",
                guest.resolve("initrd.gz").toString(),
                "-append",
                "console=ttyS0 console=tty0 mitigations=off",
                "-qmp",
                "unix:" + socket + ",server=on,wait=off"));
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    process.getOutputStream().close();
    while (!Files.exists(socket)) {
      assertThat(process.waitFor(100, TimeUnit.MILLISECONDS)).as(Files.readString(log)).isFalse();
    }
    return process;
  }

  private static int freeDisplay() throws IOException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort() - FIRST_PORT;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"installer", "installer-i386"})
  void languageIsAskedForAndChosen(String folder) throws Exception {
    Path guest = HostTool.guest(folder + "/linux", folder + "/initrd.gz").resolve(folder);
    chooseLanguage(false, guest);
    if (BESIDE) {
      chooseLanguage(true, guest);
    }
  }

  private void chooseLanguage(boolean isQemu, Path guest) throws Exception {
    String name = guest.getFileName() + (isQemu ? "-qemu" : "");
    BufferedImage golden;
    try (InputStream in = getClass().getResourceAsStream("pc/installer-language.png")) {
      golden = ImageIO.read(in);
    }
    int display = freeDisplay();
    Path socket = dir.resolve("qmp-" + name);
    final long begin = System.nanoTime();
    Process installer = start(isQemu, guest, socket, display);
    try (QmpClient client = new QmpClient(socket);
        Hands hands = new Hands(FIRST_PORT + display)) {
      client.next();
      client.ask("{'execute':'qmp_capabilities'}", events);
      BufferedImage screen = picture(client);
      for (int i = 0; i < MOST_LOOKS && difference(screen, golden) > MOST_DIFFERENT; i++) {
        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
        screen = picture(client);
      }
      Path kept = Path.of("target", name + "-language.png");
      ImageIO.write(screen, "png", kept.toFile());
      assertThat(difference(screen, golden))
          .as("part of %s that is not as in the golden", kept)
          .isLessThan(MOST_DIFFERENT);
      final long asked = System.nanoTime();
      final int english = selectedRow(screen);
      hands.press(KEY_DOWN);
      int esperanto = awaitOtherRow(client, english);
      assertThat(esperanto).isBetween(english + 10, english + 40);
      for (int i = 0; i <= 20; i++) {
        hands.point(640 - i * 10, 400 + i * 11, 0);
      }
      hands.point(440, 620, 1);
      hands.point(440, 620, 0);
      // The mouse is a relative one, and the guest makes quick moves longer.
      assertThat(awaitOtherRow(client, esperanto)).isBetween(560, 680);
      System.out.printf(
          "InstallerTest: %s: %.1f s to the question, %.1f s for keys and mouse%n",
          name, (asked - begin) / 1e9, (System.nanoTime() - asked) / 1e9);
    } finally {
      installer.destroyForcibly();
      installer.waitFor();
    }
  }
}
