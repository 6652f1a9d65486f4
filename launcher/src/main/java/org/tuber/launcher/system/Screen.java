package org.tuber.launcher.system;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.vnc.VncServer;
import org.tuber.devices.display.web.WebServer;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.console.CursesScreen;
import org.tuber.launcher.options.DisplayOptions;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;

/** The machine's screen to the outside: opens what the display options name. */
final class Screen implements AutoCloseable {
  private final DisplayOptions display;
  private final List<VirtualTerminal> terminals;

  /** Pausing waits for the CPUs, which a server's thread must not do. */
  private final ExecutorService buttons =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("power-buttons").factory());

  private MachineRun machine;
  private Consumer<RunEvent> listener;
  private VncServer vnc;
  private WebServer web;
  private CursesScreen curses;

  /**
   * A screen.
   *
   * @param terminals what the display shows beside it
   */
  Screen(DisplayOptions display, List<VirtualTerminal> terminals) {
    this.display = display;
    this.terminals = terminals;
  }

  /** Lets people look at the machine in the ways that were asked for. */
  void serve(MachineRun served) {
    machine = served;
    if (display.vncAddress() != null) {
      serveVnc();
    }
    if (display.webAddress() != null) {
      serveWeb();
    }
    if (display.isCurses()) {
      takeTerminal();
    }
  }

  private void takeTerminal() {
    if (!machine.hasDisplay()) {
      throw new CommandLineException("-display curses: this machine has no screen");
    }
    try {
      curses = CursesScreen.open(machine, terminals);
    } catch (IOException e) {
      throw new CommandLineException("-display curses: " + e.getMessage());
    }
  }

  private void serveVnc() {
    VncServer.Console console =
        new VncServer.Console() {
          @Override
          public void render(DisplaySurface surface) {
            machine.render(surface);
          }

          @Override
          public void input(Consumer<InputSource.Sink> event) {
            machine.input(event);
          }
        };
    try {
      vnc = VncServer.listen(display.vncAddress(), console, "Tuber", display.vncPassword());
    } catch (IOException e) {
      throw new CommandLineException("-vnc " + display.vncAddress() + ": " + e.getMessage());
    }
  }

  private void serveWeb() {
    try {
      web = WebServer.listen(display.webAddress(), new MachineInPage(machine, terminals, buttons));
    } catch (IOException e) {
      throw new CommandLineException("-display web: " + e.getMessage());
    }
    System.err.println("tuber: the machine is at " + web.url());
    listener = event -> web.stateChanged();
    machine.addListener(listener);
  }

  /** Sends the viewers away. */
  @Override
  public void close() {
    buttons.shutdown();
    if (curses != null) {
      curses.close();
    }
    if (vnc != null) {
      vnc.close();
    }
    if (web != null) {
      machine.removeListener(listener);
      web.close();
    }
  }
}
