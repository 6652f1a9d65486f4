package org.tuber.truffle.arm.sys;

import org.tuber.core.cpu.ArmPlatform.TimerKind;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;

/** Registers of the generic timer (Arm ARM D17.11). */
final class TimerRegisters {
  // CNTKCTL_EL1: what EL0 may read and set.
  private static final long EL0PCTEN = 1;
  private static final long EL0VCTEN = 1 << 1;
  private static final long EL0VTEN = 1 << 8;
  private static final long EL0PTEN = 1 << 9;

  private TimerRegisters() {}

  static void addAll() {
    SystemRegisters.add("CNTKCTL_EL1", 3, 0, 14, 1, 0).at(Reg.CNTKCTL_EL1).mask(0x3ff);
    SystemRegisters.add("CNTFRQ_EL0", 3, 3, 14, 0, 0)
        .at(Reg.CNTFRQ_EL0)
        .reset(GenericTimer.FREQUENCY_HZ)
        .mask(0xffff_ffffL)
        .writes(TimerRegisters::requireHighest)
        .levels(0, 1)
        .el0(c -> isEnabled(c, EL0PCTEN | EL0VCTEN));
    SystemRegisters.add("CNTPCT_EL0", 3, 3, 14, 0, 1)
        .readOnly()
        .reads(c -> c.timer.physicalCount())
        .el0(c -> isEnabled(c, EL0PCTEN));
    SystemRegisters.add("CNTVCT_EL0", 3, 3, 14, 0, 2)
        .readOnly()
        .reads(c -> c.timer.virtualCount())
        .el0(c -> isEnabled(c, EL0VCTEN));
    SystemRegisters.add("CNTVOFF_EL2", 3, 4, 14, 0, 3)
        .at(Reg.CNTVOFF_EL2)
        .writes((c, v) -> c.timer.offsetChanged());
    SystemRegisters.add("CNTHCTL_EL2", 3, 4, 14, 1, 0).at(Reg.CNTHCTL_EL2).reset(3);
    addTimer("CNTP", TimerKind.PHYSICAL, 3, 2, "_EL0", EL0PTEN);
    addTimer("CNTV", TimerKind.VIRTUAL, 3, 3, "_EL0", EL0VTEN);
    addTimer("CNTHP", TimerKind.HYPERVISOR, 4, 2, "_EL2", -1);
    addTimer("CNTHV", TimerKind.HYPERVISOR_VIRTUAL, 4, 3, "_EL2", -1);
    addTimer("CNTPS", TimerKind.SECURE, 7, 2, "_EL1", -1);
  }

  private static void addTimer(
      String prefix, TimerKind kind, int op1, int crm, String suffix, long enable) {
    SystemRegisters.add(prefix + "_TVAL" + suffix, 3, op1, 14, crm, 0)
        .reads(c -> c.timer.timerValue(kind))
        .writes((c, v) -> c.timer.setTimerValue(kind, v))
        .el0(c -> isEnabled(c, enable));
    SystemRegisters.add(prefix + "_CTL" + suffix, 3, op1, 14, crm, 1)
        .reads(c -> c.timer.control(kind))
        .writes((c, v) -> c.timer.setControl(kind, v))
        .el0(c -> isEnabled(c, enable));
    SystemRegisters.add(prefix + "_CVAL" + suffix, 3, op1, 14, crm, 2)
        .reads(c -> c.timer.compareValue(kind))
        .writes((c, v) -> c.timer.setCompareValue(kind, v))
        .el0(c -> isEnabled(c, enable));
  }

  private static boolean isEnabled(ArmCpu c, long bits) {
    return (c.sys[Reg.CNTKCTL_EL1] & bits) != 0;
  }

  /** CNTFRQ_EL0 can be written at the highest level only. */
  private static void requireHighest(ArmCpu c, long value) {
    if (c.el < c.highestLevel()) {
      throw c.undefined();
    }
  }
}
