package org.tuber.truffle.arm.sys;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Spsr;

/** System registers of EL0 and EL1 (Arm ARM D17.2) but for identification, debug and timers. */
final class El1Registers {
  /** Bits of SPSR that an AArch64-only CPU keeps. */
  static final long SPSR_MASK = 0xf3f0_1fffL | Spsr.DIT | Spsr.UAO | Spsr.PAN;

  private static final long SCTLR_V8_0 =
      Sctlr.M
          | Sctlr.A
          | Sctlr.C
          | Sctlr.SA
          | Sctlr.SA0
          | Sctlr.CP15BEN
          | Sctlr.UMA
          | Sctlr.I
          | Sctlr.DZE
          | Sctlr.UCT
          | Sctlr.NTWI
          | Sctlr.NTWE
          | Sctlr.WXN
          | Sctlr.UCI
          | 0x180;

  /** RES1 in ARMv8.0: EOS, TSCXT, EIS. */
  private static final long SCTLR_ONES = Sctlr.EOS | Sctlr.EIS;

  /** SCTLR_EL1 after reset. */
  static final long SCTLR_RESET = 0x00c5_0838L;

  private El1Registers() {}

  static void addAll() {
    addControl();
    addTranslation();
    addExceptions();
    addState();
    addKeys();
    addImplementationDefined();
  }

  private static SystemRegister plain(String name, int crn, int crm, int op2, int index) {
    return SystemRegisters.add(name, 3, 0, crn, crm, op2).at(index);
  }

  private static void addControl() {
    plain("SCTLR_EL1", 1, 0, 0, Reg.SCTLR_EL1)
        .mask(0)
        .reset(SCTLR_RESET)
        .writes(
            (c, v) -> {
              c.sys[Reg.SCTLR_EL1] = v & sctlrMask(c) | SCTLR_ONES;
              c.regimeChanged();
            });
    plain("ACTLR_EL1", 1, 0, 1, Reg.ACTLR_EL1).mask(0);
    plain("CPACR_EL1", 1, 0, 2, Reg.CPACR_EL1).mask(3 << 20).writes((c, v) -> c.modeChanged());
    plain("CONTEXTIDR_EL1", 13, 0, 1, Reg.CONTEXTIDR_EL1).mask(0xffff_ffffL);
    plain("TPIDR_EL1", 13, 0, 4, Reg.TPIDR_EL1);
    plain("SCXTNUM_EL1", 13, 0, 7, Reg.SCXTNUM_EL1).needs(ArmFeature.CSV2_2);
    SystemRegisters.add("TPIDR_EL0", 3, 3, 13, 0, 2).at(Reg.TPIDR_EL0);
    SystemRegisters.add("TPIDRRO_EL0", 3, 3, 13, 0, 3).at(Reg.TPIDRRO_EL0).levels(0, 1);
    SystemRegisters.add("SCXTNUM_EL0", 3, 3, 13, 0, 7)
        .at(Reg.SCXTNUM_EL0)
        .needs(ArmFeature.CSV2_2)
        .el0(c -> (c.sctlr(1) & Sctlr.TSCXT) == 0);
    SystemRegisters.add("RNDR", 3, 3, 2, 4, 0)
        .needs(ArmFeature.RNG)
        .readOnly()
        .reads(RandomNumbers::next);
    SystemRegisters.add("RNDRRS", 3, 3, 2, 4, 1)
        .needs(ArmFeature.RNG)
        .readOnly()
        .reads(RandomNumbers::next);
  }

  private static long sctlrMask(ArmCpu c) {
    long m = SCTLR_V8_0;
    m |= c.model.has(ArmFeature.PAN) ? Sctlr.SPAN : 0;
    m |= c.model.has(ArmFeature.LSE2) ? Sctlr.NAA : 0;
    m |= c.model.has(ArmFeature.SPECRES) ? Sctlr.ENRCTX : 0;
    m |= c.model.has(ArmFeature.CSV2_2) ? Sctlr.TSCXT : 0;
    m |= c.model.has(ArmFeature.SSBS) ? Sctlr.DSSBS : 0;
    m |= c.model.has(ArmFeature.BTI) ? Sctlr.BT0 | Sctlr.BT1 : 0;
    m |= c.model.has(ArmFeature.PAUTH) ? Sctlr.ENIA | Sctlr.ENIB | Sctlr.ENDA | Sctlr.ENDB : 0;
    return m;
  }

