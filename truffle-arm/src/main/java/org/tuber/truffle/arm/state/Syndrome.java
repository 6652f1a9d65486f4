package org.tuber.truffle.arm.state;

/** Exception syndromes as ESR_ELx shows them (Arm ARM D17.2.37): class, length, and details. */
public final class Syndrome {
  // Exception classes, ESR_ELx.EC.
  public static final int UNKNOWN = 0x00;
  public static final int WFX = 0x01;
  public static final int FP_ACCESS = 0x07;
  public static final int POINTER_AUTHENTICATION_TRAP = 0x09;
  public static final int BTI = 0x0d;
  public static final int ILLEGAL_STATE = 0x0e;
  public static final int SVC64 = 0x15;
  public static final int HVC64 = 0x16;
  public static final int SMC64 = 0x17;
  public static final int SYSTEM_REGISTER = 0x18;
  public static final int POINTER_AUTHENTICATION = 0x1c;
  public static final int INSTRUCTION_ABORT_LOWER = 0x20;
  public static final int INSTRUCTION_ABORT_SAME = 0x21;
  public static final int PC_ALIGNMENT = 0x22;
  public static final int DATA_ABORT_LOWER = 0x24;
  public static final int DATA_ABORT_SAME = 0x25;
  public static final int SP_ALIGNMENT = 0x26;
  public static final int FP_EXCEPTION = 0x2c;
  public static final int SERROR = 0x2f;
  public static final int BREAKPOINT_LOWER = 0x30;
  public static final int STEP_LOWER = 0x32;
  public static final int STEP_SAME = 0x33;
  public static final int WATCHPOINT_LOWER = 0x34;
  public static final int BRK64 = 0x3c;

  /** ESR_ELx.EC. */
  public static final int EC_SHIFT = 26;

  /** ESR_ELx.IL: the instruction has 32 bits. */
  public static final long IL = 1L << 25;

  // Fault status codes, ISS.DFSC and ISS.IFSC; the level is added.
  public static final int ADDRESS_SIZE = 0x00;
  public static final int TRANSLATION = 0x04;
  public static final int ACCESS_FLAG = 0x08;
  public static final int PERMISSION = 0x0c;
  public static final int EXTERNAL = 0x10;
  public static final int EXTERNAL_ON_WALK = 0x14;
  public static final int ALIGNMENT = 0x21;

  /** ISS.WnR of data aborts: a write. */
  public static final int WNR = 1 << 6;

  /** ISS.CM of data aborts: a cache maintenance instruction. */
  public static final int CM = 1 << 8;

  private Syndrome() {}

  /** ESR_ELx of a class with details. */
  public static long of(int ec, long iss) {
    return (long) ec << EC_SHIFT | IL | iss;
  }
}
