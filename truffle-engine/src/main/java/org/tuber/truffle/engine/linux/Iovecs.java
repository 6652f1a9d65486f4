package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * Guest buffers as the host's array of iovec. What is not adjacent in host memory becomes several
 * entries; with too many of them the transfer is a short one.
 */
final class Iovecs {
  private static final int MAX = 1024;
  private static final int READV = 19;
  private static final int WRITEV = 20;

  private final GuestThread t;
  private final boolean write;
  final long address;
  int count;
  long bytes;
  private boolean full;

  /**
   * An empty array.
   *
   * @param write the host writes into the guest's memory
   */
  Iovecs(GuestThread t, boolean write) {
    this.t = t;
    this.write = write;
    address = t.scratch(16L * MAX);
  }

  /** One buffer. */
  static Iovecs of(GuestThread t, boolean write, long gva, long length) {
    Iovecs v = new Iovecs(t, write);
    v.add(gva, length);
    return v;
  }

  /** The guest's own array; entries of 16 or, for i386, 8 bytes. */
  static Iovecs ofArray(GuestThread t, boolean write, long gva, int entries, boolean wide) {
    if (entries < 0 || entries > MAX) {
      throw new Errno(Errno.EINVAL);
    }
    Iovecs v = new Iovecs(t, write);
    int size = wide ? 16 : 8;
    byte[] raw = t.bytes(gva, entries * size);
    var b = java.nio.ByteBuffer.wrap(raw).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < entries; i++) {
      long base = wide ? b.getLong(i * size) : b.getInt(i * size) & 0xffff_ffffL;
      long length = wide ? b.getLong(i * size + 8) : b.getInt(i * size + 4);
      if (length < 0) {
        throw new Errno(Errno.EINVAL);
      }
      v.add(base, length);
    }
    return v;
  }

  void add(long gva, long length) {
    long done = 0;
    while (done < length && !full) {
      long offset;
      try {
        offset = t.memory.at(t, gva + done, write);
      } catch (Errno e) {
        if (bytes > 0) {
          full = true;
          return;
        }
        throw e;
      }
      long n = Math.min(length - done, 4096 - (offset & 4095));
      if (write) {
        t.memory.arena.forgetCode(offset, n);
      }
      addHost(t.memory.arena.host(offset), n);
      done += n;
    }
  }

  private void addHost(long host, long n) {
    if (count > 0) {
      long last = address + 16L * (count - 1);
      long length = GuestRam.hostLoad64(last + 8);
      if (GuestRam.hostLoad64(last) + length == host) {
        GuestRam.hostStore64(last + 8, length + n);
        bytes += n;
        return;
      }
    }
    if (count == MAX) {
      full = true;
      return;
    }
    GuestRam.hostStore64(address + 16L * count, host);
    GuestRam.hostStore64(address + 16L * count + 8, n);
    count++;
    bytes += n;
  }

  /** Leaves out what is beyond the first {@code most} bytes. */
  void cut(long most) {
    while (bytes > most) {
      long last = address + 16L * (count - 1);
      long length = GuestRam.hostLoad64(last + 8);
      long less = Math.min(length, bytes - most);
      GuestRam.hostStore64(last + 8, length - less);
      bytes -= less;
      if (less == length) {
        count--;
      }
    }
  }

  /** Host address of the only piece; 0 when there are none or several. */
  long single() {
    return count == 1 ? GuestRam.hostLoad64(address) : 0;
  }

  /** read(2) or write(2). */
  long transfer(int hostFd) {
    long single = single();
    if (single != 0) {
      return t.restartable(write ? Host.READ : Host.WRITE, hostFd, single, bytes, 0, 0, 0);
    }
    return t.restartable(write ? READV : WRITEV, hostFd, address, count, 0, 0, 0);
  }
}
