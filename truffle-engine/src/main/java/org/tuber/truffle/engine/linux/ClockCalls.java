package org.tuber.truffle.engine.linux;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.tuber.core.mem.GuestRam;

/**
 * Clocks and what was used of the CPU: clock_gettime, clock_getres, getrusage, times. Clocks of CPU
 * time are the guest's processes' and threads'; the others are the host's.
 */
final class ClockCalls {
  private static final int CLOCK_GETTIME = 228;
  private static final int CLOCK_GETRES = 229;
  private static final int TIMES = 100;
  private static final int CLOCK_PROCESS_CPUTIME_ID = 2;
  private static final int CLOCK_THREAD_CPUTIME_ID = 3;

  // Clocks of a process or thread by number (linux/posix-timers.h); 3 would be a device's.
  private static final int OF_THREAD = 4;
  private static final int KIND = 3;
  private static final int USER_TIME = 1;

  private static final int RUSAGE_SELF = 0;
  private static final int RUSAGE_CHILDREN = -1;
  private static final int RUSAGE_THREAD = 1;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** Of the clock ticks that times counts in: 100 a second. */
  private static final long TICK = SECOND / 100;

  private ClockCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("clock_gettime", (t, clock, at, c, d, e, f) -> time(t, (int) clock, at, 16));
    calls.put("clock_getres", (t, clock, at, c, d, e, f) -> resolution(t, (int) clock, at, 16));
    calls.put("getrusage", (t, who, at, c, d, e, f) -> rusage(t, (int) who, at));
    calls.put("times", (t, at, b, c, d, e, f) -> times(t, at));
  }

  static void add32(Map<String, Syscalls.Call> calls) {
    calls.put("clock_gettime64", calls.get("clock_gettime"));
    calls.put("clock_getres_time64", calls.get("clock_getres"));
    calls.put("clock_gettime", (t, clock, at, c, d, e, f) -> time(t, (int) clock, at, 8));
    calls.put("clock_getres", (t, clock, at, c, d, e, f) -> resolution(t, (int) clock, at, 8));
  }

  /** True for a clock that counts CPU time and not the host's. */
  static boolean isCpuClock(int clock) {
    return clock == CLOCK_PROCESS_CPUTIME_ID
        || clock == CLOCK_THREAD_CPUTIME_ID
        || clock < 0 && (clock & KIND) != KIND;
  }

  /** What such a clock shows, in nanoseconds; EINVAL when its process or thread is none. */
  static LongSupplier cpuClock(GuestThread t, int clock) {
    if (clock == CLOCK_THREAD_CPUTIME_ID) {
      return () -> Usage.ofOtherThread(t).cpuNanos();
    }
    if (clock == CLOCK_PROCESS_CPUTIME_ID) {
      GuestProcess p = t.process;
      return () -> p.usage().cpuNanos();
    }
    int number = ~(clock >> 3);
    boolean user = (clock & KIND) == USER_TIME;
    if ((clock & OF_THREAD) != 0) {
      GuestThread x = number == 0 ? t : ThreadCalls.find(t.process.system, number);
      if (x == null || x.process != t.process) {
        throw new Errno(Errno.EINVAL);
      }
      return () -> pick(Usage.ofOtherThread(x), user);
    }
    GuestProcess p;
    synchronized (t.process.system) {
      p = number == 0 ? t.process : t.process.system.find(number);
    }
    if (p == null) {
      throw new Errno(Errno.EINVAL);
    }
    return () -> pick(p.usage(), user);
  }

  private static long pick(Usage u, boolean user) {
    return user ? u.userNanos : u.cpuNanos();
  }

  private static long time(GuestThread t, int clock, long at, int bytes) {
    if (isCpuClock(clock)) {
      long nanos =
          clock == CLOCK_THREAD_CPUTIME_ID
              ? Usage.callingThreadNanos(t)
              : cpuClock(t, clock).getAsLong();
      TimeCalls.storeTime(t, at, nanos / SECOND, nanos % SECOND, bytes);
      return 0;
    }
    return host(t, CLOCK_GETTIME, clock, at, bytes);
  }

  private static long resolution(GuestThread t, int clock, long at, int bytes) {
    if (isCpuClock(clock)) {
      cpuClock(t, clock);
      if (at != 0) {
        TimeCalls.storeTime(t, at, 0, 1, bytes);
      }
      return 0;
    }
    return host(t, CLOCK_GETRES, clock, at, bytes);
  }

  private static long host(GuestThread t, int number, int clock, long at, int bytes) {
    long h = t.scratch(16);
    long r = Host.call6(number, clock, h, 0, 0, 0, 0);
    if (r >= 0 && (at != 0 || number == CLOCK_GETTIME)) {
      TimeCalls.storeTime(t, at, GuestRam.hostLoad64(h), GuestRam.hostLoad64(h + 8), bytes);
    }
    return r;
  }

  private static long rusage(GuestThread t, int who, long at) {
    Usage u;
    switch (who) {
      case RUSAGE_SELF -> {
        t.process.sample(t.memory);
        u = t.process.usage(t);
      }
      case RUSAGE_CHILDREN -> {
        synchronized (t.process.system) {
          u = t.process.childrenUsage();
        }
      }
      case RUSAGE_THREAD -> u = Usage.ofCallingThread(t.base);
      default -> {
        return -Errno.EINVAL;
      }
    }
    u.write(t, at);
    return 0;
  }

  private static long times(GuestThread t, long at) {
    if (at != 0) {
      Usage own = t.process.usage();
      Usage children;
      synchronized (t.process.system) {
        children = t.process.childrenUsage();
      }
      long[] nanos = {own.userNanos, own.systemNanos, children.userNanos, children.systemNanos};
      boolean wide = !t.process.is32Bit;
      for (int i = 0; i < nanos.length; i++) {
        if (wide) {
          t.store64(at + 8L * i, nanos[i] / TICK);
        } else {
          t.store32(at + 4L * i, (int) (nanos[i] / TICK));
        }
      }
    }
    long now = Host.call(TIMES, 0);
    return t.process.is32Bit ? now & 0xffff_ffffL : now;
  }
}
