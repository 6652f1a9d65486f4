package org.tuber.machine;

import org.tuber.core.cpu.DebugControl;

/** A turn in a machine's life, as monitors and debuggers hear of it. */
public sealed interface RunEvent {
  /** Who wanted a reset or the end. */
  enum Cause {
    /** The guest switched the power off. */
    GUEST_SHUTDOWN("guest-shutdown", true),
    /** The guest pulled the reset line. */
    GUEST_RESET("guest-reset", true),
    /** A monitor command ended the run. */
    MONITOR_QUIT("host-qmp-quit", false),
    /** A monitor command pulled the reset line. */
    MONITOR_RESET("host-qmp-system-reset", false),
    /** A signal ended the process. */
    SIGNAL("host-signal", false),
    /** Keys at the console ended the run. */
    CONSOLE("host-ui", false),
    /** An internal error. */
    ERROR("host-error", false);

    private final String word;
    private final boolean fromGuest;

    Cause(String word, boolean fromGuest) {
      this.word = word;
      this.fromGuest = fromGuest;
    }

    /** The word that QMP events say. */
    public String word() {
      return word;
    }

    /** True when the guest itself did it. */
    public boolean isFromGuest() {
      return fromGuest;
    }
  }

  /** Why the CPUs stand still. */
  enum Rest {
    /** They have not started yet. */
    PRELAUNCH,
    /** Somebody asked for it. */
    PAUSED,
    /** A breakpoint, a watchpoint, a step. */
    DEBUG
  }

  /** The CPUs run again. */
  record Resumed() implements RunEvent {}

  /** The CPUs, which ran, stand still. */
  record Stopped(Rest rest) implements RunEvent {}

  /**
   * A debugger's stop on one CPU; all stand still.
   *
   * @param cpu its number
   * @param stop where
   */
  record Caught(int cpu, DebugControl.Stop stop) implements RunEvent {}

  /** The machine was reset. */
  record Reset(Cause cause) implements RunEvent {}

  /** The power button was pressed. */
  record PowerButton() implements RunEvent {}

  /**
   * The guest opened or closed the tray of a drive.
   *
   * @param drive its name, e.g. {@code ide1-cd0}
   * @param device its place in the machine
   */
  record TrayMoved(String drive, String device, boolean open) implements RunEvent {}

  /** The machine is switched off, or the run ends. */
  record ShutDown(Cause cause) implements RunEvent {}
}
