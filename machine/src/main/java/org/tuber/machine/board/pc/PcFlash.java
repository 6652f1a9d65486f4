package org.tuber.machine.board.pc;

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

/**
 * Firmware in flash memory: the first bank ends at 4 GiB, where the CPU starts, and the second,
 * where UEFI keeps its variables, ends where the first begins. The last 128 KiB of the first show
 * again below 1 MiB, as those of a ROM do.
 */
final class PcFlash implements AutoCloseable {
  private static final int BANKS = 2;
  private static final int MAX_BYTES = 8 << 20;

  private final List<CfiFlash> banks = new ArrayList<>();

  /**
   * The banks.
   *
   * @param drives {@link #drives} of the configuration
   * @param files opens the images and closes them
   * @param devices takes the banks
   */
  PcFlash(
      AddressSpace memory,
      DriveOption[] drives,
      DriveFiles files,
      RamObserver observer,
      Map<String, Snapshottable<?>> devices)
      throws MachineException {
    long end = PcMemory.HIGH_BASE;
    for (int i = 0; i < BANKS && drives[i] != null; i++) {
      BlockBackend image = files.open(drives[i]);
      byte[] contents = FlashContents.read(image, i, MAX_BYTES);
      int granule = CfiFlash.Chips.ONE_OF_8_BITS.sectorBytes();
      long total = PcMemory.HIGH_BASE - end + contents.length;
      if (contents.length == 0 || contents.length % granule != 0 || total > MAX_BYTES) {
        throw new MachineException(
            "-drive if=pflash,unit=%d: flash memory is a multiple of 4 KiB and at most 8 MiB in all,"
                    .formatted(i)
                + " not %d bytes".formatted(contents.length));
      }
      end -= contents.length;
      CfiFlash bank =
          new CfiFlash(CfiFlash.Chips.ONE_OF_8_BITS, memory, end, contents.length, image, observer);
      banks.add(bank);
      bank.fill(contents);
      devices.put("flash" + i, bank);
      if (i == 0) {
        PcRom.mapAlias(memory, bank.array());
      }
    }
  }

  /** The drives that {@code if=pflash} and {@code -machine pflash0=ID} name, by bank. */
  static DriveOption[] drives(MachineConfig config, DriveFiles files) throws MachineException {
    DriveOption[] drives = new DriveOption[BANKS];
    for (int i = 0; i < BANKS; i++) {
      String id = config.machineProperties().get("pflash" + i);
      if (id != null) {
        drives[i] = files.claimFor("-machine pflash" + i, id);
      }
    }
    for (DriveOption d : config.drives()) {
      if (d.bus() == DriveOption.Bus.PFLASH) {
        int bank = d.index() >= 0 ? d.index() : drives[0] == null ? 0 : 1;
        if (bank >= BANKS || drives[bank] != null) {
          throw new MachineException("-drive if=pflash: a pc has two banks, each for one drive");
        }
        drives[bank] = d;
      }
    }
    if (drives[0] == null && drives[1] != null) {
      throw new MachineException("-drive if=pflash,unit=1: there is no unit=0 to start in");
    }
    if (drives[0] != null && config.bios() != null) {
      throw new MachineException("-bios and -drive if=pflash,unit=0 are the same place");
    }
    return drives;
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
