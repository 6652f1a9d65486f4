package org.tuber.machine.monitor;

import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * The human monitor on a line where each key arrives as it is typed and nobody else echoes: echo,
 * rubout, the last commands with the arrow keys.
 */
public final class MonitorLine {
  private static final int MOST_CHARS = 1024;
  private static final String PROMPT = "(tuber) ";
  private static final int ESCAPE = 0x1b;
  private static final int KILL_LINE = 0x15;
  private static final int RUBOUT = 0x7f;
  private static final int MOST_HISTORY = 64;

  private final Consumer<byte[]> out;
  private final StringBuilder line = new StringBuilder();
  private final java.util.List<String> history = new java.util.ArrayList<>();
  private int recalled;
  private int escape;
  private HumanMonitor monitor;

  /**
   * A line.
   *
   * @param out takes what we say
   */
  public MonitorLine(Consumer<byte[]> out) {
    this.out = out;
  }

  /** Sets who does the commands. */
  public void attach(HumanMonitor value) {
    monitor = value;
  }

  /** Says who we are. */
  public void greet(String version) {
    print("\n" + version + ", monitor: 'help' for help\n");
    prompt();
  }

  /** Invites to type, and shows what has been typed. */
  public void prompt() {
    print(PROMPT + line);
  }

  /** Takes one typed byte. */
  public void type(byte value) {
    if (escape > 0) {
      escape(value);
      return;
    }
    switch (value) {
      case ESCAPE -> escape = 1;
      case '\r', '\n' -> enter();
      case RUBOUT, '\b' -> {
        if (!line.isEmpty()) {
          line.setLength(line.length() - 1);
          print("\b \b");
        }
      }
      case KILL_LINE -> replace("");
      default -> {
        if (value >= ' ' && line.length() < MOST_CHARS) {
          line.append((char) value);
          print(String.valueOf((char) value));
        }
      }
    }
  }

  private void enter() {
    print("\n");
    String command = line.toString().strip();
    line.setLength(0);
    if (!command.isEmpty()) {
      history.add(command);
      if (history.size() > MOST_HISTORY) {
        history.remove(0);
      }
    }
    recalled = history.size();
    if (monitor != null) {
      print(monitor.execute(command));
    }
    prompt();
  }

  /** Arrow keys: ESC [ A and B; other sequences are swallowed. */
  private void escape(byte value) {
    if (escape == 1) {
      escape = value == '[' || value == 'O' ? 2 : 0;
      return;
    }
    if (value >= '0' && value <= '9' || value == ';') {
      return;
    }
    escape = 0;
    int step = value == 'A' ? -1 : value == 'B' ? 1 : 0;
    if (step != 0 && !history.isEmpty()) {
      recalled = Math.clamp(recalled + step, 0, history.size());
      replace(recalled < history.size() ? history.get(recalled) : "");
    }
  }

  private void replace(String text) {
    print("\b \b".repeat(line.length()) + text);
    line.setLength(0);
    line.append(text);
  }

  private void print(String text) {
    out.accept(text.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8));
  }
}
