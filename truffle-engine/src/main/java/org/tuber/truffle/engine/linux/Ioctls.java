package org.tuber.truffle.engine.linux;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.core.mem.GuestRam;

/**
 * ioctl: sizes of the old requests, and the terminal's process groups, which exist in here only. A
 * request that says its own size is handed on by that.
 */
final class Ioctls {
  private static final Logger LOG = LoggerFactory.getLogger(Ioctls.class);

  /** A guest that invents requests cannot fill the host's memory or log. */
  private static final int MAX_LOGGED = 256;

  /** Requests that were named in the log already. */
  private static final Set<Integer> LOGGED = ConcurrentHashMap.newKeySet();

  private static final int TERMIOS_BYTES = 36;
  private static final int IN = 1;
  private static final int OUT = 2;

  private static final int TCSETS = 0x5402;
  private static final int TCSETA = 0x5406;
  private static final int TCSBRK = 0x5409;
  private static final int TCXONC = 0x540a;
  private static final int TCFLSH = 0x540b;
  private static final int TIOCSCTTY = 0x540e;
  private static final int TIOCGPGRP = 0x540f;
  private static final int TIOCSPGRP = 0x5410;
  private static final int TIOCNOTTY = 0x5422;
  private static final int TIOCGSID = 0x5429;
  private static final int TIOCGPTPEER = 0x5441;
  private static final int FIONCLEX = 0x5450;
  private static final int FIOCLEX = 0x5451;

  /** IOCTL_VM_SOCKETS_GET_LOCAL_CID, which does not say in its number what it stores. */
  private static final int GET_LOCAL_CID = 0x7b9;

  private static final int FICLONE = 0x4004_9409;

  private Ioctls() {}

  static long run(GuestThread t, long fd, long request, long argument) {
    int r = (int) request;
    FdTable fds = t.process.fds;
    OpenFile file = fds.get((int) fd);
    int host = file.hostFd;
    switch (r) {
      case FIOCLEX, FIONCLEX:
        fds.setCloseOnExec((int) fd, r == FIOCLEX);
        return 0;
      case TIOCGPGRP:
        return foreground(t, host, argument);
      case TIOCSPGRP:
        return setForeground(t, file, argument);
      case TIOCSCTTY, TIOCNOTTY:
        return isTerminal(t, host) ? 0 : -Errno.ENOTTY;
      case TIOCGSID:
        if (!isTerminal(t, host)) {
          return -Errno.ENOTTY;
        }
        t.store32(argument, t.process.sid);
        return 0;
      case TIOCGPTPEER:
        return fds.installHost(
            Host.call(Host.IOCTL, host, r, argument | Host.O_CLOEXEC),
            (argument & Host.O_CLOEXEC) != 0);
      case FICLONE:
        return Host.call(Host.IOCTL, host, r, t.fd(argument));
      case TCSETS, TCSETS + 1, TCSETS + 2, TCSETA, TCSETA + 1, TCSETA + 2, TCSBRK, TCXONC, TCFLSH:
        Terminals.beforeChange(t, file.terminal());
        return plain(t, host, r, argument);
      default:
        return InterfaceIoctls.covers(r)
            ? InterfaceIoctls.run(t, host, r, argument)
            : plain(t, host, r, argument);
    }
  }

  private static long plain(GuestThread t, int host, int r, long argument) {
    int directions;
    int size;
    switch (r) {
      case 0x5401, 0x5456 -> {
        directions = OUT;
        size = TERMIOS_BYTES;
      }
      case 0x5402, 0x5403, 0x5404, 0x5457 -> {
        directions = IN;
        size = TERMIOS_BYTES;
      }
      case 0x5405 -> {
        directions = OUT;
        size = 18;
      }
      case 0x5406, 0x5407, 0x5408 -> {
        directions = IN;
        size = 18;
      }
      case 0x5413 -> {
        directions = OUT;
        size = 8;
      }
      case 0x5414 -> {
        directions = IN;
        size = 8;
      }
      case 0x5411, 0x541b, 0x5424, 0x5415, 0x5419, 0x8905, 0x8901, 0x8904, GET_LOCAL_CID -> {
        directions = OUT;
        size = 4;
      }
      case 0x5421, 0x5416, 0x5417, 0x5418, 0x5420, 0x5423, 0x5452, 0x5412, 0x8902 -> {
        directions = IN;
        size = r == 0x5412 ? 1 : 4;
      }
      case 0x5409, 0x540a, 0x540b, 0x540c, 0x540d, 0x5425, 0x5427, 0x5428 -> {
        directions = 0;
        size = 0;
      }
      default -> {
        directions = r >>> 30;
        size = r >>> 16 & 0x3fff;
        if (size == 0 && r >>> 16 != 0x2000) {
          if (LOGGED.size() < MAX_LOGGED && LOGGED.add(r)) {
            LOG.warn("ioctl 0x{} is not implemented", Integer.toHexString(r));
          }
          return -Errno.ENOTTY;
        }
      }
    }
    if (size == 0) {
      return t.restartable(Host.IOCTL, host, r & 0xffff_ffffL, argument, 0, 0, 0);
    }
    long buffer = (directions & IN) != 0 ? t.in(argument, size) : t.out(argument, size);
    long result = t.restartable(Host.IOCTL, host, r & 0xffff_ffffL, buffer, 0, 0, 0);
    if (result >= 0 && (directions & OUT) != 0) {
      t.memory.writeHost(t, argument, buffer, size);
    }
    return result;
  }

  private static boolean isTerminal(GuestThread t, int host) {
    return Host.call(Host.IOCTL, host, 0x5401, t.scratch(TERMIOS_BYTES)) == 0;
  }

  private static long foreground(GuestThread t, int host, long at) {
    long buffer = t.scratch(4);
    long r = Host.call(Host.IOCTL, host, TIOCGPGRP, buffer);
    UserSystem system = t.process.system;
    int own;
    synchronized (system) {
      own = system.foregroundGroup(t.process.sid);
    }
    if (own != 0 && isTerminal(t, host)) {
      t.store32(at, own);
      return 0;
    }
    if (r < 0) {
      return r;
    }
    t.store32(at, GuestRam.hostLoad32(buffer));
    return 0;
  }

  private static long setForeground(GuestThread t, OpenFile file, long at) {
    if (!isTerminal(t, file.hostFd)) {
      return -Errno.ENOTTY;
    }
    Terminals.beforeChange(t, file.terminal());
    UserSystem system = t.process.system;
    int group = t.load32(at);
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        if (p.pgid == group && p.sid == t.process.sid) {
          system.setForegroundGroup(t.process.sid, group, file.terminal());
          return 0;
        }
      }
    }
    return -Errno.ESRCH;
  }
}
