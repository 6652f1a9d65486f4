package org.tuber.devices.legacy;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * System control port A (92H): fast A20 gate and fast reset.
 *
 * <p>82371SB (PIIX3) section 2.5.5. Reset happens on the rising edge of bit 0. The remaining bits
 * (hard disk lights, CMOS lock) read zero.
 */
public final class Port92 implements MmioDevice, Snapshottable<Port92.State> {
  private static final int FAST_RESET = 0x01;
  private static final int A20 = 0x02;

  /**
   * State.
   *
   * @param control bits 1:0
   */
  public record State(int control) {}

  private final IrqLine a20;
  private final Runnable resetRequest;
  private int control;

  /**
   * The port.
   *
   * @param a20 its share of the A20 gate
   * @param resetRequest asks for a reset of the machine; it happens later, not inside
   */
  public Port92(IrqLine a20, Runnable resetRequest) {
    this.a20 = a20;
    this.resetRequest = resetRequest;
  }

  @Override
  public long read(long offset, int size) {
    return control;
  }

  @Override
  public void write(long offset, long value, int size) {
    boolean reset = (value & ~control & FAST_RESET) != 0;
    control = (int) value & (FAST_RESET | A20);
    a20.set((control & A20) != 0);
    if (reset) {
      resetRequest.run();
    }
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  @Override
  public State save() {
    return new State(control);
  }

  @Override
  public void load(State state) {
    if ((state.control & ~(FAST_RESET | A20)) != 0) {
      throw new IllegalArgumentException("control: " + state.control);
    }
    control = state.control;
    a20.set((control & A20) != 0);
  }

  @Override
  public void reset() {
    control = 0;
    a20.set(false);
  }
}
