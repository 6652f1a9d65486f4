package org.tuber.devices.pci;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.WiredOr;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.irqchip.IsaIrqLines;

/**
 * Intel 82371SB (PIIX3), function 0: ISA bridge, routing of PIRQA to PIRQD, reset control.
 *
 * <p>Data sheet 290550-002, sections 2.2 and 2.5.6. The registers for DMA aliases, chip selects,
 * bus timing and SMI are storage.
 */
public final class Piix3Isa implements Snapshottable<Piix3Isa.State>, PciBus.IntxRouting {
  private static final int PIRQRC = 0x60;
  private static final int PIRQS = 4;
  private static final int PIRQRC_OFF = 0x80;
  private static final int RCR_CPU_RESET = 0x04;
  private static final int RCR_WRITABLE = 0x02;

  /**
   * State.
   *
   * @param pci configuration space
   * @param resetControl RCR
   */
  public record State(PciFunction.State pci, int resetControl) {}

  private final class ResetControl implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return resetControl;
    }

    @Override
    public void write(long offset, long value, int size) {
      resetControl = (int) value & RCR_WRITABLE;
      if ((value & RCR_CPU_RESET) != 0) {
        resetRequest.run();
      }
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  private final PciFunction pci;
  private final Runnable resetRequest;
  private final ResetControl resetControlPort = new ResetControl();
  private final IrqLine[] outputs = new IrqLine[16];
  private final IrqLine[] pirqs = new IrqLine[PIRQS];
  private final WiredOr[] joints = new WiredOr[PIRQS];
  private int resetControl;

  /**
   * The bridge; the board attaches {@link #pci} as function 0 of device 1.
   *
   * @param isa the interrupt wires of the machine
   * @param resetRequest asks for a hard reset of the machine; it happens later, not inside
   */
  public Piix3Isa(IsaIrqLines isa, Runnable resetRequest) {
    this.resetRequest = resetRequest;
    pci = new PciFunction("piix3", new PciFunction.Identity(0x8086, 0x7000, 0, 0x060100));
    pci.multifunction();
    pci.define(PciFunction.COMMAND, 0x0007, 2);
    pci.define(PciFunction.STATUS, 0x0200, 2);
    pci.allowWrite(PciFunction.COMMAND, 0x0008, 2);
    storage(0x4c, 0x4d);
    storage(0x4e, 0x03);
    storage(0x4f, 0x00);
    storage(0x69, 0x02);
    storage(0x6a, 0x00);
    storage(0x70, 0x80);
    storage(0x76, 0x0c);
    storage(0x77, 0x0c);
    storage(0x78, 0x02);
    storage(0x79, 0x00);
    storage(0x80, 0x00);
    storage(0x82, 0x00);
    storage(0xa0, 0x08);
    for (int r = 0xa2; r <= 0xae; r++) {
      storage(r, 0x00);
    }
    for (int i = 0; i < PIRQS; i++) {
      pci.define(PIRQRC + i, PIRQRC_OFF, 1);
      pci.allowWrite(PIRQRC + i, 0x8f, 1);
      pirqs[i] = new IrqLine(level -> route());
      joints[i] = new WiredOr(pirqs[i]);
    }
    for (int irq = 0; irq < outputs.length; irq++) {
      outputs[irq] = routable(irq) ? isa.source(irq) : IrqLine.unconnected();
    }
    pci.onConfigWrite(
        (offset, size) -> {
          if (offset < PIRQRC + PIRQS && offset + size > PIRQRC) {
            route();
          }
        });
  }

  private void storage(int offset, int resetValue) {
    pci.define(offset, resetValue, 1);
    pci.allowWrite(offset, 0xff, 1);
  }

  private static boolean routable(int irq) {
    return irq >= 3 && irq != 8 && irq != 13;
  }

  /** Function 0. */
  public PciFunction pci() {
    return pci;
  }

  /** Port CF9H. */
  public MmioDevice resetControl() {
    return resetControlPort;
  }

  @Override
  public IrqLine source(int slot, int pin) {
    return joints[slot + pin - 1 & PIRQS - 1].source();
  }

  /** Sends PIRQA to PIRQD where the firmware does: 10, 10, 11, 11. For boards without firmware. */
  public void routeLikeFirmware() {
    pci.writeConfig(PIRQRC, 0x0b0b_0a0aL, 4);
  }

  private void route() {
    int asserted = 0;
    for (int i = 0; i < PIRQS; i++) {
      int control = pci.config8(PIRQRC + i);
      if (pirqs[i].level() && (control & PIRQRC_OFF) == 0) {
        asserted |= 1 << (control & 0xf);
      }
    }
    for (int irq = 0; irq < outputs.length; irq++) {
      outputs[irq].set((asserted & 1 << irq) != 0);
    }
  }

  @Override
  public State save() {
    return new State(pci.save(), resetControl);
  }

  @Override
  public void load(State state) {
    if ((state.resetControl & ~RCR_WRITABLE) != 0) {
      throw new IllegalArgumentException("resetControl: " + state.resetControl);
    }
    pci.load(state.pci);
    resetControl = state.resetControl;
    route();
  }

  @Override
  public void reset() {
    pci.reset();
    resetControl = 0;
    route();
  }
}
