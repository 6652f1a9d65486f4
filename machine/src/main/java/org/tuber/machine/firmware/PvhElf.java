package org.tuber.machine.firmware;

import java.nio.ByteBuffer;
import java.util.List;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * An ELF kernel with a PVH entry (Xen's x86 "HVM direct boot ABI", docs/misc/pvh.pandoc): a note
 * names the physical address of a 32-bit entry that takes a start info structure in EBX.
 */
final class PvhElf implements KernelImage {
  private static final String NOTE_OWNER = "Xen";
  private static final int NOTE_PHYS32_ENTRY = 18;
  private static final int MAGIC = 0x336e_c578;
  private static final int VERSION = 1;
  private static final int CODE_SELECTOR = 0x10;
  private static final int DATA_SELECTOR = 0x18;
  private static final long MODULES = BootLayout.PVH_INFO + 0x40;
  private static final long MEMORY_MAP = BootLayout.PVH_INFO + 0x80;

  private final ImageFile file;
  private final ElfFile elf;
  private final long entry;

  PvhElf(ImageFile file) throws MachineException {
    this.file = file;
    elf = ElfFile.parse(file);
    entry = elf.note(NOTE_OWNER, NOTE_PHYS32_ENTRY);
    if (entry < 0) {
      throw new MachineException(
          file.name()
              + " is an ELF file without a PVH entry (Xen note 18) and without a multiboot header");
    }
  }

  @Override
  public void load(BootMemory memory, Vcpu cpu, BootArguments arguments) throws MachineException {
    long end = elf.load(memory);
    if (arguments.commandLine().length() >= BootLayout.STRINGS_BYTES) {
      throw new MachineException("the kernel command line for " + file.name() + " is too long");
    }
    memory.writeString(BootLayout.STRINGS, arguments.commandLine());
    List<E820.Entry> map = memory.map().entries();
    ByteBuffer info = BootMemory.buffer(0x80 + 24 * map.size());
    info.putInt(MAGIC).putInt(VERSION).putInt(0);
    ImageFile initrd = arguments.initrd();
    if (initrd == null) {
      info.putInt(0).putLong(0);
    } else {
      long start = KernelImage.placeInitrd(memory, initrd, end, Long.MAX_VALUE);
      info.putInt(1).putLong(MODULES);
      info.putLong((int) (MODULES - BootLayout.PVH_INFO), start);
      info.putLong((int) (MODULES - BootLayout.PVH_INFO) + 8, initrd.sizeBytes());
    }
    info.putLong(BootLayout.STRINGS).putLong(arguments.rsdp());
    info.putLong(MEMORY_MAP).putInt(map.size()).putInt(0);
    info.position((int) (MEMORY_MAP - BootLayout.PVH_INFO));
    for (E820.Entry e : map) {
      info.putLong(e.base()).putLong(e.length()).putInt(e.type().number()).putInt(0);
    }
    memory.write(BootLayout.PVH_INFO, info);
    BootLayout.enter32(memory, cpu, CODE_SELECTOR, DATA_SELECTOR, entry);
    cpu.writeRegister("rbx", BootLayout.PVH_INFO);
  }
}
