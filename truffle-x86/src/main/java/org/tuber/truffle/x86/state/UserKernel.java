package org.tuber.truffle.x86.state;

/**
 * What stands in for the kernel when a CPU runs one thread of a Linux program: it translates
 * addresses, answers system calls and turns exceptions into signals. Called on the CPU's thread.
 */
public interface UserKernel {
  /** Translates {@code gva}: calls {@link X86Cpu#walked} or throws a page fault. */
  void walk(X86Cpu c, long gva, int access);

  /** Takes the exception in {@code c.fault}; the state's pc is the faulting instruction. */
  void exception(X86Cpu c);

  /**
   * SYSCALL or SYSENTER.
   *
   * @param fast the instruction was SYSENTER
   */
  void systemCall(X86Cpu c, boolean fast);

  /** INT n, INT3, INTO, INT1; the state's pc is the instruction after it. */
  void softwareInterrupt(X86Cpu c, int vector);

  /** Looks at what {@link X86Cpu#attention} announced; true when control went elsewhere. */
  boolean attend(X86Cpu c);
}
