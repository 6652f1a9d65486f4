package org.tuber.truffle.arm.sys;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;

/**
 * System registers of EL2 and EL3 (Arm ARM D17.2) as far as firmware uses them. Where the level
 * does not exist they cannot be reached.
 */
final class UpperLevelRegisters {
  private static final long SCTLR_RES1 = 0x30c5_0830L;

  private UpperLevelRegisters() {}

  static void addAll() {
    addControl2();
    addTranslation2();
    add3();
    addBanked(2, 4);
    addBanked(3, 6);
  }

  private static SystemRegister el2(String name, int crn, int crm, int op2, int index) {
    return SystemRegisters.add(name, 3, 4, crn, crm, op2).at(index);
  }

  private static SystemRegister el3(String name, int crn, int crm, int op2, int index) {
    return SystemRegisters.add(name, 3, 6, crn, crm, op2).at(index);
  }

  private static void addControl2() {
    el2("SCTLR_EL2", 1, 0, 0, Reg.SCTLR_EL2).reset(SCTLR_RES1).writes((c, v) -> c.regimeChanged());
    el2("ACTLR_EL2", 1, 0, 1, Reg.ACTLR_EL2).mask(0);
    el2("HCR_EL2", 1, 1, 0, Reg.HCR_EL2)
        .ones(1L << 31)
        .reset(1L << 31)
        .writes((c, v) -> c.regimeChanged());
    el2("MDCR_EL2", 1, 1, 1, Reg.MDCR_EL2);
    el2("CPTR_EL2", 1, 1, 2, Reg.CPTR_EL2)
        .ones(0x33ff & ~(1 << 10))
        .reset(0x33ff & ~(1 << 10))
        .writes((c, v) -> c.modeChanged());
    el2("HSTR_EL2", 1, 1, 3, Reg.HSTR_EL2);
    el2("HACR_EL2", 1, 1, 7, Reg.HACR_EL2).mask(0);
    el2("VPIDR_EL2", 0, 0, 0, Reg.VPIDR_EL2);
    el2("VMPIDR_EL2", 0, 0, 5, Reg.VMPIDR_EL2);
    el2("TPIDR_EL2", 13, 0, 2, Reg.TPIDR_EL2);
  }

  private static void addTranslation2() {
    el2("TTBR0_EL2", 2, 0, 0, Reg.TTBR0_EL2).writes((c, v) -> c.regimeChanged());
    el2("TCR_EL2", 2, 0, 2, Reg.TCR_EL2).writes((c, v) -> c.regimeChanged());
    el2("VTTBR_EL2", 2, 1, 0, Reg.VTTBR_EL2);
    el2("VTCR_EL2", 2, 1, 2, Reg.VTCR_EL2);
    el2("MAIR_EL2", 10, 2, 0, Reg.MAIR_EL2).writes((c, v) -> c.regimeChanged());
    el2("AMAIR_EL2", 10, 3, 0, Reg.AMAIR_EL2).mask(0);
    el2("ESR_EL2", 5, 2, 0, Reg.ESR_EL2);
    el2("FAR_EL2", 6, 0, 0, Reg.FAR_EL2);
    el2("HPFAR_EL2", 6, 0, 4, Reg.HPFAR_EL2);
    el2("AFSR0_EL2", 5, 1, 0, Reg.AFSR0_EL2).mask(0);
    el2("AFSR1_EL2", 5, 1, 1, Reg.AFSR1_EL2).mask(0);
    el2("VBAR_EL2", 12, 0, 0, Reg.VBAR_EL2).mask(-0x800L);
  }

  private static void add3() {
    el3("SCTLR_EL3", 1, 0, 0, Reg.SCTLR_EL3).reset(SCTLR_RES1).writes((c, v) -> c.regimeChanged());
    el3("ACTLR_EL3", 1, 0, 1, Reg.ACTLR_EL3).mask(0);
    el3("SCR_EL3", 1, 1, 0, Reg.SCR_EL3).ones(0x30).reset(0x30);
    el3("SDER32_EL3", 1, 1, 1, Reg.SDER32_EL3);
    el3("CPTR_EL3", 1, 1, 2, Reg.CPTR_EL3).writes((c, v) -> c.modeChanged());
    el3("MDCR_EL3", 1, 3, 1, Reg.MDCR_EL3);
    el3("TTBR0_EL3", 2, 0, 0, Reg.TTBR0_EL3).writes((c, v) -> c.regimeChanged());
    el3("TCR_EL3", 2, 0, 2, Reg.TCR_EL3).writes((c, v) -> c.regimeChanged());
    el3("MAIR_EL3", 10, 2, 0, Reg.MAIR_EL3).writes((c, v) -> c.regimeChanged());
    el3("AMAIR_EL3", 10, 3, 0, Reg.AMAIR_EL3).mask(0);
    el3("ESR_EL3", 5, 2, 0, Reg.ESR_EL3);
    el3("FAR_EL3", 6, 0, 0, Reg.FAR_EL3);
    el3("AFSR0_EL3", 5, 1, 0, Reg.AFSR0_EL3).mask(0);
    el3("AFSR1_EL3", 5, 1, 1, Reg.AFSR1_EL3).mask(0);
    el3("VBAR_EL3", 12, 0, 0, Reg.VBAR_EL3).mask(-0x800L);
    el3("TPIDR_EL3", 13, 0, 2, Reg.TPIDR_EL3);
  }

  /** SPSR, ELR, and the stack pointer of the level below. */
  private static void addBanked(int el, int op1) {
    SystemRegisters.add("SPSR_EL" + el, 3, op1, 4, 0, 0)
        .reads(c -> c.spsr[el])
        .writes((c, v) -> c.spsr[el] = v & El1Registers.SPSR_MASK);
    SystemRegisters.add("ELR_EL" + el, 3, op1, 4, 0, 1)
        .reads(c -> c.elr[el])
        .writes((c, v) -> c.elr[el] = v);
    SystemRegisters.add("SP_EL" + (el - 1), 3, op1, 4, 1, 0)
        .reads((ArmCpu c) -> c.sp[el - 1])
        .writes((c, v) -> c.sp[el - 1] = v);
    SystemRegisters.add("RVBAR_EL" + el, 3, op1, 12, 0, 1).constant(0);
  }
}
