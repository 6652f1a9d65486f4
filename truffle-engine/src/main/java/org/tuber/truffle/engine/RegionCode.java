package org.tuber.truffle.engine;

/** A region as a host class, see {@link RegionClass}. */
public abstract class RegionCode {
  /**
   * Runs on the CPU's own registers from an entry until control leaves; {@code s.pc} is then where
   * to; on a fault the faulting instruction.
   */
  public abstract void run(GuestState s, GuestCpu cpu, int entry);
}
