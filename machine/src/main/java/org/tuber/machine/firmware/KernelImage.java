package org.tuber.machine.firmware;

import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/** A kernel in one of the formats that can be booted without firmware. */
sealed interface KernelImage permits PvhElf, BzImage, Multiboot {
  /**
   * Puts kernel and arguments into memory and the boot processor, fresh from reset, at its entry.
   */
  void load(BootMemory memory, Vcpu cpu, BootArguments arguments) throws MachineException;

  /**
   * Highest place for an initial RAM disk: at a page, its last byte not above {@code highest}, in
   * RAM below 4 GiB and not below {@code lowest}.
   */
  static long placeInitrd(BootMemory memory, ImageFile initrd, long lowest, long highest)
      throws MachineException {
    long top = Math.min(memory.map().lowRamEnd() - 1, highest);
    long start = top + 1 - initrd.sizeBytes() & -4096L;
    if (start < lowest) {
      throw new MachineException(
          "%s (%d KiB) does not fit into RAM beside the kernel, which takes %d MiB; give more RAM (-m)"
              .formatted(initrd.name(), initrd.sizeBytes() + 1023 >> 10, lowest + 0xfffff >> 20));
    }
    memory.copy(start, initrd, 0, initrd.sizeBytes());
    return start;
  }

  /** Refuses an image whose range [{@code start}, {@code end}) is not free RAM. */
  static void checkFits(BootMemory memory, ImageFile kernel, long start, long end)
      throws MachineException {
    if (end < start || !memory.map().isRam(start, end - start)) {
      throw new MachineException(
          "%s does not fit: it needs RAM from 0x%x to 0x%x, the machine has it up to 0x%x; give more RAM (-m)"
              .formatted(kernel.name(), start, end, memory.map().lowRamEnd()));
    }
    if (start < BootLayout.END) {
      throw new MachineException(
          "%s wants to lie at 0x%x, where the boot data is (below 0x%x)"
              .formatted(kernel.name(), start, BootLayout.END));
    }
  }
}
