package org.tuber.launcher.options;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Video card and screen: {@code -vga -display -vnc}. Several ways to look may be served at a time,
 * but only one of them in the terminal.
 */
public final class DisplayOptions extends OptionTable {
  private static final int FIRST_PORT = 5900;
  private static final int MAX_PASSWORD = 8;

  private static final Choices CARDS =
      Choices.of(
          "-vga",
          "value",
          "Video cards:",
          "std",
          "VGA with a linear frame buffer, Bochs VBE",
          "cirrus",
          "Cirrus Logic GD5446",
          "none",
          "no video card");
  private static final Choices DISPLAYS =
      Choices.of(
          "-display",
          "value",
          "Available display backend types:",
          "none",
          "nobody looks",
          "vnc=",
          "a VNC server: vnc=[host]:n",
          "web",
          "a page for browsers: web[,port=n][,addr=host]",
          "curses",
          "text in the terminal");

  private String vga;
  private boolean displayGiven;
  private InetSocketAddress vnc;
  private byte[] password;
  private InetSocketAddress web;
  private boolean curses;

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-vga", "std|cirrus|none", "video card", this::vga));
    spec.addOption(value("-display", "none|vnc=host:n|web|curses", "screen", this::display));
    spec.addOption(
        value("-vnc", "[host]:n[,password-file=F]|none", "serve the screen by VNC", this::vnc));
  }

  private void vga(String text) {
    vga = CARDS.check(text);
  }

  private void display(String text) {
    displayGiven = true;
    web = null;
    curses = false;
    if (text.startsWith("vnc=")) {
      vnc(text.substring(4));
    } else if (text.equals("web") || text.startsWith("web,")) {
      web(text);
    } else if (text.equals("curses") || text.startsWith("curses,")) {
      // QEMU's charset= names the terminal's; Java knows it.
      KeyValues.parse("-display", text, "type").only(Set.of("type", "charset"));
      curses = true;
    } else {
      DISPLAYS.check(text);
    }
  }

  private void web(String text) {
    KeyValues values =
        KeyValues.parse("-display", text, "type").only(Set.of("type", "port", "addr"));
    int port = values.integer("port", 0, 0, 0xffff);
    String host = values.get("addr", "");
    try {
      InetAddress where =
          host.isEmpty() ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host);
      web = new InetSocketAddress(where, port);
    } catch (UnknownHostException e) {
      throw new CommandLineException("-display " + text + ": unknown host '" + host + "'");
    }
  }

  private void vnc(String text) {
    displayGiven = true;
    vnc = null;
    password = null;
    if (text.equals("none")) {
      return;
    }
    KeyValues values = KeyValues.parse("-vnc", text, "address");
    String address = values.take("address", "");
    String file = values.get("password-file", "");
    values.only(Set.of("password-file"));
    int colon = address.lastIndexOf(':');
    if (colon < 0) {
      throw new CommandLineException("-vnc " + text + ": is not [host]:display");
    }
    try {
      int display = Integer.parseInt(address.substring(colon + 1));
      String host = address.substring(0, colon);
      if (display < 0 || display > 0xffff - FIRST_PORT) {
        throw new NumberFormatException();
      }
      InetAddress where =
          host.isEmpty() ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host);
      vnc = new InetSocketAddress(where, FIRST_PORT + display);
    } catch (NumberFormatException e) {
      throw new CommandLineException("-vnc " + text + ": is not [host]:display");
    } catch (UnknownHostException e) {
      throw new CommandLineException("-vnc " + text + ": unknown host");
    }
    if (!file.isEmpty()) {
      password = readPassword(text, Path.of(file));
    }
  }

  private static byte[] readPassword(String text, Path file) {
    try {
      byte[] bytes = Files.readString(file).strip().getBytes(StandardCharsets.UTF_8);
      if (bytes.length == 0 || bytes.length > MAX_PASSWORD) {
        throw new CommandLineException(
            "-vnc " + text + ": a VNC password has 1 to " + MAX_PASSWORD + " characters");
      }
      return bytes;
    } catch (IOException e) {
      throw new CommandLineException("-vnc " + text + ": cannot read the password");
    }
  }

  /** Where VNC clients are served, or null. */
  public InetSocketAddress vncAddress() {
    return vnc;
  }

  /** Where the web page is served, or null; port 0: any. */
  public InetSocketAddress webAddress() {
    return web;
  }

  /** True when the screen's text is shown in the terminal. */
  public boolean isCurses() {
    return curses;
  }

  /** True when the display shows terminals beside the screen. */
  public boolean hasTerminals() {
    return web != null || curses;
  }

  /** What VNC clients must know, or null. */
  public byte[] vncPassword() {
    return password == null ? null : password.clone();
  }

  /** True when something was said about a screen. */
  public boolean isDisplayGiven() {
    return displayGiven;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    boolean looked = vnc != null || web != null || curses;
    if (vga == null) {
      // A screen that is looked at needs a card.
      vga = looked ? "std" : "none";
    }
    if (vga.equals("none") && (vnc != null || curses)) {
      throw new CommandLineException(
          (vnc != null ? "-vnc" : "-display curses") + ": there is no video card with -vga none");
    }
    config.vga(vga);
  }
}
