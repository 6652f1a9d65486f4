package org.tuber.truffle.engine;

/** Runs decoded blocks an instruction at a time. */
public abstract class BlockInterpreter {
  /** Runs all of {@code code} in the interpreter; returns the outcome of the last instruction. */
  public abstract int interpret(GuestState s, GuestCpu cpu, long[] code);
}
