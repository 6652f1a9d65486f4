package org.tuber.launcher.system;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.Version;
import org.tuber.launcher.console.HostLine;
import org.tuber.launcher.options.CharEnd;
import org.tuber.launcher.options.CharOptions;
import org.tuber.launcher.options.CharTarget;
import org.tuber.launcher.options.MonitorOptions;
import org.tuber.machine.MachineRun;
import org.tuber.machine.gdb.GdbServer;
import org.tuber.machine.monitor.HumanMonitor;
import org.tuber.machine.monitor.MonitorSocket;
import org.tuber.machine.monitor.Qmp;
import org.tuber.machine.monitor.QmpSession;
import org.tuber.machine.monitor.RingCommands;
import org.tuber.machine.remote.HostSocket;
import org.tuber.machine.remote.SocketTarget;

/** The machine's monitors and debuggers to the outside: opens what the options name. */
final class Monitors implements AutoCloseable {
  private static final int CHUNK_BYTES = 4096;

  private final MonitorOptions options;
  private final CharOptions chars;
  private final Lines lines;
  private final List<Closeable> open = new ArrayList<>();

  Monitors(MonitorOptions options, CharOptions chars, Lines lines) {
    this.options = options;
    this.chars = chars;
    this.lines = lines;
  }

  /** Opens one of them. */
  private interface Opening {
    HostSocket open(SocketTarget target) throws IOException;
  }

  /** Lets them in; returns when those have come that the options wait for. */
  void serve(MachineRun machine) {
    List<CharEnd> sockets = chars.used().stream().filter(CharEnd::isMonitorSocket).toList();
    if (sockets.isEmpty() && lines.controls().isEmpty() && options.gdb().isEmpty()) {
      return;
    }
    HumanMonitor human = new HumanMonitor(machine, Version.number());
    RingCommands rings = new RingCommands(lines.rings());
    human.add(rings);
    Qmp qmp = null;
    if (!lines.controls().isEmpty() || sockets.stream().anyMatch(CharEnd::hasControl)) {
      qmp = new Qmp(machine, human, Version.line());
      qmp.add(rings);
    }
    for (CharEnd end : sockets) {
      SocketTarget target = ((CharTarget.Socket) end.target()).target();
      Qmp programs = qmp;
      serve(
          end.option(),
          target,
          end.hasControl()
              ? t -> MonitorSocket.qmp(t, programs)
              : t -> MonitorSocket.human(t, human, Version.line()));
    }
    for (Lines.Control control : lines.controls()) {
      speak(control.line(), qmp);
    }
    for (SocketTarget target : options.gdb()) {
      try {
        open.add(GdbServer.open(target, machine, human::execute));
      } catch (IOException e) {
        throw new CommandLineException("-gdb " + target + ": " + e.getMessage());
      }
    }
  }

  private void serve(String option, SocketTarget target, Opening opening) {
    try {
      HostSocket socket = opening.open(target);
      open.add(socket);
      if (target.waits()) {
        System.err.println("tuber: info: waiting for a connection on " + target);
        socket.awaitConnection();
      }
    } catch (IOException e) {
      throw new CommandLineException(option + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void speak(HostLine line, Qmp qmp) {
    QmpSession session = new QmpSession(qmp, bytes -> write(line.out(), bytes));
    Thread.ofPlatform()
        .daemon()
        .name("qmp-" + line.name())
        .start(
            () -> {
              session.open();
              byte[] chunk = new byte[CHUNK_BYTES];
              try {
                for (int n; (n = line.in().read(chunk)) >= 0; ) {
                  session.feed(chunk, n);
                }
              } catch (IOException e) {
                // The terminal has gone (hang-up): same as the end of a pipe.
                return;
              }
            });
  }

  private static synchronized void write(OutputStream out, byte[] bytes) {
    try {
      out.write(bytes);
      out.flush();
    } catch (IOException e) {
      // The reader has gone; the machine runs on.
      return;
    }
  }

  /** Sends them away. */
  @Override
  public void close() {
    for (Closeable one : open) {
      try {
        one.close();
      } catch (IOException e) {
        System.err.println("tuber: closing a monitor: " + e.getMessage());
      }
    }
    open.clear();
  }
}
