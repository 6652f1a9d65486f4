package org.tuber.machine;

import java.util.List;
import java.util.Map;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.block.live.BlockJobs;
import org.tuber.devices.block.live.LiveDisk;
import org.tuber.devices.pci.PciBus;

/**
 * What a machine is made of, for monitors and debuggers. Devices are looked at under the device
 * lock ({@link AddressSpace#deviceLock}), CPUs while they are at rest ({@link MachineRun#atRest}).
 */
public interface MachineParts {
  /** Of machines without drives. */
  BlockJobs NO_JOBS = new BlockJobs();

  /**
   * The host side of a character device.
   *
   * @param label name of the device, e.g. {@code serial0}
   * @param host what it is connected to, in few words
   */
  record CharLine(String label, String host) {}

  /**
   * A drive and what is in it.
   *
   * @param name the drive's name, e.g. {@code ide0-hd0}
   * @param device the device's place in the machine, e.g. {@code /machine/ide0-hd0}
   * @param option what the configuration said
   * @param removable media can be taken out
   * @param trayOpen its tray is out
   * @param locked the guest prevents removal
   * @param bytes size of the medium; -1: none in it
   * @param format the medium's format, or null
   * @param disk the medium's images, or null
   */
  record Drive(
      String name,
      String device,
      DriveOption option,
      boolean removable,
      boolean trayOpen,
      boolean locked,
      long bytes,
      String format,
      LiveDisk disk) {}

  /** Name of the board, as after {@code -M}. */
  String board();

  /** Name of the guest, or an empty string. */
  String guestName();

  /** The instruction set: {@code x86_64}, {@code aarch64}. */
  String architecture();

  /** The CPUs in order. */
  List<Vcpu> cpus();

  /** Guest-physical memory. */
  AddressSpace memory();

  /** The port space; null: none. */
  AddressSpace ports();

  /** Who hears of stores to RAM from outside. */
  RamObserver ramObserver();

  /** Size of RAM. */
  long ramBytes();

  /** Devices by name. */
  Map<String, Snapshottable<?>> devices();

  /** The root bus; null: none. */
  PciBus pciBus();

  /** Host sides of character devices. */
  default List<CharLine> charLines() {
    return List.of();
  }

  /** Drives. */
  default List<Drive> drives() {
    return List.of();
  }

  /** The images of all drives, and the jobs working on them. */
  default BlockJobs blockJobs() {
    return NO_JOBS;
  }

  /**
   * Takes the medium out of a drive.
   *
   * @throws MachineException when there is no such drive or it keeps its medium
   */
  default void eject(String drive, boolean force) throws MachineException {
    throw new MachineException("Device '" + drive + "' not found");
  }

  /**
   * Puts another medium into a drive.
   *
   * @param format image format, or null to look at the image
   * @param readOnly writes are refused; null: as before
   */
  default void change(String drive, String file, String format, Boolean readOnly)
      throws MachineException {
    throw new MachineException("Device '" + drive + "' not found");
  }
}
