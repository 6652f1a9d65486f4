package org.tuber.truffle.arm.state;

import org.tuber.truffle.engine.GuestState;

/**
 * The AArch64 registers that hot code touches: general registers, condition flags, vectors, FPSR.
 *
 * <p><b>Condition flags are lazy and free of kinds.</b> Every operation that sets them is seen as
 * an addition {@code fx + fy (+ carry) = fz}, all sign-extended from the operand size: a
 * subtraction {@code a - b} adds the complement of {@code b}, a logical result {@code r} is {@code
 * 0 + r}. The flags follow by one formula whatever the operation and size were:
 *
 * <pre>
 *   N = sign of fz      C = sign of (fx &amp; fy) | ((fx | fy) &amp; ~fz)
 *   Z = (fz == 0)       V = sign of (fx ^ fz) &amp; (fy ^ fz)
 * </pre>
 *
 * <p>Combinations that no addition has (MSR NZCV, CCMP, FCMP) are the flags of {@code 0 + 1 = 1},
 * all clear, with {@code fe} exclusive-ored to them. Under partial evaluation the fields are
 * virtual: unused ones cost nothing.
 */
public final class ArmState extends GuestState {
  /** Index in {@link #r} of the stack pointer in use. */
  public static final int SP = 31;

  /** Index in {@link #r} that always reads as zero: XZR as a source. */
  public static final int ZERO = 32;

  /** Index in {@link #r} that nobody reads: XZR as a destination. */
  public static final int SINK = 33;

  /** Length of {@link #r}. */
  public static final int R_LENGTH = 34;

  /** Length of {@link #v}. */
  public static final int V_LENGTH = 64;

  /** X0-X30, {@link #SP}, {@link #ZERO}, {@link #SINK}. 32-bit results are zero-extended. */
  public final long[] r = new long[R_LENGTH];

  /** V0-V31: bits 63:0 of register n at 2n, bits 127:64 at 2n + 1. */
  public final long[] v = new long[V_LENGTH];

  /** First addend. */
  public long fx;

  /** Second addend; of a subtraction the complement of the subtrahend. */
  public long fy = 1;

  /** Sum. */
  public long fz = 1;

  /** Exclusive-ored to the flags, NZCV in bits 3:0; nonzero only after explicit settings. */
  public int fe;

  /** FPSR: cumulative exception bits and QC. */
  public int fpsr;
}
