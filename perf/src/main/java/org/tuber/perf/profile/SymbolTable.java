package org.tuber.perf.profile;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Names of functions by address: of an ELF file (System V ABI, chapter 4: symbol tables; of a Linux
 * kernel without one, of {@link EmbeddedNames}), or of a text of lines "ADDRESS TYPE NAME", as
 * {@code System.map} and {@code /proc/kallsyms} are.
 */
final class SymbolTable {
  private record Symbol(String name, long size) {}

  /** A loaded part of an ELF file. */
  private record Segment(long offset, long address, long bytes) {}

  private static final int MAGIC = 0x464c457f;
  private static final int PT_LOAD = 1;
  private static final int SHT_SYMTAB = 2;
  private static final int SHT_DYNSYM = 11;
  private static final int STT_NOTYPE = 0;
  private static final int STT_FUNC = 2;
  private static final int STT_GNU_IFUNC = 10;

  /** A symbol without a size ends at the next, or after so many bytes. */
  private static final long MOST_BYTES = 1 << 20;

  /** A Linux kernel is bigger. */
  private static final long KERNEL_BYTES = 4 << 20;

  private final TreeMap<Long, Symbol> symbols = new TreeMap<>(Long::compareUnsigned);
  private final List<Segment> segments = new ArrayList<>();

  private SymbolTable() {}

  /** Reads either kind. */
  static SymbolTable read(Path file) throws IOException {
    SymbolTable table = new SymbolTable();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      ByteBuffer start = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      channel.read(start, 0);
      if (start.position() == 4 && start.getInt(0) == MAGIC) {
        ByteBuffer all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        try {
          table.elf(all.order(ByteOrder.LITTLE_ENDIAN));
          if (table.isEmpty() && channel.size() > KERNEL_BYTES) {
            EmbeddedNames.find(all, (at, name) -> table.symbols.put(at, new Symbol(name, 0)));
          }
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
          throw new IOException(file + ": a damaged ELF file", e);
        }
        return table;
      }
    }
    for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
      table.line(line);
    }
    return table;
  }

  private void line(String line) {
    String[] parts = line.strip().split("\\s+");
    if (parts.length < 3 || "tTwW".indexOf(parts[1].charAt(0)) < 0) {
      return;
    }
    try {
      long address = Long.parseUnsignedLong(parts[0], 16);
      if (address != 0) {
        symbols.put(address, new Symbol(parts[2], 0));
      }
    } catch (NumberFormatException e) {
      // A line of something else.
    }
  }

  private void elf(ByteBuffer b) {
    boolean is64 = b.get(4) == 2;
    long programs = is64 ? b.getLong(32) : b.getInt(28);
    int programBytes = b.getShort(is64 ? 54 : 42);
    int programCount = b.getShort(is64 ? 56 : 44) & 0xffff;
    for (int i = 0; i < programCount; i++) {
      int at = (int) programs + i * programBytes;
      if (b.getInt(at) == PT_LOAD) {
        segments.add(
            is64
                ? new Segment(b.getLong(at + 8), b.getLong(at + 16), b.getLong(at + 32))
                : new Segment(b.getInt(at + 4), unsigned(b, at + 8), b.getInt(at + 16)));
      }
    }
    long sections = is64 ? b.getLong(40) : b.getInt(32);
    int sectionBytes = b.getShort(is64 ? 58 : 46);
    int sectionCount = b.getShort(is64 ? 60 : 48) & 0xffff;
    for (int i = 0; i < sectionCount; i++) {
      int at = (int) sections + i * sectionBytes;
      int type = b.getInt(at + 4);
      if (type == SHT_SYMTAB || type == SHT_DYNSYM) {
        int strings = (int) sections + b.getInt(at + (is64 ? 40 : 24)) * sectionBytes;
        symbols(
            b,
            is64,
            (int) (is64 ? b.getLong(at + 24) : b.getInt(at + 16)),
            (int) (is64 ? b.getLong(at + 32) : b.getInt(at + 20)),
            (int) (is64 ? b.getLong(strings + 24) : b.getInt(strings + 16)));
      }
    }
  }

  private static long unsigned(ByteBuffer b, int at) {
    return b.getInt(at) & 0xffff_ffffL;
  }

  private void symbols(ByteBuffer b, boolean is64, int from, int bytes, int strings) {
    int step = is64 ? 24 : 16;
    for (int at = from; at < from + bytes; at += step) {
      int type = b.get(at + (is64 ? 4 : 12)) & 15;
      int section = b.getShort(at + (is64 ? 6 : 14));
      long value = is64 ? b.getLong(at + 8) : unsigned(b, at + 4);
      long size = is64 ? b.getLong(at + 16) : unsigned(b, at + 8);
      boolean isCode = type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
      if (!isCode || section == 0 || value == 0) {
        continue;
      }
      String name = text(b, strings + b.getInt(at));
      // Marks of ARM's mapping symbols and local labels say nothing.
      if (name.isEmpty() || name.startsWith("$") || name.startsWith(".L")) {
        continue;
      }
      Symbol known = symbols.get(value);
      if (known == null || (known.size == 0 && size > 0)) {
        symbols.put(value, new Symbol(name, size));
      }
    }
  }

  private static String text(ByteBuffer b, int from) {
    int end = from;
    while (b.get(end) != 0) {
      end++;
    }
    byte[] bytes = new byte[end - from];
    b.get(from, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** True when there is no name at all. */
  boolean isEmpty() {
    return symbols.isEmpty();
  }

  /** Where the byte at {@code offset} of the file is loaded, by the file's own addresses. */
  long address(long offset) {
    for (Segment s : segments) {
      if (offset >= s.offset && offset < s.offset + s.bytes) {
        return offset - s.offset + s.address;
      }
    }
    return offset;
  }

  /** The function around {@code address}, or null. */
  String find(long address) {
    Map.Entry<Long, Symbol> e = symbols.floorEntry(address);
    if (e == null) {
      return null;
    }
    long size = e.getValue().size == 0 ? MOST_BYTES : e.getValue().size;
    return address - e.getKey() < size ? e.getValue().name : null;
  }
}
