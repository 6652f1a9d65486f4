package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * Resource limits of a guest process. They begin as this process's and are kept here: lowering the
 * JVM's own would hit the JVM. Enforced are CPU time, the size of files, the stack and the number
 * of descriptors.
 */
final class Limits {
  static final int COUNT = 16;
  static final int CPU = 0;
  static final int FSIZE = 1;
  static final int STACK = 3;
  static final int NOFILE = 7;
  private static final long DEFAULT_STACK_BYTES = 8L << 20;
  private static final long MAX_STACK_BYTES = 1L << 30;

  private final long[] soft = new long[COUNT];
  private final long[] hard = new long[COUNT];

  /** Those of the host process. */
  Limits() {
    long buffer = GuestRam.hostAllocate(16);
    for (int i = 0; i < COUNT; i++) {
      Host.call(Host.PRLIMIT64, 0, i, 0, buffer);
      soft[i] = GuestRam.hostLoad64(buffer);
      hard[i] = GuestRam.hostLoad64(buffer + 8);
    }
    GuestRam.hostFree(buffer);
  }

  Limits(Limits other) {
    System.arraycopy(other.soft, 0, soft, 0, COUNT);
    System.arraycopy(other.hard, 0, hard, 0, COUNT);
  }

  synchronized long soft(int resource) {
    return soft[resource];
  }

  synchronized long hard(int resource) {
    return hard[resource];
  }

  synchronized void set(int resource, long newSoft, long newHard) {
    soft[resource] = newSoft;
    hard[resource] = newHard;
  }

  int openFiles() {
    return (int) Math.min(soft(NOFILE) & Long.MAX_VALUE, 1 << 20);
  }

  /** Bytes the stack may grow to. */
  long stackBytes() {
    long limit = soft(STACK);
    return limit < 0 ? DEFAULT_STACK_BYTES * 8 : Math.min(limit, MAX_STACK_BYTES);
  }
}
