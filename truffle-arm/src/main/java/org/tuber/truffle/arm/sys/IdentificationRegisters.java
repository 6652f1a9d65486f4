package org.tuber.truffle.arm.sys;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;

/** Who the CPU is and what it can do (Arm ARM D17.2): all read-only but CSSELR_EL1. */
final class IdentificationRegisters {
  private static final long PFR0_EL2 = 1 << 8;
  private static final long PFR0_EL3 = 1 << 12;

  private IdentificationRegisters() {}

  static void addAll() {
    for (IdRegister id : IdRegister.values()) {
      SystemRegister r =
          SystemRegisters.add(id.registerName(), 3, id.op1, 0, id.crm, id.op2).readOnly();
      switch (id) {
        case AA64PFR0_EL1 -> r.reads(IdentificationRegisters::pfr0);
        case CTR_EL0 -> r.reads(c -> c.model.id(id)).el0(c -> (c.sctlr(1) & Sctlr.UCT) != 0);
        case DCZID_EL0 -> r.reads(c -> c.model.id(id) | (isZeroingAllowed(c) ? 0 : 1 << 4));
        default -> r.reads(c -> c.model.id(id));
      }
    }
    SystemRegisters.add("MPIDR_EL1", 3, 0, 0, 0, 5)
        .readOnly()
        .reads(c -> c.platform.mpidr(c.index));
    SystemRegisters.add("CCSIDR_EL1", 3, 1, 0, 0, 0)
        .readOnly()
        .reads(c -> c.model.ccsidr(c.sys[Reg.CSSELR_EL1]));
    SystemRegisters.add("AIDR_EL1", 3, 1, 0, 0, 7).constant(0);
    SystemRegisters.add("CSSELR_EL1", 3, 2, 0, 0, 0).levels(1, 1).at(Reg.CSSELR_EL1).mask(0xf);
  }

  private static long pfr0(ArmCpu c) {
    long v = c.model.id(IdRegister.AA64PFR0_EL1);
    v |= (c.has(2) ? PFR0_EL2 : 0) | (c.has(3) ? PFR0_EL3 : 0);
    return v | (c.platform.hasSystemRegister(SystemRegister.key(3, 0, 12, 12, 5)) ? 1 << 24 : 0);
  }

  /** DC ZVA may be used at the present level. */
  static boolean isZeroingAllowed(ArmCpu c) {
    return c.el != 0 || (c.sctlr(1) & Sctlr.DZE) != 0;
  }
}
