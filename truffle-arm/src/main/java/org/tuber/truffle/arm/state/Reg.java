package org.tuber.truffle.arm.state;

/**
 * Indexes of system registers in {@code ArmCpu.sys}: those that hold a value of their own.
 * Encodings, access rules and side effects stand in {@code sys.SystemRegisters}. Snapshots keep
 * them by these numbers: new ones are added at the end, old ones never change.
 */
public final class Reg {
  public static final int SCTLR_EL1 = 0;
  public static final int ACTLR_EL1 = 1;
  public static final int CPACR_EL1 = 2;
  public static final int TTBR0_EL1 = 3;
  public static final int TTBR1_EL1 = 4;
  public static final int TCR_EL1 = 5;
  public static final int ESR_EL1 = 6;
  public static final int FAR_EL1 = 7;
  public static final int AFSR0_EL1 = 8;
  public static final int AFSR1_EL1 = 9;
  public static final int PAR_EL1 = 10;
  public static final int MAIR_EL1 = 11;
  public static final int AMAIR_EL1 = 12;
  public static final int VBAR_EL1 = 13;
  public static final int CONTEXTIDR_EL1 = 14;
  public static final int TPIDR_EL1 = 15;
  public static final int TPIDR_EL0 = 16;
  public static final int TPIDRRO_EL0 = 17;
  public static final int CNTKCTL_EL1 = 18;
  public static final int CSSELR_EL1 = 19;
  public static final int MDSCR_EL1 = 20;
  public static final int OSDLR_EL1 = 21;
  public static final int OSLSR_EL1 = 22;
  public static final int CNTFRQ_EL0 = 23;
  public static final int SCTLR_EL2 = 24;
  public static final int ACTLR_EL2 = 25;
  public static final int HCR_EL2 = 26;
  public static final int MDCR_EL2 = 27;
  public static final int CPTR_EL2 = 28;
  public static final int HSTR_EL2 = 29;
  public static final int HACR_EL2 = 30;
  public static final int TTBR0_EL2 = 31;
  public static final int TCR_EL2 = 32;
  public static final int VTTBR_EL2 = 33;
  public static final int VTCR_EL2 = 34;
  public static final int ESR_EL2 = 35;
  public static final int FAR_EL2 = 36;
  public static final int HPFAR_EL2 = 37;
  public static final int MAIR_EL2 = 38;
  public static final int AMAIR_EL2 = 39;
  public static final int VBAR_EL2 = 40;
  public static final int TPIDR_EL2 = 41;
  public static final int CNTVOFF_EL2 = 42;
  public static final int CNTHCTL_EL2 = 43;
  public static final int VPIDR_EL2 = 44;
  public static final int VMPIDR_EL2 = 45;
  public static final int AFSR0_EL2 = 46;
  public static final int AFSR1_EL2 = 47;
  public static final int SCTLR_EL3 = 48;
  public static final int ACTLR_EL3 = 49;
  public static final int SCR_EL3 = 50;
  public static final int CPTR_EL3 = 51;
  public static final int MDCR_EL3 = 52;
  public static final int TTBR0_EL3 = 53;
  public static final int TCR_EL3 = 54;
  public static final int ESR_EL3 = 55;
  public static final int FAR_EL3 = 56;
  public static final int MAIR_EL3 = 57;
  public static final int AMAIR_EL3 = 58;
  public static final int VBAR_EL3 = 59;
  public static final int TPIDR_EL3 = 60;
  public static final int AFSR0_EL3 = 61;
  public static final int AFSR1_EL3 = 62;
  public static final int SDER32_EL3 = 63;
  public static final int APIA_LO = 64;
  public static final int APIA_HI = 65;
  public static final int APIB_LO = 66;
  public static final int APIB_HI = 67;
  public static final int APDA_LO = 68;
  public static final int APDA_HI = 69;
  public static final int APDB_LO = 70;
  public static final int APDB_HI = 71;
  public static final int APGA_LO = 72;
  public static final int APGA_HI = 73;
  public static final int SCXTNUM_EL0 = 74;
  public static final int SCXTNUM_EL1 = 75;
  public static final int LORSA_EL1 = 76;
  public static final int LOREA_EL1 = 77;
  public static final int LORN_EL1 = 78;
  public static final int LORC_EL1 = 79;
  public static final int MDCCINT_EL1 = 80;
  public static final int OSDTRRX_EL1 = 81;
  public static final int OSDTRTX_EL1 = 82;
  public static final int OSECCR_EL1 = 83;
  public static final int DBGCLAIM_EL1 = 84;
  public static final int DBGPRCR_EL1 = 85;

  /** Implementation-defined registers that firmware writes and reads back. */
  public static final int CPUACTLR_EL1 = 86;

  public static final int CPUECTLR_EL1 = 87;
  public static final int L2CTLR_EL1 = 88;
  public static final int L2ECTLR_EL1 = 89;
  public static final int L2ACTLR_EL1 = 90;
  public static final int CPUACTLR2_EL1 = 91;
  public static final int CPUACTLR3_EL1 = 92;

  /** DBGBVR0-15, DBGBCR0-15, DBGWVR0-15, DBGWCR0-15. */
  public static final int DBGBVR_EL1 = 96;

  public static final int DBGBCR_EL1 = 112;
  public static final int DBGWVR_EL1 = 128;
  public static final int DBGWCR_EL1 = 144;

  /** Number of indexes. */
  public static final int COUNT = 160;

  private Reg() {}
}