  private static void addTranslation() {
    plain("TTBR0_EL1", 2, 0, 0, Reg.TTBR0_EL1).writes((c, v) -> c.regimeChanged());
    plain("TTBR1_EL1", 2, 0, 1, Reg.TTBR1_EL1).writes((c, v) -> c.regimeChanged());
    plain("TCR_EL1", 2, 0, 2, Reg.TCR_EL1).writes((c, v) -> c.regimeChanged());
    plain("MAIR_EL1", 10, 2, 0, Reg.MAIR_EL1).writes((c, v) -> c.regimeChanged());
    plain("AMAIR_EL1", 10, 3, 0, Reg.AMAIR_EL1).mask(0);
    plain("PAR_EL1", 7, 4, 0, Reg.PAR_EL1);
    plain("LORSA_EL1", 10, 4, 0, Reg.LORSA_EL1).needs(ArmFeature.LOR);
    plain("LOREA_EL1", 10, 4, 1, Reg.LOREA_EL1).needs(ArmFeature.LOR);
    plain("LORN_EL1", 10, 4, 2, Reg.LORN_EL1).needs(ArmFeature.LOR);
    plain("LORC_EL1", 10, 4, 3, Reg.LORC_EL1).needs(ArmFeature.LOR);
    SystemRegisters.add("LORID_EL1", 3, 0, 10, 4, 7).needs(ArmFeature.LOR).constant(0);
  }

  private static void addExceptions() {
    plain("ESR_EL1", 5, 2, 0, Reg.ESR_EL1);
    plain("FAR_EL1", 6, 0, 0, Reg.FAR_EL1);
    plain("AFSR0_EL1", 5, 1, 0, Reg.AFSR0_EL1).mask(0);
    plain("AFSR1_EL1", 5, 1, 1, Reg.AFSR1_EL1).mask(0);
    plain("VBAR_EL1", 12, 0, 0, Reg.VBAR_EL1).mask(-0x800L);
    SystemRegisters.add("ISR_EL1", 3, 0, 12, 1, 0).readOnly().reads(ArmCpu::pendingInterrupts);
    SystemRegisters.add("RVBAR_EL1", 3, 0, 12, 0, 1).constant(0);
    SystemRegisters.add("SPSR_EL1", 3, 0, 4, 0, 0)
        .reads(c -> c.spsr[1])
        .writes((c, v) -> c.spsr[1] = v & SPSR_MASK);
    SystemRegisters.add("ELR_EL1", 3, 0, 4, 0, 1)
        .reads(c -> c.elr[1])
        .writes((c, v) -> c.elr[1] = v);
    SystemRegisters.add("SP_EL0", 3, 0, 4, 1, 0)
        .reads(
            c -> {
              requireOwnStack(c);
              return c.sp[0];
            })
        .writes(
            (c, v) -> {
              requireOwnStack(c);
              c.sp[0] = v;
            });
  }

  /** SP_EL0 is SP itself where PSTATE.SP is 0, and then not accessible by name. */
  private static void requireOwnStack(ArmCpu c) {
    if (!c.spsel) {
      throw c.undefined();
    }
  }

