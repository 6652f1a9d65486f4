package org.tuber.devices.pci;

import org.tuber.core.mem.MmioDevice;

/** The configuration space of a function as a window, for random accesses. */
public record ConfigWindow(PciFunction pci) implements MmioDevice {
  @Override
  public long read(long offset, int size) {
    return pci.readConfig((int) offset, size);
  }

  @Override
  public void write(long offset, long value, int size) {
    pci.writeConfig((int) offset, value, size);
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }
}
