package org.tuber.truffle.engine.linux;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.tuber.core.mem.GuestRam;

/** Timers of timer_create. Clocks of CPU time are {@link CpuTimers}', all others real time. */
final class PosixTimers {
  private static final int SIGEV_SIGNAL = 0;
  private static final int SIGEV_NONE = 1;
  private static final int SIGEV_THREAD_ID = 4;
  private static final int TIMER_ABSTIME = 1;
  private static final int CLOCK_GETTIME = 228;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private static final class Timer {
    int clock;
    int notify = SIGEV_SIGNAL;
    int signal = SignalInfo.SIGALRM;
    long value;
    int thread;
    long interval;
    long deadline;
    ScheduledFuture<?> armed;

    /** For a clock of CPU time; null for the others. */
    CpuTimers.Watch used;
  }

  private final GuestProcess process;
  private final Map<Integer, Timer> timers = new HashMap<>();
  private int next;

  PosixTimers(GuestProcess process) {
    this.process = process;
  }

  synchronized void clear() {
    for (Timer timer : timers.values()) {
      disarm(timer);
    }
    timers.clear();
  }

  private void disarm(Timer timer) {
    if (timer.used != null) {
      process.cpuTimers.set(timer.used, 0, 0);
    }
    if (timer.armed != null) {
      timer.armed.cancel(false);
      timer.armed = null;
    }
  }

  synchronized long create(GuestThread t, int clock, long event, long idAt) {
    Timer timer = new Timer();
    timer.clock = clock;
    timer.value = next;
    if (event != 0) {
      boolean wide = !t.process.is32Bit;
      long e = t.in(event, wide ? 24 : 16);
      int at = wide ? 8 : 4;
      timer.value = wide ? GuestRam.hostLoad64(e) : GuestRam.hostLoad32(e);
      timer.signal = GuestRam.hostLoad32(e + at);
      timer.notify = GuestRam.hostLoad32(e + at + 4);
      timer.thread = GuestRam.hostLoad32(e + at + 8);
    }
    if (timer.notify != SIGEV_NONE && timer.notify != SIGEV_THREAD_ID && timer.notify != 0) {
      return -Errno.EINVAL;
    }
    if (ClockCalls.isCpuClock(clock)) {
      timer.used = new CpuTimers.Watch(ClockCalls.cpuClock(t, clock), () -> send(timer));
    }
    t.store32(idAt, next);
    timers.put(next++, timer);
    return 0;
  }

  private Timer find(int id) {
    Timer timer = timers.get(id);
    if (timer == null) {
      throw new Errno(Errno.EINVAL);
    }
    return timer;
  }

  synchronized long set(GuestThread t, int id, int flags, long set, long get, int word) {
    Timer timer = find(id);
    if (get != 0) {
      get(t, id, get, word);
    }
    long interval = TimeCalls.nanos(t, set, 2 * word);
    long value = TimeCalls.nanos(t, set + 2L * word, 2 * word);
    disarm(timer);
    timer.interval = interval;
    if (value > 0 && timer.used != null) {
      long now = (flags & TIMER_ABSTIME) != 0 ? ClockCalls.cpuClock(t, timer.clock).getAsLong() : 0;
      process.cpuTimers.set(timer.used, Math.max(1, value - now), interval);
    } else if (value > 0) {
      long delay = value;
      if ((flags & TIMER_ABSTIME) != 0) {
        long now = t.scratch(16);
        Host.call(CLOCK_GETTIME, timer.clock, now);
        delay -= GuestRam.hostLoad64(now) * SECOND + GuestRam.hostLoad64(now + 8);
      }
      delay = Math.max(1, delay);
      timer.deadline = System.nanoTime() + delay;
      timer.armed = process.system.clock.after(() -> fire(timer), delay, interval);
    }
    return 0;
  }

  private void fire(Timer timer) {
    synchronized (this) {
      if (timer.armed == null) {
        return;
      }
      timer.deadline = System.nanoTime() + timer.interval;
      if (timer.interval == 0) {
        timer.armed = null;
      }
    }
    send(timer);
  }

  private void send(Timer timer) {
    SignalInfo info = new SignalInfo(timer.signal, SignalInfo.SI_TIMER, timer.value, 0, 0, 0);
    if (timer.notify == SIGEV_THREAD_ID) {
      GuestThread target = ThreadCalls.find(process.system, timer.thread);
      if (target != null) {
        Signals.send(target, info);
      }
    } else if (timer.notify == SIGEV_SIGNAL) {
      Signals.send(process, info);
    }
  }

  synchronized long get(GuestThread t, int id, long get, int word) {
    Timer timer = find(id);
    long left =
        timer.used != null
            ? process.cpuTimers.left(timer.used)
            : timer.armed == null ? 0 : Math.max(1, timer.deadline - System.nanoTime());
    TimeCalls.storeTime(t, get, timer.interval / SECOND, timer.interval % SECOND, 2 * word);
    TimeCalls.storeTime(t, get + 2L * word, left / SECOND, left % SECOND, 2 * word);
    return 0;
  }

  synchronized long delete(int id) {
    disarm(find(id));
    timers.remove(id);
    return 0;
  }
}
