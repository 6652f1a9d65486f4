package org.tuber.launcher.system;

import java.lang.reflect.InvocationTargetException;
import java.util.HashMap;
import java.util.Map;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.launcher.CommandLineException;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineRun;

/** Where the launcher picks the CPU and the board; both are found by name at run time. */
final class MachineSeam {
  private static final String CPU_FACTORY = "org.tuber.truffle.x86.X86VcpuFactory";
  private static final String MACHINE_FACTORY = "org.tuber.machine.MachineFactory";

  private MachineSeam() {}

  /** Builds the machine; anything wrong with the configuration is one line for the user. */
  static MachineRun create(MachineConfig config) {
    Map<String, String> options = new HashMap<>(config.accelProperties());
    options.put("accel", config.accel());
    try {
      VcpuFactory cpus =
          Class.forName(CPU_FACTORY)
              .asSubclass(VcpuFactory.class)
              .getConstructor(Map.class)
              .newInstance(options);
      return (MachineRun)
          Class.forName(MACHINE_FACTORY)
              .getMethod("create", MachineConfig.class, VcpuFactory.class)
              .invoke(null, config, cpus);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      String message = e.getCause().getMessage();
      throw new CommandLineException(message == null ? e.getCause().toString() : message);
    } catch (ReflectiveOperationException e) {
      throw new CommandLineException("this build has no machine to run: " + e);
    }
  }
}
