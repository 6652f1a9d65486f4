package org.tuber.machine.firmware;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.tuber.core.cpu.Vcpu;
import org.tuber.machine.MachineException;

/**
 * A kernel with a multiboot header (Multiboot Specification 0.6.96): loaded by the header's own
 * addresses or as ELF, with modules. Not offered: a video mode (the request is ignored, as the
 * specification lets a loader do), the drive, APM and configuration tables.
 */
final class Multiboot implements KernelImage {
  private static final int SEARCH_BYTES = 8192;
  private static final long MAGIC = 0x1bad_b002L;
  private static final long MUST_UNDERSTAND_MASK = 0xffff;
  private static final long FLAGS_KNOWN = 7;
  private static final long FLAG_ADDRESSES = 1 << 16;
  private static final int BOOT_MAGIC = 0x2bad_b002;
  private static final int CODE_SELECTOR = 8;
  private static final int DATA_SELECTOR = 0x10;
  private static final int PAGE = 4096;

  private static final int INFO_BYTES = 88;
  private static final int INFO_MEMORY = 1;
  private static final int INFO_BOOT_DEVICE = 1 << 1;
  private static final int INFO_COMMAND_LINE = 1 << 2;
  private static final int INFO_MODULES = 1 << 3;
  private static final int INFO_MEMORY_MAP = 1 << 6;
  private static final int INFO_LOADER_NAME = 1 << 9;
  private static final int BOOT_DEVICE_FIRST_DISK = 0x8000_ffff;
  private static final int LOW_MEMORY_KIB = 639;
  private static final int MAX_MODULES =
      (int) ((BootLayout.PAGE_TABLES - BootLayout.MULTIBOOT_MODULES) / 16);

  /** A module: its file and the words behind its name. */
  record Module(ImageFile file, String string) {}

  private final ImageFile file;
  private final List<Module> modules;
  private final String kernelName;
  private final long header;
  private long nextString;

  Multiboot(ImageFile file, String kernelName, List<Module> modules) throws MachineException {
    this.file = file;
    this.kernelName = kernelName;
    this.modules = modules;
    header = findHeader(file);
    long flags = file.u32(header + 4);
    if ((flags & MUST_UNDERSTAND_MASK & ~FLAGS_KNOWN) != 0) {
      throw new MachineException(
          "%s needs multiboot features this loader does not have (flags 0x%x)"
              .formatted(file.name(), flags));
    }
    if (modules.size() > MAX_MODULES) {
      throw new MachineException("too many multiboot modules for " + file.name());
    }
  }

  /** Offset of the header, or -1. */
  static long findHeader(ImageFile file) throws MachineException {
    long last = Math.min(SEARCH_BYTES, file.sizeBytes()) - 12;
    for (long at = 0; at <= last; at += 4) {
      if (file.u32(at) == MAGIC
          && (file.u32(at) + file.u32(at + 4) + file.u32(at + 8) & 0xffff_ffffL) == 0) {
        return at;
      }
    }
    return -1;
  }

  @Override
  public void load(BootMemory memory, Vcpu cpu, BootArguments arguments) throws MachineException {
    long entry;
    long end;
    if ((file.u32(header + 4) & FLAG_ADDRESSES) != 0) {
      entry = file.u32(header + 0x1c);
      end = loadByHeader(memory);
    } else if (ElfFile.isElf(file)) {
      ElfFile elf = ElfFile.parse(file);
      if (elf.is64()) {
        throw new MachineException(
            file.name() + " is a 64-bit ELF file; multiboot needs a 32-bit one");
      }
      entry = elf.physicalEntry();
      end = elf.load(memory);
    } else {
      throw new MachineException(
          file.name() + " has a multiboot header without addresses and is not an ELF file");
    }
    nextString = BootLayout.STRINGS;
    loadModules(memory, end);
    writeInfo(memory, arguments.commandLine());
    BootLayout.enter32(memory, cpu, CODE_SELECTOR, DATA_SELECTOR, entry);
    cpu.writeRegister("rax", BOOT_MAGIC & 0xffff_ffffL);
    cpu.writeRegister("rbx", BootLayout.MULTIBOOT_INFO);
  }

