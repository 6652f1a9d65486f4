package org.tuber.machine.monitor;

import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineRun;

/** The CPU that commands without one mean. */
final class CpuChoice {
  private final MachineRun machine;
  private int index;

  CpuChoice(MachineRun machine) {
    this.machine = machine;
  }

  int index() {
    return index;
  }

  Vcpu cpu() {
    return machine.parts().cpus().get(index);
  }

  void choose(long wanted) throws QmpException {
    if (wanted < 0 || wanted >= machine.parts().cpus().size()) {
      throw new QmpException("invalid CPU index");
    }
    index = (int) wanted;
  }
}
