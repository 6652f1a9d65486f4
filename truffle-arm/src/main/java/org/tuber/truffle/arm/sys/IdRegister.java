package org.tuber.truffle.arm.sys;

/** The identification registers that models differ in (Arm ARM D17.2). */
public enum IdRegister {
  MIDR_EL1(0, 0, 0),
  REVIDR_EL1(0, 0, 6),
  AA64PFR0_EL1(0, 4, 0),
  AA64PFR1_EL1(0, 4, 1),
  AA64ZFR0_EL1(0, 4, 4),
  AA64SMFR0_EL1(0, 4, 5),
  AA64DFR0_EL1(0, 5, 0),
  AA64DFR1_EL1(0, 5, 1),
  AA64AFR0_EL1(0, 5, 4),
  AA64AFR1_EL1(0, 5, 5),
  AA64ISAR0_EL1(0, 6, 0),
  AA64ISAR1_EL1(0, 6, 1),
  AA64ISAR2_EL1(0, 6, 2),
  AA64MMFR0_EL1(0, 7, 0),
  AA64MMFR1_EL1(0, 7, 1),
  AA64MMFR2_EL1(0, 7, 2),
  PFR0_EL1(0, 1, 0),
  PFR1_EL1(0, 1, 1),
  DFR0_EL1(0, 1, 2),
  AFR0_EL1(0, 1, 3),
  MMFR0_EL1(0, 1, 4),
  MMFR1_EL1(0, 1, 5),
  MMFR2_EL1(0, 1, 6),
  MMFR3_EL1(0, 1, 7),
  ISAR0_EL1(0, 2, 0),
  ISAR1_EL1(0, 2, 1),
  ISAR2_EL1(0, 2, 2),
  ISAR3_EL1(0, 2, 3),
  ISAR4_EL1(0, 2, 4),
  ISAR5_EL1(0, 2, 5),
  MMFR4_EL1(0, 2, 6),
  ISAR6_EL1(0, 2, 7),
  MVFR0_EL1(0, 3, 0),
  MVFR1_EL1(0, 3, 1),
  MVFR2_EL1(0, 3, 2),
  PFR2_EL1(0, 3, 4),
  DFR1_EL1(0, 3, 5),
  MMFR5_EL1(0, 3, 6),
  CLIDR_EL1(1, 0, 1),
  CTR_EL0(3, 0, 1),
  DCZID_EL0(3, 0, 7);

  final int op1;
  final int crm;
  final int op2;

  IdRegister(int op1, int crm, int op2) {
    this.op1 = op1;
    this.crm = crm;
    this.op2 = op2;
  }

  /** The manual's name. */
  public String registerName() {
    String name = name();
    boolean bare = name.startsWith("M") && (name.startsWith("MIDR") || name.startsWith("MVFR"));
    boolean cache = name.startsWith("C") || name.startsWith("DCZ") || name.startsWith("REV");
    return bare || cache ? name : "ID_" + name;
  }
}
