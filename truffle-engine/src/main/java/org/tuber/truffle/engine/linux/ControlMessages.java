package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * Ancillary data of sendmsg and recvmsg: descriptors are exchanged for the other side's, i386
 * headers (12 bytes, aligned to 4) for those of x86-64 (16 bytes, aligned to 8).
 */
final class ControlMessages {
  private static final int HOST_HEADER = 16;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_TIMESTAMP = 29;
  private static final int SCM_TIMESTAMPNS = 35;

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

  /** What the guest got: bytes, and whether something had no room (MSG_CTRUNC). */
  record Given(int bytes, boolean truncated) {}

  /**
   * Hands over what the host gave, cut off as the kernel does it for the guest's word size: a
   * message as long as there is room for its header, descriptors as many as fit.
   *
   * @param room bytes at {@code gva}
   */
  static Given toGuest(
      GuestThread t, long from, int length, long gva, int room, boolean closeOnExec) {
    int header = t.process.is32Bit ? 12 : 16;
    int word = t.process.is32Bit ? 4 : 8;
    int in = 0;
    int out = 0;
    boolean truncated = false;
    while (in + HOST_HEADER <= length) {
      int n = (int) GuestRam.hostLoad64(from + in);
      if (n < HOST_HEADER || n > length - in) {
        break;
      }
      int level = GuestRam.hostLoad32(from + in + 8);
      int type = GuestRam.hostLoad32(from + in + 12);
      long at = from + in + HOST_HEADER;
      int left = room - out;
      int data = n - HOST_HEADER;
      if (word == 4 && isTime(level, type) && data == 16) {
        GuestRam.hostStore32(at + 4, GuestRam.hostLoad32(at + 8));
        data = 8;
      }
      in += align(n, 8);
      int given = Math.min(data, left - header);
      if (SocketCalls.isRights(level, type)) {
        given = install(t, at, data, given, closeOnExec);
        truncated |= given < data;
        if (given == 0) {
          continue;
        }
      }
      truncated |= given < data;
      if (given < 0) {
        continue;
      }
      if (word == 8) {
        t.store64(gva + out, header + given);
      } else {
        t.store32(gva + out, header + given);
      }
      t.store32(gva + out + word, level);
      t.store32(gva + out + word + 4, type);
      t.memory.writeHost(t, gva + out + header, at, given);
      out += Math.min(align(header + given, word), left);
    }
    return new Given(out, truncated);
  }

  /** SO_TIMESTAMP and SO_TIMESTAMPNS: two longs. */
  private static boolean isTime(int level, int type) {
    return level == SOL_SOCKET && (type == SCM_TIMESTAMP || type == SCM_TIMESTAMPNS);
  }

  /**
   * Makes the host's descriptors the guest's; those beyond {@code room} bytes or what the guest may
   * have are lost.
   */
  private static int install(GuestThread t, long at, int data, int room, boolean closeOnExec) {
    int given = 0;
    for (int i = 0; i + 4 <= data; i += 4) {
      int host = GuestRam.hostLoad32(at + i);
      if (given != i || i + 4 > room) {
        Host.call(Host.CLOSE, host);
        continue;
      }
      try {
        GuestRam.hostStore32(at + i, t.process.fds.installHost(host, closeOnExec));
        given = i + 4;
      } catch (Errno e) {
        // RLIMIT_NOFILE. It is closed already; the others go as if there was no room.
      }
    }
    return given;
  }
}
