package org.tuber.devices.pci;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.WiredOr;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;

/**
 * A generic PCI Express host bridge: configuration space in memory (ECAM), a window of I/O ports in
 * memory, four interrupt wires.
 *
 * <p>PCI Express base specification 3.0, section 7.2.2, and what "pci-host-ecam-generic" asks of a
 * host. Function 00.0 is the bridge itself, 1B36:0008. Pin p of slot s leads to wire (s + p) mod 4.
 * Deviations: one bus, no root ports; functions have 256 bytes of configuration space.
 */
public final class PcieHost implements PciBus.IntxRouting, Snapshottable<PciFunction.State> {
  /** Number of interrupt wires. */
  public static final int WIRES = 4;

  private static final int CLASS_HOST_BRIDGE = 0x06_0000;

  private final class Ecam implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return bus.readConfig((int) (offset >>> 12), (int) offset & 0xfff, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      bus.writeConfig((int) (offset >>> 12), (int) offset & 0xfff, value, size);
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final class Ports implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return io.read(offset, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      io.write(offset, value, size);
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  private final WiredOr[] wires = new WiredOr[WIRES];
  private final AddressSpace io;
  private final PciFunction bridge =
      new PciFunction("pcie-host", new PciFunction.Identity(0x1b36, 0x0008, 0, CLASS_HOST_BRIDGE));
  private PciBus bus;

  /**
   * A bridge; its bus comes by {@link #connect}.
   *
   * @param io the port space behind the port window
   * @param outputs the four wires
   */
  public PcieHost(AddressSpace io, IrqLine... outputs) {
    this.io = io;
    for (int i = 0; i < WIRES; i++) {
      wires[i] = new WiredOr(outputs[i]);
    }
  }

  /** Puts the bridge on its bus. */
  public void connect(PciBus rootBus) {
    bus = rootBus;
    bus.attach(0, 0, bridge);
  }

  /** Configuration space. */
  public MmioDevice ecam() {
    return new Ecam();
  }

  /** The port window. */
  public MmioDevice ports() {
    return new Ports();
  }

  @Override
  public IrqLine source(int slot, int pin) {
    return wires[(slot + pin) % WIRES].source();
  }

  @Override
  public PciFunction.State save() {
    return bridge.save();
  }

  @Override
  public void load(PciFunction.State state) {
    bridge.load(state);
  }

  @Override
  public void reset() {
    bridge.reset();
  }
}
