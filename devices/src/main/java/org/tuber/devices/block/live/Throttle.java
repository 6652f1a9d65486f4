package org.tuber.devices.block.live;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Holds requests back so that a guest, or several together, get no more than their share. Each
 * limit is a leaking bucket: a request pours in what it costs and goes on at once, unless the
 * bucket is too full; what leaks out is the average rate. Reads and writes queue apart, in order.
 */
final class Throttle {
  private static final double NANOS = 1e9;

  /** Some thirty years. */
  private static final double MAX_WAIT_NANOS = 1e18;

  /** Without bursts a bucket holds what leaks in a tenth of a second. */
  private static final double SLACK = 0.1;

  private static final ScheduledExecutorService TIMER =
      Executors.newSingleThreadScheduledExecutor(
          r -> {
            Thread t = new Thread(r, "disk throttle");
            t.setDaemon(true);
            return t;
          });

  private record Waiting(long bytes, Runnable go) {}

  private static final ThrottleLimits.Bucket[] BUCKETS = ThrottleLimits.Bucket.values();

  private final double[] level = new double[BUCKETS.length];
  private final double[] burst = new double[BUCKETS.length];
  private final List<ArrayDeque<Waiting>> queues = List.of(new ArrayDeque<>(), new ArrayDeque<>());
  private ThrottleLimits limits = ThrottleLimits.NONE;
  private long leakedAtNanos = System.nanoTime();
  private ScheduledFuture<?> timer;
  private int members;

  synchronized void join() {
    members++;
  }

  synchronized int leave() {
    return --members;
  }

  synchronized ThrottleLimits limits() {
    return limits;
  }

  /** Other limits from now on, also for what waits. */
  void setLimits(ThrottleLimits fresh) {
    synchronized (this) {
      leak();
      limits = fresh;
      Arrays.fill(level, 0);
      Arrays.fill(burst, 0);
    }
    pump();
  }

  /** Runs a request now or when its time has come. */
  void admit(boolean write, long bytes, Runnable go) {
    synchronized (this) {
      leak();
      ArrayDeque<Waiting> queue = queues.get(write ? 1 : 0);
      if (!queue.isEmpty() || waitNanos(write) > 0) {
        queue.add(new Waiting(bytes, go));
        arm();
        return;
      }
      pour(write, bytes);
    }
    go.run();
  }

  private void leak() {
    long now = System.nanoTime();
    double seconds = (now - leakedAtNanos) / NANOS;
    leakedAtNanos = now;
    for (int i = 0; i < BUCKETS.length; i++) {
      ThrottleLimits.Rate r = limits.rate(BUCKETS[i]);
      level[i] = Math.max(0, level[i] - r.average() * seconds);
      burst[i] = Math.max(0, burst[i] - r.max() * seconds);
    }
  }

  private void pour(boolean write, long bytes) {
    double requests = 1;
    if (limits.requestBytes() > 0 && bytes > limits.requestBytes()) {
      requests = (double) bytes / limits.requestBytes();
    }
    for (int i = 0; i < BUCKETS.length; i++) {
      if (BUCKETS[i].concerns(write)) {
        double cost = BUCKETS[i].countsBytes() ? bytes : requests;
        level[i] += cost;
        burst[i] += cost;
      }
    }
  }

  private long waitNanos(boolean write) {
    double seconds = 0;
    for (int i = 0; i < BUCKETS.length; i++) {
      ThrottleLimits.Bucket b = BUCKETS[i];
      ThrottleLimits.Rate r = limits.rate(b);
      if (!b.concerns(write) || r.average() == 0) {
        continue;
      }
      double holds = r.max() > 0 ? r.max() * r.burstSeconds() : r.average() * SLACK;
      seconds = Math.max(seconds, (level[i] - holds) / r.average());
      if (r.burstSeconds() > 1) {
        seconds = Math.max(seconds, (burst[i] - r.max() * SLACK) / r.max());
      }
    }
    return seconds <= 0 ? 0 : Math.max(1, (long) Math.min(seconds * NANOS, MAX_WAIT_NANOS));
  }

  private void arm() {
    long soonest = Long.MAX_VALUE;
    for (int dir = 0; dir < 2; dir++) {
      if (!queues.get(dir).isEmpty()) {
        soonest = Math.min(soonest, waitNanos(dir == 1));
      }
    }
    if (timer != null) {
      timer.cancel(false);
      timer = null;
    }
    if (soonest != Long.MAX_VALUE) {
      timer = TIMER.schedule(this::pump, soonest, TimeUnit.NANOSECONDS);
    }
  }

  private void pump() {
    List<Runnable> ready = new ArrayList<>();
    synchronized (this) {
      leak();
      for (int dir = 0; dir < 2; dir++) {
        ArrayDeque<Waiting> queue = queues.get(dir);
        while (!queue.isEmpty() && waitNanos(dir == 1) == 0) {
          Waiting w = queue.remove();
          pour(dir == 1, w.bytes);
          ready.add(w.go);
        }
      }
      arm();
    }
    ready.forEach(Runnable::run);
  }
}
