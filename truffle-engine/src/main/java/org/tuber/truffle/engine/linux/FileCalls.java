package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** Files and descriptors: what needs more than a {@link Passthrough}. */
final class FileCalls {
  private static final int O_CLOEXEC = 0x80000;
  private static final int O_CREAT_WRONLY_TRUNC = 0x241;
  private static final int PREADV = 295;
  private static final int PWRITEV = 296;
  private static final int PREADV2 = 327;
  private static final int PWRITEV2 = 328;
  private static final int PIPE2 = 293;
  private static final int READLINKAT = 267;
  private static final int SENDFILE = 40;
  private static final int OPENAT2 = 437;
  private static final int OPEN_HOW_BYTES = 24;
  private static final int CLOSE_RANGE_CLOEXEC = 4;

  // fcntl
  private static final int F_DUPFD = 0;
  private static final int F_GETFD = 1;
  private static final int F_SETFD = 2;
  private static final int F_GETLK = 5;
  private static final int F_SETLKW = 7;
  private static final int F_SETOWN = 8;
  private static final int F_GETOWN = 9;
  private static final int F_SETSIG = 10;
  private static final int F_GETSIG = 11;
  private static final int F_SETOWN_EX = 15;
  private static final int F_GETOWN_EX = 16;
  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLKW = 38;
  private static final int F_SETLEASE = 1024;
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int F_GETPIPE_SZ = 1032;

  private static final int SPLICE_F_NONBLOCK = 2;
  private static final int POLL = 7;
  private static final long POLLIN = 1;
  private static final long POLLOUT = 4;

