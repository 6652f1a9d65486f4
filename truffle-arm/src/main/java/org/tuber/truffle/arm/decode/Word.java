package org.tuber.truffle.arm.decode;

/**
 * A decoded instruction: two longs.
 *
 * <pre>
 * w0  0-11 op   12-17 d   18-23 n   24-29 m   30-35 a   36-47 offset from the block's first byte
 *     48-61 extra, of the row's own meaning   62 check alignment, or FPCR   63 check the stack pointer
 * w1  an immediate, a target address, or the instruction as it was fetched (zero-extended)
 * </pre>
 *
 * <p>Register numbers are indexes into {@code ArmState.r}, where the decoder has told XZR from SP,
 * or vector registers 0-31. Everything is extracted by shifts of a word that is constant under
 * partial evaluation.
 */
public final class Word {
  public static final int D_SHIFT = 12;
  public static final int N_SHIFT = 18;
  public static final int M_SHIFT = 24;
  public static final int A_SHIFT = 30;
  public static final int OFFSET_SHIFT = 36;
  public static final int EXTRA_SHIFT = 48;
  public static final int EXTRA_MASK = 0x3fff;
  public static final int OP_MASK = 0xfff;

  /** The access has to be aligned to its size in the present mode. */
  public static final long CHECK_ALIGNMENT = 1L << 62;

  /** Of instructions without memory access: FPCR is not zero in the present mode. */
  public static final long CHECK_FPCR = 1L << 62;

  /** The base is SP, which has to be aligned to 16 bytes in the present mode. */
  public static final long CHECK_SP = 1L << 63;

  private Word() {}

  public static int op(long w0) {
    return (int) w0 & OP_MASK;
  }

  public static int d(long w0) {
    return (int) (w0 >>> D_SHIFT) & 63;
  }

  public static int n(long w0) {
    return (int) (w0 >>> N_SHIFT) & 63;
  }

  public static int m(long w0) {
    return (int) (w0 >>> M_SHIFT) & 63;
  }

  public static int a(long w0) {
    return (int) (w0 >>> A_SHIFT) & 63;
  }

  /** Offset of the instruction from the block's first byte. */
  public static int offset(long w0) {
    return (int) (w0 >>> OFFSET_SHIFT) & 0xfff;
  }

  public static int extra(long w0) {
    return (int) (w0 >>> EXTRA_SHIFT) & EXTRA_MASK;
  }

  /** One of the {@code CHECK_} bits is set. */
  public static boolean isChecked(long w0) {
    return w0 >>> 62 != 0;
  }
}
