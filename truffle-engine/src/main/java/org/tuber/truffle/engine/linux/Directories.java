package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** Reading directories, in the present and the old form, and seeking in them. */
final class Directories {
  private static final int GETDENTS64 = 217;
  private static final int DIRENT_HEADER = 19;
  private static final int TYPE = 18;
  private static final int MAX_BYTES = 32 << 10;

  private Directories() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("getdents64", (t, fd, at, n, d, e, f) -> entries(t, fd, at, n));
    calls.put("getdents", (t, fd, at, n, d, e, f) -> oldEntries(t, fd, at, n));
  }

  /**
   * Fills native memory with struct linux_dirent64.
   *
   * @return how many bytes, or the negative error
   */
  private static long read(GuestThread t, OpenFile file, long host, long room) {
    if (file instanceof DescriptorList list) {
      return list.entries(host, (int) room);
    }
    long r = Host.call(GETDENTS64, file.hostFd, host, room);
    if (r > 0 && t.process.is32Bit) {
      narrowPositions(file, host, r);
    }
    return r;
  }

  private static long entries(GuestThread t, long fd, long at, long n) {
    OpenFile file = t.process.fds.get((int) fd);
    long room = Math.min(n & 0xffff_ffffL, MAX_BYTES);
    long host = t.scratch(room);
    long r = read(t, file, host, room);
    if (r > 0) {
      t.memory.writeHost(t, at, host, r);
    }
    return r;
  }

  /** struct linux_dirent: words of the process's size, and the type in an entry's last byte. */
  private static long oldEntries(GuestThread t, long fd, long at, long n) {
    OpenFile file = t.process.fds.get((int) fd);
    // The host's entries are never smaller, so what it gives always fits.
    long room = Math.min(n & 0xffff_ffffL, MAX_BYTES);
    long host = t.scratch(room);
    long r = read(t, file, host, room);
    if (r <= 0) {
      return r;
    }
    int word = t.process.is32Bit ? 4 : 8;
    int header = 2 * word + 2;
    ByteBuffer b = ByteBuffer.allocate((int) room).order(ByteOrder.LITTLE_ENDIAN);
    int out = 0;
    for (long in = 0; in < r; in += GuestRam.hostLoad16(host + in + 16) & 0xffff) {
      int name = 0;
      while (GuestRam.hostLoad8(host + in + DIRENT_HEADER + name) != 0) {
        name++;
      }
      int bytes = (header + name + 2 + word - 1) & -word;
      if (word == 4) {
        b.putInt(out, (int) GuestRam.hostLoad64(host + in));
        b.putInt(out + 4, (int) GuestRam.hostLoad64(host + in + 8));
      } else {
        b.putLong(out, GuestRam.hostLoad64(host + in));
        b.putLong(out + 8, GuestRam.hostLoad64(host + in + 8));
      }
      b.putShort(out + 2 * word, (short) bytes);
      for (int i = 0; i < name; i++) {
        b.put(out + header + i, (byte) GuestRam.hostLoad8(host + in + DIRENT_HEADER + i));
      }
      b.put(out + bytes - 1, (byte) GuestRam.hostLoad8(host + in + TYPE));
      out += bytes;
    }
    t.memory.write(t, at, b.array(), 0, out);
    return out;
  }

  /**
   * Positions in a directory as a 32-bit process gets them: where they are hashes (ext4), the upper
   * half. {@link #seek32} undoes it.
   */
  private static void narrowPositions(OpenFile file, long entries, long bytes) {
    for (long at = entries; at < entries + bytes; at += GuestRam.hostLoad16(at + 16) & 0xffff) {
      long position = GuestRam.hostLoad64(at + 8);
      if (position != (position & Integer.MAX_VALUE)) {
        file.hashedPositions = true;
        GuestRam.hostStore64(at + 8, position >>> 32);
      }
    }
  }

  /** lseek of i386. */
  static long seek32(GuestThread t, long fd, long offset, long whence) {
    OpenFile file = t.process.fds.get((int) fd);
    if (!file.hashedPositions) {
      return Host.call(Host.LSEEK, file.hostFd, offset, whence);
    }
    long r = Host.call(Host.LSEEK, file.hostFd, whence == 0 ? offset << 32 : offset, whence);
    return r < 0 ? r : r >>> 32;
  }
}
