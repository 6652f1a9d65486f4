package org.tuber.truffle.engine.linux;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.tuber.core.mem.GuestRam;

/** Sleeping and interval timers. */
final class TimeCalls {
  private static final int CLOCK_NANOSLEEP = 230;
  private static final int TIMER_ABSTIME = 1;
  private static final int CLOCK_MONOTONIC = 1;
  private static final int CLOCK_THREAD_CPUTIME_ID = 3;
  private static final int ITIMER_REAL = 0;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private TimeCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put(
        "nanosleep", (t, time, left, c, d, e, f) -> sleep(t, CLOCK_MONOTONIC, 0, time, left, 16));
    calls.put(
        "clock_nanosleep",
        (t, clock, flags, time, left, e, f) -> sleep(t, (int) clock, (int) flags, time, left, 16));
    calls.put("alarm", (t, seconds, b, c, d, e, f) -> alarm(t, seconds & 0xffff_ffffL));
    calls.put("setitimer", (t, which, set, get, d, e, f) -> setitimer(t, (int) which, set, get, 8));
    calls.put("getitimer", (t, which, get, c, d, e, f) -> getitimer(t, (int) which, get, 8));
    calls.put(
        "timer_create",
        (t, clock, event, id, d, e, f) -> t.process.timers.create(t, (int) clock, event, id));
    calls.put(
        "timer_settime",
        (t, id, flags, set, get, e, f) ->
            t.process.timers.set(t, (int) id, (int) flags, set, get, 8));
    calls.put(
        "timer_gettime", (t, id, get, c, d, e, f) -> t.process.timers.get(t, (int) id, get, 8));
    calls.put("timer_getoverrun", (t, id, b, c, d, e, f) -> 0);
    calls.put("timer_delete", (t, id, b, c, d, e, f) -> t.process.timers.delete((int) id));
  }

  /** A timespec of the guest in native memory, 16 bytes; 0 for a null pointer. */
  static long timespec(GuestThread t, long at, int bytes) {
    if (at == 0) {
      return 0;
    }
    long raw = t.in(at, bytes);
    long to = t.scratch(16);
    boolean wide = bytes == 16;
    long seconds = wide ? GuestRam.hostLoad64(raw) : GuestRam.hostLoad32(raw);
    long nanos = wide ? GuestRam.hostLoad64(raw + 8) : GuestRam.hostLoad32(raw + 4);
    GuestRam.hostStore64(to, seconds);
    GuestRam.hostStore64(to + 8, nanos);
    return to;
  }

  /** A timespec in nanoseconds; -1 for a null pointer. */
  static long nanos(GuestThread t, long at, int bytes) {
    long time = timespec(t, at, bytes);
    if (time == 0) {
      return -1;
    }
    long seconds = GuestRam.hostLoad64(time);
    long nanos = GuestRam.hostLoad64(time + 8);
    if (seconds < 0 || nanos < 0 || nanos >= SECOND) {
      throw new Errno(Errno.EINVAL);
    }
    return seconds > 1L << 32 ? Long.MAX_VALUE / 4 : seconds * SECOND + nanos;
  }

  static void storeTimespec(long to, long nanos) {
    GuestRam.hostStore64(to, nanos / SECOND);
    GuestRam.hostStore64(to + 8, nanos % SECOND);
  }

  /** Stores a guest's timespec or, with nanoseconds divided, timeval. */
  static void storeTime(GuestThread t, long at, long seconds, long fraction, int bytes) {
    long to = t.scratch(16);
    if (bytes == 16) {
      GuestRam.hostStore64(to, seconds);
      GuestRam.hostStore64(to + 8, fraction);
    } else {
      GuestRam.hostStore32(to, (int) seconds);
      GuestRam.hostStore32(to + 4, (int) fraction);
    }
    t.memory.writeHost(t, at, to, bytes);
  }

  static long sleep(GuestThread t, int clock, int flags, long at, long left, int bytes) {
    long time = timespec(t, at, bytes);
    if (time == 0) {
      return -Errno.EFAULT;
    }
    if (ClockCalls.isCpuClock(clock)) {
      return sleepUntilUsed(t, clock, (flags & TIMER_ABSTIME) != 0, nanos(t, at, bytes));
    }
    if ((flags & TIMER_ABSTIME) != 0) {
      long r = t.blocking(CLOCK_NANOSLEEP, clock, flags, time, 0, 0, 0);
      return r == -Errno.EINTR ? -Errno.ERESTARTNOHAND : r;
    }
    long deadline = System.nanoTime() + nanos(t, at, bytes);
    while (true) {
      t.blockingHost = true;
      long r = t.work ? -Errno.EINTR : Host.call(CLOCK_NANOSLEEP, clock, flags, time, 0);
      t.blockingHost = false;
      if (r != -Errno.EINTR) {
        return r;
      }
      long rest = Math.max(0, deadline - System.nanoTime());
      if (t.reallyHasWork()) {
        if (left != 0) {
          storeTime(t, left, rest / SECOND, rest % SECOND, bytes);
        }
        return -Errno.EINTR;
      }
      storeTimespec(time, rest);
    }
  }

  /** A sleep by CPU time, which is looked at every few milliseconds. */
  private static long sleepUntilUsed(GuestThread t, int clock, boolean absolute, long nanos) {
    if (clock == CLOCK_THREAD_CPUTIME_ID) {
      return -Errno.EINVAL;
    }
    LongSupplier time = ClockCalls.cpuClock(t, clock);
    long deadline = absolute ? nanos : time.getAsLong() + nanos;
    UserSystem system = t.process.system;
    synchronized (system) {
      while (time.getAsLong() < deadline) {
        if (t.hasWork()) {
          t.work = true;
          return -Errno.ERESTARTNOHAND;
        }
        system.await(5);
      }
    }
    return 0;
  }

  // ---------------------------------------------------------------- interval timers

  private static long alarm(GuestThread t, long seconds) {
    long left = arm(t.process, seconds * SECOND, 0);
    return (left + SECOND - 1) / SECOND;
  }

  /** Sets the timer; returns what was left of the old one. */
  private static long arm(GuestProcess p, long nanos, long interval) {
    synchronized (p.system) {
      long left = left(p);
      if (p.alarm != null) {
        p.alarm.cancel(false);
        p.alarm = null;
      }
      p.alarmIntervalNanos = interval;
      if (nanos > 0) {
        p.alarmDeadlineNanos = System.nanoTime() + nanos;
        p.alarm = p.system.clock.after(() -> fire(p), nanos, interval);
      }
      return left;
    }
  }

  private static long left(GuestProcess p) {
    return p.alarm == null ? 0 : Math.max(1000, p.alarmDeadlineNanos - System.nanoTime());
  }

  private static void fire(GuestProcess p) {
    synchronized (p.system) {
      if (p.alarmIntervalNanos > 0) {
        p.alarmDeadlineNanos = System.nanoTime() + p.alarmIntervalNanos;
      } else {
        p.alarm = null;
      }
    }
    Signals.send(p, SignalInfo.simple(SignalInfo.SIGALRM, SignalInfo.SI_KERNEL));
  }

  /** Two timevals with words of {@code word} bytes. */
  static long setitimer(GuestThread t, int which, long set, long get, int word) {
    if (!isTimer(which)) {
      return -Errno.EINVAL;
    }
    long interval = 0;
    long value = 0;
    if (set != 0) {
      interval = micros(t, set, word) * 1000;
      value = micros(t, set + 2L * word, word) * 1000;
    }
    long oldInterval;
    long left;
    if (which == ITIMER_REAL) {
      oldInterval = t.process.alarmIntervalNanos;
      left = arm(t.process, value, interval);
    } else {
      CpuTimers timers = t.process.cpuTimers;
      CpuTimers.Watch w = timers.intervalTimer(which);
      synchronized (t.process.system) {
        oldInterval = timers.interval(w);
        left = timers.left(w);
        timers.set(w, value, interval);
      }
    }
    if (get != 0) {
      storeMicros(t, get, oldInterval / 1000, word);
      storeMicros(t, get + 2L * word, left / 1000, word);
    }
    return 0;
  }

  /** ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF. */
  private static boolean isTimer(int which) {
    return which >= ITIMER_REAL && which <= 2;
  }

  static long getitimer(GuestThread t, int which, long get, int word) {
    if (!isTimer(which)) {
      return -Errno.EINVAL;
    }
    synchronized (t.process.system) {
      GuestProcess p = t.process;
      boolean real = which == ITIMER_REAL;
      CpuTimers.Watch w = real ? null : p.cpuTimers.intervalTimer(which);
      long interval = real ? p.alarmIntervalNanos : p.cpuTimers.interval(w);
      storeMicros(t, get, interval / 1000, word);
      storeMicros(t, get + 2L * word, (real ? left(p) : p.cpuTimers.left(w)) / 1000, word);
    }
    return 0;
  }

  private static long micros(GuestThread t, long at, int word) {
    return word == 8
        ? t.load64(at) * 1_000_000 + t.load64(at + 8)
        : t.load32(at) * 1_000_000L + t.load32(at + 4);
  }

  private static void storeMicros(GuestThread t, long at, long micros, int word) {
    storeTime(t, at, micros / 1_000_000, micros % 1_000_000, 2 * word);
  }
}
