package org.tuber.machine.board.arm;

import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.irq.IrqLine;

/** What the board is to one CPU: private interrupts, the GIC's registers, firmware. */
final class VirtCpu implements ArmPlatform {
  private final int index;
  private final VirtGic gic;
  private final VirtPsci psci;

  VirtCpu(int index, VirtGic gic, VirtPsci psci) {
    this.index = index;
    this.gic = gic;
    this.psci = psci;
  }

  @Override
  public IrqLine timerLine(TimerKind kind) {
    return gic.ownOf(
        index,
        switch (kind) {
          case PHYSICAL -> VirtMap.PPI_PHYSICAL_TIMER;
          case VIRTUAL -> VirtMap.PPI_VIRTUAL_TIMER;
          case HYPERVISOR -> VirtMap.PPI_HYPERVISOR_TIMER;
          case SECURE -> VirtMap.PPI_SECURE_TIMER;
          case HYPERVISOR_VIRTUAL -> VirtMap.PPI_HYPERVISOR_VIRTUAL_TIMER;
        });
  }

  @Override
  public boolean firmwareCall(Conduit conduit, int immediate, long[] x) {
    return psci.call(index, conduit, immediate, x);
  }

  @Override
  public boolean hasSystemRegister(int encoding) {
    return gic.hasSystemRegister(encoding);
  }

  @Override
  public long readSystemRegister(int encoding, int el) {
    return gic.readSystemRegister(index, encoding);
  }

  @Override
  public void writeSystemRegister(int encoding, long value, int el) {
    gic.writeSystemRegister(index, encoding, value);
  }
}
