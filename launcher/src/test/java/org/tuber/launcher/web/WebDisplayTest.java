package org.tuber.launcher.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.launcher.TuberProcess;
import org.tuber.machine.firmware.FirmwareFiles;

/** A machine in a real browser: screen, keyboard, terminals, buttons. */
@Timeout(300)
class WebDisplayTest {
  /** Clears the screen, asks for something to be typed and echoes it. */
  private static final String BOOT_SECTOR =
      "31c08ed8fcb80300cd10be287cac84c07409b40ebb0700cd10ebf231c0cd16b4"
          + "0ebb0700cd10ebf35479706520736f6d657468696e673a2000";

  private static final int FLOPPY_BYTES = 1_474_560;
  private static final int COLOUR_TOLERANCE = 40;
  private static final int CANVAS_X = 140;
  private static final int CANVAS_Y = 58;

  @TempDir Path dir;

  @BeforeEach
  void needsFirmwareAndBrowser() {
    FirmwareFiles files = new FirmwareFiles(List.of());
    boolean firmware =
        files.find("bios-256k.bin") != null && files.find("vgabios-stdvga.bin") != null;
    boolean browser = Chromium.program() != null;
    if (System.getenv("CI") == null) {
      assumeTrue(firmware, "SeaBIOS (Debian package seabios) is not installed");
      assumeTrue(browser, "Chromium (Debian package chromium) is not installed");
    }
    assertThat(firmware).as("SeaBIOS must be installed in CI").isTrue();
    assertThat(browser).as("Chromium must be installed in CI").isTrue();
  }

  private Path floppy() throws IOException {
    byte[] image = new byte[FLOPPY_BYTES];
    for (int i = 0; i < BOOT_SECTOR.length() / 2; i++) {
      image[i] = (byte) Integer.parseInt(BOOT_SECTOR.substring(2 * i, 2 * i + 2), 16);
    }
    image[510] = 0x55;
    image[511] = (byte) 0xaa;
    return Files.write(dir.resolve("floppy.img"), image);
  }

  private static String url(BufferedReader out) throws IOException {
    Pattern pattern = Pattern.compile("http://127\\.0\\.0\\.1:\\d+/\\?token=\\S+");
    for (String line; (line = out.readLine()) != null; ) {
      Matcher matcher = pattern.matcher(line);
      if (matcher.find()) {
        return matcher.group();
      }
    }
    throw new IOException("no address was printed");
  }

  @Test
  void peopleUseTheMachineInABrowser() throws Exception {
    Process machine =
        TuberProcess.builder(
                true,
                "system-x86_64",
                "-m",
                "64",
                "-accel",
                "interp",
                "-name",
                "browser test",
                "-display",
                "web",
                "-drive",
                "file=" + floppy() + ",format=raw,if=floppy",
                "-boot",
                "a")
            .redirectErrorStream(true)
            .start();
    try (BufferedReader out = machine.inputReader(StandardCharsets.UTF_8)) {
      Path profile = Files.createDirectory(dir.resolve("profile"));
      try (Chromium page = new Chromium(profile, url(out))) {
        screenKeyboardAndGolden(page);
        monitorAndButtons(page);
        page.evaluate("window.confirm = () => true");
        page.evaluate("document.querySelector('[data-power=quit]').click()");
        assertThat(machine.waitFor()).isZero();
        Chromium.await("the page notices", () -> state(page).equals("lost"));
      }
    } finally {
      machine.destroy();
      machine.waitFor();
    }
  }

  private void screenKeyboardAndGolden(Chromium page) throws Exception {
    Chromium.await("the machine runs", () -> state(page).equals("running"));
    assertThat(page.evaluate("document.title")).isEqualTo("browser test – Tuber");
    ScreenFont font = ScreenFont.ofVideoBios();
    Chromium.await("the guest asks", () -> text(page, font).contains("Type something:"));
    page.type("hello");
    page.key("Space", " ");
    page.key("Digit7", "7");
    page.key("NumpadAdd", "+");
    Chromium.await("it hears", () -> text(page, font).contains("Type something: hello 7+"));
    byte[] shot = page.screenshot();
    Files.write(Path.of("target", "web-display.png"), shot);
    try (InputStream in = getClass().getResourceAsStream("web-display.png")) {
      BufferedImage golden = ImageIO.read(in);
      // Letters of the page depend on the host's fonts, those of the guest on nothing.
      assertThat(difference(image(shot), golden))
          .as("part of target/web-display.png that is not as in the golden")
          .isLessThan(0.02);
      assertThat(difference(canvas(page), golden.getSubimage(CANVAS_X, CANVAS_Y, 720, 400)))
          .as("part of the guest's screen that is not as in the golden")
          .isLessThan(0.0002);
    }
  }

  private static void monitorAndButtons(Chromium page) throws Exception {
    page.evaluate("document.getElementById('tab-monitor').click()");
    page.type("info");
    page.key("Space", " ");
    page.type("status");
    page.key("Enter", "Enter");
    Chromium.await("the monitor answers", () -> monitor(page).contains("VM status: running"));
    page.evaluate("document.getElementById('pause').click()");
    Chromium.await("the machine stops", () -> state(page).equals("paused"));
    page.evaluate("document.getElementById('pause').click()");
    Chromium.await("the machine goes on", () -> state(page).equals("running"));
  }

  private static String state(Chromium page) throws Exception {
    return page.evaluate("document.getElementById('state')?.textContent");
  }

  private static String monitor(Chromium page) throws Exception {
    return page.evaluate("document.getElementById('terminal-monitor').innerText");
  }

  /** The characters on the canvas. */
  private static String text(Chromium page, ScreenFont font) throws Exception {
    String data = page.evaluate("document.getElementById('screen').toDataURL('image/png')");
    BufferedImage image = image(Base64.getDecoder().decode(data.substring(data.indexOf(',') + 1)));
    int width = image.getWidth();
    int height = image.getHeight();
    return font.read(image.getRGB(0, 0, width, height, null, 0, width), width, height);
  }

  private static BufferedImage canvas(Chromium page) throws Exception {
    String data = page.evaluate("document.getElementById('screen')?.toDataURL('image/png') ?? ''");
    return data.isEmpty()
        ? new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB)
        : image(Base64.getDecoder().decode(data.substring(data.indexOf(',') + 1)));
  }

  private static BufferedImage image(byte[] png) throws IOException {
    return ImageIO.read(new ByteArrayInputStream(png));
  }

  /** The part of the pixels that differ by more than fonts of another version do. */
  private static double difference(BufferedImage a, BufferedImage b) {
    assertThat(a.getWidth()).isEqualTo(b.getWidth());
    assertThat(a.getHeight()).isEqualTo(b.getHeight());
    int different = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        int p = a.getRGB(x, y);
        int q = b.getRGB(x, y);
        boolean far = false;
        for (int shift = 0; shift <= 16; shift += 8) {
          far |= Math.abs((p >> shift & 0xff) - (q >> shift & 0xff)) > COLOUR_TOLERANCE;
        }
        different += far ? 1 : 0;
      }
    }
    return different / (double) (a.getWidth() * a.getHeight());
  }
}
