package org.tuber.truffle.arm.state;

/**
 * What stands in for the kernel when a CPU runs one thread of a Linux program at EL0. Called on the
 * CPU's thread.
 */
public interface UserKernel {
  /** Translates {@code gva}: calls {@link ArmCpu#walked} or throws a fault. */
  void walk(long gva, int access);

  /** Takes the exception in the CPU's {@code fault}; the state's pc is the faulting instruction. */
  void exception();

  /** SVC; the state's pc is the instruction after it. */
  void supervisorCall();

  /** Looks at what {@link ArmCpu#attention} announced; true when control went elsewhere. */
  boolean attend();
}
