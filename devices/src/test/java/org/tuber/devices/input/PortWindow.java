package org.tuber.devices.input;

import org.tuber.core.mem.MmioDevice;

/** The connector of a PS/2 device as a window: writes are bytes to it, reads take its output. */
record PortWindow(Ps2Device device) implements MmioDevice {
  @Override
  public long read(long offset, int size) {
    return device.hasOutput() ? device.next() : -1;
  }

  @Override
  public void write(long offset, long value, int size) {
    device.receive((int) value & 0xff);
  }

  @Override
  public int maxAccessSize() {
    return 1;
  }
}
