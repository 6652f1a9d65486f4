package org.tuber.launcher.system;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.character.RingBuffer;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.console.HostLine;
import org.tuber.launcher.console.PseudoTerminal;
import org.tuber.launcher.console.StreamConsole;
import org.tuber.launcher.options.CharEnd;
import org.tuber.launcher.options.CharOptions;
import org.tuber.launcher.options.CharTarget;
import org.tuber.machine.MachineRun;

/** The machine's lines to the outside: opens what the character options name. */
final class Lines implements AutoCloseable {
  /**
   * A line where programs speak QMP.
   *
   * @param option the option that wanted it
   */
  record Control(String option, HostLine line) {}

  private final List<StreamConsole> consoles = new ArrayList<>();
  private final List<VirtualTerminal> terminals = new ArrayList<>();
  private final List<Control> controls = new ArrayList<>();

  private final Map<String, RingBuffer> rings = new LinkedHashMap<>();

  private Lines() {}

  /**
   * Opens every host end that is used; the terminal goes to raw mode here.
   *
   * @param hasTerminals the display shows terminals
   */
  static Lines open(CharOptions chars, boolean hasTerminals) {
    Lines lines = new Lines();
    try {
      for (CharEnd end : chars.used()) {
        lines.open(end, chars.isNoGraphic(), hasTerminals);
      }
    } catch (CommandLineException e) {
      lines.close();
      throw e;
    }
    return lines;
  }

  private void open(CharEnd end, boolean noGraphic, boolean hasTerminals) {
    boolean silent =
        end.target() instanceof CharTarget.Nowhere
            || end.target() instanceof CharTarget.Vc && !hasTerminals;
    if (silent || end.isMonitorSocket()) {
      return; // Sockets of monitors are opened with the monitors.
    }
    if (end.target() instanceof CharTarget.Stdio stdio && !end.hasControl()) {
      boolean raw = end.isShared() || noGraphic;
      use(
          end,
          StreamConsole.onStdio(
              new StreamConsole.Use(
                  end.hasDevice(), end.hasMonitor(), raw, stdio.signals() && !noGraphic)));
      return;
    }
    HostLine line;
    try {
      line = line(end);
    } catch (IOException e) {
      throw new CommandLineException(end.option() + ": " + e.getMessage());
    }
    if (end.hasControl()) {
      controls.add(new Control(end.option(), line));
      return;
    }
    StreamConsole.Use use =
        new StreamConsole.Use(end.hasDevice(), end.hasMonitor(), end.isShared(), true);
    use(end, StreamConsole.open(use, line));
  }

  private void use(CharEnd end, StreamConsole console) {
    consoles.add(console);
    if (end.hasDevice()) {
      end.connect(console);
    }
  }

  private HostLine line(CharEnd end) throws IOException {
    return switch (end.target()) {
      case CharTarget.ToFile(var file, var append) -> HostLine.file(file, append);
      case CharTarget.Pipe(var path) -> HostLine.pipe(path);
      case CharTarget.Socket socket -> HostLine.socket(socket);
      case CharTarget.Stdio stdio -> HostLine.stdio();
      case CharTarget.Udp udp -> HostLine.udp(udp);
      case CharTarget.Ring ring -> {
        RingBuffer buffer = new RingBuffer(ring.bytes());
        rings.put(end.id(), buffer);
        yield HostLine.ring(buffer);
      }
      case CharTarget.Pty pty -> {
        PseudoTerminal terminal = new PseudoTerminal();
        System.err.println(
            "char device redirected to " + terminal.name() + " (label " + end.id() + ")");
        yield HostLine.pty(terminal);
      }
      case CharTarget.Vc vc -> {
        String name = end.hasDevice() ? end.id() : "monitor";
        VirtualTerminal terminal = new VirtualTerminal(name);
        terminals.add(terminal);
        yield HostLine.virtual(terminal);
      }
      case CharTarget.Nowhere nowhere -> throw new IllegalStateException();
    };
  }

  /** The display's terminals, serial lines first. */
  List<VirtualTerminal> terminals() {
    return terminals;
  }

  /** Lines that are kept in memory, by name. */
  Map<String, RingBuffer> rings() {
    return rings;
  }

  /** Where programs speak QMP other than on sockets. */
  List<Control> controls() {
    return controls;
  }

  /** Starts listening to the other ends. */
  void attach(MachineRun machine) {
    consoles.forEach(console -> console.attach(machine));
  }

  /** Flushes and gives the terminal back; more than once is harmless. */
  @Override
  public void close() {
    consoles.forEach(StreamConsole::close);
  }
}
