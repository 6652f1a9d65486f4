package org.tuber.truffle.engine;

/** A region as a host class, see {@link RegionClass}. */
public abstract class RegionCode {
  /** Instead of a depth: nothing is to be done. */
  static final int ANNOUNCED = -1;

  /** Calls after which the host compiles a method, even while some others wait for that. */
  private static final int CALLS_TO_COMPILE = 512;

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
   * @param depth classes that wait for this one to end, or {@link #ANNOUNCED}
   */
  public abstract void run(GuestState s, GuestCpu cpu, int depth);

  /**
   * Makes the host compile this soon. Else it does so after 200 calls with a guest's work in each,
   * in an interpreter that is no faster than ours.
   */
  void announce() {
    for (int i = 0; i < CALLS_TO_COMPILE; i++) {
      run(null, null, ANNOUNCED);
    }
  }
}
