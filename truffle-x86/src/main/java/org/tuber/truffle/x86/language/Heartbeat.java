package org.tuber.truffle.x86.language;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.tuber.core.cpu.Vcpu;

/**
 * Kicks a running CPU now and then, so that its thread can look at the budget and at requests of
 * the embedder (cancellation, interruption) even from inside an endless compiled loop.
 */
final class Heartbeat {
  private static final long PERIOD_MILLIS = 20;

  private static final ScheduledExecutorService TIMER =
      Executors.newSingleThreadScheduledExecutor(
          r -> {
            Thread t = new Thread(r, "x86-heartbeat");
            t.setDaemon(true);
            return t;
          });

  private final ScheduledFuture<?> beats;

  Heartbeat(Vcpu cpu) {
    beats =
        TIMER.scheduleAtFixedRate(cpu::kick, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  void stop() {
    beats.cancel(false);
  }
}
