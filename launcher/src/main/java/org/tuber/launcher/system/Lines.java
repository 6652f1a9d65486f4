package org.tuber.launcher.system;

import java.util.List;
import org.tuber.launcher.console.FileCharBackend;
import org.tuber.launcher.console.PtyCharBackend;
import org.tuber.launcher.console.StdioConsole;
import org.tuber.launcher.options.CharOptions;
import org.tuber.launcher.options.CharOptions.Target;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineRun;

/** The machine's lines to the outside: opens what the character options name. */
final class Lines implements AutoCloseable {
  private final StdioConsole console;

  private Lines(StdioConsole console) {
    this.console = console;
  }

  /** Puts the serial lines into {@code config}; the terminal goes to raw mode here. */
  static Lines open(CharOptions chars, boolean noDefaults, MachineConfig.Builder config) {
    List<Target> serials = chars.serials(noDefaults);
    boolean serial = false;
    boolean monitor = chars.isMonitorOnTerminal();
    boolean shared = false;
    for (Target target : serials) {
      if (target instanceof Target.Stdio stdio) {
        serial = true;
        shared = stdio.withMonitor();
      }
    }
    StdioConsole console = null;
    if (serial || monitor) {
      boolean raw = shared || chars.isNoGraphic();
      console = StdioConsole.open(new StdioConsole.Use(serial, monitor || shared, raw, !raw));
    }
    for (int i = 0; i < serials.size(); i++) {
      config.serial(source(serials.get(i), i, console));
    }
    return new Lines(console);
  }

  private static CharBackendSource source(Target target, int index, StdioConsole console) {
    return switch (target) {
      case Target.Stdio stdio -> console;
      case Target.ToFile(var file) -> eventLoop -> new FileCharBackend(file);
      case Target.Pty pty ->
          eventLoop -> {
            PtyCharBackend backend = new PtyCharBackend(eventLoop);
            System.err.println(
                "char device redirected to " + backend.name() + " (label serial" + index + ")");
            return backend;
          };
      case Target.Nowhere nowhere -> CharBackendSource.NULL;
      case Target.Absent absent -> throw new IllegalStateException();
    };
  }

  /** Starts listening to the terminal. */
  void attach(MachineRun machine) {
    if (console != null) {
      console.attach(machine);
    }
  }

  /** Flushes and gives the terminal back; more than once is harmless. */
  @Override
  public void close() {
    if (console != null) {
      console.close();
    }
  }
}
