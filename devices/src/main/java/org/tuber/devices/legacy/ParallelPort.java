package org.tuber.devices.legacy;

import org.tuber.core.backend.CharBackend;
import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * The PC's parallel port with a printer on it: data, status and control register.
 *
 * <p>IBM Personal Computer AT Technical Reference, "Serial/Parallel Adapter", and IEEE 1284-1994,
 * compatibility mode; bit 5 of the control register turns the data lines round, as on the PS/2. The
 * printer takes a byte at the leading edge of STROBE and acknowledges at once, so it is never busy.
 * There are no EPP and ECP registers.
 */
public final class ParallelPort implements MmioDevice, Snapshottable<ParallelPort.State> {
  /** Size of the register window. */
  public static final int WINDOW_BYTES = 3;

  private static final int DATA = 0;
  private static final int STATUS = 1;
  private static final int CONTROL = 2;

  /** Not busy, no acknowledge pulse, selected, no error; the low bits have no lines. */
  private static final int STATUS_READY = 0xdf;

  private static final int CONTROL_STROBE = 0x01;
  private static final int CONTROL_NOT_INIT = 0x04;
  private static final int CONTROL_INTERRUPT = 0x10;
  private static final int CONTROL_INPUT = 0x20;
  private static final int CONTROL_WRITABLE = 0x3f;
  private static final int CONTROL_UNUSED = 0xc0;
  private static final int CONTROL_AT_RESET = 0x0c;
  private static final int OPEN_LINES = 0xff;

  /**
   * State.
   *
   * @param data data register
   * @param control control register
   */
  public record State(int data, int control) {}

  private final IrqLine irq;
  private final CharBackend printer;
  private int data;
  private int control = CONTROL_AT_RESET;

  /**
   * A port.
   *
   * @param irq interrupt 7 or 5
   * @param printer takes the bytes
   */
  public ParallelPort(IrqLine irq, CharBackend printer) {
    this.irq = irq;
    this.printer = printer;
  }

  @Override
  public long read(long offset, int size) {
    return switch ((int) offset) {
      case DATA -> (control & CONTROL_INPUT) == 0 ? data : OPEN_LINES;
      case STATUS -> STATUS_READY;
      case CONTROL -> control | CONTROL_UNUSED;
      default -> OPEN_LINES;
    };
  }

  @Override
  public void write(long offset, long value, int size) {
    switch ((int) offset) {
      case DATA -> data = (int) value & 0xff;
      case CONTROL -> writeControl((int) value & CONTROL_WRITABLE);
      default -> {
        // The status lines are the printer's.
      }
    }
  }

  private void writeControl(int v) {
    boolean strobed = (v & ~control & CONTROL_STROBE) != 0;
    control = v;
    // While INIT is held low the printer resets itself and takes nothing.
    if (strobed && (v & CONTROL_NOT_INIT) != 0) {
      printer.write((byte) ((v & CONTROL_INPUT) == 0 ? data : OPEN_LINES));
      if ((v & CONTROL_INTERRUPT) != 0) {
        // The acknowledge pulse; its end is the edge that interrupts.
        irq.set(true);
        irq.set(false);
      }
    }
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }

  @Override
  public State save() {
    return new State(data, control);
  }

  @Override
  public void load(State s) {
    if ((s.data & ~0xff) != 0 || (s.control & ~CONTROL_WRITABLE) != 0) {
      throw new IllegalArgumentException("data or control out of range");
    }
    data = s.data;
    control = s.control;
  }

  @Override
  public void reset() {
    data = 0;
    control = CONTROL_AT_RESET;
  }
}
