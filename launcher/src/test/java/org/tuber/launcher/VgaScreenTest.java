package org.tuber.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.tuber.machine.firmware.FirmwareFiles;

/** What firmware writes to the screen can be read from the picture that a VNC client gets. */
@Timeout(300)
class VgaScreenTest {
  private static final int FIRST_PORT = 5900;
  private static final int CELL_WIDTH = 9;
  private static final int CELL_HEIGHT = 16;
  private static final int[] LETTER_A = {
    0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0
  };

  private Path videoBios;

  @BeforeEach
  void needsFirmware() {
    FirmwareFiles files = new FirmwareFiles(List.of());
    videoBios = files.find("vgabios-stdvga.bin");
    boolean found = files.find("bios-256k.bin") != null && videoBios != null;
    if (System.getenv("CI") == null) {
      assumeTrue(found, "SeaBIOS (Debian package seabios) is not installed");
    }
    assertThat(found).as("SeaBIOS must be installed in CI").isTrue();
  }

  @Test
  void seaBiosSaysThatThereIsNothingToBoot() throws Exception {
    int display;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      display = free.getLocalPort() - FIRST_PORT;
    }
    ProcessBuilder builder =
        TuberProcess.builder(
            true,
            "system-x86_64",
            "-m",
            "64",
            "-accel",
            "interp",
            "-nodefaults",
            "-vnc",
            ":" + display);
    Process process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    try {
      Map<String, Character> font = font(Files.readAllBytes(videoBios));
      String text = "";
      for (int i = 0; i < 200 && !text.contains("No bootable device"); i++) {
        assertThat(process.waitFor(500, TimeUnit.MILLISECONDS))
            .as("the machine goes on running")
            .isFalse();
        text = screenText(FIRST_PORT + display, font);
      }
      assertThat(text).contains("SeaBIOS (version ").contains("No bootable device");
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  /** The characters of the video BIOS by the look of their left eight columns. */
  private static Map<String, Character> font(byte[] rom) {
    int at = 0;
    while (!isLetterA(rom, at)) {
      at++;
    }
    Map<String, Character> font = new HashMap<>();
    for (char c = '~'; c >= ' '; c--) {
      StringBuilder look = new StringBuilder();
      for (int row = 0; row < CELL_HEIGHT; row++) {
        look.append((char) (rom[at + (c - 'A') * CELL_HEIGHT + row] & 0xff));
      }
      font.put(look.toString(), c);
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

  private static String screenText(int port, Map<String, Character> font) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      in.skipNBytes(12);
      out.writeBytes("RFB 003.008\n");
      in.skipNBytes(2);
      out.writeByte(1);
      in.skipNBytes(4);
      out.writeByte(1);
      int width = in.readUnsignedShort();
      int height = in.readUnsignedShort();
      in.skipNBytes(16);
      in.skipNBytes(in.readInt());
      out.writeInt(3 << 24);
      out.writeShort(0);
      out.writeShort(width);
      out.writeShort(height);
      int[] pixels = new int[width * height];
      in.skipNBytes(2);
      for (int n = in.readUnsignedShort(); n > 0; n--) {
        int x = in.readUnsignedShort();
        int y = in.readUnsignedShort();
        int w = in.readUnsignedShort();
        int h = in.readUnsignedShort();
        assertThat(in.readInt()).isZero();
        for (int i = 0; i < w * h; i++) {
          pixels[(y + i / w) * width + x + i % w] = in.readInt();
        }
      }
      return read(pixels, width, height, font);
    } catch (ConnectException e) {
      return ""; // Not listening yet.
    }
  }

  private static String read(int[] pixels, int width, int height, Map<String, Character> font) {
    StringBuilder text = new StringBuilder();
    for (int y = 0; y + CELL_HEIGHT <= height; y += CELL_HEIGHT) {
      for (int x = 0; x + CELL_WIDTH <= width; x += CELL_WIDTH) {
        StringBuilder look = new StringBuilder();
        for (int row = 0; row < CELL_HEIGHT; row++) {
          int bits = 0;
          for (int column = 0; column < 8; column++) {
            int pixel = pixels[(y + row) * width + x + column];
            bits |= pixel == 0 ? 0 : 0x80 >> column;
          }
          look.append((char) bits);
        }
        text.append(font.getOrDefault(look.toString(), '?'));
      }
      text.append('\n');
    }
    return text.toString();
  }
}
