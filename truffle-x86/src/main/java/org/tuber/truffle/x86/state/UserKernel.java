package org.tuber.truffle.x86.state;

/**
 * What stands in for the kernel when a CPU runs one thread of a Linux program: it translates
 * addresses, answers system calls and turns exceptions into signals. Called on the CPU's thread.
 */
public interface UserKernel {
  /** Translates {@code gva}: calls {@link X86Cpu#walked} or throws a page fault. */
  void walk(X86Cpu c, long gva, int access);

  /**
   * Takes an exception; {@code c.fault} has what else is to say, the state's pc is the faulting
   * instruction.
   */
  void exception(X86Cpu c, int vector);

  /**
   * SYSCALL or SYSENTER.
   *
   * @param fast the instruction was SYSENTER
   */
  void systemCall(X86Cpu c, boolean fast);

  /** {@link #debugTrap}: INT1. */
  int TRAP_BRKPT = 1;

  /** {@link #debugTrap}: a step. */
  int TRAP_TRACE = 2;

  /** The trap #DB; the state's pc is the next instruction. */
  void debugTrap(X86Cpu c, int code);

  /** INT n, INT3, INTO; the state's pc is the instruction after it. */
  void softwareInterrupt(X86Cpu c, int vector);

  /** Looks at what {@link X86Cpu#attention} announced; true when control went elsewhere. */
  boolean attend(X86Cpu c);
}
