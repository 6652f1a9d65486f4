package org.tuber.devices.acpi;

/** What the machine does when the guest asks for a sleep state; called inside the device. */
@FunctionalInterface
public interface SleepControl {
  /** A sleep state of the whole system. */
  enum State {
    /** Suspend to RAM. */
    S3,
    /** Suspend to disk: the guest has saved itself. */
    S4,
    /** Soft off. */
    S5
  }

  /** The guest entered {@code state}; takes effect after the access, not inside it. */
  void enter(State state);
}
