package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What an ELF file is for, told from its headers (System V ABI, chapters 4 and 5).
 *
 * @param kind program, library, or object file for a linker
 * @param abi what it is for
 * @param needed libraries it names
 */
public record ElfKind(Kind kind, Abi abi, List<String> needed) {
  /** Kinds of files. */
  public enum Kind {
    PROGRAM,
    LIBRARY,
    OBJECT
  }

  private static final int ET_REL = 1;
  private static final int DT_NEEDED = 1;
  private static final int DT_STRTAB = 5;
  private static final int DT_SONAME = 14;
  private static final long DT_FLAGS_1 = 0x6fff_fffb;
  private static final long DF_1_PIE = 0x0800_0000;
  private static final int MAX_HEADERS = 512;

  /** The machine (e_machine) of a little-endian ELF file by its first 20 bytes; -1: none. */
  public static int machine(byte[] start) {
    return start.length >= 20 && isElf(start) && start[5] == 1
        ? start[18] & 0xff | (start[19] & 0xff) << 8
        : -1;
  }

  /** True when bytes begin like an ELF file. */
  public static boolean isElf(byte[] file) {
    return file.length >= 4
        && file[0] == 0x7f
        && file[1] == 'E'
        && file[2] == 'L'
        && file[3] == 'F';
  }

  /**
   * Looks at a file.
   *
   * @throws ProgramException when it is none that runs here; the message says why
   */
  public static ElfKind of(byte[] file, String name, Architecture architecture) {
    if (!isElf(file) || file.length < 52) {
      throw new ProgramException(Errno.ENOEXEC, name + ": not an ELF file");
    }
    ByteBuffer b = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int machine = b.getShort(18) & 0xffff;
    boolean narrow = file[4] == 1;
    Abi abi = architecture.abi(machine);
    if (file[5] != 1 || abi == null || abi.is32Bit != narrow || !narrow && file[4] != 2) {
      throw new ProgramException(
          Errno.ENOEXEC,
          name
              + ": not for "
              + architecture.name()
              + " (ELF machine "
              + machine
              + ", class "
              + file[4]
              + ")");
    }
    try {
      return switch (b.getShort(16)) {
        case ET_REL -> new ElfKind(Kind.OBJECT, abi, List.of());
        case ElfImage.ET_EXEC -> new ElfKind(Kind.PROGRAM, abi, List.of());
        case ElfImage.ET_DYN -> dynamic(b, abi);
        default ->
            throw new ProgramException(
                Errno.ENOEXEC,
                name + ": neither program, library nor object (ELF type " + b.getShort(16) + ")");
      };
    } catch (IndexOutOfBoundsException e) {
      throw new ProgramException(Errno.ENOEXEC, name + ": damaged ELF file");
    }
  }

  private static int offset(long value) {
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw new IndexOutOfBoundsException();
    }
    return (int) value;
  }

  private static ElfKind dynamic(ByteBuffer b, Abi abi) {
    boolean narrow = abi.is32Bit;
    int at = offset(narrow ? b.getInt(28) & 0xffff_ffffL : b.getLong(32));
    int entry = narrow ? 32 : 56;
    int count = Math.min(MAX_HEADERS, b.getShort(narrow ? 44 : 56) & 0xffff);
    boolean interpreter = false;
    boolean soname = false;
    boolean pie = false;
    long strings = -1;
    List<Long> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int p = at + i * entry;
      int type = b.getInt(p);
      interpreter |= type == ElfImage.PT_INTERP;
      if (type != StartImage.PT_DYNAMIC) {
        continue;
      }
      int word = narrow ? 4 : 8;
      int d = offset(word(b, p + word, narrow));
      long tag = word(b, d, narrow);
      while (tag != 0) {
        long value = word(b, d + word, narrow);
        soname |= tag == DT_SONAME;
        pie |= tag == DT_FLAGS_1 && (value & DF_1_PIE) != 0;
        if (tag == DT_STRTAB) {
          strings = value;
        } else if (tag == DT_NEEDED) {
          names.add(value);
        }
        d += 2 * word;
        tag = word(b, d, narrow);
      }
    }
    List<String> needed = new ArrayList<>();
    if (strings >= 0) {
      long base = fileOffset(b, at, entry, count, strings, narrow);
      names.forEach(n -> needed.add(string(b, offset(base + n))));
    }
    boolean program = pie || interpreter && !soname;
    return new ElfKind(program ? Kind.PROGRAM : Kind.LIBRARY, abi, needed);
  }

  private static long word(ByteBuffer b, int at, boolean narrow) {
    return narrow ? b.getInt(at) & 0xffff_ffffL : b.getLong(at);
  }

  private static long fileOffset(
      ByteBuffer b, int at, int entry, int count, long address, boolean narrow) {
    for (int i = 0; i < count; i++) {
      int p = at + i * entry;
      long offset = narrow ? word(b, p + 4, true) : word(b, p + 8, false);
      long start = narrow ? word(b, p + 8, true) : word(b, p + 16, false);
      long bytes = narrow ? word(b, p + 16, true) : word(b, p + 32, false);
      if (b.getInt(p) == ElfImage.PT_LOAD && address >= start && address - start < bytes) {
        return address - start + offset;
      }
    }
    throw new IndexOutOfBoundsException();
  }

  private static String string(ByteBuffer b, int at) {
    int end = at;
    while (b.get(end) != 0) {
      end++;
    }
    byte[] text = new byte[end - at];
    b.get(at, text);
    return new String(text, StandardCharsets.ISO_8859_1);
  }
}
