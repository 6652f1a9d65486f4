package org.tuber.truffle.engine;

/** Runs decoded blocks an instruction at a time. */
public abstract class BlockInterpreter {
  /** The same as {@link Isa#interpret}. */
  public abstract int interpret(GuestState s, GuestCpu cpu, long[] code);
}
