package org.tuber.machine.monitor;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.tuber.core.backend.KeyCode;
import org.tuber.machine.MachineRun;

/** Presses keys together and lets them go in reverse order. */
final class KeyTyper {
  /** How long keys stay down unless something else is said. */
  static final long HOLD_MILLIS = 100;

  private final MachineRun machine;

  /** Releases come after one another, also those of an earlier press. */
  private CompletableFuture<Void> last = CompletableFuture.completedFuture(null);

  KeyTyper(MachineRun machine) {
    this.machine = machine;
  }

  /** Presses {@code keys} when those pressed before are up again; returns at once. */
  synchronized void press(List<KeyCode> keys, long holdMillis) {
    Executor later =
        CompletableFuture.delayedExecutor(Math.max(0, holdMillis), TimeUnit.MILLISECONDS);
    last =
        last.thenRun(() -> keys.forEach(key -> machine.input(sink -> sink.key(key, true))))
            .thenRunAsync(
                () -> keys.reversed().forEach(key -> machine.input(sink -> sink.key(key, false))),
                later);
  }
}
