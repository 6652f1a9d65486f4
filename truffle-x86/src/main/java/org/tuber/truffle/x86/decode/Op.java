package org.tuber.truffle.x86.decode;

/**
 * Ranges of operation numbers ({@link Word#op}). Each family numbers its own operations inside its
 * range; the interpreter's first switch handles {@link #INTEGER} itself and hands the others to
 * their family's switch.
 */
public final class Op {
  /** 0-299: integer operations and branches, see insn.IntegerRows. */
  public static final int INTEGER = 0;

  /** 300-399: system and string operations, see sys.SystemRows. */
  public static final int SYSTEM = 300;

  /** 400-799: SSE and MMX, see insn.SseRows. */
  public static final int SSE = 400;

  /** 780-799: FXSAVE and XSAVE families, interpreter only. */
  public static final int SYSTEM_SSE = 780;

  /** 800-899: x87, see insn.X87Rows. */
  public static final int X87 = 800;

  /**
   * 900-919: operations with a VEX prefix. {@link Word#sub} tells the operation proper; see
   * insn.AvxRows.
   */
  public static final int VEX = 900;

  /** Packed: both halves of H and W through the SSE operation {@link Word#sub}. */
  public static final int AVX_PACKED = 900;

  /** Scalar: the SSE operation on W (in place, memory included), the rest of H. */
  public static final int AVX_SCALAR = 901;

  /** Packed with 128 bits of W for both halves: shift counts. */
  public static final int AVX_COUNT = 902;

  /** Shift of W by the immediate into H. */
  public static final int AVX_SHIFT = 903;

  /** The SSE operation as it is: nothing is written to an XMM register. */
  public static final int AVX_PLAIN = 904;

  /** The SSE operation as it is, then the upper half of V is cleared. */
  public static final int AVX_CLEAR = 905;

  /** The second half of the result comes from the upper part of a narrower W. */
  public static final int AVX_WIDEN = 906;

  /** The results of both halves lie side by side in 128 bits. */
  public static final int AVX_NARROW = 907;

  /** Moves: insn.AvxMove. */
  public static final int AVX_MOVE = 908;

  /** Fused multiply-add: insn.Fma. */
  public static final int AVX_FMA = 909;

  /** What exists with VEX only and within lanes: insn.AvxPermute. */
  public static final int AVX_PERMUTE = 910;

  /** Operations with register numbers in the immediate: insn.AvxSpecial. */
  public static final int AVX_SPECIAL = 911;

  /** VZEROUPPER and VZEROALL. */
  public static final int AVX_ZERO = 912;

  /** BMI1 and BMI2: insn.Bmi. */
  public static final int BMI = 913;

  /** One more than the greatest number. */
  public static final int COUNT = 1024;

  private Op() {}
}
