package org.tuber.launcher.options;

import java.io.IOException;
import java.util.concurrent.Executor;
import org.tuber.core.backend.CharBackend;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.CharBackendSource;

/**
 * One host end and who uses it: a device, a monitor, or both when it is shared ({@code mux=on}).
 * Devices get it before it is open; the command opens it once all options are read.
 */
public final class CharEnd implements CharBackendSource {
  private final String id;
  private final CharTarget target;
  private final boolean shared;
  private String option;
  private boolean device;
  private boolean monitor;
  private boolean control;
  private CharBackendSource source = CharBackendSource.NULL;

  CharEnd(String id, CharTarget target, boolean shared) {
    this.id = id;
    this.target = target;
    this.shared = shared;
  }

  /** Its name, e.g. {@code serial0}. */
  public String id() {
    return id;
  }

  /** What it is. */
  public CharTarget target() {
    return target;
  }

  /** True when Ctrl-A commands are taken out of its input. */
  public boolean isShared() {
    return shared;
  }

  /** The option that uses it, for messages; null: none does. */
  public String option() {
    return option;
  }

  /** True when a device is here. */
  public boolean hasDevice() {
    return device;
  }

  /** True when a monitor for people is here. */
  public boolean hasMonitor() {
    return monitor;
  }

  /** True when a monitor for programs is here. */
  public boolean hasControl() {
    return control;
  }

  /** True when it is a socket that only monitors use: those take several clients at a time. */
  public boolean isMonitorSocket() {
    return target instanceof CharTarget.Socket(var socket, var telnet, var reconnectSeconds)
        && !telnet
        && reconnectSeconds == 0
        && !device
        && !shared;
  }

  CharEnd forDevice(String by) {
    if (device || control || monitor && !shared) {
      throw inUse(by);
    }
    device = true;
    option = by;
    return this;
  }

  CharEnd forMonitor(String by) {
    if (monitor || control || device && !shared) {
      throw inUse(by);
    }
    monitor = true;
    option = option == null ? by : option;
    return this;
  }

  CharEnd forControl(String by) {
    if (monitor || control || device) {
      throw inUse(by);
    }
    control = true;
    option = by;
    return this;
  }

  private CommandLineException inUse(String by) {
    return new CommandLineException(
        by + ": '" + id + "' is in use already; mux=on lets one device and one monitor share it");
  }

  /** Says what {@link #open} opens. */
  public void connect(CharBackendSource opener) {
    source = opener;
  }

  @Override
  public CharBackend open(Executor eventLoop) throws IOException {
    return source.open(eventLoop);
  }

  @Override
  public String hostName() {
    return target.toString();
  }
}
