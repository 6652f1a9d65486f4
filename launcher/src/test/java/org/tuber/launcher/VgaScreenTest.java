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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.launcher.web.ScreenFont;
import org.tuber.machine.firmware.FirmwareFiles;

/** What firmware writes to the screen can be read from the picture that a VNC client gets. */
@Timeout(300)
class VgaScreenTest {
  private static final int FIRST_PORT = 5900;

  @BeforeEach
  void needsFirmware() {
    FirmwareFiles files = new FirmwareFiles(List.of());
    boolean found = files.find("bios-256k.bin") != null && files.find("vgabios-stdvga.bin") != null;
    if (System.getenv("CI") == null) {
      assumeTrue(found, "SeaBIOS (Debian package seabios) is not installed");
    }
    assertThat(found).as("SeaBIOS must be installed in CI").isTrue();
  }

  @Test
  void seaBiosSaysThatThereIsNothingToBoot() throws Exception {
    assertThat(textAfter("No bootable device")).contains("SeaBIOS (version ");
  }

  @Test
  void bochsBiosSaysThatThereIsNothingToBoot() throws Exception {
    String bios = "/usr/share/bochs/BIOS-bochs-legacy";
    HostTool.need("bochsbios", bios);
    assertThat(textAfter("No bootable device", "-M", "isapc", "-bios", bios)).contains("Bochs ");
  }

  /** In 64-bit and in 32-bit mode, with both cards' BIOSes: it has no disk and says so. */
  @ParameterizedTest
  @CsvSource({"amd64/vmlinuz, std", "pc/vmlinuz-686, cirrus"})
  void kernelWithoutFirmwareHasItsConsoleOnTheScreen(String file, String card) throws Exception {
    Path kernel = HostTool.guest(file).resolve(file);
    String text =
        textAfter(
            "end Kernel panic",
            "-m",
            "256",
            "-vga",
            card,
            "-kernel",
            kernel.toString(),
            "-append",
            "console=tty0 nokaslr mitigations=off cryptomgr.notests");
    assertThat(text).contains("Unable to mount root fs");
  }

  /** The screen when it shows these words. */
  private static String textAfter(String words, String... machine) throws Exception {
    int display;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      display = free.getLocalPort() - FIRST_PORT;
    }
    List<String> arguments = new ArrayList<>(List.of("system-x86_64", "-m", "64"));
    arguments.addAll(List.of("-accel", "interp", "-nodefaults", "-vnc", ":" + display));
    arguments.addAll(Arrays.asList(machine));
    ProcessBuilder builder = TuberProcess.builder(true, arguments.toArray(String[]::new));
    Process process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    try {
      ScreenFont font = ScreenFont.ofVideoBios();
      String text = "";
      for (int i = 0; i < 200 && !text.contains(words); i++) {
        assertThat(process.waitFor(500, TimeUnit.MILLISECONDS))
            .as("the machine goes on running")
            .isFalse();
        text = screenText(FIRST_PORT + display, font);
      }
      assertThat(text).contains(words);
      return text;
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  private static String screenText(int port, ScreenFont font) throws IOException {
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
      return font.read(pixels, width, height);
    } catch (ConnectException e) {
      return ""; // Not listening yet.
    }
  }
}
