package org.tuber.launcher.options;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.remote.SocketTarget;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Serial lines and monitor: {@code -serial -monitor -nographic}. This table only says what was
 * asked for; the console package opens it.
 */
public final class CharOptions extends OptionTable {
  /** The host side of a line. */
  public sealed interface Target {
    /** The terminal; {@code withMonitor}: shared with the monitor, Ctrl-C goes to the guest. */
    record Stdio(boolean withMonitor) implements Target {}

    /** Output to a file. */
    record ToFile(Path file) implements Target {}

    /** A new pseudo-terminal whose name is printed. */
    record Pty() implements Target {}

    /** Present, but nobody listens. */
    record Nowhere() implements Target {}

    /** A socket; only monitors can be there. */
    record Socket(SocketTarget target) implements Target {}

    /** Not there at all. */
    record Absent() implements Target {}
  }

  private final List<Target> serials = new ArrayList<>();
  private Target monitor;
  private boolean noGraphic;

  @Override
  public void addTo(CommandSpec spec) {
    spec.addOption(
        flag(
            "-nographic",
            "no screen; serial line and monitor on the terminal",
            () -> noGraphic = true));
    spec.addOption(
        value(
            "-serial",
            "stdio|mon:stdio|file:F|pty|null|none",
            "where the next serial line goes",
            text -> serials.add(target("-serial", text))));
    spec.addOption(
        value(
            "-monitor",
            "stdio|tcp:[host]:port|unix:F|null|none",
            "where the monitor is",
            text -> monitor = monitor(text)));
  }

  private static Target monitor(String text) {
    if (SocketAddresses.isSocket(text)) {
      return new Target.Socket(SocketAddresses.parse("-monitor", text, false));
    }
    Target target = target("-monitor", text);
    if (target instanceof Target.ToFile || target instanceof Target.Pty) {
      throw new CommandLineException(
          "-monitor " + text + ": unknown value; known: stdio, tcp:, unix:, null, none");
    }
    return target;
  }

  private static Target target(String option, String text) {
    if (text.startsWith("file:") && text.length() > 5) {
      return new Target.ToFile(Path.of(text.substring(5)));
    }
    return switch (text) {
      case "stdio" -> new Target.Stdio(false);
      case "mon:stdio" -> new Target.Stdio(true);
      case "pty" -> new Target.Pty();
      case "null" -> new Target.Nowhere();
      case "none" -> new Target.Absent();
      default ->
          throw new CommandLineException(
              option
                  + " "
                  + text
                  + ": unknown value; known: stdio, mon:stdio, file:F, pty, null, none");
    };
  }

  /**
   * The serial lines in order, COM1 first.
   *
   * @param noDefaults true after {@code -nodefaults}: none unless asked for
   */
  public List<Target> serials(boolean noDefaults) {
    List<Target> result = new ArrayList<>(serials);
    if (result.isEmpty() && !noDefaults) {
      result.add(noGraphic ? new Target.Stdio(monitor == null) : new Target.Nowhere());
    }
    while (!result.isEmpty() && result.getLast() instanceof Target.Absent) {
      result.removeLast();
    }
    if (result.stream().anyMatch(t -> t instanceof Target.Absent)) {
      throw new CommandLineException("-serial none: later serial lines need this one; use null");
    }
    long onTerminal = result.stream().filter(t -> t instanceof Target.Stdio).count();
    if (monitor instanceof Target.Stdio) {
      onTerminal++;
    }
    if (onTerminal > 1) {
      throw new CommandLineException(
          "-serial/-monitor stdio: the terminal is used twice; -serial mon:stdio shares it");
    }
    return result;
  }

  /** True when the monitor has the terminal to itself. */
  public boolean isMonitorOnTerminal() {
    return monitor instanceof Target.Stdio;
  }

  /** Where the monitor is when that is a socket, else null. */
  public SocketTarget monitorSocket() {
    return monitor instanceof Target.Socket(var target) ? target : null;
  }

  /** True when no serial line was asked for: the user may be waiting for a window. */
  public boolean isScreenExpected() {
    return !noGraphic && serials.isEmpty();
  }

  /** True when guest output may go to the terminal in raw mode, Ctrl-C included. */
  public boolean isNoGraphic() {
    return noGraphic;
  }

  @Override
  public void apply(MachineConfig.Builder config) {
    // The command opens the lines itself, see serials.
    if (noGraphic) {
      config.machineProperty("graphics", "off");
    }
  }
}
