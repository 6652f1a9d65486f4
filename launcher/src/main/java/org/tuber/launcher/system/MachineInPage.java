package org.tuber.launcher.system;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.tuber.core.backend.InputSource;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.devices.display.DisplaySurface;
import org.tuber.devices.display.web.WebConsole;
import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent;

/**
 * A machine as the web page sees it.
 *
 * @param buttons presses the page's buttons
 */
record MachineInPage(MachineRun machine, List<VirtualTerminal> terminals, Executor buttons)
    implements WebConsole {
  @Override
  public void render(DisplaySurface surface) {
    machine.render(surface);
  }

  @Override
  public void input(Consumer<InputSource.Sink> event) {
    machine.input(event);
  }

  @Override
  public String title() {
    String name = machine.parts().guestName();
    return name.isEmpty() ? "Tuber" : name + " – Tuber";
  }

  @Override
  public boolean hasScreen() {
    return machine.hasDisplay();
  }

  @Override
  public String state() {
    return switch (machine.state()) {
      case RUNNING -> "running";
      case STOPPED -> "paused";
      case POWERED_OFF -> "off";
      case ENDED -> "ended";
    };
  }

  @Override
  public void power(Power action) {
    buttons.execute(
        () -> {
          switch (action) {
            case RESET -> machine.requestReset();
            case POWERDOWN -> machine.requestPowerOff();
            case PAUSE -> machine.pause();
            case CONTINUE -> machine.resume();
            case QUIT -> machine.quit(0, RunEvent.Cause.CONSOLE);
          }
        });
  }
}
