package org.tuber.truffle.engine;

import com.oracle.truffle.api.nodes.ControlFlowException;

/**
 * A guest exception on its way out of an instruction: unwinds to the dispatcher, which delivers it
 * with the registers as they were before that instruction.
 *
 * <p>One object per vCPU, filled in and thrown again and again: no allocation, no stack trace, and
 * a throw inside a compiled region is a jump to the region's own handler.
 */
public final class GuestFault extends ControlFlowException {
  /** {@link #kind}: an architectural exception; the ISA knows {@link #vector}. */
  public static final int EXCEPTION = 0;

  /**
   * {@link #kind}: the instruction is about to overwrite code that is running; the translations are
   * gone already, restart it alone.
   */
  public static final int RESTART = 1;

  private static final long serialVersionUID = 1L;

  /** {@link #EXCEPTION} or {@link #RESTART}. */
  public int kind;

  /** Exception number of the ISA. */
  public int vector;

  /** Error code or syndrome of the ISA; -1 for none. */
  public long errorCode;

  /** Faulting guest-virtual address where there is one. */
  public long address;
}
