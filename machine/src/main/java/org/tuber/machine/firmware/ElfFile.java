package org.tuber.machine.firmware;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.tuber.machine.MachineException;

/**
 * The program headers of an ELF file (System V ABI, edition 4.1, chapters 4 and 5): ELF32 and
 * ELF64, little-endian, executable. Section headers are not looked at.
 */
final class ElfFile {
  private static final long MAGIC = 0x464c_457fL;
  private static final int CLASS_32 = 1;
  private static final int CLASS_64 = 2;
  private static final int DATA_LITTLE_ENDIAN = 1;
  static final int MACHINE_386 = 3;
  static final int MACHINE_X86_64 = 62;
  static final int MACHINE_AARCH64 = 183;
  private static final int TYPE_LOAD = 1;
  private static final int TYPE_NOTE = 4;
  private static final int MAX_HEADERS = 4096;

  /** One program header. */
  private record Segment(
      long type,
      long offset,
      long virtual,
      long physical,
      long fileBytes,
      long memoryBytes,
      long align) {}

  private final ImageFile file;
  private final boolean is64;
  private final long entry;
  private final List<Segment> segments = new ArrayList<>();

  private ElfFile(ImageFile file, List<Integer> machines) throws MachineException {
    this.file = file;
    int elfClass = file.u8(4);
    if (file.u8(5) != DATA_LITTLE_ENDIAN
        || (elfClass != CLASS_32 && elfClass != CLASS_64)
        || !machines.contains(file.u16(18))) {
      throw new MachineException(file.name() + " is an ELF file for another kind of machine");
    }
    is64 = elfClass == CLASS_64;
    entry = is64 ? file.u64(24) : file.u32(24);
    long table = is64 ? file.u64(32) : file.u32(28);
    int entryBytes = file.u16(is64 ? 54 : 42);
    int count = Math.min(file.u16(is64 ? 56 : 44), MAX_HEADERS);
    for (int i = 0; i < count; i++) {
      segments.add(segment(table + (long) i * entryBytes));
    }
  }

  /** True when {@code file} starts with ELF's magic. */
  static boolean isElf(ImageFile file) throws MachineException {
    return file.sizeBytes() >= 52 && file.u32(0) == MAGIC;
  }

  /** Reads the headers of an x86 file for which {@link #isElf} is true. */
  static ElfFile parse(ImageFile file) throws MachineException {
    return parse(file, List.of(MACHINE_386, MACHINE_X86_64));
  }

  /** Reads the headers of a file for which {@link #isElf} is true, for one of {@code machines}. */
  static ElfFile parse(ImageFile file, List<Integer> machines) throws MachineException {
    return new ElfFile(file, machines);
  }

  /** Refuses places where a segment cannot go. */
  interface Placement {
    /** [{@code start}, {@code end}) will be written. */
    void check(long start, long end) throws MachineException;
  }

  private Segment segment(long at) throws MachineException {
    return is64
        ? new Segment(
            file.u32(at),
            file.u64(at + 8),
            file.u64(at + 16),
            file.u64(at + 24),
            file.u64(at + 32),
            file.u64(at + 40),
            file.u64(at + 48))
        : new Segment(
            file.u32(at),
            file.u32(at + 4),
            file.u32(at + 8),
            file.u32(at + 12),
            file.u32(at + 16),
            file.u32(at + 20),
            file.u32(at + 28));
  }

  boolean is64() {
    return is64;
  }

  /** The lowest physical address of what {@link #load} loads. */
  long lowest() {
    long lowest = Long.MAX_VALUE;
    for (Segment s : segments) {
      if (s.type == TYPE_LOAD && s.memoryBytes != 0) {
        lowest = Math.min(lowest, s.physical);
      }
    }
    return lowest;
  }

  /** The entry point as the file gives it, a virtual address. */
  long entry() {
    return entry;
  }

  /**
   * Where the entry point lies in physical memory: the address of a kernel that is entered without
   * paging. Outside all segments it is taken to be physical already.
   */
  long physicalEntry() {
    for (Segment s : segments) {
      long offset = entry - s.virtual;
      if (s.type == TYPE_LOAD && offset >= 0 && offset < s.memoryBytes) {
        return s.physical + offset;
      }
    }
    return entry;
  }

  /**
   * Loads all PT_LOAD segments at their physical addresses.
   *
   * @return first address after the highest one
   */
  long load(BootMemory memory) throws MachineException {
    return load(memory, (start, end) -> KernelImage.checkFits(memory, file, start, end));
  }

  /** The same, with another rule for places. */
  long load(BootMemory memory, Placement placement) throws MachineException {
    long end = 0;
    for (Segment s : segments) {
      if (s.type != TYPE_LOAD || s.memoryBytes == 0) {
        continue;
      }
      if (s.fileBytes < 0 || s.memoryBytes < s.fileBytes) {
        throw new MachineException(
            file.name() + " has a segment longer in the file than in memory");
      }
      placement.check(s.physical, s.physical + s.memoryBytes);
      memory.copy(s.physical, file, s.offset, s.fileBytes);
      memory.clear(s.physical + s.fileBytes, s.memoryBytes - s.fileBytes);
      end = Math.max(end, s.physical + s.memoryBytes);
    }
    if (end == 0) {
      throw new MachineException(file.name() + " has nothing to load: no PT_LOAD segment");
    }
    return end;
  }

  /**
   * Finds a note with a 4- or 8-byte value.
   *
   * @return the value, or -1 when there is no such note
   */
  long note(String owner, int type) throws MachineException {
    for (Segment s : segments) {
      if (s.type == TYPE_NOTE) {
        long value = note(s, owner, type);
        if (value >= 0) {
          return value;
        }
      }
    }
    return -1;
  }

  private long note(Segment s, String owner, int type) throws MachineException {
    long align = s.align == 8 ? 8 : 4;
    long at = s.offset;
    long end = s.offset + s.fileBytes;
    while (at >= 0 && at + 12 <= end) {
      long nameBytes = file.u32(at);
      long valueBytes = file.u32(at + 4);
      long name = at + 12;
      long value = name + (nameBytes + align - 1 & -align);
      if (file.u32(at + 8) == type && nameBytes == owner.length() + 1) {
        String found = new String(file.copy(name, owner.length()), StandardCharsets.US_ASCII);
        if (found.equals(owner)) {
          return valueBytes >= 8 ? file.u64(value) : file.u32(value);
        }
      }
      at = value + (valueBytes + align - 1 & -align);
    }
    return -1;
  }
}
