package org.tuber.core.cpu;

/** Why {@link Vcpu#run} came back. */
public enum ExitReason {
  /** The instruction budget is used up. */
  BUDGET,
  /** The CPU waits for an interrupt (HLT, WFI): wait for a kick, then run again. */
  HALTED,
  /** Somebody called {@link Vcpu#kick}. */
  KICKED,
  /** A debugger asked for it: breakpoint, watchpoint, single step. */
  DEBUG,
  /** The CPU cannot go on: triple fault or shutdown. */
  SHUTDOWN
}
