package org.tuber.machine.board.arm;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tuber.core.backend.BlockBackend;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.flash.CfiFlash;
import org.tuber.machine.DriveFiles;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.board.FlashContents;
import org.tuber.machine.firmware.FirmwareFiles;

/** The two flash banks: firmware, and what it keeps. */
final class VirtFlash implements AutoCloseable {
  private static final int BANKS = 2;

  private final List<CfiFlash> banks = new ArrayList<>();
  private final boolean hasFirmware;

  VirtFlash(
      AddressSpace memory,
      MachineConfig config,
      DriveFiles files,
      RamObserver observer,
      Map<String, Snapshottable<?>> devices)
      throws MachineException {
    DriveOption[] drives = drives(config);
    if (config.bios() != null && drives[0] != null) {
      throw new MachineException("-bios and -drive if=pflash,unit=0 are the same place");
    }
    hasFirmware = config.bios() != null || drives[0] != null;
    for (int i = 0; i < BANKS; i++) {
      BlockBackend image = drives[i] == null ? null : files.open(drives[i]);
      byte[] contents = new byte[0];
      if (image != null) {
        contents = FlashContents.read(image, i, (int) VirtMap.FLASH_BANK_BYTES);
      } else if (i == 0 && config.bios() != null) {
        contents = new FirmwareFiles(config.firmwareDirs()).read("-bios", config.bios());
        check("-bios " + config.bios(), contents.length);
      }
      long base = VirtMap.FLASH + i * VirtMap.FLASH_BANK_BYTES;
      CfiFlash bank =
          new CfiFlash(
              CfiFlash.Chips.TWO_OF_16_BITS,
              memory,
              base,
              VirtMap.FLASH_BANK_BYTES,
              image,
              observer);
      banks.add(bank);
      bank.fill(contents);
      devices.put("flash" + i, bank);
    }
  }

  private static DriveOption[] drives(MachineConfig config) throws MachineException {
    DriveOption[] drives = new DriveOption[BANKS];
    for (DriveOption d : config.drives()) {
      if (d.bus() == DriveOption.Bus.PFLASH) {
        int unit = d.index() >= 0 ? d.index() : drives[0] == null ? 0 : 1;
        if (unit >= BANKS || drives[unit] != null) {
          throw new MachineException("-drive if=pflash: virt has two banks, each for one drive");
        }
        drives[unit] = d;
      }
    }
    return drives;
  }

  private static void check(String option, long bytes) throws MachineException {
    if (bytes > VirtMap.FLASH_BANK_BYTES) {
      throw new MachineException(
          "%s: a flash bank has %d MiB, the image is bigger"
              .formatted(option, VirtMap.FLASH_BANK_BYTES >> 20));
    }
  }

  /** True when the first CPU has something to start in at address 0. */
  boolean hasFirmware() {
    return hasFirmware;
  }

  /** All changes are in the images afterwards. */
  void flush() {
    banks.forEach(CfiFlash::flush);
  }

  @Override
  public void close() {
    banks.forEach(CfiFlash::close);
  }
}
