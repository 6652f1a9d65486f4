package org.tuber.devices.storage;

import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.reg.OnceLog;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.pci.MsiCapability;
import org.tuber.devices.pci.PciFunction;

/**
 * The SATA controller of an Intel ICH9 in AHCI mode: six ports, one drive each.
 *
 * <p>Serial ATA AHCI 1.3.1, section 3.1; ICH9 data sheet 316972-004, chapter 15. Interrupts by INTx
 * or one message. Deviations: see {@link AhciPort}; the index/data pair in I/O space reads as zero.
 */
public final class AhciController implements MmioDevice, Snapshottable<AhciController.State> {
  /** Number of ports. */
  public static final int PORTS = 6;

  private static final int WINDOW_BYTES = 0x1000;
  private static final int PORT_REGISTERS = 0x100;
  private static final int CAPABILITIES =
      PORTS - 1 | 31 << 8 | 1 << 18 | 1 << 20 | 1 << 28 | 1 << 31;
  private static final int VERSION = 0x0001_0300;
  private static final int GHC_RESET = 1;
  private static final int GHC_INTERRUPTS = 2;
  private static final int GHC_AHCI = 0x8000_0000;

  /**
   * State; drives have their own.
   *
   * @param pci configuration space
   * @param control GHC
   * @param status IS
   * @param ports the ports
   */
  public record State(PciFunction.State pci, int control, int status, AhciPort.State[] ports) {}

  private static final class IndexPair implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return 0;
    }

    @Override
    public void write(long offset, long value, int size) {
      // Software in AHCI mode uses the memory window.
    }
  }

  private final PciFunction pci;
  private final MsiCapability msi;
  private final OnceLog log = new OnceLog("ahci");
  private final AhciPort[] ports = new AhciPort[PORTS];
  private int control = GHC_AHCI;
  private int status;

  /**
   * A controller without drives; the board attaches {@link #pci}.
   *
   * @param memory where lists and data are
   */
  public AhciController(DmaView memory) {
    pci = new PciFunction("ahci", new PciFunction.Identity(0x8086, 0x2922, 2, 0x010601));
    pci.interruptPin(1);
    pci.addBar(4, PciFunction.Space.IO, 32, new IndexPair());
    pci.addBar(5, PciFunction.Space.MEMORY_32, WINDOW_BYTES, this);
    pci.capabilitiesFrom(0x80);
    msi = new MsiCapability(pci, 1);
    pci.onConfigWrite((offset, size) -> driveInterrupt(false));
    for (int i = 0; i < PORTS; i++) {
      ports[i] = new AhciPort(memory, this::portChanged);
    }
  }

  /** The function. */
  public PciFunction pci() {
    return pci;
  }

  /** Connects a hard disk. */
  public void attach(int port, AtaDisk disk) {
    ports[port].attach(disk);
  }

  /** Connects a CD-ROM drive. */
  public void attach(int port, AtapiCdrom cdrom) {
    ports[port].attach(cdrom);
  }

  /** The lowest port without drive, or -1. */
  public int freePort() {
    for (int i = 0; i < PORTS; i++) {
      if (ports[i].isFree()) {
        return i;
      }
    }
    return -1;
  }

  /** True while nothing is connected to {@code port}. */
  public boolean isFree(int port) {
    return ports[port].isFree();
  }

  @Override
  public long read(long offset, int size) {
    int word = register((int) offset & ~3);
    return (word & 0xffff_ffffL) >>> (8 * (offset & 3));
  }

  private int register(int offset) {
    if (offset >= PORT_REGISTERS) {
      int port = (offset - PORT_REGISTERS) / AhciPort.WINDOW_BYTES;
      return port < PORTS ? ports[port].read(offset % AhciPort.WINDOW_BYTES) : 0;
    }
    return switch (offset) {
      case 0x00 -> CAPABILITIES;
      case 0x04 -> control;
      case 0x08 -> status;
      case 0x0c -> (1 << PORTS) - 1;
      case 0x10 -> VERSION;
      default -> 0;
    };
  }

  @Override
  public void write(long offset, long value, int size) {
    if (size != 4 || (offset & 3) != 0) {
      log.unimplemented("access narrower than a register", offset, value);
      return;
    }
    int v = (int) value;
    if (offset >= PORT_REGISTERS) {
      int port = ((int) offset - PORT_REGISTERS) / AhciPort.WINDOW_BYTES;
      if (port < PORTS) {
        ports[port].write((int) offset % AhciPort.WINDOW_BYTES, v);
      }
      return;
    }
    switch ((int) offset) {
      case 0x04 -> {
        if ((v & GHC_RESET) != 0) {
          resetHba();
        } else {
          control = GHC_AHCI | v & GHC_INTERRUPTS;
          driveInterrupt(true);
        }
      }
      case 0x08 -> {
        status &= ~v;
        portChanged();
      }
      case 0x00, 0x0c -> {
        // CAP and PI are read-only after power-on; drivers write back what they have saved.
      }
      default -> log.unassignedWrite(offset, v, 4);
    }
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }

  private void portChanged() {
    int before = status;
    for (int i = 0; i < PORTS; i++) {
      if (ports[i] != null && ports[i].interrupts()) {
        status |= 1 << i;
      }
    }
    driveInterrupt((status & ~before) != 0);
  }

  private void driveInterrupt(boolean isNew) {
    boolean level = status != 0 && (control & GHC_INTERRUPTS) != 0;
    if (msi.enabled()) {
      pci.intx().set(false);
      if (level && isNew) {
        msi.notify(0);
      }
    } else {
      pci.intx().set(level);
    }
  }

  private void resetHba() {
    control = GHC_AHCI;
    status = 0;
    for (AhciPort port : ports) {
      port.reset();
    }
    driveInterrupt(false);
  }

  @Override
  public State save() {
    AhciPort.State[] states = new AhciPort.State[PORTS];
    for (int i = 0; i < PORTS; i++) {
      states[i] = ports[i].save();
    }
    return new State(pci.save(), control, status, states);
  }

  @Override
  public void load(State s) {
    if (s.ports.length != PORTS
        || (s.control & ~(GHC_AHCI | GHC_INTERRUPTS)) != 0
        || (s.status & -1 << PORTS) != 0) {
      throw new IllegalArgumentException("ports, control or status: out of range");
    }
    for (AhciPort.State port : s.ports) {
      AhciPort.check(port);
    }
    pci.load(s.pci);
    control = s.control | GHC_AHCI;
    status = s.status;
    for (int i = 0; i < PORTS; i++) {
      ports[i].load(s.ports[i]);
    }
    driveInterrupt(false);
  }

  @Override
  public void reset() {
    pci.reset();
    resetHba();
  }
}
