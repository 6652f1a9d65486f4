package org.tuber.truffle.arm.sys;

/**
 * Architectural features, by the field of the identification register that announces them (Arm ARM
 * A2 and D17.2). A model is its identification registers; what it can do follows from them.
 */
public enum ArmFeature {
  CRC32(IdRegister.AA64ISAR0_EL1, 16, 1),
  AES(IdRegister.AA64ISAR0_EL1, 4, 1),
  PMULL(IdRegister.AA64ISAR0_EL1, 4, 2),
  SHA1(IdRegister.AA64ISAR0_EL1, 8, 1),
  SHA256(IdRegister.AA64ISAR0_EL1, 12, 1),
  SHA512(IdRegister.AA64ISAR0_EL1, 12, 2),
  LSE(IdRegister.AA64ISAR0_EL1, 20, 2),
  RDM(IdRegister.AA64ISAR0_EL1, 28, 1),
  SHA3(IdRegister.AA64ISAR0_EL1, 32, 1),
  SM3(IdRegister.AA64ISAR0_EL1, 36, 1),
  SM4(IdRegister.AA64ISAR0_EL1, 40, 1),
  DOTPROD(IdRegister.AA64ISAR0_EL1, 44, 1),
  FHM(IdRegister.AA64ISAR0_EL1, 48, 1),
  FLAGM(IdRegister.AA64ISAR0_EL1, 52, 1),
  FLAGM2(IdRegister.AA64ISAR0_EL1, 52, 2),
  TLBIOS(IdRegister.AA64ISAR0_EL1, 56, 1),
  TLBIRANGE(IdRegister.AA64ISAR0_EL1, 56, 2),
  RNG(IdRegister.AA64ISAR0_EL1, 60, 1),
  DPB(IdRegister.AA64ISAR1_EL1, 0, 1),
  DPB2(IdRegister.AA64ISAR1_EL1, 0, 2),
  PAUTH(IdRegister.AA64ISAR1_EL1, 4, 1),
  JSCVT(IdRegister.AA64ISAR1_EL1, 12, 1),
  FCMA(IdRegister.AA64ISAR1_EL1, 16, 1),
  LRCPC(IdRegister.AA64ISAR1_EL1, 20, 1),
  LRCPC2(IdRegister.AA64ISAR1_EL1, 20, 2),
  FRINTTS(IdRegister.AA64ISAR1_EL1, 32, 1),
  SB(IdRegister.AA64ISAR1_EL1, 36, 1),
  SPECRES(IdRegister.AA64ISAR1_EL1, 40, 1),
  BF16(IdRegister.AA64ISAR1_EL1, 44, 1),
  I8MM(IdRegister.AA64ISAR1_EL1, 52, 1),
  FP16(IdRegister.AA64PFR0_EL1, 16, 1),
  RAS(IdRegister.AA64PFR0_EL1, 28, 1),
  DIT(IdRegister.AA64PFR0_EL1, 48, 1),
  CSV2_2(IdRegister.AA64PFR0_EL1, 56, 2),
  BTI(IdRegister.AA64PFR1_EL1, 0, 1),
  SSBS(IdRegister.AA64PFR1_EL1, 4, 1),
  SSBS2(IdRegister.AA64PFR1_EL1, 4, 2),
  HAFDBS_AF(IdRegister.AA64MMFR1_EL1, 0, 1),
  HAFDBS(IdRegister.AA64MMFR1_EL1, 0, 2),
  VHE(IdRegister.AA64MMFR1_EL1, 8, 1),
  HPDS(IdRegister.AA64MMFR1_EL1, 12, 1),
  LOR(IdRegister.AA64MMFR1_EL1, 16, 1),
  PAN(IdRegister.AA64MMFR1_EL1, 20, 1),
  PAN2(IdRegister.AA64MMFR1_EL1, 20, 2),
  UAO(IdRegister.AA64MMFR2_EL1, 4, 1),
  LSE2(IdRegister.AA64MMFR2_EL1, 32, 1),
  TTCNP(IdRegister.AA64MMFR2_EL1, 0, 1),
  E0PD(IdRegister.AA64MMFR2_EL1, 60, 1);

  final IdRegister register;
  private final int shift;
  private final int least;

  ArmFeature(IdRegister register, int shift, int least) {
    this.register = register;
    this.shift = shift;
    this.least = least;
  }

  boolean isIn(long idValue) {
    return (idValue >>> shift & 15) >= least;
  }
}
