package org.tuber.truffle.engine;

/** A region as a host class, see {@link RegionClass}. */
public abstract class RegionCode {
  /** Its ways out. */
  RegionLink[] links = {};

  /** How far its blocks are from where they were when it was written. Read by the class. */
  public long distance;

  /** Length of its method, in bytes of bytecode. */
  int codeBytes;

  /**
   * Runs on the CPU's own registers from {@code s.pc}, one of its entries, until control leaves and
   * no class goes on; {@code s.pc} is then where to; on a fault the faulting instruction.
   *
   * @param depth classes that wait for this one to end
   */
  public abstract void run(GuestState s, GuestCpu cpu, int depth);
}