  private FileCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("read", (t, fd, at, n, d, e, f) -> read(t, fd, at, n));
    calls.put("write", (t, fd, at, n, d, e, f) -> write(t, fd, Iovecs.of(t, false, at, n)));
    calls.put("readv", (t, fd, at, n, d, e, f) -> readv(t, fd, vector(t, true, at, n)));
    calls.put("writev", (t, fd, at, n, d, e, f) -> write(t, fd, vector(t, false, at, n)));
    calls.put("pread64", (t, fd, at, n, o, e, f) -> pread(t, fd, Iovecs.of(t, true, at, n), o));
    calls.put("pwrite64", (t, fd, at, n, o, e, f) -> pwrite(t, fd, Iovecs.of(t, false, at, n), o));
    calls.put("preadv", (t, fd, at, n, o, e, f) -> pread(t, fd, vector(t, true, at, n), o));
    calls.put("pwritev", (t, fd, at, n, o, e, f) -> pwrite(t, fd, vector(t, false, at, n), o));
    calls.put(
        "preadv2", (t, fd, at, n, o, h, f) -> v2(t, PREADV2, fd, vector(t, true, at, n), o, h, f));
    calls.put(
        "pwritev2",
        (t, fd, at, n, o, h, f) -> v2(t, PWRITEV2, fd, vector(t, false, at, n), o, h, f));
    calls.put("open", (t, path, flags, mode, d, e, f) -> open(t, Host.AT_FDCWD, path, flags, mode));
    calls.put("openat", (t, at, path, flags, mode, e, f) -> open(t, at, path, flags, mode));
    calls.put("openat2", (t, at, path, how, n, e, f) -> openat2(t, at, path, how, n));
    calls.put(
        "creat",
        (t, path, mode, c, d, e, f) -> open(t, Host.AT_FDCWD, path, O_CREAT_WRONLY_TRUNC, mode));
    calls.put("close", (t, fd, b, c, d, e, f) -> close(t, fd));
    calls.put("close_range", (t, a, b, flags, d, e, f) -> closeRange(t, a, b, flags));
    calls.put("dup", (t, fd, b, c, d, e, f) -> dup(t, fd, 0, false));
    calls.put("dup2", (t, a, b, c, d, e, f) -> dup2(t, a, b));
    calls.put("dup3", FileCalls::dup3);
    calls.put("fcntl", (t, fd, command, argument, d, e, f) -> fcntl(t, fd, command, argument));
    calls.put("ioctl", (t, fd, command, argument, d, e, f) -> Ioctls.run(t, fd, command, argument));
    calls.put("pipe", (t, at, b, c, d, e, f) -> pipe(t, at, 0));
    calls.put("pipe2", (t, at, flags, c, d, e, f) -> pipe(t, at, flags));
    calls.put("readlink", (t, path, at, n, d, e, f) -> readlink(t, Host.AT_FDCWD, path, at, n));
    calls.put("readlinkat", (t, dir, path, at, n, e, f) -> readlink(t, dir, path, at, n));
    calls.put("vmsplice", (t, fd, at, n, flags, e, f) -> vmsplice(t, fd, at, n, (int) flags));
    calls.put("sendfile", (t, out, in, offset, n, e, f) -> sendfile(t, out, in, offset, n));
  }

  private static Iovecs vector(GuestThread t, boolean write, long at, long n) {
    return Iovecs.ofArray(t, write, at, (int) n, !t.process.is32Bit);
  }

  private static long read(GuestThread t, long fd, long at, long n) {
    OpenFile file = t.process.fds.get((int) fd);
    if (file instanceof SignalFile signals) {
      return signals.read(t, at, n);
    }
    Terminals.beforeRead(t, file);
    return Iovecs.of(t, true, at, n).transfer(file.hostFd);
  }

  private static long readv(GuestThread t, long fd, Iovecs v) {
    OpenFile file = t.process.fds.get((int) fd);
    Terminals.beforeRead(t, file);
    return v.transfer(file.hostFd);
  }

  private static long write(GuestThread t, long fd, Iovecs v) {
    OpenFile file = t.process.fds.get((int) fd);
    Terminals.beforeWrite(t, file);
    long room = FileSizes.limit(t, file.hostFd, v, -1);
    if (room < 0) {
      return room;
    }
    return brokenPipe(t, v.transfer(file.hostFd));
  }

  /** The JVM ignores SIGPIPE; the guest may not. */
  static long brokenPipe(GuestThread t, long result) {
    if (result == -32) {
      Signals.send(t, SignalInfo.from(SignalInfo.SIGPIPE, SignalInfo.SI_USER, t));
    }
    return result;
  }

  static long pread(GuestThread t, long fd, Iovecs v, long offset) {
    return t.restartable(PREADV, t.fd(fd), v.address, v.count, offset, 0, 0);
  }

  static long pwrite(GuestThread t, long fd, Iovecs v, long offset) {
    int host = t.fd(fd);
    long room = FileSizes.limit(t, host, v, offset);
    return room < 0 ? room : t.restartable(PWRITEV, host, v.address, v.count, offset, 0, 0);
  }

  private static long v2(
      GuestThread t, int number, long fd, Iovecs v, long offset, long high, long flags) {
    long at = t.process.is32Bit ? offset & 0xffff_ffffL | high << 32 : offset;
    long r = t.restartable(number, t.fd(fd), v.address, v.count, at, 0, flags & 0xffff_ffffL);
    return number == PWRITEV2 ? brokenPipe(t, r) : r;
  }

  static long open(GuestThread t, long directory, long pathGva, long flags, long mode) {
    return openHost(t, directory, pathGva, t.process.abi.hostOpenFlags((int) flags), mode);
  }

  private static long openHost(GuestThread t, long directory, long pathGva, long flags, long mode) {
    String path = t.path(pathGva);
    int own = ProcFiles.open(t, path, (int) flags);
    long host = own;
    if (own == ProcFiles.NOT_OURS) {
      int from = t.directory(directory);
      long name = t.hostPath(path);
      host =
          FileSizes.open(
              t,
              from,
              name,
              flags,
              () -> t.restartable(Host.OPENAT, from, name, flags | O_CLOEXEC, mode, 0, 0));
    }
    if (host >= 0 && ProcFiles.isDescriptorList(t, path)) {
      return t.process.fds.install(
          new DescriptorList((int) host, t.process.fds), 0, (flags & O_CLOEXEC) != 0);
    }
    GuestProcess process = host < 0 ? null : ProcFiles.folderOf(t, path);
    if (process != null) {
      return t.process.fds.install(
          new ProcessFolder((int) host, process), 0, (flags & O_CLOEXEC) != 0);
    }
    return host < 0 ? host : t.process.fds.installHost(host, (flags & O_CLOEXEC) != 0);
  }

  /** The host checks {@code open_how}, which may be longer than the three fields known here. */
  private static long openat2(GuestThread t, long directory, long pathGva, long how, long size) {
    if (size < OPEN_HOW_BYTES) {
      return -Errno.EINVAL;
    }
    if (size > 4096) {
      return -Errno.E2BIG;
    }
    String path = t.path(pathGva);
    long host = t.need(how, (int) size);
    long given = GuestRam.hostLoad64(host);
    long flags = given >>> 32 == 0 ? t.process.abi.hostOpenFlags((int) given) : given;
    long resolve = GuestRam.hostLoad64(host + 16);
    boolean plain = resolve == 0 && flags >>> 32 == 0;
    if (plain && ProcFiles.isOurs(t, path)) {
      return openHost(t, directory, pathGva, flags, GuestRam.hostLoad64(host + 8));
    }
    GuestRam.hostStore64(host, flags | O_CLOEXEC);
    long fd =
        t.restartable(
            OPENAT2,
            t.directory(directory),
            resolve == 0 ? t.hostPath(path) : t.string(path),
            host,
            size,
            0,
            0);
    return fd < 0 ? fd : t.process.fds.installHost(fd, (flags & O_CLOEXEC) != 0);
  }

  private static long close(GuestThread t, long fd) {
    t.process.fds.close((int) fd);
    return 0;
  }

  private static long closeRange(GuestThread t, long first, long last, long flags) {
    int from = (int) Math.min(first & 0xffff_ffffL, Integer.MAX_VALUE);
    int to = (int) Math.min(last & 0xffff_ffffL, Integer.MAX_VALUE);
    if (from > to) {
      return -Errno.EINVAL;
    }
    t.process.fds.closeRange(from, to, (flags & CLOSE_RANGE_CLOEXEC) != 0);
    return 0;
  }

  private static long dup(GuestThread t, long fd, int least, boolean cloexec) {
    FdTable fds = t.process.fds;
    OpenFile file = fds.get((int) fd);
    if (least >= fds.limit || least < 0) {
      return -Errno.EINVAL;
    }
    return fds.install(file, least, cloexec);
  }

  private static long dup2(GuestThread t, long from, long to) {
    OpenFile file = t.process.fds.get((int) from);
    if ((int) from != (int) to) {
      t.process.fds.replace((int) to, file, false);
    }
    return (int) to;
  }

  private static long dup3(GuestThread t, long from, long to, long flags, long d, long e, long f) {
    if ((int) from == (int) to) {
      return -Errno.EINVAL;
    }
    t.process.fds.replace((int) to, t.process.fds.get((int) from), (flags & O_CLOEXEC) != 0);
    return (int) to;
  }

  static long fcntl(GuestThread t, long fd, long command, long argument) {
    int c = (int) command;
    FdTable fds = t.process.fds;
    switch (c) {
      case F_DUPFD:
        return dup(t, fd, (int) argument, false);
      case F_DUPFD_CLOEXEC:
        return dup(t, fd, (int) argument, true);
      case F_GETFD:
        fds.get((int) fd);
        return fds.isCloseOnExec((int) fd) ? 1 : 0;
      case F_SETFD:
        fds.get((int) fd);
        fds.setCloseOnExec((int) fd, (argument & 1) != 0);
        return 0;
      case F_GETLK, 6, F_SETLKW:
        return lock(t, fd, c - F_GETLK, false, argument);
      case F_OFD_GETLK, 37, F_OFD_SETLKW:
        return lock(t, fd, c - F_OFD_GETLK, true, argument);
      case F_SETOWN, F_SETSIG, F_SETOWN_EX:
        return 0;
      case F_GETOWN, F_GETSIG, F_GETOWN_EX:
        return 0;
      case F_SETLEASE:
        return -Errno.EINVAL;
      case F_GETFL:
        long got = Host.call(Host.FCNTL, t.fd(fd), c);
        return got < 0 ? got : t.process.abi.guestOpenFlags((int) got);
      case F_SETFL:
        return Host.call(Host.FCNTL, t.fd(fd), c, t.process.abi.hostOpenFlags((int) argument));
      default:
        return t.restartable(Host.FCNTL, t.fd(fd), c, argument, 0, 0, 0);
    }
  }

  /** struct flock; {@code kind} 0 get, 1 set, 2 set and wait. */
  private static long lock(GuestThread t, long fd, int kind, boolean ofFile, long at) {
    long host = t.need(at, RecordLocks.FLOCK_BYTES);
    long r = lockHost(t, fd, kind, ofFile, host);
    if (r >= 0 && kind == 0) {
      t.memory.writeHost(t, at, host, RecordLocks.FLOCK_BYTES);
    }
    return r;
  }

  /**
   * The same with the structure in native memory.
   *
   * @param ofFile the lock is an open file's, not the process's
   */
  static long lockHost(GuestThread t, long fd, int kind, boolean ofFile, long flock) {
    int host = t.fd(fd);
    return ofFile
        ? t.restartable(Host.FCNTL, host, F_OFD_GETLK + kind, flock, 0, 0, 0)
        : t.process.fds.locks.run(t, host, kind, flock);
  }

  private static long pipe(GuestThread t, long at, long flags) {
    long pair = t.scratch(8);
    long r = Host.call(PIPE2, pair, t.process.abi.hostOpenFlags((int) flags) | O_CLOEXEC);
    if (r < 0) {
      return r;
    }
    return installPair(t, pair, at, (flags & O_CLOEXEC) != 0);
  }

  /** Two new host descriptors become the guest's, their numbers stored at {@code at}. */
  static long installPair(GuestThread t, long pair, long at, boolean cloexec) {
    FdTable fds = t.process.fds;
    int a = fds.installHost(GuestRam.hostLoad32(pair), cloexec);
    int b;
    try {
      b = fds.installHost(GuestRam.hostLoad32(pair + 4), cloexec);
    } catch (Errno e) {
      fds.close(a);
      throw e;
    }
    t.store64(at, a & 0xffff_ffffL | (long) b << 32);
    return 0;
  }

  private static long readlink(GuestThread t, long directory, long pathGva, long at, long n) {
    String path = t.path(pathGva);
    String own = ProcFiles.link(t, path);
    if (own != null) {
      byte[] bytes = own.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
      int length = (int) Math.min(bytes.length, n);
      t.memory.write(t, at, bytes, 0, length);
      return length;
    }
    if ((int) n <= 0) {
      return -Errno.EINVAL;
    }
    long size = Math.min(n, 4096);
    long buffer = t.scratch(size);
    long r = Host.call(READLINKAT, t.directory(directory), t.hostPath(path), buffer, size);
    if (r > 0) {
      t.memory.writeHost(t, at, buffer, r);
    }
    return r;
  }

  /**
   * The pipe gets copies: were it given the pages, what the guest maps there next would be seen in
   * it.
   */
  private static long vmsplice(GuestThread t, long fd, long at, long n, int flags) {
    int host = t.fd(fd);
    if (Host.call(Host.FCNTL, host, F_GETPIPE_SZ) < 0) {
      return -Errno.EBADF;
    }
    boolean write = ((int) Host.call(Host.FCNTL, host, F_GETFL) & 3) != 0;
    Iovecs v = vector(t, !write, at, n);
    if ((flags & SPLICE_F_NONBLOCK) != 0) {
      long poll = t.scratch(8);
      GuestRam.hostStore64(poll, host | (write ? POLLOUT : POLLIN) << 32);
      if (Host.call(POLL, poll, 1, 0) == 0) {
        return -Errno.EAGAIN;
      }
    }
    return brokenPipe(t, v.transfer(host));
  }

  static long sendfile(GuestThread t, long out, long in, long offset, long n) {
    long position = t.in(offset, 8);
    long r = t.restartable(SENDFILE, t.fd(out), t.fd(in), position, n, 0, 0);
    if (r >= 0 && offset != 0) {
      t.memory.writeHost(t, offset, position, 8);
    }
    return brokenPipe(t, r);
  }
}
