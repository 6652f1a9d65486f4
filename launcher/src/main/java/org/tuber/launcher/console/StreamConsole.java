package org.tuber.launcher.console;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.backend.CharBackend;
import org.tuber.launcher.Version;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;
import org.tuber.machine.monitor.HumanMonitor;
import org.tuber.machine.monitor.MonitorLine;

/**
 * The host end of a character device: two streams as a serial line, as the monitor, or as both with
 * Ctrl-A c to change over. On standard input and output a terminal goes to raw mode; pipes and
 * files work as they are.
 */
public final class StreamConsole implements CharBackendSource, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StreamConsole.class);
  private static final int CHUNK_BYTES = 4096;
  private static final long PATIENCE_MILLIS = 3000;
  private static final String HELP =
      """

      Ctrl-A h    this help
      Ctrl-A x    leave the emulator at once
      Ctrl-A s    write disk caches through (disks here are always written through)
      Ctrl-A t    switch time stamps on or off
      Ctrl-A b    send a break (this serial line carries none)
      Ctrl-A c    change between guest and monitor
      Ctrl-A Ctrl-A    send Ctrl-A
      """;

  /**
   * How the streams are used.
   *
   * @param serial the guest's serial line is here
   * @param monitor the monitor is here
   * @param escapeKeys Ctrl-A commands are taken out of the input
   * @param keepSignals Ctrl-C ends the emulator instead of going to the guest
   */
  public record Use(boolean serial, boolean monitor, boolean escapeKeys, boolean keepSignals) {}

  private final Use use;
  private final HostLine line;
  private final ByteOutlet outlet;
  private final Future<TerminalMode> terminal;
  private final EscapeKeys keys = new EscapeKeys();
  private final TimeStamps stamps = new TimeStamps(System::nanoTime);
  private final MonitorLine monitor;
  private final AtomicBoolean complained = new AtomicBoolean();
  private InputQueue serialInput;
  private boolean monitorHasFocus;
  private volatile MachineRun machine;

  /** Opens the process's own stdin and stdout. */
  public static StreamConsole onStdio(Use use) {
    // ./tuber asks with test -t, which costs nothing; the JDK loads a console for its answer.
    String told = System.getProperty("tuber.stdin.tty");
    boolean isTerminal = told == null ? System.console().isTerminal() : Boolean.parseBoolean(told);
    // Takes a tenth of a second, so the machine is built meanwhile.
    FutureTask<TerminalMode> mode =
        new FutureTask<>(() -> isTerminal ? new TerminalMode(use.keepSignals()) : null);
    Thread.ofPlatform().daemon().name("terminal-setup").start(mode);
    return new StreamConsole(use, HostLine.stdio(), mode);
  }

  /** A console over streams that are no terminal of this process. */
  public static StreamConsole open(Use use, HostLine line) {
    return new StreamConsole(use, line, CompletableFuture.completedFuture(null));
  }

  StreamConsole(Use use, HostLine line, Future<TerminalMode> terminal) {
    this.use = use;
    this.line = line;
    this.outlet = new ByteOutlet(line.name(), line.out(), line.patienceNanos());
    this.terminal = terminal;
    this.monitor = use.monitor() ? new MonitorLine(outlet::write) : null;
    this.monitorHasFocus = use.monitor() && !use.serial();
  }

  /** Starts reading; from now on the keys act on {@code run}. */
  public void attach(MachineRun run) {
    machine = run;
    if (monitor != null) {
      monitor.attach(new HumanMonitor(run, Version.number()));
      if (monitorHasFocus) {
        monitor.prompt();
      }
    }
    Thread.ofPlatform().daemon().name(line.name() + "-input").start(this::readLoop);
  }

  @Override
  public String hostName() {
    return line.name();
  }

  @Override
  public CharBackend open(Executor eventLoop) {
    serialInput = new InputQueue(eventLoop);
    return new Serial();
  }

  private void readLoop() {
    byte[] chunk = new byte[CHUNK_BYTES];
    byte[] toGuest = new byte[CHUNK_BYTES];
    try {
      terminalMode();
      while (true) {
        int length = line.in().read(chunk);
        if (length < 0) {
          // End of a pipe: nobody types any more, but the guest may still talk.
          return;
        }
        int guestLength = 0;
        for (int i = 0; i < length; i++) {
          if (isForGuest(chunk[i])) {
            toGuest[guestLength++] = use.escapeKeys() ? keys.literal() : chunk[i];
          }
        }
        if (guestLength > 0) {
          serialInput.offer(toGuest, guestLength);
        }
      }
    } catch (IOException e) {
      // The terminal has gone (hang-up): same as the end of a pipe.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isForGuest(byte value) {
    byte typed = value;
    if (use.escapeKeys()) {
      EscapeKeys.Action action = keys.type(value);
      if (action != EscapeKeys.Action.SEND) {
        act(action);
        return false;
      }
      typed = keys.literal();
    }
    if (monitorHasFocus) {
      monitor.type(typed);
      return false;
    }
    return serialInput != null;
  }

  private void act(EscapeKeys.Action action) {
    switch (action) {
      case HELP -> say(HELP);
      case QUIT -> quit();
      case SWITCH -> switchFocus();
      case TIMESTAMPS -> stamps.toggle();
      case BREAK -> say("\nno break on this line\n");
      case SYNC_DISKS, NOTHING, SEND -> {}
    }
  }

  private void switchFocus() {
    if (monitor == null || !use.serial()) {
      say("\nno monitor here: -serial mon:stdio puts one on this terminal\n");
      return;
    }
    monitorHasFocus = !monitorHasFocus;
    if (monitorHasFocus) {
      monitor.greet(Version.line());
    }
  }

  private void quit() {
    say("\ntuber: terminated\n");
    machine.quit(0, RunEvent.Cause.CONSOLE);
    // A guest CPU that does not come back must not hold the terminal.
    Thread.ofPlatform()
        .daemon()
        .name("quit-patience")
        .start(
            () -> {
              try {
                Thread.sleep(PATIENCE_MILLIS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              Runtime.getRuntime().exit(0);
            });
  }

  private void say(String text) {
    outlet.write(text.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    outlet.flush();
    try {
      TerminalMode mode = terminalMode();
      if (mode != null) {
        mode.restore();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      line.end().close();
    } catch (IOException e) {
      LOG.warn("closing {}: {}", line.name(), e.toString());
    }
  }

  /** The terminal once it is raw; null when there is none or it cannot be. */
  private TerminalMode terminalMode() throws InterruptedException {
    try {
      return terminal.get();
    } catch (ExecutionException e) {
      if (!complained.getAndSet(true)) {
        System.err.println("tuber: warning: the terminal stays as it is: " + e.getCause());
      }
      return null;
    }
  }

  /** The guest's side. */
  private final class Serial implements CharBackend {
    @Override
    public void write(byte value) {
      byte[] stamp = stamps.before(value);
      if (stamp.length > 0) {
        outlet.write(stamp);
      }
      outlet.write(value);
    }

    @Override
    public void setReceiver(Receiver receiver) {
      serialInput.setReceiver(receiver);
    }

    @Override
    public void acceptInput() {
      serialInput.deliver();
    }

    @Override
    public void flush() {
      outlet.flush();
    }

    @Override
    public void close() {
      outlet.flush();
    }
  }
}
