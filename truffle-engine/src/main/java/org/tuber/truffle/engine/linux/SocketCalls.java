package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** Sockets: addresses with a length that goes both ways, messages, descriptors in messages. */
final class SocketCalls {
  private static final int ACCEPT4 = 288;
  private static final int SENDTO = 44;
  private static final int RECVFROM = 45;
  private static final int SENDMSG = 46;
  private static final int RECVMSG = 47;
  private static final int GETSOCKNAME = 51;
  private static final int GETPEERNAME = 52;
  private static final int GETSOCKOPT = 55;
  private static final int SOCK_CLOEXEC = 0x80000;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int MAX_ADDRESS = 128;
  private static final int MAX_OPTION = 4096;
  private static final int MSG_CTRUNC = 8;
  private static final int MAX_CONTROL = 16384;
  private static final int HEADER = 56;

  private SocketCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("accept", (t, fd, at, n, d, e, f) -> accept(t, fd, at, n, 0));
    calls.put("accept4", (t, fd, at, n, flags, e, f) -> accept(t, fd, at, n, flags));
    calls.put("getsockname", (t, fd, at, n, d, e, f) -> name(t, GETSOCKNAME, fd, at, n));
    calls.put("getpeername", (t, fd, at, n, d, e, f) -> name(t, GETPEERNAME, fd, at, n));
    calls.put("getsockopt", SocketCalls::getsockopt);
    calls.put(
        "socketpair", (t, domain, type, protocol, at, e, f) -> pair(t, domain, type, protocol, at));
    calls.put("sendto", SocketCalls::sendto);
    calls.put("recvfrom", SocketCalls::recvfrom);
    calls.put("sendmsg", (t, fd, at, flags, d, e, f) -> sendmsg(t, fd, at, flags));
    calls.put("recvmsg", (t, fd, at, flags, d, e, f) -> recvmsg(t, fd, at, flags));
    calls.put("sendmmsg", (t, fd, at, n, flags, e, f) -> sendmmsg(t, fd, at, n, flags));
    calls.put("recvmmsg", (t, fd, at, n, flags, time, f) -> recvmmsg(t, fd, at, n, flags));
  }

  /** Native copy of a length that the host changes; 0 for a null pointer. */
  private static long length(GuestThread t, long lengthAt, int most) {
    if (lengthAt == 0) {
      return 0;
    }
    long host = t.in(lengthAt, 4);
    int n = GuestRam.hostLoad32(host);
    if (n < 0) {
      throw new Errno(Errno.EINVAL);
    }
    GuestRam.hostStore32(host, Math.min(n, most));
    return host;
  }

  /** Gives the guest an address, or as much of it as it had room for. */
  private static void give(
      GuestThread t, long at, long lengthAt, long buffer, long length, int room) {
    if (at != 0 && lengthAt != 0) {
      int n = GuestRam.hostLoad32(length);
      t.memory.writeHost(t, at, buffer, Math.min(n, room));
      t.store32(lengthAt, n);
    }
  }

  private static long accept(GuestThread t, long fd, long at, long lengthAt, long flags) {
    long length = at == 0 ? 0 : length(t, lengthAt, MAX_ADDRESS);
    int room = length == 0 ? 0 : GuestRam.hostLoad32(length);
    long buffer = at == 0 ? 0 : t.scratch(MAX_ADDRESS);
    long r = t.restartable(ACCEPT4, t.fd(fd), buffer, length, flags | SOCK_CLOEXEC, 0, 0);
    if (r < 0) {
      return r;
    }
    give(t, at, lengthAt, buffer, length, room);
    return t.process.fds.installHost(r, (flags & SOCK_CLOEXEC) != 0);
  }

  private static long name(GuestThread t, int number, long fd, long at, long lengthAt) {
    long length = length(t, lengthAt, MAX_ADDRESS);
    if (length == 0) {
      return -Errno.EFAULT;
    }
    int room = GuestRam.hostLoad32(length);
    long buffer = t.scratch(MAX_ADDRESS);
    long r = Host.call(number, t.fd(fd), buffer, length);
    if (r >= 0) {
      give(t, at, lengthAt, buffer, length, room);
    }
    return r;
  }

  static long getsockopt(
      GuestThread t, long fd, long level, long name, long at, long lengthAt, long f) {
    long length = length(t, lengthAt, MAX_OPTION);
    if (length == 0) {
      return -Errno.EFAULT;
    }
    int room = GuestRam.hostLoad32(length);
    long buffer = at == 0 ? 0 : t.scratch(MAX_OPTION);
    if (at != 0) {
      t.memory.readHost(t, at, buffer, room);
    }
    long r = Host.call(GETSOCKOPT, t.fd(fd), level, name, buffer, length);
    if (r >= 0) {
      give(t, at, lengthAt, buffer, length, room);
    }
    return r;
  }

  private static long pair(GuestThread t, long domain, long type, long protocol, long at) {
    long pair = t.scratch(8);
    long r = Host.call(Host.SOCKETPAIR, domain, type | SOCK_CLOEXEC, protocol, pair);
    return r < 0 ? r : FileCalls.installPair(t, pair, at, (type & SOCK_CLOEXEC) != 0);
  }

  private static long sendto(
      GuestThread t, long fd, long at, long n, long flags, long address, long addressBytes) {
    int size = (int) addressBytes;
    if (address != 0 && (size < 0 || size > MAX_ADDRESS)) {
      return -Errno.EINVAL;
    }
    long to = address == 0 ? 0 : t.in(address, size);
    Iovecs v = Iovecs.of(t, false, at, n);
    long r;
    if (v.count <= 1) {
      r =
          t.restartable(
              SENDTO, t.fd(fd), v.single(), v.bytes, flags | MSG_NOSIGNAL, to, to == 0 ? 0 : size);
    } else {
      long header = header(t, to, size, v, 0, 0);
      r = t.restartable(SENDMSG, t.fd(fd), header, flags | MSG_NOSIGNAL, 0, 0, 0);
    }
    return (flags & MSG_NOSIGNAL) != 0 ? r : FileCalls.brokenPipe(t, r);
  }

  private static long recvfrom(
      GuestThread t, long fd, long at, long n, long flags, long address, long lengthAt) {
    long length = address == 0 ? 0 : length(t, lengthAt, MAX_ADDRESS);
    int room = length == 0 ? 0 : GuestRam.hostLoad32(length);
    long from = address == 0 ? 0 : t.scratch(MAX_ADDRESS);
    Iovecs v = Iovecs.of(t, true, at, n);
    long r;
    if (v.count <= 1) {
      r = t.restartable(RECVFROM, t.fd(fd), v.single(), v.bytes, flags, from, length);
    } else {
      long header = header(t, from, room, v, 0, 0);
      r = t.restartable(RECVMSG, t.fd(fd), header, flags, 0, 0, 0);
      if (length != 0) {
        GuestRam.hostStore32(length, GuestRam.hostLoad32(header + 8));
      }
    }
    if (r >= 0 && length != 0) {
      give(t, address, lengthAt, from, length, room);
    }
    return r;
  }

  // ---------------------------------------------------------------- messages

  /** A host msghdr. */
  private static long header(
      GuestThread t, long name, int nameBytes, Iovecs v, long control, long controlBytes) {
    long h = t.scratch(HEADER);
    GuestRam.hostStore64(h, name);
    GuestRam.hostStore64(h + 8, name == 0 ? 0 : nameBytes);
    GuestRam.hostStore64(h + 16, v.address);
    GuestRam.hostStore64(h + 24, v.count);
    GuestRam.hostStore64(h + 32, control);
    GuestRam.hostStore64(h + 40, controlBytes);
    GuestRam.hostStore64(h + 48, 0);
    return h;
  }

  /** A guest's msghdr, whatever its word size. */
  private record Message(
      long name, int nameBytes, long vectors, long count, long control, long controlBytes) {}

  private static Message message(GuestThread t, long at) {
    if (t.process.is32Bit) {
      long h = t.need(at, 28);
      return new Message(
          GuestRam.hostLoad32(h) & 0xffff_ffffL,
          GuestRam.hostLoad32(h + 4),
          GuestRam.hostLoad32(h + 8) & 0xffff_ffffL,
          GuestRam.hostLoad32(h + 12),
          GuestRam.hostLoad32(h + 16) & 0xffff_ffffL,
          GuestRam.hostLoad32(h + 20) & 0xffff_ffffL);
    }
    long h = t.need(at, HEADER);
    return new Message(
        GuestRam.hostLoad64(h),
        GuestRam.hostLoad32(h + 8),
        GuestRam.hostLoad64(h + 16),
        GuestRam.hostLoad64(h + 24),
        GuestRam.hostLoad64(h + 32),
        GuestRam.hostLoad64(h + 40));
  }

  static long sendmsg(GuestThread t, long fd, long at, long flags) {
    Message m = message(t, at);
    if (m.nameBytes < 0 || m.nameBytes > MAX_ADDRESS || m.controlBytes > MAX_CONTROL) {
      return -Errno.EINVAL;
    }
    long name = m.name == 0 ? 0 : t.in(m.name, m.nameBytes);
    Iovecs v = Iovecs.ofArray(t, false, m.vectors, (int) m.count, !t.process.is32Bit);
    ControlMessages c = ControlMessages.toHost(t, m.control, (int) m.controlBytes);
    long header = header(t, name, m.nameBytes, v, c.address, c.bytes);
    long r = t.restartable(SENDMSG, t.fd(fd), header, flags | MSG_NOSIGNAL, 0, 0, 0);
    return (flags & MSG_NOSIGNAL) != 0 ? r : FileCalls.brokenPipe(t, r);
  }

  static long recvmsg(GuestThread t, long fd, long at, long flags) {
    Message m = message(t, at);
    long name = m.name == 0 ? 0 : t.scratch(MAX_ADDRESS);
    Iovecs v = Iovecs.ofArray(t, true, m.vectors, (int) m.count, !t.process.is32Bit);
    long controlRoom = m.control == 0 ? 0 : Math.min(MAX_CONTROL, m.controlBytes * 2);
    long control = controlRoom == 0 ? 0 : t.scratch(controlRoom);
    long hostRoom = t.process.is32Bit ? controlRoom : Math.min(m.controlBytes, controlRoom);
    long header =
        header(
            t, name, Math.min(m.nameBytes, MAX_ADDRESS), v, control, control == 0 ? 0 : hostRoom);
    long r = t.restartable(RECVMSG, t.fd(fd), header, flags | MSG_CMSG_CLOEXEC, 0, 0, 0);
    if (r < 0) {
      return r;
    }
    int nameBytes = GuestRam.hostLoad32(header + 8);
    if (m.name != 0) {
      t.memory.writeHost(t, m.name, name, Math.min(nameBytes, m.nameBytes));
    }
    ControlMessages.Given given =
        control == 0
            ? new ControlMessages.Given(0, false)
            : ControlMessages.toGuest(
                t,
                control,
                (int) GuestRam.hostLoad64(header + 40),
                m.control,
                (int) m.controlBytes,
                (flags & MSG_CMSG_CLOEXEC) != 0);
    int hostFlags = GuestRam.hostLoad32(header + 48) & ~MSG_CMSG_CLOEXEC;
    int outFlags =
        hostFlags | (int) flags & MSG_CMSG_CLOEXEC | (given.truncated() ? MSG_CTRUNC : 0);
    if (t.process.is32Bit) {
      t.store32(at + 4, nameBytes);
      t.store32(at + 20, given.bytes());
      t.store32(at + 24, outFlags);
    } else {
      t.store32(at + 8, nameBytes);
      t.store64(at + 40, given.bytes());
      t.store32(at + 48, outFlags);
    }
    return r;
  }

  static boolean isRights(int level, int type) {
    return level == SOL_SOCKET && type == SCM_RIGHTS;
  }

  private static long sendmmsg(GuestThread t, long fd, long at, long n, long flags) {
    int entry = t.process.is32Bit ? 32 : 64;
    int lengthAt = t.process.is32Bit ? 28 : HEADER;
    int count = (int) Math.min(n, 1024);
    for (int i = 0; i < count; i++) {
      long r = sendmsg(t, fd, at + (long) i * entry, flags);
      if (r < 0) {
        return i > 0 ? i : r;
      }
      t.store32(at + (long) i * entry + lengthAt, (int) r);
      t.resetScratch();
    }
    return count;
  }

  /** The first waits, the others take what is there. */
  private static long recvmmsg(GuestThread t, long fd, long at, long n, long flags) {
    int entry = t.process.is32Bit ? 32 : 64;
    int lengthAt = t.process.is32Bit ? 28 : HEADER;
    int count = (int) Math.min(n, 1024);
    int dontWait = 0x40;
    int waitForOne = 0x10000;
    for (int i = 0; i < count; i++) {
      long how = flags & ~waitForOne | (i > 0 ? dontWait : 0);
      long r = recvmsg(t, fd, at + (long) i * entry, how);
      if (r < 0) {
        return i > 0 ? i : r;
      }
      t.store32(at + (long) i * entry + lengthAt, (int) r);
      t.resetScratch();
    }
    return count;
  }
}
