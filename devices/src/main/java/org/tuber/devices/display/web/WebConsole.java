package org.tuber.devices.display.web;

import java.util.List;
import org.tuber.devices.character.VirtualTerminal;
import org.tuber.devices.display.vnc.VncServer;

/** What the page looks at and acts on. Called on the server's thread, without locks. */
public interface WebConsole extends VncServer.Console {
  /** The buttons of the page. */
  enum Power {
    /** Pulls the reset line. */
    RESET,
    /** Presses the power button: the guest decides. */
    POWERDOWN,
    /** Stops the CPUs. */
    PAUSE,
    /** Lets them go on. */
    CONTINUE,
    /** Ends the machine at once. */
    QUIT
  }

  /** What the machine is called. */
  String title();

  /** True when there is a picture; otherwise the page has terminals only. */
  boolean hasScreen();

  /** Serial lines and monitors that are here, in the order of their tabs. */
  List<VirtualTerminal> terminals();

  /** One word: {@code running}, {@code paused}, {@code off}, {@code ended}. */
  String state();

  /** Does what a button says; returns at once. */
  void power(Power action);
}
