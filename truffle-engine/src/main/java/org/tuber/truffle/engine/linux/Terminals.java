package org.tuber.truffle.engine.linux;

import org.tuber.core.mem.GuestRam;

/**
 * Job control: to the host all guest processes are one, so whether a process may use its session's
 * terminal is decided here (termios(3), POSIX.1 chapter 11).
 */
final class Terminals {
  private static final int TCGETS = 0x5401;
  private static final int TIOCGPTN = 0x8004_5430;
  private static final int TIOCGDEV = 0x8004_5432;
  private static final int TOSTOP = 0x100;
  private static final int LFLAG_AT = 12;
  private static final int TERMIOS_BYTES = 36;

  private Terminals() {}

  /** Device number of the terminal behind a descriptor; 0 for none and for a pty's master. */
  static int device(int host) {
    long buffer = GuestRam.hostAllocate(TERMIOS_BYTES);
    try {
      if (Host.call(Host.IOCTL, host, TCGETS, buffer) < 0
          || Host.call(Host.IOCTL, host, TIOCGPTN & 0xffff_ffffL, buffer) >= 0
          || Host.call(Host.IOCTL, host, TIOCGDEV & 0xffff_ffffL, buffer) < 0) {
        return 0;
      }
      return GuestRam.hostLoad32(buffer);
    } finally {
      GuestRam.hostFree(buffer);
    }
  }

  /** The process is in the background of the session whose terminal this is. */
  private static boolean isBackground(GuestThread t, int device) {
    UserSystem system = t.process.system;
    synchronized (system) {
      int group = system.foregroundGroup(t.process.sid);
      return group != 0
          && group != t.process.pgid
          && system.controllingTerminal(t.process.sid) == device;
    }
  }

  /** Before reading: a background process gets SIGTTIN instead. */
  static void beforeRead(GuestThread t, OpenFile file) {
    int device = file.terminal();
    if (device == 0 || !isBackground(t, device)) {
      return;
    }
    if (isDeaf(t, SignalInfo.SIGTTIN) || isOrphaned(t.process)) {
      throw new Errno(Errno.EIO);
    }
    stopGroup(t, SignalInfo.SIGTTIN);
  }

  /** Before writing: a background process gets SIGTTOU if the terminal is set up for it. */
  static void beforeWrite(GuestThread t, OpenFile file) {
    int device = file.terminal();
    if (device == 0 || !isBackground(t, device)) {
      return;
    }
    long buffer = GuestRam.hostAllocate(TERMIOS_BYTES);
    try {
      if (Host.call(Host.IOCTL, file.hostFd, TCGETS, buffer) < 0
          || (GuestRam.hostLoad32(buffer + LFLAG_AT) & TOSTOP) == 0) {
        return;
      }
    } finally {
      GuestRam.hostFree(buffer);
    }
    beforeChange(t, device);
  }

  /** Before the terminal's settings or foreground group change. */
  static void beforeChange(GuestThread t, int device) {
    if (device == 0 || !isBackground(t, device) || isDeaf(t, SignalInfo.SIGTTOU)) {
      return;
    }
    if (isOrphaned(t.process)) {
      throw new Errno(Errno.EIO);
    }
    stopGroup(t, SignalInfo.SIGTTOU);
  }

  private static boolean isDeaf(GuestThread t, int signal) {
    synchronized (t.process.system) {
      return t.blocks(signal) || t.process.actions.get(signal).handler() == SignalActions.SIG_IGN;
    }
  }

  /** Nobody in the session could continue the group if it were stopped. */
  private static boolean isOrphaned(GuestProcess process) {
    UserSystem system = process.system;
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        if (p.pgid != process.pgid || p.zombie) {
          continue;
        }
        // The first one's parent is a process of the host: a shell, unless it leads the session.
        boolean cared =
            p.parent == null
                ? p == system.first && p.sid != p.pid
                : p.parent.pgid != p.pgid && p.parent.sid == p.sid;
        if (cared) {
          return false;
        }
      }
    }
    return true;
  }

  private static void stopGroup(GuestThread t, int signal) {
    UserSystem system = t.process.system;
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        if (p.pgid == t.process.pgid && !p.zombie) {
          Signals.send(p, SignalInfo.simple(signal, SignalInfo.SI_KERNEL));
        }
      }
      t.work = true;
    }
    throw new Errno(Errno.ERESTARTSYS);
  }
}
