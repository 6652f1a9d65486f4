package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What happens when a process has used so much CPU time: ITIMER_VIRTUAL and ITIMER_PROF, timers of
 * timer_create on CPU clocks, and RLIMIT_CPU (setitimer(2), timer_create(2), getrlimit(2)).
 *
 * <p>Time is looked at again when the threads could have used what is left; while they use none,
 * less and less often. So a timer may be late by {@link #MOST_IDLE_NANOS}.
 */
final class CpuTimers {
  private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long MOST_IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** One of them. */
  static final class Watch {
    private final LongSupplier time;
    private final Runnable action;
    private long deadline;
    private long interval;

    /**
     * Not armed.
     *
     * @param time the CPU time it is about, in nanoseconds
     */
    Watch(LongSupplier time, Runnable action) {
      this.time = time;
      this.action = action;
    }
  }

  private final GuestProcess process;
  private final List<Watch> armed = new ArrayList<>();
  private final Watch[] intervalTimers;
  private final Watch limit;
  private ScheduledFuture<?> next;
  private long delay = LEAST_NANOS;
  private long lastNanos;

  CpuTimers(GuestProcess process) {
    this.process = process;
    intervalTimers =
        new Watch[] {
          signal(() -> process.usage().userNanos, SignalInfo.SIGVTALRM),
          signal(this::now, SignalInfo.SIGPROF)
        };
    limit = new Watch(this::now, this::beyondLimit);
  }

  private Watch signal(LongSupplier time, int number) {
    SignalInfo info = SignalInfo.simple(number, SignalInfo.SI_KERNEL);
    return new Watch(time, () -> Signals.send(process, info));
  }

  private long now() {
    return process.usage().cpuNanos();
  }

  /** The timer of setitimer: 1 ITIMER_VIRTUAL, 2 ITIMER_PROF. */
  Watch intervalTimer(int which) {
    return intervalTimers[which - 1];
  }

  /** Arms, or with {@code nanos} 0 disarms. */
  void set(Watch w, long nanos, long interval) {
    synchronized (process.system) {
      armed.remove(w);
      w.interval = interval;
      if (nanos > 0) {
        w.deadline = w.time.getAsLong() + nanos;
        armed.add(w);
        delay = LEAST_NANOS;
        schedule();
      }
    }
  }

  /** Nanoseconds left; 0 when it is not armed. */
  long left(Watch w) {
    synchronized (process.system) {
      return armed.contains(w) ? Math.max(1000, w.deadline - w.time.getAsLong()) : 0;
    }
  }

  long interval(Watch w) {
    return w.interval;
  }

  /** RLIMIT_CPU was set or inherited. */
  void limitChanged() {
    long seconds = process.limits.soft(Limits.CPU);
    synchronized (process.system) {
      armed.remove(limit);
      if (seconds >= 0 && seconds < Long.MAX_VALUE / SECOND) {
        limit.deadline = Math.max(1, seconds) * SECOND;
        armed.add(limit);
        delay = LEAST_NANOS;
        schedule();
      }
    }
  }

  /** SIGXCPU once a second from the soft limit on, SIGKILL at the hard one. */
  private void beyondLimit() {
    long seconds = now() / SECOND;
    long hard = process.limits.hard(Limits.CPU);
    if (hard >= 0 && seconds >= Math.max(1, hard)) {
      Signals.send(process, SignalInfo.simple(SignalInfo.SIGKILL, SignalInfo.SI_KERNEL));
      return;
    }
    Signals.send(process, SignalInfo.simple(SignalInfo.SIGXCPU, SignalInfo.SI_KERNEL));
    limit.deadline = (seconds + 1) * SECOND;
    armed.add(limit);
  }

  /** Under the system's monitor, as everything here. */
  private void schedule() {
    if (next != null) {
      next.cancel(false);
      next = null;
    }
    if (armed.isEmpty() || process.zombie) {
      return;
    }
    long least = Long.MAX_VALUE;
    for (Watch w : armed) {
      least = Math.min(least, w.deadline - w.time.getAsLong());
    }
    long soonest = least / Math.max(1, process.threads.size());
    next = process.system.clock.after(this::look, Math.max(delay, soonest), 0);
  }

  private void look() {
    synchronized (process.system) {
      if (process.zombie || process.dying) {
        return;
      }
      List<Watch> due = new ArrayList<>();
      for (Watch w : armed) {
        long now = w.time.getAsLong();
        if (now >= w.deadline) {
          due.add(w);
          if (w.interval > 0) {
            w.deadline += ((now - w.deadline) / w.interval + 1) * w.interval;
          }
        }
      }
      armed.removeIf(w -> w.interval == 0 && due.contains(w));
      due.forEach(w -> w.action.run());
      long used = now();
      delay = used == lastNanos ? Math.min(2 * delay, MOST_IDLE_NANOS) : LEAST_NANOS;
      lastNanos = used;
      schedule();
    }
  }

  /** The process has ended. */
  void clear() {
    synchronized (process.system) {
      armed.clear();
      schedule();
    }
  }
}
