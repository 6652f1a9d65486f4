package org.tuber.launcher.console;

import java.io.IOException;
import java.util.EnumSet;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.ControlChar;
import org.jline.terminal.Attributes.InputFlag;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Attributes.OutputFlag;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/**
 * The terminal's line settings while a guest owns it. Put back by {@link #restore}, which also runs
 * when the process is killed by a signal or ends for whatever reason.
 */
final class TerminalMode {
  private final Terminal terminal;
  private final Attributes original;
  private final Attributes raw;
  private boolean restored;

  /**
   * Switches standard input's terminal to raw mode.
   *
   * @param keepSignals true: Ctrl-C and friends still act on this process, not on the guest
   */
  TerminalMode(boolean keepSignals) throws IOException {
    // By stty: the native providers of JLine 3.30 rebuild the settings from the flags they know and
    // lose the line speed, which hangs up a real serial terminal.
    terminal =
        TerminalBuilder.builder()
            .system(true)
            .dumb(false)
            .ffm(false)
            .jni(false)
            .exec(true)
            .nativeSignals(true)
            .build();
    original = terminal.getAttributes();
    raw = new Attributes(original);
    raw.setInputFlags(
        EnumSet.of(
            InputFlag.IGNBRK,
            InputFlag.BRKINT,
            InputFlag.PARMRK,
            InputFlag.ISTRIP,
            InputFlag.INLCR,
            InputFlag.IGNCR,
            InputFlag.ICRNL,
            InputFlag.IXON),
        false);
    // Output processing stays on: a log line of our own on the same terminal keeps its line break.
    raw.setOutputFlag(OutputFlag.OPOST, true);
    raw.setLocalFlags(
        EnumSet.of(LocalFlag.ECHO, LocalFlag.ECHONL, LocalFlag.ICANON, LocalFlag.IEXTEN), false);
    raw.setLocalFlag(LocalFlag.ISIG, keepSignals);
    raw.setControlChar(ControlChar.VMIN, 1);
    raw.setControlChar(ControlChar.VTIME, 0);
    Runtime.getRuntime().addShutdownHook(new Thread(this::restore, "terminal-restore"));
    terminal.setAttributes(raw);
    // After kill -STOP and fg the shell has set the terminal as it likes it.
    terminal.handle(Terminal.Signal.CONT, signal -> enterAgain());
  }

  private synchronized void enterAgain() {
    if (!restored) {
      terminal.setAttributes(raw);
    }
  }

  /** Rows and columns now. */
  Size size() {
    return terminal.getSize();
  }

  /** Gives the terminal back as it was; more than once is harmless. */
  synchronized void restore() {
    if (!restored) {
      restored = true;
      terminal.setAttributes(original);
    }
  }
}
