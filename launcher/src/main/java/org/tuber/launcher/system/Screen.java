package org.tuber.launcher.system;

import java.io.IOException;
import java.util.function.Consumer;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.vnc.VncServer;
import org.tuber.launcher.CommandLineException;
import org.tuber.launcher.options.DisplayOptions;
import org.tuber.machine.MachineRun;

/** The machine's screen to the outside: opens what the display options name. */
final class Screen implements AutoCloseable {
  private final DisplayOptions display;
  private VncServer vnc;

  Screen(DisplayOptions display) {
    this.display = display;
  }

  /** Lets VNC clients in, if that was asked for. */
  void serve(MachineRun machine) {
    if (display.vncAddress() == null) {
      return;
    }
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

  /** Sends the clients away. */
  @Override
  public void close() {
    if (vnc != null) {
      vnc.close();
    }
  }
}
