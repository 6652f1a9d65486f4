package org.tuber.truffle.arm.state;

/** TCR_EL1 bits (Arm ARM D17.2.131). */
public final class Tcr {
  public static final int T0SZ_SHIFT = 0;
  public static final long EPD0 = 1 << 7;
  public static final int TG0_SHIFT = 14;
  public static final int T1SZ_SHIFT = 16;
  public static final long A1 = 1 << 22;
  public static final long EPD1 = 1 << 23;
  public static final int TG1_SHIFT = 30;
  public static final int IPS_SHIFT = 32;
  public static final long AS = 1L << 36;
  public static final long TBI0 = 1L << 37;
  public static final long TBI1 = 1L << 38;
  public static final long HA = 1L << 39;
  public static final long HD = 1L << 40;
  public static final long HPD0 = 1L << 41;
  public static final long HPD1 = 1L << 42;
  public static final long TBID0 = 1L << 51;
  public static final long TBID1 = 1L << 52;
  public static final long E0PD0 = 1L << 55;
  public static final long E0PD1 = 1L << 56;

  // TCR_EL2 and TCR_EL3 with one address range.
  public static final int SINGLE_PS_SHIFT = 16;
  public static final long SINGLE_TBI = 1 << 20;
  public static final long SINGLE_HA = 1 << 21;
  public static final long SINGLE_HD = 1 << 22;
  public static final long SINGLE_HPD = 1 << 24;
  public static final long SINGLE_TBID = 1 << 29;

  private Tcr() {}
}
