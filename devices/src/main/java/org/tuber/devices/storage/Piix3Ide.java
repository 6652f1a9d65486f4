package org.tuber.devices.storage;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.PciFunction;

/**
 * The IDE function of the Intel 82371SB (PIIX3): two channels in compatibility mode with a bus
 * master, PCI function 1 of the south bridge.
 *
 * <p>Data sheet 290550-002, sections 2.3 and 2.7. The channels are at 1F0H/3F6H with interrupt 14
 * and at 170H/376H with interrupt 15. Deviations: the ports answer whatever the decode-enable bits
 * of IDETIM say; timing registers are storage.
 */
public final class Piix3Ide implements Snapshottable<Piix3Ide.State> {
  /** Drives on both channels. */
  public static final int DRIVES = 4;

  private static final int CHANNELS = 2;
  private static final int BUS_MASTER_BAR = 4;
  private static final int BUS_MASTER_BYTES = 16;
  private static final int IDETIM = 0x40;
  private static final int[] COMMAND_PORTS = {0x1f0, 0x170};
  private static final int[] CONTROL_PORTS = {0x3f6, 0x376};

  /**
   * State; the drives have their own.
   *
   * @param pci configuration space
   * @param primary first channel
   * @param secondary second channel
   */
  public record State(
      PciFunction.State pci, IdeChannel.State primary, IdeChannel.State secondary) {}

  private final class BusMasters implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return channels[(int) offset >>> 3].busMaster().read(offset & 7, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      channels[(int) offset >>> 3].busMaster().write(offset & 7, value, size);
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final PciFunction pci;
  private final IdeChannel[] channels = new IdeChannel[CHANNELS];

  /**
   * The function; the board attaches {@link #pci} as function 1 of device 1.
   *
   * @param io port space
   * @param memory where the bus masters move data
   * @param irq14 interrupt of the first channel
   * @param irq15 interrupt of the second channel
   */
  public Piix3Ide(AddressSpace io, DmaView memory, IrqLine irq14, IrqLine irq15) {
    pci = new PciFunction("piix3-ide", new PciFunction.Identity(0x8086, 0x7010, 0, 0x010180));
    pci.define(PciFunction.STATUS, 0x0280, 2);
    for (int r = IDETIM; r < IDETIM + 4; r++) {
      pci.allowWrite(r, 0xff, 1);
    }
    pci.addBar(BUS_MASTER_BAR, PciFunction.Space.IO, BUS_MASTER_BYTES, new BusMasters());
    channels[0] = new IdeChannel("ide0", irq14, memory, pci);
    channels[1] = new IdeChannel("ide1", irq15, memory, pci);
    for (int i = 0; i < CHANNELS; i++) {
      int priority = AddressSpace.PRIORITY_PLATFORM;
      io.mapDevice(
          COMMAND_PORTS[i], IdeChannel.COMMAND_BYTES, channels[i].commandBlock(), priority);
      io.mapDevice(CONTROL_PORTS[i], 1, channels[i].controlBlock(), priority);
    }
  }

  /** Function 1. */
  public PciFunction pci() {
    return pci;
  }

  /** Connects a hard disk; place 0 is the first drive of the first channel. */
  public void attach(int place, AtaDisk disk) {
    channels[place / 2].attach(place % 2, disk);
  }

  /** Connects a CD-ROM drive. */
  public void attach(int place, AtapiCdrom cdrom) {
    channels[place / 2].attach(place % 2, cdrom);
  }

  /** True while nothing is connected to {@code place}. */
  public boolean isFree(int place) {
    return channels[place / 2].drive(place % 2) == null;
  }

  /** Enables both channels as firmware does. For boards that start without. */
  public void enableLikeFirmware() {
    pci.writeConfig(IDETIM, 0x8000_8000L, 4);
    pci.writeConfig(0x20, 0xc000, 4);
    pci.writeConfig(PciFunction.COMMAND, PciFunction.COMMAND_IO | PciFunction.COMMAND_MASTER, 2);
  }

  @Override
  public State save() {
    return new State(pci.save(), channels[0].save(), channels[1].save());
  }

  @Override
  public void load(State state) {
    channels[0].check(state.primary);
    channels[1].check(state.secondary);
    pci.load(state.pci);
    channels[0].load(state.primary);
    channels[1].load(state.secondary);
  }

  @Override
  public void reset() {
    pci.reset();
    channels[0].reset();
    channels[1].reset();
  }
}
