package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * Ancillary data of sendmsg and recvmsg: descriptors are exchanged for the other side's, i386
 * headers (12 bytes, aligned to 4) for those of x86-64 (16 bytes, aligned to 8).
 */
final class ControlMessages {
  private static final int HOST_HEADER = 16;

  final long address;
  final int bytes;

  private ControlMessages(long address, int bytes) {
    this.address = address;
    this.bytes = bytes;
  }

  private static int align(int n, int to) {
    return (n + to - 1) & -to;
  }

  static ControlMessages toHost(GuestThread t, long gva, int length) {
    if (gva == 0 || length <= 0) {
      return new ControlMessages(0, 0);
    }
    int header = t.process.is32Bit ? 12 : 16;
    int word = t.process.is32Bit ? 4 : 8;
    long from = t.in(gva, length);
    long to = t.scratch(2L * length + HOST_HEADER);
    int in = 0;
    int out = 0;
    while (in + header <= length) {
      int n = GuestRam.hostLoad32(from + in);
      if (n < header || n > length - in) {
        break;
      }
      int level = GuestRam.hostLoad32(from + in + word);
      int type = GuestRam.hostLoad32(from + in + word + 4);
      int data = n - header;
      GuestRam.hostStore64(to + out, HOST_HEADER + data);
      GuestRam.hostStore32(to + out + 8, level);
      GuestRam.hostStore32(to + out + 12, type);
      GuestRam.hostCopy(from + in + header, to + out + HOST_HEADER, data);
      if (SocketCalls.isRights(level, type)) {
        for (int i = 0; i + 4 <= data; i += 4) {
          long at = to + out + HOST_HEADER + i;
          GuestRam.hostStore32(at, t.fd(GuestRam.hostLoad32(at)));
        }
      }
      in += align(n, word);
      out += align(HOST_HEADER + data, 8);
    }
    return new ControlMessages(out == 0 ? 0 : to, out);
  }

  /** Returns how many bytes the guest got. */
  static int toGuest(
      GuestThread t, long from, int length, long gva, int room, boolean closeOnExec) {
    int header = t.process.is32Bit ? 12 : 16;
    int word = t.process.is32Bit ? 4 : 8;
    int in = 0;
    int out = 0;
    while (in + HOST_HEADER <= length) {
      int n = (int) GuestRam.hostLoad64(from + in);
      if (n < HOST_HEADER || n > length - in) {
        break;
      }
      int level = GuestRam.hostLoad32(from + in + 8);
      int type = GuestRam.hostLoad32(from + in + 12);
      int data = n - HOST_HEADER;
      long at = from + in + HOST_HEADER;
      if (SocketCalls.isRights(level, type)) {
        for (int i = 0; i + 4 <= data; i += 4) {
          int fd = t.process.fds.installHost(GuestRam.hostLoad32(at + i), closeOnExec);
          GuestRam.hostStore32(at + i, fd);
        }
      }
      if (out + header + data > room) {
        break;
      }
      if (word == 8) {
        t.store64(gva + out, header + data);
      } else {
        t.store32(gva + out, header + data);
      }
      t.store32(gva + out + word, level);
      t.store32(gva + out + word + 4, type);
      t.memory.writeHost(t, gva + out + header, at, data);
      in += align(n, 8);
      out += align(header + data, word);
    }
    return Math.min(out, room);
  }
}
