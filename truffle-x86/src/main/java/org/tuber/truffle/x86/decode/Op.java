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

  private Op() {}
}
