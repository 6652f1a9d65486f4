package org.tuber.devices.legacy;

import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * A diagnostic port (80H, and EDH as I/O delay): keeps the last power-on self-test code.
 *
 * <p>On real boards 80H is a spare DMA page register with a display beside it, hence readable.
 */
public final class PostCodePort implements MmioDevice, Snapshottable<PostCodePort.State> {
  /**
   * State.
   *
   * @param code the last code
   */
  public record State(int code) {}

  private int code;

  /** The last code the guest wrote. */
  public int code() {
    return code;
  }

  @Override
  public long read(long offset, int size) {
    return code;
  }

  @Override
  public void write(long offset, long value, int size) {
    code = (int) value & 0xff;
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  @Override
  public State save() {
    return new State(code);
  }

  @Override
  public void load(State state) {
    if ((state.code & ~0xff) != 0) {
      throw new IllegalArgumentException("code: " + state.code);
    }
    code = state.code;
  }

  @Override
  public void reset() {
    code = 0;
  }
}
