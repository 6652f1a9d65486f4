package org.tuber.truffle.x86.state;

import org.tuber.truffle.engine.GuestState;

/**
 * The x86 registers that hot code touches: general registers, arithmetic flags, XMM and YMM.
 *
 * <p><b>Arithmetic flags are lazy and free of kinds.</b> Operations leave five values behind, all
 * sign-extended from the operand size, from which every flag follows by one formula whatever the
 * operation and size were:
 *
 * <pre>
 *   an addition is seen as fx + fy (+ carry) = fz; a subtraction a - b = r as r + b = a
 *   CF = sign of (fx &amp; fy) | ((fx | fy) &amp; ~fz)     OF = sign of (fx ^ fz) &amp; (fy ^ fz)
 *   AF = bit 4 of fx ^ fy ^ fz                     ZF = (fr == 0)
 *   SF = sign of (fr ^ fd)                         PF = even parity of the low byte of fr ^ fd
 * </pre>
 *
 * <p>Sign extension keeps the order of both signed and unsigned values, so the sign bit of the
 * formula is the carry out of 8, 16, 32 and 64 bits alike. Under partial evaluation the fields are
 * virtual: unused ones cost nothing.
 */
public final class X86State extends GuestState {
  /** Index in {@link #r} that always reads as zero: "no base", "no index". */
  public static final int ZERO = 16;

  /** Index in {@link #r} of the running block's first address: base of RIP-relative operands. */
  public static final int BLOCK_PC = 17;

  /** Length of {@link #r}. */
  public static final int R_LENGTH = 18;

  /** RAX RCX RDX RBX RSP RBP RSI RDI R8-R15, {@link #ZERO}, {@link #BLOCK_PC}. */
  public final long[] r = new long[R_LENGTH];

  /** Index in {@link #x} of the 16-byte memory operand of the running instruction. */
  public static final int X_MEMORY = 32;

  /** Index in {@link #x} of the destination that a VEX instruction works on before it commits. */
  public static final int X_STAGE = 34;

  /** Length of {@link #x}. */
  public static final int X_LENGTH = 36;

  /**
   * XMM0-XMM15: bits 63:0 of register n at 2n, bits 127:64 at 2n + 1; {@link #X_MEMORY}, {@link
   * #X_STAGE}.
   */
  public final long[] x = new long[X_LENGTH];

  /** Length of {@link #y}. */
  public static final int Y_LENGTH = 34;

  /**
   * Bits 255:128 of YMM0-YMM15, laid out as {@link #x} is up to {@link #X_MEMORY}. Null in the
   * local state of a region that does not touch them, which so has nothing to carry along.
   */
  public long[] y;

  /** VZEROUPPER was executed: a region clears at its end also the halves it does not know. */
  public boolean upperCleared;

  /** First addend, or the result of a subtraction. */
  public long fx;

  /** Second addend, or the subtrahend. */
  public long fy;

  /** Sum, or the minuend. */
  public long fz;

  /** Result that gives ZF, SF and PF. */
  public long fr;

  /** Difference to apply to {@link #fr} for SF and PF: only nonzero after loads of EFLAGS. */
  public long fd;

  /** A state without {@link #y}. */
  public X86State() {}

  /** The home of all registers. */
  public static X86State complete() {
    X86State s = new X86State();
    s.y = new long[Y_LENGTH];
    return s;
  }
}
