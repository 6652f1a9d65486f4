package org.tuber.machine.firmware;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.tuber.machine.MachineException;

/**
 * A file that goes into guest memory: mapped, so that its bytes are copied once, from the host's
 * page cache to guest RAM. What cannot be mapped (a pipe) is read into memory. Little-endian
 * accessors check their bounds: image files are untrusted.
 */
public final class ImageFile implements AutoCloseable {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String name;
  private final Arena arena;
  private final MemorySegment bytes;

  private ImageFile(String name, Arena arena, MemorySegment bytes) {
    this.name = name;
    this.arena = arena;
    this.bytes = bytes;
  }

  /**
   * Opens a file.
   *
   * @param role what it is for, for messages: {@code kernel}
   */
  @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as this object
  public static ImageFile open(Path path, String role) throws MachineException {
    String name = role + " '" + path + "'";
    if (Files.isDirectory(path)) {
      throw new MachineException(name + " is a directory");
    }
    Arena arena = Arena.ofShared();
    try {
      return new ImageFile(name, arena, contents(path, arena));
    } catch (IOException e) {
      arena.close();
      String why =
          switch (e) {
            case NoSuchFileException missing -> "no such file";
            case AccessDeniedException denied -> "permission denied";
            default -> e.getMessage();
          };
      throw new MachineException("cannot read " + name + ": " + why, e);
    }
  }

  private static MemorySegment contents(Path path, Arena arena) throws IOException {
    if (Files.isRegularFile(path)) {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
        return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      }
    }
    try (InputStream in = Files.newInputStream(path)) {
      byte[] all = in.readAllBytes();
      MemorySegment copy = arena.allocate(Math.max(1, all.length), 1);
      MemorySegment.copy(MemorySegment.ofArray(all), 0, copy, 0, all.length);
      return copy.asSlice(0, all.length);
    }
  }

  /** Role and path, for messages. */
  public String name() {
    return name;
  }

  /** Length in bytes. */
  public long sizeBytes() {
    return bytes.byteSize();
  }

  private void check(long offset, long length) throws MachineException {
    if (offset < 0 || length < 0 || offset > sizeBytes() - length) {
      throw new MachineException(
          "%s is cut short: bytes 0x%x to 0x%x are missing"
              .formatted(name, offset, offset + length));
    }
  }

  /** Unsigned byte at {@code offset}. */
  public int u8(long offset) throws MachineException {
    check(offset, 1);
    return bytes.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
  }

  /** Unsigned 16 bits at {@code offset}. */
  public int u16(long offset) throws MachineException {
    check(offset, 2);
    return bytes.get(U16, offset) & 0xffff;
  }

  /** Unsigned 32 bits at {@code offset}. */
  public long u32(long offset) throws MachineException {
    check(offset, 4);
    return bytes.get(U32, offset) & 0xffff_ffffL;
  }

  /** 64 bits at {@code offset}. */
  public long u64(long offset) throws MachineException {
    check(offset, 8);
    return bytes.get(U64, offset);
  }

  /** A copy of {@code length} bytes at {@code offset}. */
  public byte[] copy(long offset, int length) throws MachineException {
    check(offset, length);
    return bytes.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
  }

  /** The bytes [{@code offset}, +{@code length}). */
  MemorySegment slice(long offset, long length) throws MachineException {
    check(offset, length);
    return bytes.asSlice(offset, length);
  }

  @Override
  public void close() {
    arena.close();
  }
}
