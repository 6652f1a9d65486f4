package org.tuber.launcher.system;

import java.util.HashMap;
import java.util.Map;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineFactory;
import org.tuber.machine.MachineRun;
import org.tuber.truffle.x86.X86VcpuFactory;

/** Puts x86 processors and a board together. */
final class X86Machine {
  private X86Machine() {}

  /** Builds the machine; anything wrong with the configuration is one line for the user. */
  static MachineRun create(MachineConfig config) {
    Map<String, String> options = new HashMap<>(config.accelProperties());
    options.put("accel", config.accel());
    try {
      return MachineFactory.create(config, new X86VcpuFactory(options));
    } catch (MachineException | IllegalArgumentException e) {
      throw new CommandLineException(e.getMessage());
    }
  }
}
