package org.tuber.truffle.arm.state;

/** SPSR_ELx bits for exceptions from AArch64 (Arm ARM C5.2.19). */
public final class Spsr {
  public static final long SP = 1;
  public static final int EL_SHIFT = 2;

  /** M[4]: AArch32. */
  public static final long AARCH32 = 1 << 4;

  public static final int BTYPE_SHIFT = 10;
  public static final long SSBS = 1 << 12;
  public static final long IL = 1 << 20;
  public static final long SS = 1 << 21;
  public static final long PAN = 1 << 22;
  public static final long UAO = 1 << 23;
  public static final long DIT = 1 << 24;

  private Spsr() {}
}
