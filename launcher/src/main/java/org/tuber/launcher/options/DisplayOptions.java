package org.tuber.launcher.options;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import picocli.CommandLine.Model.CommandSpec;

/** Video card and screen: {@code -vga -display -vnc}. */
public final class DisplayOptions extends OptionTable {
  private static final int FIRST_PORT = 5900;
  private static final int MAX_PASSWORD = 8;

  private String vga;
  private boolean displayGiven;
  private InetSocketAddress vnc;
  private byte[] password;

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(value("-vga", "std|cirrus|none", "video card", this::vga));
    spec.addOption(value("-display", "none|vnc=host:n", "screen", this::display));
    spec.addOption(
        value("-vnc", "[host]:n[,password-file=F]|none", "serve the screen by VNC", this::vnc));
  }

  private void vga(String text) {
    if (!List.of("std", "cirrus", "none").contains(text)) {
      throw new CommandLineException("-vga " + text + ": unknown value; known: std, cirrus, none");
    }
    vga = text;
  }

  private void display(String text) {
    displayGiven = true;
    if (text.startsWith("vnc=")) {
      vnc(text.substring(4));
    } else if (!text.equals("none")) {
      throw new CommandLineException("-display " + text + ": unknown value; known: none, vnc=");
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
    if (vga == null) {
      // A screen that is looked at needs a card.
      vga = vnc == null ? "none" : "std";
    }
    if (vnc != null && vga.equals("none")) {
      throw new CommandLineException("-vnc: there is no video card with -vga none");
    }
    config.vga(vga);
  }
}
