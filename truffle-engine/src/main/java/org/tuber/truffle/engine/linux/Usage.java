package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * What threads or processes have used: CPU time and the counters of {@code struct rusage}
 * (getrusage(2)). The host counts for its threads, and each guest thread is one of them. Time of
 * the JVM's own threads, those that compile among them, is nobody's.
 */
final class Usage {
  static final int BYTES = 144;
  private static final int RUSAGE_THREAD = 1;
  private static final int GETRUSAGE = 98;
  private static final int CLOCK_GETTIME = 228;
  private static final int CLOCK_THREAD_CPUTIME_ID = 3;

  // Clocks of any thread (linux/posix-timers.h): its number inverted, bit 2, and one of these.
  private static final int CLOCK_OF_THREAD = 4;
  private static final int CLOCK_USER = 1;
  private static final int CLOCK_ALL = 2;

  /** ru_maxrss, in KiB; of several it is the largest. */
  private static final int RESIDENT = 0;

  private static final int COUNTERS = 14;

  long userNanos;
  long systemNanos;
  private final long[] counters = new long[COUNTERS];

  long cpuNanos() {
    return userNanos + systemNanos;
  }

  void add(Usage other) {
    userNanos += other.userNanos;
    systemNanos += other.systemNanos;
    for (int i = 1; i < COUNTERS; i++) {
      counters[i] += other.counters[i];
    }
    resident(other.counters[RESIDENT]);
  }

  void resident(long kilobytes) {
    counters[RESIDENT] = Math.max(counters[RESIDENT], kilobytes);
  }

  /** What the calling host thread has used since it was {@code base}. */
  static Usage ofCallingThread(Usage base) {
    Usage u = new Usage();
    long h = GuestRam.hostAllocate(BYTES);
    try {
      Host.call(GETRUSAGE, RUSAGE_THREAD, h);
      u.userNanos = GuestRam.hostLoad64(h) * 1_000_000_000L + GuestRam.hostLoad64(h + 8) * 1000;
      u.systemNanos =
          GuestRam.hostLoad64(h + 16) * 1_000_000_000L + GuestRam.hostLoad64(h + 24) * 1000;
      for (int i = 1; i < COUNTERS; i++) {
        u.counters[i] = GuestRam.hostLoad64(h + 32 + 8L * i);
      }
    } finally {
      GuestRam.hostFree(h);
    }
    if (base != null) {
      u.userNanos -= base.userNanos;
      u.systemNanos -= base.systemNanos;
      for (int i = 1; i < COUNTERS; i++) {
        u.counters[i] -= base.counters[i];
      }
    }
    return u;
  }

  /** CPU time of the calling host thread, to the nanosecond. */
  static long callingThreadNanos(GuestThread t) {
    return clock(CLOCK_THREAD_CPUTIME_ID) - t.base.cpuNanos();
  }

  /**
   * Of a thread that runs elsewhere: time alone. What of it is user time the host counts in ticks.
   */
  static Usage ofOtherThread(GuestThread t) {
    Usage u = new Usage();
    if (t.hostTid == 0) {
      return u;
    }
    int id = ~t.hostTid << 3 | CLOCK_OF_THREAD;
    long all = Math.max(0, clock(id | CLOCK_ALL) - t.base.cpuNanos());
    u.userNanos = Math.clamp(clock(id | CLOCK_USER) - t.base.userNanos, 0, all);
    u.systemNanos = all - u.userNanos;
    return u;
  }

  /** A clock of the host, 0 when it is gone. */
  private static long clock(int id) {
    long h = GuestRam.hostAllocate(16);
    try {
      return Host.call(CLOCK_GETTIME, id, h) < 0
          ? 0
          : GuestRam.hostLoad64(h) * 1_000_000_000L + GuestRam.hostLoad64(h + 8);
    } finally {
      GuestRam.hostFree(h);
    }
  }

  /** struct rusage of 64-bit programs in native memory. */
  void store(long host) {
    GuestRam.hostStore64(host, userNanos / 1_000_000_000L);
    GuestRam.hostStore64(host + 8, userNanos % 1_000_000_000L / 1000);
    GuestRam.hostStore64(host + 16, systemNanos / 1_000_000_000L);
    GuestRam.hostStore64(host + 24, systemNanos % 1_000_000_000L / 1000);
    for (int i = 0; i < COUNTERS; i++) {
      GuestRam.hostStore64(host + 32 + 8L * i, counters[i]);
    }
  }

  /** The guest's struct rusage at {@code gva}; i386's has words of 32 bits. */
  void write(GuestThread t, long gva) {
    long h = t.scratch(BYTES);
    store(h);
    if (!t.process.is32Bit) {
      t.memory.writeHost(t, gva, h, BYTES);
      return;
    }
    for (int i = 0; i < BYTES / 8; i++) {
      GuestRam.hostStore32(h + 4L * i, (int) GuestRam.hostLoad64(h + 8L * i));
    }
    t.memory.writeHost(t, gva, h, BYTES / 2);
  }
}
