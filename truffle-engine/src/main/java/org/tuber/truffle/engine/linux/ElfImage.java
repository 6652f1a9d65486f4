package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.tuber.core.mem.GuestRam;

/** The headers of an ELF program or shared object (System V ABI, chapters 4 and 5). */
public final class ElfImage {
  public static final int ET_EXEC = 2;
  public static final int ET_DYN = 3;
  public static final int PT_LOAD = 1;
  public static final int PT_INTERP = 3;
  public static final int PT_PHDR = 6;
  public static final int PT_GNU_STACK = 0x6474_e551;
  private static final long PAGE_MASK = 4095;

  /** Beyond every address and file, and far from the end of a long. */
  private static final long MOST = 1L << 60;

  private static final int HEADER_BYTES = 64;
  private static final int MAX_HEADERS = 512;

  /** A program header. */
  record Segment(
      int type,
      int flags,
      long offset,
      long address,
      long fileBytes,
      long memoryBytes,
      long align) {
    private boolean isInFile() {
      return offset >= (address & PAGE_MASK)
          && offset <= MOST - fileBytes
          && (offset - address & PAGE_MASK) == 0;
    }

    /** Whether its numbers make sense: in the address space, and whole pages of the file. */
    boolean isLoadable() {
      return fileBytes >= 0
          && memoryBytes >= fileBytes
          && address >= 0
          && address <= MOST - memoryBytes
          && memoryBytes <= MOST
          && (fileBytes == 0 || isInFile());
    }
  }

  final Abi abi;
  final boolean is32Bit;
  final int type;
  final long entry;
  final long headersOffset;
  final int headerBytes;
  final List<Segment> segments = new ArrayList<>();

  /** Path of the program interpreter, or null. */
  final String interpreter;

  /** Reads the headers; {@code name} is for messages. */
  ElfImage(int fd, String name, Architecture architecture) {
    ByteBuffer h = read(fd, 0, HEADER_BYTES);
    if (h.limit() < 52 || h.getInt(0) != 0x464c_457f) {
      throw new ProgramException(Errno.ENOEXEC, name + ": not an ELF program");
    }
    // As Linux: what the machine is decides alone, whatever the identification says.
    int machine = h.getShort(18) & 0xffff;
    abi = architecture.abi(machine);
    if (abi == null) {
      throw new ProgramException(
          Errno.ENOEXEC,
          name + ": not for " + architecture.name() + " (ELF machine " + machine + ")");
    }
    is32Bit = abi.is32Bit;
    type = h.getShort(16);
    if (type != ET_EXEC && type != ET_DYN) {
      throw new ProgramException(
          Errno.ENOEXEC, name + ": neither a program nor a shared object (ELF type " + type + ")");
    }
    entry = is32Bit ? h.getInt(24) & 0xffff_ffffL : h.getLong(24);
    headersOffset = is32Bit ? h.getInt(28) & 0xffff_ffffL : h.getLong(32);
    headerBytes = h.getShort(is32Bit ? 42 : 54);
    int count = h.getShort(is32Bit ? 44 : 56) & 0xffff;
    if (count == 0 || count > MAX_HEADERS || headerBytes != (is32Bit ? 32 : 56)) {
      throw new ProgramException(Errno.ENOEXEC, name + ": damaged ELF header");
    }
    ByteBuffer p = read(fd, headersOffset, count * headerBytes);
    if (p.limit() < count * headerBytes) {
      throw new ProgramException(Errno.ENOEXEC, name + ": ELF file cut short");
    }
    String found = null;
    for (int i = 0; i < count; i++) {
      Segment s = segment(p, i * headerBytes);
      segments.add(s);
      if (s.type == PT_LOAD && !s.isLoadable()) {
        throw new ProgramException(Errno.ENOEXEC, name + ": damaged ELF program header");
      }
      if (s.type == PT_INTERP && s.fileBytes > 1 && s.fileBytes < 4096) {
        ByteBuffer text = read(fd, s.offset, (int) s.fileBytes);
        byte[] bytes = new byte[Math.max(0, text.limit() - 1)];
        text.get(0, bytes);
        found = Paths.text(bytes);
      }
    }
    interpreter = found;
    if (segments.stream().noneMatch(s -> s.type == PT_LOAD)) {
      throw new ProgramException(Errno.ENOEXEC, name + ": nothing to load");
    }
  }

  private Segment segment(ByteBuffer b, int at) {
    if (is32Bit) {
      return new Segment(
          b.getInt(at),
          b.getInt(at + 24),
          b.getInt(at + 4) & 0xffff_ffffL,
          b.getInt(at + 8) & 0xffff_ffffL,
          b.getInt(at + 16) & 0xffff_ffffL,
          b.getInt(at + 20) & 0xffff_ffffL,
          b.getInt(at + 28) & 0xffff_ffffL);
    }
    return new Segment(
        b.getInt(at),
        b.getInt(at + 4),
        b.getLong(at + 8),
        b.getLong(at + 16),
        b.getLong(at + 32),
        b.getLong(at + 40),
        b.getLong(at + 48));
  }

  /** Lowest address of its segments, whole pages. */
  long lowest() {
    return segments.stream()
        .filter(s -> s.type == PT_LOAD)
        .mapToLong(s -> s.address & -4096L)
        .min()
        .orElseThrow();
  }

  /** End of its segments, whole pages. */
  long highest() {
    return segments.stream()
        .filter(s -> s.type == PT_LOAD)
        .mapToLong(s -> (s.address + s.memoryBytes + 4095) & -4096L)
        .max()
        .orElseThrow();
  }

  /** Greatest alignment that a segment wants. */
  long alignment() {
    return segments.stream()
        .filter(s -> s.type == PT_LOAD && Long.bitCount(s.align) == 1)
        .mapToLong(Segment::align)
        .max()
        .orElse(4096);
  }

  /** Address of the program headers once loaded, before the bias. */
  long headersAddress() {
    for (Segment s : segments) {
      if (s.type == PT_PHDR) {
        return s.address;
      }
    }
    for (Segment s : segments) {
      if (s.type == PT_LOAD
          && headersOffset >= s.offset
          && headersOffset < s.offset + s.fileBytes) {
        return headersOffset - s.offset + s.address;
      }
    }
    return 0;
  }

  /** Bytes of a file; fewer at its end. */
  static ByteBuffer read(int fd, long offset, int bytes) {
    long buffer = GuestRam.hostAllocate(bytes + 8L);
    try {
      int n = (int) Math.max(0, Host.call(Host.PREAD64, fd, buffer, bytes, offset));
      byte[] content = new byte[n];
      for (int i = 0; i < n; i++) {
        content[i] = (byte) GuestRam.hostLoad8(buffer + i);
      }
      return ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    } finally {
      GuestRam.hostFree(buffer);
    }
  }
}
