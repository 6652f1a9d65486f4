package org.tuber.devices.storage;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletionException;
import org.tuber.core.backend.BlockBackend;

/**
 * Cylinders, heads and sectors that a disk claims to have, and how a BIOS translates them: taken
 * from the partition table where that shows what its maker believed, else the usual numbers.
 *
 * @param cylinders 2 to 16383
 * @param heads 1 to 16
 * @param sectors 1 to 63 on each track
 * @param translation BIOS translation as CMOS RAM holds it: 0 none, 1 LBA, 2 large
 */
public record DiskGeometry(int cylinders, int heads, int sectors, int translation) {
  private static final int MAX_CYLINDERS = 16383;
  private static final int HEADS = 16;
  private static final int SECTORS = 63;
  private static final int BIOS_CYLINDERS = 1024;
  private static final int LARGE_LIMIT = 131_072;
  private static final int PARTITION_TABLE = 446;
  private static final int PARTITION_ENTRY_BYTES = 16;

  /** Geometry for a disk of that many sectors, whatever it holds. */
  static DiskGeometry ofSize(long totalSectors) {
    int cylinders = Math.clamp(totalSectors / (HEADS * SECTORS), 2, MAX_CYLINDERS);
    return new DiskGeometry(cylinders, HEADS, SECTORS, cylinders <= BIOS_CYLINDERS ? 0 : 1);
  }

  /** Looks at the partition table of an image. */
  public static DiskGeometry of(BlockBackend disk) {
    long total = disk.lengthBytes() / BlockBackend.SECTOR_BYTES;
    DiskGeometry usual = ofSize(total);
    if (total == 0) {
      return usual;
    }
    byte[] boot = new byte[BlockBackend.SECTOR_BYTES];
    try {
      disk.read(0, MemorySegment.ofArray(boot)).join();
    } catch (CompletionException e) {
      return usual;
    }
    if ((boot[510] & 0xff) != 0x55 || (boot[511] & 0xff) != 0xaa) {
      return usual;
    }
    for (int i = 0; i < 4; i++) {
      int at = PARTITION_TABLE + i * PARTITION_ENTRY_BYTES;
      int heads = (boot[at + 5] & 0xff) + 1;
      int sectors = boot[at + 6] & 0x3f;
      boolean used = (boot[at + 12] | boot[at + 13] | boot[at + 14] | boot[at + 15]) != 0;
      if (!used || heads == 1 || sectors == 0) {
        continue;
      }
      long cylinders = total / ((long) heads * sectors);
      if (cylinders < 1 || cylinders > MAX_CYLINDERS) {
        continue;
      }
      if (heads > HEADS) {
        boolean large = usual.cylinders * usual.heads <= LARGE_LIMIT;
        return new DiskGeometry(usual.cylinders, usual.heads, usual.sectors, large ? 2 : 1);
      }
      return new DiskGeometry((int) cylinders, heads, sectors, 0);
    }
    return usual;
  }
}