  private static void addState() {
    SystemRegisters.add("SPSel", 3, 0, 4, 2, 0)
        .reads(c -> c.spsel ? 1 : 0)
        .writes((c, v) -> c.setLevel(c.el, (v & 1) != 0));
    SystemRegisters.add("CurrentEL", 3, 0, 4, 2, 2).readOnly().reads(c -> (long) c.el << 2);
    SystemRegisters.add("PAN", 3, 0, 4, 2, 3)
        .needs(ArmFeature.PAN)
        .reads(c -> c.pan ? Spsr.PAN : 0)
        .writes(
            (c, v) -> {
              c.pan = (v & Spsr.PAN) != 0;
              c.modeChanged();
            });
    SystemRegisters.add("UAO", 3, 0, 4, 2, 4)
        .needs(ArmFeature.UAO)
        .reads(c -> c.uao ? Spsr.UAO : 0)
        .writes(
            (c, v) -> {
              c.uao = (v & Spsr.UAO) != 0;
              c.modeChanged();
            });
    SystemRegisters.add("NZCV", 3, 3, 4, 2, 0)
        .reads(c -> (long) Nzcv.get(c.home) << Nzcv.SHIFT)
        .writes((c, v) -> Nzcv.set(c.home, (int) (v >>> Nzcv.SHIFT) & 15));
    SystemRegisters.add("DAIF", 3, 3, 4, 2, 1)
        .reads(c -> c.daif)
        .writes((c, v) -> c.setDaif((int) v))
        .el0(c -> (c.sctlr(1) & Sctlr.UMA) != 0);
    SystemRegisters.add("DIT", 3, 3, 4, 2, 5)
        .needs(ArmFeature.DIT)
        .reads(c -> c.dit ? Spsr.DIT : 0)
        .writes((c, v) -> c.dit = (v & Spsr.DIT) != 0);
    SystemRegisters.add("SSBS", 3, 3, 4, 2, 6)
        .needs(ArmFeature.SSBS2)
        .reads(c -> c.ssbs ? Spsr.SSBS : 0)
        .writes((c, v) -> c.ssbs = (v & Spsr.SSBS) != 0);
    SystemRegisters.add("FPCR", 3, 3, 4, 4, 0)
        .reads(c -> requireFp(c).fpcr & 0xffff_ffffL)
        .writes((c, v) -> requireFp(c).setFpcr((int) v));
    SystemRegisters.add("FPSR", 3, 3, 4, 4, 1)
        .reads(c -> requireFp(c).home.fpsr & 0xffff_ffffL)
        .writes((c, v) -> requireFp(c).home.fpsr = (int) v & ArmCpu.FPSR_MASK);
  }

  private static ArmCpu requireFp(ArmCpu c) {
    if ((c.mode & ArmCpu.MODE_FP_TRAP) != 0) {
      throw ExceptionEntry.fpAccess(c);
    }
    return c;
  }

  private static void addKeys() {
    String[] names = {"APIAKey", "APIBKey", "APDAKey", "APDBKey", "APGAKey"};
    for (int i = 0; i < names.length; i++) {
      int crm = 1 + i / 2;
      int op2 = i % 2 * 2;
      plain(names[i] + "Lo_EL1", 2, crm, op2, Reg.APIA_LO + 2 * i)
          .needs(ArmFeature.PAUTH)
          .traps(c -> c.pointerAuth.keyTrapLevel());
      plain(names[i] + "Hi_EL1", 2, crm, op2 + 1, Reg.APIA_HI + 2 * i)
          .needs(ArmFeature.PAUTH)
          .traps(c -> c.pointerAuth.keyTrapLevel());
    }
  }

  /** Registers of the Cortex-A cores that firmware and kernels set up: stored, without effect. */
  private static void addImplementationDefined() {
    SystemRegisters.add("CPUACTLR_EL1", 3, 1, 15, 2, 0).at(Reg.CPUACTLR_EL1);
    SystemRegisters.add("CPUECTLR_EL1", 3, 1, 15, 2, 1).at(Reg.CPUECTLR_EL1);
    SystemRegisters.add("L2CTLR_EL1", 3, 1, 11, 0, 2).at(Reg.L2CTLR_EL1);
    SystemRegisters.add("L2ECTLR_EL1", 3, 1, 11, 0, 3).at(Reg.L2ECTLR_EL1);
    SystemRegisters.add("L2ACTLR_EL1", 3, 1, 15, 0, 0).at(Reg.L2ACTLR_EL1);
    SystemRegisters.add("CPUACTLR2_EL1", 3, 0, 15, 1, 1).at(Reg.CPUACTLR2_EL1);
    SystemRegisters.add("CPUACTLR3_EL1", 3, 0, 15, 1, 2).at(Reg.CPUACTLR3_EL1);
  }
}
