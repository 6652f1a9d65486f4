package org.tuber.machine.board.pc;

import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.machine.MachineException;

/**
 * The firmware's ROM: it ends at 4 GiB, where the CPU starts, and its last 128 KiB show again below
 * 1 MiB wherever the host bridge's attribute map leaves that to the bus.
 */
final class PcRom implements AutoCloseable {
  private static final int GRANULE_BYTES = 0x1_0000;
  private static final int MAX_BYTES = 16 << 20;
  private static final int ALIAS_BYTES = 0x2_0000;
  private static final long ALIAS_END = 0x10_0000;

  private final GuestRam rom;

  PcRom(AddressSpace memory, String name, byte[] image) throws MachineException {
    if (image.length == 0 || image.length % GRANULE_BYTES != 0 || image.length > MAX_BYTES) {
      throw new MachineException(
          "-bios "
              + name
              + ": a PC's firmware is a multiple of 64 KiB and at most 16 MiB, not "
              + image.length
              + " bytes");
    }
    rom = new GuestRam(image.length);
    rom.write(0, image, 0, image.length);
    long base = PcMemory.HIGH_BASE - image.length;
    memory.batch(
        () -> {
          memory.mapRam(base, image.length, rom, 0, true, AddressSpace.PRIORITY_PCI);
          mapAlias(memory, rom);
        });
  }

  /** Shows the end of firmware below 1 MiB. */
  static void mapAlias(AddressSpace memory, GuestRam firmware) {
    long alias = Math.min(firmware.sizeBytes(), ALIAS_BYTES);
    long offset = firmware.sizeBytes() - alias;
    memory.mapRam(ALIAS_END - alias, alias, firmware, offset, true, AddressSpace.PRIORITY_PCI);
  }

  @Override
  public void close() {
    rom.close();
  }
}
