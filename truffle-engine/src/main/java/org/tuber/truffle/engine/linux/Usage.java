package org.tuber.truffle.engine.linux;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

  private static final int MINOR_FAULTS = 4;
  private static final int MAJOR_FAULTS = 5;
  private static final int VOLUNTARY_SWITCHES = 12;
  private static final int INVOLUNTARY_SWITCHES = 13;
  private static final int[] SHOWN = {
    MINOR_FAULTS, MAJOR_FAULTS, VOLUNTARY_SWITCHES, INVOLUNTARY_SWITCHES
  };
  private static final int COUNTERS = 14;

  // Fields of /proc/PID/stat behind the name (proc(5)).
  private static final int STAT_MINOR_FAULTS = 7;
  private static final int STAT_MAJOR_FAULTS = 9;

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

  /** The same with the counters that the host shows of other threads. */
  static Usage ofOtherThreadInFull(GuestThread t) {
    Usage u = ofOtherThread(t);
    if (t.hostTid == 0) {
      return u;
    }
    Path folder = Path.of("/proc/self/task/" + t.hostTid);
    try {
      // The name in parentheses may hold anything.
      String stat = Files.readString(folder.resolve("stat"), ISO_8859_1);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      u.counters[MINOR_FAULTS] = Long.parseLong(fields[STAT_MINOR_FAULTS]);
      u.counters[MAJOR_FAULTS] = Long.parseLong(fields[STAT_MAJOR_FAULTS]);
      for (String line : Files.readAllLines(folder.resolve("status"), ISO_8859_1)) {
        if (line.startsWith("voluntary_ctxt_switches:")) {
          u.counters[VOLUNTARY_SWITCHES] = number(line);
        } else if (line.startsWith("nonvoluntary_ctxt_switches:")) {
          u.counters[INVOLUNTARY_SWITCHES] = number(line);
        }
      }
    } catch (IOException e) {
      // It has ended meanwhile, and counts among those that have.
      return u;
    }
    for (int i : SHOWN) {
      u.counters[i] = Math.max(0, u.counters[i] - t.base.counters[i]);
    }
    return u;
  }

  private static long number(String line) {
    return Long.parseLong(line.substring(line.indexOf(':') + 1).strip());
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
