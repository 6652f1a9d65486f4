package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * A pidfd of a guest process: an eventfd that becomes readable, for poll and its kin, when the
 * process has ended. To the host it is no pidfd.
 */
final class PidFile extends OpenFile {
  private static final int PIDFD_OPEN = 434;
  private static final int PIDFD_SEND_SIGNAL = 424;
  private static final int EFD_NONBLOCK = 0x800;

  private final GuestProcess process;

  private PidFile(GuestProcess process) {
    super((int) Host.must("eventfd", Host.call(Host.EVENTFD2, 0, EFD_NONBLOCK | Host.O_CLOEXEC)));
    this.process = process;
  }

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("pidfd_open", (t, pid, flags, c, d, e, f) -> open(t, (int) pid, (int) flags));
    calls.put(
        "pidfd_send_signal",
        (t, fd, n, info, flags, e, f) -> send(t, (int) fd, (int) n, info, (int) flags));
  }

  /** A new descriptor of {@code p} in the calling process. */
  static int install(GuestThread t, GuestProcess p, boolean cloexec) {
    PidFile file = new PidFile(p);
    synchronized (p.system) {
      p.pidFiles.add(file);
      if (p.zombie) {
        file.ended();
      }
    }
    return t.process.fds.install(file, 0, cloexec);
  }

  private static long open(GuestThread t, int pid, int flags) {
    if (pid <= 0 || (flags & ~EFD_NONBLOCK) != 0) {
      return -Errno.EINVAL;
    }
    GuestProcess p;
    synchronized (t.process.system) {
      p = t.process.system.find(pid);
    }
    if (p != null) {
      return install(t, p, true);
    }
    if (ThreadCalls.find(t.process.system, pid) != null) {
      return -Errno.EINVAL;
    }
    if (Host.isOwnThread(pid)) {
      return -Errno.ESRCH;
    }
    return t.process.fds.installHost(Host.call(PIDFD_OPEN, pid, flags), true);
  }

  /** The process a descriptor means. */
  static GuestProcess process(GuestThread t, int fd) {
    if (t.process.fds.get(fd) instanceof PidFile file) {
      return file.process;
    }
    throw new Errno(Errno.EBADF);
  }

  private static long send(GuestThread t, int fd, int n, long at, int flags) {
    if (flags != 0) {
      return -Errno.EINVAL;
    }
    GuestProcess p =
        switch (t.process.fds.get(fd)) {
          case PidFile file -> file.process;
          case ProcessFolder folder -> folder.process;
          default -> null;
        };
    if (p == null) {
      return Host.call(PIDFD_SEND_SIGNAL, t.fd(fd), n, 0, 0);
    }
    if (n != 0) {
      SignalCalls.check(n);
    }
    SignalInfo info =
        at == 0 ? SignalInfo.from(n, SignalInfo.SI_USER, t) : SignalCalls.queued(t, n, at);
    synchronized (p.system) {
      if (p.system.find(p.pid) != p) {
        return -Errno.ESRCH;
      }
      if (n != 0) {
        Signals.send(p, info);
      }
    }
    return 0;
  }

  /** The process has ended. */
  void ended() {
    long one = GuestRam.hostAllocate(8);
    try {
      GuestRam.hostStore64(one, 1);
      Host.call(Host.WRITE, hostFd, one, 8);
    } finally {
      GuestRam.hostFree(one);
    }
  }

  @Override
  void closed() {
    synchronized (process.system) {
      process.pidFiles.remove(this);
    }
    super.closed();
  }
}
