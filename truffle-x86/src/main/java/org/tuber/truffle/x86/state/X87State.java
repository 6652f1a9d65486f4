package org.tuber.truffle.x86.state;

/**
 * x87 and MMX registers (SDM vol. 1, chapter 8). An 80-bit register is its sign and exponent (16
 * bits) and its 64-bit significand; MM registers are the significands.
 */
public final class X87State {
  /** Significands of physical registers R0-R7 (not ST-relative). */
  public final long[] significand = new long[8];

  /** Sign (bit 15) and biased exponent of R0-R7. */
  public final int[] signExponent = new int[8];

  /** Control word. */
  public int control = 0x37f;

  /** Status word without TOP. */
  public int status;

  /** Top of stack, 0-7. */
  public int top;

  /** Bit n set: Rn holds something (the abridged tag word of FXSAVE). */
  public int valid;

  public int lastOpcode;
  public long lastIp;
  public int lastCs;
  public long lastDp;
  public int lastDs;
}
