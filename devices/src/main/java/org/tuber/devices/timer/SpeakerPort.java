package org.tuber.devices.timer;

import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * Port 61H of a PC: gate and output of timer counter 2, speaker enable, refresh toggle.
 *
 * <p>82371SB (PIIX3) section 2.5.5, NMI status and control. Bits 6 and 7 (IOCHK, SERR) have no
 * source; bits 2 and 3 are kept without effect. Bit 4 changes at each read, which is what software
 * that waits for refresh cycles needs.
 */
public final class SpeakerPort implements MmioDevice, Snapshottable<SpeakerPort.State> {
  private static final int GATE2 = 0x01;
  private static final int WRITABLE = 0x0f;
  private static final int REFRESH = 0x10;
  private static final int OUT2 = 0x20;

  /**
   * State; the gate is the timer's.
   *
   * @param control bits 3:0
   * @param refresh bit 4
   */
  public record State(int control, boolean refresh) {}

  private final I8254Pit pit;
  private int control;
  private boolean refresh;

  /** Port 61H next to {@code pit}. */
  public SpeakerPort(I8254Pit pit) {
    this.pit = pit;
  }

  @Override
  public long read(long offset, int size) {
    refresh = !refresh;
    return control | (refresh ? REFRESH : 0) | (pit.out2() ? OUT2 : 0);
  }

  @Override
  public void write(long offset, long value, int size) {
    control = (int) value & WRITABLE;
    pit.setGate2((control & GATE2) != 0);
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  @Override
  public State save() {
    return new State(control, refresh);
  }

  @Override
  public void load(State state) {
    if ((state.control & ~WRITABLE) != 0) {
      throw new IllegalArgumentException("control: " + state.control);
    }
    control = state.control;
    refresh = state.refresh;
  }

  @Override
  public void reset() {
    control = 0;
    refresh = false;
    pit.setGate2(false);
  }
}
