package org.tuber.machine.monitor;

import org.tuber.machine.MachineRun;
import org.tuber.machine.RunEvent.Cause;

/** The human monitor: the machine's life. */
final class HumanRun implements HumanTable.Family {
  private final MachineRun machine;

  HumanRun(MachineRun machine) {
    this.machine = machine;
  }

  private static HumanTable.Command simple(Runnable action) {
    return arguments -> {
      action.run();
      return "";
    };
  }

  @Override
  public void addTo(HumanTable table) {
    table.add("stop", "", "stop the CPUs", simple(machine::pause));
    table.synonym("s", "stop");
    table.add(
        "cont",
        "",
        "let the CPUs run",
        arguments -> {
          if (machine.state() == MachineRun.State.POWERED_OFF) {
            throw new QmpException("Error: Resetting the Virtual Machine is required");
          }
          machine.resume();
          return "";
        });
    table.synonym("c", "cont");
    table.add("nmi", "", "non-maskable interrupt to all CPUs", simple(machine::nmi));
    table.add(
        "system_reset",
        "",
        "press the reset button",
        simple(() -> machine.requestReset(Cause.MONITOR_RESET)));
    table.add("system_powerdown", "", "press the power button", simple(machine::requestPowerOff));
    table.add("system_sleep", "", "press the sleep button", simple(machine::requestSleep));
    table.add("quit", "", "leave the emulator", simple(() -> machine.quit(0, Cause.MONITOR_QUIT)));
    table.synonym("q", "quit");
  }
}