  private long loadByHeader(BootMemory memory) throws MachineException {
    long headerAddress = file.u32(header + 0x0c);
    long load = file.u32(header + 0x10);
    long loadEnd = file.u32(header + 0x14);
    long bssEnd = file.u32(header + 0x18);
    long offset = header - (headerAddress - load);
    if (offset < 0 || headerAddress < load) {
      throw new MachineException(file.name() + " has a multiboot header with wrong addresses");
    }
    long bytes = loadEnd == 0 ? file.sizeBytes() - offset : loadEnd - load;
    long end = Math.max(load + bytes, bssEnd);
    if (bytes < 0) {
      throw new MachineException(file.name() + " has a multiboot header with wrong addresses");
    }
    KernelImage.checkFits(memory, file, load, end);
    memory.copy(load, file, offset, bytes);
    memory.clear(load + bytes, end - load - bytes);
    return end;
  }

  private void loadModules(BootMemory memory, long kernelEnd) throws MachineException {
    long at = Math.max(kernelEnd, 0x10_0000);
    ByteBuffer list = BootMemory.buffer(16 * modules.size());
    for (Module m : modules) {
      at = at + PAGE - 1 & -PAGE;
      KernelImage.checkFits(memory, m.file(), at, at + m.file().sizeBytes());
      memory.copy(at, m.file(), 0, m.file().sizeBytes());
      list.putInt((int) at).putInt((int) (at + m.file().sizeBytes()));
      list.putInt((int) putString(memory, m.string())).putInt(0);
      at += m.file().sizeBytes();
    }
    memory.write(BootLayout.MULTIBOOT_MODULES, list);
  }

  private long putString(BootMemory memory, String text) throws MachineException {
    int bytes = text.getBytes(StandardCharsets.UTF_8).length + 1;
    if (nextString + bytes > BootLayout.END) {
      throw new MachineException("the command lines for " + file.name() + " are too long");
    }
    long at = nextString;
    memory.writeString(at, text);
    nextString += bytes;
    return at;
  }

  private void writeInfo(BootMemory memory, String commandLine) throws MachineException {
    List<E820.Entry> entries = memory.map().entries();
    ByteBuffer map = BootMemory.buffer(24 * entries.size());
    for (E820.Entry e : entries) {
      map.putInt(20).putLong(e.base()).putLong(e.length()).putInt(e.type().number());
    }
    memory.write(BootLayout.MULTIBOOT_MMAP, map);

    int flags =
        INFO_MEMORY
            | INFO_BOOT_DEVICE
            | INFO_COMMAND_LINE
            | INFO_MODULES
            | INFO_MEMORY_MAP
            | INFO_LOADER_NAME;
    ByteBuffer info = BootMemory.buffer(INFO_BYTES);
    info.putInt(0, flags);
    info.putInt(4, LOW_MEMORY_KIB);
    info.putInt(8, (int) (memory.map().lowRamEnd() - 0x10_0000 >> 10));
    info.putInt(0x0c, BOOT_DEVICE_FIRST_DISK);
    String words = commandLine.isEmpty() ? kernelName : kernelName + " " + commandLine;
    info.putInt(0x10, (int) putString(memory, words));
    info.putInt(0x14, modules.size());
    info.putInt(0x18, modules.isEmpty() ? 0 : (int) BootLayout.MULTIBOOT_MODULES);
    info.putInt(0x2c, map.capacity());
    info.putInt(0x30, (int) BootLayout.MULTIBOOT_MMAP);
    info.putInt(0x40, (int) putString(memory, "tuber"));
    memory.write(BootLayout.MULTIBOOT_INFO, info);
  }
}
