package org.tuber.devices.legacy;

import java.util.function.IntConsumer;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The {@code isa-debug-exit} port (501H by default): writing {@code v} ends the emulator with exit
 * status {@code v * 2 + 1}. Reads as zero. It has no state.
 */
public final class IsaDebugExit implements MmioDevice, Snapshottable<IsaDebugExit.State> {
  /** No state. */
  public record State() {}

  private final IntConsumer exit;

  /** A port that hands the exit status to {@code exit}, which acts later, not inside. */
  public IsaDebugExit(IntConsumer exit) {
    this.exit = exit;
  }

  @Override
  public long read(long offset, int size) {
    return 0;
  }

  @Override
  public void write(long offset, long value, int size) {
    exit.accept((int) value << 1 | 1);
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  @Override
  public State save() {
    return new State();
  }

  @Override
  public void load(State state) {
    // Nothing to restore.
  }

  @Override
  public void reset() {
    // Nothing to reset.
  }
}
