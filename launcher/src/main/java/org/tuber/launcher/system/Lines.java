package org.tuber.launcher.system;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import org.tuber.core.backend.CharBackend;
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
      case Target.ToFile(var file) ->
          new Named("file:" + file, eventLoop -> new FileCharBackend(file));
      case Target.Pty pty ->
          new Named(
              "pty",
              eventLoop -> {
                PtyCharBackend backend = new PtyCharBackend(eventLoop);
                System.err.println(
                    "char device redirected to " + backend.name() + " (label serial" + index + ")");
                return backend;
              });
      case Target.Nowhere nowhere -> CharBackendSource.NULL;
      case Target.Socket socket -> throw new IllegalStateException();
      case Target.Absent absent -> throw new IllegalStateException();
    };
  }

  /** A backend with what monitors call it. */
  private record Named(String hostName, CharBackendSource source) implements CharBackendSource {
    @Override
    public CharBackend open(Executor eventLoop) throws IOException {
      return source.open(eventLoop);
    }
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
