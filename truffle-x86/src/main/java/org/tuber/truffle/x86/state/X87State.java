package org.tuber.truffle.x86.state;

import org.tuber.truffle.x86.insn.SoftFloat;

/**
 * x87 and MMX registers (SDM vol. 1, chapter 8). An 80-bit register is its sign and exponent (16
 * bits) and its 64-bit significand; MM registers are the significands.
 */
public final class X87State {
  /** {@link #status}: stack fault. */
  public static final int SF = 0x40;

  /** {@link #status}: summary of unmasked exceptions. */
  public static final int ES = 0x80;

  public static final int C0 = 0x100;
  public static final int C1 = 0x200;
  public static final int C2 = 0x400;
  public static final int C3 = 0x4000;

  /** {@link #status}: busy, a copy of {@link #ES}. */
  public static final int BUSY = 0x8000;

  private static final int TOP_SHIFT = 11;
  private static final int EXCEPTIONS = 0x3f;

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

  /** Kept for save areas; no instruction updates it (as on CPUs that do so for exceptions only). */
  public int lastOpcode;

  public long lastIp;
  public int lastCs;
  public long lastDp;
  public int lastDs;

  /** The arithmetic unit; the slow path of SSE uses it too. */
  public final SoftFloat arithmetic = new SoftFloat();

  /** Between computing and storing: an unmasked exception forbids the store. */
  public boolean suppressed;

  /** Between computing and storing: exceptions to be reported when the store has succeeded. */
  public int stagedFlags;

  /** Between computing and storing: bits 79:64 of a ten-byte result. */
  public int stagedHigh;

  /** As after FNINIT; register contents stay. */
  public void initialize() {
    control = 0x37f;
    status = 0;
    top = 0;
    valid = 0;
    lastOpcode = 0;
    lastIp = 0;
    lastCs = 0;
    lastDp = 0;
    lastDs = 0;
  }

  /** As XRSTOR leaves a component that was not saved: the registers are zero too. */
  public void initializeAll() {
    initialize();
    for (int i = 0; i < 8; i++) {
      significand[i] = 0;
      signExponent[i] = 0;
    }
  }

  /** Physical number of ST(i). */
  public int physical(int i) {
    return (top + i) & 7;
  }

  public boolean isEmpty(int i) {
    return (valid >> physical(i) & 1) == 0;
  }

  /** Writes ST(i) and marks it valid. */
  public void set(int i, int newSignExponent, long newSignificand) {
    int n = physical(i);
    signExponent[n] = newSignExponent;
    significand[n] = newSignificand;
    valid |= 1 << n;
  }

  /** Marks ST(i) empty. */
  public void free(int i) {
    valid &= ~(1 << physical(i));
  }

  public void pop() {
    free(0);
    top = (top + 1) & 7;
  }

  public void push(int newSignExponent, long newSignificand) {
    top = (top - 1) & 7;
    set(0, newSignExponent, newSignificand);
  }

  /** FSW with TOP. */
  public int statusWord() {
    return status | top << TOP_SHIFT;
  }

  public void setStatusWord(int v) {
    status = v & 0xc7ff;
    top = (v >> TOP_SHIFT) & 7;
  }

  /** Control word as the register keeps it: bit 6 reads as 1, the reserved high bits as 0. */
  public static int controlBits(int v) {
    return v & 0x1f3f | 0x40;
  }

  /** Derives ES and B from exceptions and masks. */
  public void updateSummary() {
    if ((status & ~control & EXCEPTIONS) != 0) {
      status |= ES | BUSY;
    } else {
      status &= ~(ES | BUSY);
    }
  }

  /**
   * Adds exceptions to FSW.
   *
   * @return true when one of them is unmasked
   */
  public boolean raise(int flags) {
    status |= flags;
    updateSummary();
    return (flags & ~control & EXCEPTIONS) != 0;
  }
}
