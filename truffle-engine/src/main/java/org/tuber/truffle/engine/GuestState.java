package org.tuber.truffle.engine;

/**
 * The registers that hot code touches. The interpreter works on the vCPU's own (heap) object; a
 * compiled region works on a local copy that escape analysis dissolves into machine registers, so
 * an object of this type must never be handed to a method that is not inlined.
 */
public abstract class GuestState {
  /** Guest-virtual address of the next instruction; true only between blocks and after a fault. */
  public long pc;

  /** Offset of the running instruction from its block's first byte; set before it can fault. */
  public int pcOffset;

  /**
   * Host address of the TLB table of the present privilege mode. In this object and not in the vCPU
   * so that it stays in a register across slow-path calls.
   */
  public long tlb;

  /** Guest instructions executed. */
  public long instructions;
}
