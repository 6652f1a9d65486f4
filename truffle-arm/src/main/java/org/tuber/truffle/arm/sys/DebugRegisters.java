package org.tuber.truffle.arm.sys;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;

/**
 * Self-hosted debug registers (Arm ARM D17.3): breakpoints, watchpoints, OS lock. They keep what is
 * written; breakpoints and watchpoints do not fire yet.
 */
final class DebugRegisters {
  private static final long OSLSR_LOCKED = 1 << 1;

  /** OSLSR_EL1.OSLM: the lock exists. */
  private static final long OSLSR_EXISTS = 1 << 3;

  private static final int MAX = 16;

  private DebugRegisters() {}

  private static SystemRegister debug(String name, int crn, int crm, int op2) {
    return SystemRegisters.add(name, 2, 0, crn, crm, op2);
  }

  static void addAll() {
    debug("MDSCR_EL1", 0, 2, 2).at(Reg.MDSCR_EL1);
    debug("MDCCINT_EL1", 0, 2, 0).at(Reg.MDCCINT_EL1);
    debug("OSDTRRX_EL1", 0, 0, 2).at(Reg.OSDTRRX_EL1);
    debug("OSDTRTX_EL1", 0, 3, 2).at(Reg.OSDTRTX_EL1);
    debug("OSECCR_EL1", 0, 6, 2).at(Reg.OSECCR_EL1);
    debug("MDRAR_EL1", 1, 0, 0).constant(0);
    debug("OSLAR_EL1", 1, 0, 4).writeOnly().writes(DebugRegisters::lock);
    debug("OSLSR_EL1", 1, 1, 4).at(Reg.OSLSR_EL1).reset(OSLSR_EXISTS | OSLSR_LOCKED).readOnly();
    debug("OSDLR_EL1", 1, 3, 4).at(Reg.OSDLR_EL1).mask(1);
    debug("DBGPRCR_EL1", 1, 4, 4).at(Reg.DBGPRCR_EL1).mask(1);
    debug("DBGCLAIMSET_EL1", 7, 8, 6)
        .reads(c -> 0xff)
        .writes((c, v) -> c.sys[Reg.DBGCLAIM_EL1] |= v & 0xff);
    debug("DBGCLAIMCLR_EL1", 7, 9, 6)
        .reads(c -> c.sys[Reg.DBGCLAIM_EL1])
        .writes((c, v) -> c.sys[Reg.DBGCLAIM_EL1] &= ~v);
    debug("DBGAUTHSTATUS_EL1", 7, 14, 6).constant(0);
    SystemRegisters.add("MDCCSR_EL0", 2, 3, 0, 1, 0).constant(0);
    SystemRegisters.add("DBGDTR_EL0", 2, 3, 0, 4, 0).reads(c -> 0);
    SystemRegisters.add("DBGDTRRX_EL0", 2, 3, 0, 5, 0).reads(c -> 0);
    for (int i = 0; i < MAX; i++) {
      int n = i;
      debug("DBGBVR" + i + "_EL1", 0, i, 4)
          .reads(c -> breakpoint(c, n, Reg.DBGBVR_EL1))
          .writes((c, v) -> setBreakpoint(c, n, Reg.DBGBVR_EL1, v));
      debug("DBGBCR" + i + "_EL1", 0, i, 5)
          .reads(c -> breakpoint(c, n, Reg.DBGBCR_EL1))
          .writes((c, v) -> setBreakpoint(c, n, Reg.DBGBCR_EL1, v));
      debug("DBGWVR" + i + "_EL1", 0, i, 6)
          .reads(c -> watchpoint(c, n, Reg.DBGWVR_EL1))
          .writes((c, v) -> setWatchpoint(c, n, Reg.DBGWVR_EL1, v));
      debug("DBGWCR" + i + "_EL1", 0, i, 7)
          .reads(c -> watchpoint(c, n, Reg.DBGWCR_EL1))
          .writes((c, v) -> setWatchpoint(c, n, Reg.DBGWCR_EL1, v));
    }
  }

  private static void lock(ArmCpu c, long value) {
    c.sys[Reg.OSLSR_EL1] = OSLSR_EXISTS | ((value & 1) != 0 ? OSLSR_LOCKED : 0);
  }

  private static int count(ArmCpu c, int shift) {
    return ((int) (c.model.id(IdRegister.AA64DFR0_EL1) >>> shift) & 15) + 1;
  }

  private static void requireBreakpoint(ArmCpu c, int n) {
    if (n >= count(c, 12)) {
      throw c.undefined();
    }
  }

  private static void requireWatchpoint(ArmCpu c, int n) {
    if (n >= count(c, 20)) {
      throw c.undefined();
    }
  }

  private static long breakpoint(ArmCpu c, int n, int base) {
    requireBreakpoint(c, n);
    return c.sys[base + n];
  }

  private static void setBreakpoint(ArmCpu c, int n, int base, long value) {
    requireBreakpoint(c, n);
    c.sys[base + n] = value;
  }

  private static long watchpoint(ArmCpu c, int n, int base) {
    requireWatchpoint(c, n);
    return c.sys[base + n];
  }

  private static void setWatchpoint(ArmCpu c, int n, int base, long value) {
    requireWatchpoint(c, n);
    c.sys[base + n] = value;
  }
}
