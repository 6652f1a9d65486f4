package org.tuber.truffle.engine;

/** A region as a host class, see {@link RegionClass}. */
public abstract class RegionCode {
  /**
   * Runs on the CPU's own registers from an entry until control leaves; {@code s.pc} is then where
   * to. On a fault it is the block's address, to which {@code s.pcOffset} has to be added.
   */
  public abstract void run(GuestState s, GuestCpu cpu, int entry);
}
