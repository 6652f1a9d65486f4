package org.tuber.machine.board.pc;

import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.machine.MachineException;
import org.tuber.machine.board.Chassis;
import org.tuber.machine.firmware.E820;
import org.tuber.machine.firmware.acpi.PcAcpi;

/**
 * RAM of a PC and where it appears: all below 4 GiB when it is less than 3.5 GiB, else 3 GiB there
 * and the rest from 4 GiB up. The video window A0000-BFFFF stays open for devices, the shadow area
 * C0000-FFFFF belongs to the host bridge ({@link #ram} offset = address there).
 */
final class PcMemory implements AutoCloseable {
  /** First address above 4 GiB. */
  static final long HIGH_BASE = 1L << 32;

  private static final long SPLIT_FROM_BYTES = 0xe000_0000L;
  private static final long LOW_BYTES_WHEN_SPLIT = 0xc000_0000L;
  private static final long VIDEO_WINDOW = 0xa_0000;
  private static final long EXTENDED = 0x10_0000;
  private static final long EBDA = 0x9_fc00;
  private static final long F_SEGMENT = 0xf_0000;
  private static final long ROM_BASE = 0xfffc_0000L;
  private static final long HYPER_TRANSPORT_HOLE = 0xfd_0000_0000L;
  private static final long HYPER_TRANSPORT_BYTES = 0x3_0000_0000L;
  private static final long TABLES_AND_FACS_BYTES = PcAcpi.TABLES_BYTES + PcAcpi.FACS_BYTES;
  private static final long MIN_BYTES = 2L << 20;

  private final GuestRam ram;
  private final long lowBytes;
  private final long highBytes;
  private final AddressSpace space;

  PcMemory(long bytes, ReentrantLock deviceLock) throws MachineException {
    long size = bytes + GuestRam.PAGE_SIZE - 1 & -GuestRam.PAGE_SIZE;
    if (size < MIN_BYTES) {
      throw new MachineException("a pc needs at least 2 MiB of RAM (-m)");
    }
    lowBytes = size < SPLIT_FROM_BYTES ? size : LOW_BYTES_WHEN_SPLIT;
    highBytes = size - lowBytes;
    ram = Chassis.ram(size);
    space = new AddressSpace("memory", 0, deviceLock);
    space.batch(
        () -> {
          space.mapRam(0, VIDEO_WINDOW, ram, 0);
          space.mapRam(EXTENDED, lowBytes - EXTENDED, ram, EXTENDED);
          if (highBytes > 0) {
            space.mapRam(HIGH_BASE, highBytes, ram, lowBytes);
          }
        });
  }

  GuestRam ram() {
    return ram;
  }

  AddressSpace space() {
    return space;
  }

  /** Bytes below 4 GiB; also where the PCI hole starts. */
  long lowBytes() {
    return lowBytes;
  }

  /** Bytes from 4 GiB up. */
  long highBytes() {
    return highBytes;
  }

  /** Where ACPI tables go when there is no firmware: the top of low RAM. */
  long tables() {
    return lowBytes - TABLES_AND_FACS_BYTES;
  }

  /** Where the FACS goes: behind the tables. */
  long facs() {
    return lowBytes - PcAcpi.FACS_BYTES;
  }

  /** The map as firmware would report it. */
  E820 e820() {
    E820 map =
        new E820()
            .add(0, EBDA, E820.Type.RAM)
            .add(EBDA, VIDEO_WINDOW - EBDA, E820.Type.RESERVED)
            .add(F_SEGMENT, EXTENDED - F_SEGMENT, E820.Type.RESERVED)
            .add(EXTENDED, tables() - EXTENDED, E820.Type.RAM)
            .add(tables(), PcAcpi.TABLES_BYTES, E820.Type.ACPI)
            .add(facs(), PcAcpi.FACS_BYTES, E820.Type.NVS)
            .add(ROM_BASE, HIGH_BASE - ROM_BASE, E820.Type.RESERVED);
    if (highBytes > 0) {
      map.add(HIGH_BASE, highBytes, E820.Type.RAM);
    }
    if (HIGH_BASE + highBytes <= HYPER_TRANSPORT_HOLE) {
      map.add(HYPER_TRANSPORT_HOLE, HYPER_TRANSPORT_BYTES, E820.Type.RESERVED);
    }
    return map;
  }

  @Override
  public void close() {
    ram.close();
  }
}
