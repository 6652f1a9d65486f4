package org.tuber.devices.irqchip;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.WiredOr;

/**
 * The sixteen ISA interrupt wires of a PC and where they end: each at the 8259 input of its number
 * and at an IOAPIC pin, the same one except that IRQ 0 goes to pin 2 (MADT source override).
 *
 * <p>Any number of devices may share a wire; it is high while one of them is.
 */
public final class IsaIrqLines {
  private final WiredOr[] joints = new WiredOr[16];
  private final WiredOr[] pins = new WiredOr[IoApic.PINS];

  /** Wires to both controllers. */
  public IsaIrqLines(I8259Pic pic, IoApic ioApic) {
    for (int i = 0; i < pins.length; i++) {
      pins[i] = new WiredOr(ioApic.input(i));
    }
    for (int i = 0; i < joints.length; i++) {
      IrqLine toPic = pic.input(i);
      IrqLine toIoApic = i == 2 ? IrqLine.unconnected() : pins[i == 0 ? 2 : i].source();
      joints[i] =
          new WiredOr(
              new IrqLine(
                  level -> {
                    toPic.set(level);
                    toIoApic.set(level);
                  }));
    }
  }

  /** A new source on ISA interrupt {@code irq}, 0 to 15. */
  public IrqLine source(int irq) {
    return joints[irq].source();
  }

  /** A new source on IOAPIC pin {@code pin} alone, 0 to 23. */
  public IrqLine ioApicSource(int pin) {
    return pins[pin].source();
  }
}
