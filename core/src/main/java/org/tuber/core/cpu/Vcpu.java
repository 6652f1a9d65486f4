package org.tuber.core.cpu;

/**
 * A guest CPU as boards, run control and debuggers see it.
 *
 * <p>{@link #run} is called by one thread at a time; everything that says so may be called by any
 * thread.
 *
 * <p>A CPU that can be part of a snapshot is {@link org.tuber.core.snapshot.Snapshottable} too. Its
 * state leaves out the levels of its wires: who drives them drives them again.
 */
public interface Vcpu {
  /**
   * Runs until something needs attention.
   *
   * @param budget most guest instructions to run, about (a block is never split); {@link
   *     Long#MAX_VALUE} for no bound
   */
  ExitReason run(long budget);

  /** Makes {@link #run} return soon. Any thread. */
  void kick();

  /** Level of the maskable interrupt request (x86 INTR, ARM nIRQ). Any thread. */
  void setInterrupt(boolean level);

  /** Level of the second interrupt request (ARM nFIQ). Any thread. */
  default void setFastInterrupt(boolean level) {}

  /** Edge of the non-maskable interrupt. Any thread. */
  void nmi();

  /**
   * x86 INIT: the CPU stops at the next instruction boundary, takes its INIT state and waits for
   * {@link #startup}; a bootstrap processor goes on at its reset vector instead. Any thread.
   */
  default void init() {}

  /**
   * x86 start-up message: a CPU that waits after {@link #init} begins in real mode at {@code vector
   * << 12}; any other ignores it. Any thread.
   */
  default void startup(int vector) {}

  /** x86: level of the A20 gate; while low, address bit 20 is masked. Any thread. */
  default void setA20(boolean open) {}

  /** True while the CPU would not execute anything if run: halted with no interrupt it accepts. */
  boolean isHalted();

  /** Hardware reset. Not while running. */
  void reset();

  /**
   * Reads a register by the manual's name in lower case: {@code "rax"}, {@code "rip"}, {@code
   * "cr3"}, {@code "efer"}, {@code "cs"} (selector), {@code "cs.base"}, {@code "cs.limit"}, {@code
   * "cs.attributes"} (the descriptor's bits 8-15 and 20-23 as bits 0-7 and 12-15), {@code
   * "gdtr.base"}, {@code "idtr.limit"}. Not while running.
   *
   * @throws IllegalArgumentException for a name this CPU does not have
   */
  long readRegister(String name);

  /** Writes a register, see {@link #readRegister}; caches that depend on it are dropped. */
  void writeRegister(String name, long value);

  /** Guest instructions executed since reset, about. Any thread. */
  long instructionCount();

  /** Lines for {@code -d engine}: blocks, regions, compile time, MIPS. */
  String statistics();

  /** Breakpoints and steps from outside; null: this CPU has none. */
  default DebugControl debugControl() {
    return null;
  }

  /** Frees what the CPU holds outside the Java heap; it is not used again. */
  void close();
}
