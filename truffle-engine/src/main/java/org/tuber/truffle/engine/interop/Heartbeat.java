package org.tuber.truffle.engine.interop;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.tuber.core.cpu.Vcpu;

/**
 * Kicks a running CPU now and then, so that its thread can look at the budget and at requests of
 * the embedder (cancellation, interruption) even from inside an endless compiled loop.
 */
public final class Heartbeat {
  private static final long PERIOD_MILLIS = 20;

  private static final ScheduledExecutorService TIMER =
      Executors.newSingleThreadScheduledExecutor(
          r -> {
            Thread t = new Thread(r, "guest-heartbeat");
            t.setDaemon(true);
            return t;
          });

  private final ScheduledFuture<?> beats;

  public Heartbeat(Vcpu cpu) {
    beats =
        TIMER.scheduleAtFixedRate(cpu::kick, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  public void stop() {
    beats.cancel(false);
  }
}
