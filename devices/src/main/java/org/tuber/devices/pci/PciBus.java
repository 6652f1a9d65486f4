package org.tuber.devices.pci;

import org.tuber.core.irq.IrqLine;
import org.tuber.core.irq.MsiSink;
import org.tuber.core.mem.AddressSpace;

/**
 * The root PCI bus: 32 devices of 8 functions, their windows in the machine's address spaces and
 * their interrupt pins on the host bridge's wires.
 *
 * <p>A function that is not there reads as all ones (master abort). Bridges to further buses are
 * not modelled.
 */
public final class PciBus {
  /** The host's wiring of interrupt pins. */
  @FunctionalInterface
  public interface IntxRouting {
    /** A new source on the wire to which {@code pin} (0 for INTA) of device {@code slot} leads. */
    IrqLine source(int slot, int pin);
  }

  /** The host's way for messages. */
  @FunctionalInterface
  public interface MsiRouting {
    /** Where messages of the function with this requester ID (slot and function) go. */
    MsiSink sink(int requester);
  }

  private static final int SLOTS = 32;
  private static final int FUNCTIONS = 8;

  private final AddressSpace memory;
  private final AddressSpace io;
  private final IntxRouting intx;
  private final MsiRouting msi;
  private final PciFunction[] functions = new PciFunction[SLOTS * FUNCTIONS];

  /**
   * An empty bus.
   *
   * @param memory guest-physical memory
   * @param io port space
   * @param intx wiring of INTA to INTD
   * @param msi where messages go, whoever sends them
   */
  public PciBus(AddressSpace memory, AddressSpace io, IntxRouting intx, MsiSink msi) {
    this(memory, io, intx, requester -> msi);
  }

  /** An empty bus whose host tells messages apart by who sends them. */
  public PciBus(AddressSpace memory, AddressSpace io, IntxRouting intx, MsiRouting msi) {
    this.memory = memory;
    this.io = io;
    this.intx = intx;
    this.msi = msi;
  }

  /** Plugs a function in. */
  public void attach(int slot, int function, PciFunction pci) {
    int index = slot * FUNCTIONS + function;
    if (functions[index] != null) {
      throw new IllegalArgumentException(
          "PCI slot " + slot + "." + function + " is taken by " + functions[index].name());
    }
    functions[index] = pci;
    int pin = pci.pin();
    IrqLine line = pin == 0 ? IrqLine.unconnected() : intx.source(slot, pin - 1);
    pci.connect(memory, io, line, msi.sink(index));
  }

  /** The lowest free slot from {@code first} up, or -1. */
  public int freeSlot(int first) {
    for (int slot = first; slot < SLOTS; slot++) {
      boolean free = true;
      for (int f = 0; f < FUNCTIONS; f++) {
        free &= functions[slot * FUNCTIONS + f] == null;
      }
      if (free) {
        return slot;
      }
    }
    return -1;
  }

  /** The function at a place, or null. */
  public PciFunction function(int slot, int function) {
    return functions[slot * FUNCTIONS + function];
  }

  /** A configuration read: bus number, slot and function packed as in configuration addresses. */
  public long readConfig(int busDeviceFunction, int offset, int size) {
    PciFunction f = busDeviceFunction >>> 8 == 0 ? functions[busDeviceFunction & 0xff] : null;
    return f == null ? -1 : f.readConfig(offset, size);
  }

  /** A configuration write. */
  public void writeConfig(int busDeviceFunction, int offset, long value, int size) {
    PciFunction f = busDeviceFunction >>> 8 == 0 ? functions[busDeviceFunction & 0xff] : null;
    if (f != null) {
      f.writeConfig(offset, value, size);
    }
  }
}
