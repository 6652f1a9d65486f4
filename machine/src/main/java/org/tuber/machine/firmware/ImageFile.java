package org.tuber.machine.firmware;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.tuber.core.mem.GuestRam;
import org.tuber.machine.MachineException;

/**
 * A file that goes into guest memory: mapped, so that its bytes are copied once, from the host's
 * page cache to guest RAM. What cannot be mapped (a pipe) is read into memory. Little-endian
 * accessors check their bounds: image files are untrusted. They read through {@link GuestRam}'s raw
 * door, as the var handles of memory segments cost 100 ms of start-up before the first byte.
 */
public final class ImageFile implements AutoCloseable {
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
    return GuestRam.hostLoad8(bytes.address() + offset);
  }

  /** Unsigned 16 bits at {@code offset}. */
  public int u16(long offset) throws MachineException {
    check(offset, 2);
    return GuestRam.hostLoad16(bytes.address() + offset);
  }

  /** Unsigned 32 bits at {@code offset}. */
  public long u32(long offset) throws MachineException {
    check(offset, 4);
    return GuestRam.hostLoad32(bytes.address() + offset) & 0xffff_ffffL;
  }

  /** 64 bits at {@code offset}. */
  public long u64(long offset) throws MachineException {
    check(offset, 8);
    return GuestRam.hostLoad64(bytes.address() + offset);
  }

  /** A copy of {@code length} bytes at {@code offset}. */
  public byte[] copy(long offset, int length) throws MachineException {
    check(offset, length);
    byte[] copy = new byte[length];
    for (int i = 0; i < length; i++) {
      copy[i] = (byte) GuestRam.hostLoad8(bytes.address() + offset + i);
    }
    return copy;
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
