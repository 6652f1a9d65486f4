package org.tuber.devices.input;

/** A device on a PS/2 connector as the controller sees it. */
interface Ps2Device {
  /** A byte from the host. */
  void receive(int value);

  /** True when {@link #next} has a byte. */
  boolean hasOutput();

  /** Takes the next byte for the host. */
  int next();

  /** Sets what to run when a byte arrived in an empty queue. */
  void onOutput(Runnable listener);
}
