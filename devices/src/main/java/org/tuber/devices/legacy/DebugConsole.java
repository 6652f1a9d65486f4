package org.tuber.devices.legacy;

import org.tuber.core.backend.CharBackend;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The Bochs debug port (E9H, firmware uses 402H): each byte written goes to a character backend.
 *
 * <p>Reading gives E9H, by which software finds it. It has no state.
 */
public final class DebugConsole implements MmioDevice, Snapshottable<DebugConsole.State> {
  private static final int PRESENT = 0xe9;

  /** No state. */
  public record State() {}

  private final CharBackend backend;

  /** A debug port that writes to {@code backend}. */
  public DebugConsole(CharBackend backend) {
    this.backend = backend;
  }

  @Override
  public long read(long offset, int size) {
    return PRESENT;
  }

  @Override
  public void write(long offset, long value, int size) {
    backend.write((byte) value);
  }

  @Override
  public int maxAccessSize() {
    return 1;
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
