package org.tuber.devices.virtio;

import org.tuber.core.mem.MmioDevice;

/**
 * A memory-mapped virtio transport with no device behind it.
 *
 * <p>Virtual I/O Device 1.2, section 4.2.2: a driver that reads device ID 0 leaves it alone. It has
 * the legacy version number, as a driver may look at that first; it keeps nothing.
 */
public final class EmptyMmioSlot implements MmioDevice {
  private static final int MAGIC_VALUE = 0x000;
  private static final int VERSION = 0x004;
  private static final int VENDOR_ID = 0x00c;
  private static final int MAGIC = 0x7472_6976;
  private static final int LEGACY = 1;
  private static final int VENDOR = 0x554d_4551;

  @Override
  public long read(long offset, int size) {
    return switch ((int) offset) {
      case MAGIC_VALUE -> MAGIC;
      case VERSION -> LEGACY;
      case VENDOR_ID -> VENDOR;
      default -> 0;
    };
  }

  @Override
  public void write(long offset, long value, int size) {
    // Nobody is there.
  }

  @Override
  public int maxAccessSize() {
    return 4;
  }
}
