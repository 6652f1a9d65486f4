package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** Signal system calls of 64-bit programs; i386 shares what has the same layout. */
final class SignalCalls {
  private static final int SIG_BLOCK = 0;
  private static final int SIG_UNBLOCK = 1;
  private static final int SIG_SETMASK = 2;
  private static final int SS_ONSTACK = 1;
  private static final int SS_DISABLE = 2;
  private static final int SIGNALS = 64;
  private static final int SFD_NONBLOCK = 0x800;
  private static final int SFD_CLOEXEC = 0x80000;

  private SignalCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("rt_sigaction", (t, n, set, get, size, e, f) -> action(t, (int) n, set, get));
    calls.put("rt_sigprocmask", (t, how, set, get, size, e, f) -> procmask(t, (int) how, set, get));
    calls.put("rt_sigpending", (t, at, n, c, d, e, f) -> pending(t, at));
    calls.put("rt_sigsuspend", (t, at, n, c, d, e, f) -> suspend(t, at));
    calls.put(
        "rt_sigtimedwait",
        (t, set, info, time, n, e, f) -> timedWait(t, set, info, TimeCalls.nanos(t, time, 16)));
    calls.put("rt_sigqueueinfo", (t, pid, n, info, d, e, f) -> queueInfo(t, pid, -1, n, info));
    calls.put("rt_tgsigqueueinfo", (t, pid, tid, n, info, e, f) -> queueInfo(t, pid, tid, n, info));
    calls.put("pause", (t, a, b, c, d, e, f) -> pause(t));
    calls.put("kill", (t, pid, n, c, d, e, f) -> kill(t, (int) pid, (int) n));
    calls.put("tkill", (t, tid, n, c, d, e, f) -> tkill(t, -1, (int) tid, (int) n));
    calls.put("tgkill", (t, pid, tid, n, d, e, f) -> tkill(t, (int) pid, (int) tid, (int) n));
    calls.put("sigaltstack", (t, set, get, c, d, e, f) -> altStack(t, set, get));
    calls.put("signalfd", (t, fd, set, n, d, e, f) -> signalfd(t, (int) fd, set, 0));
    calls.put("signalfd4", (t, fd, set, n, flags, e, f) -> signalfd(t, (int) fd, set, (int) flags));
  }

  static void check(int n) {
    if (n < 1 || n > SIGNALS) {
      throw new Errno(Errno.EINVAL);
    }
  }

  private static long action(GuestThread t, int n, long set, long get) {
    check(n);
    SignalActions.Action next = null;
    if (set != 0) {
      long from = t.in(set, 32);
      next =
          new SignalActions.Action(
              GuestRam.hostLoad64(from),
              GuestRam.hostLoad64(from + 8),
              GuestRam.hostLoad64(from + 16),
              GuestRam.hostLoad64(from + 24));
    }
    SignalActions.Action old = change(t, n, next);
    if (get != 0) {
      long to = t.scratch(32);
      GuestRam.hostStore64(to, old.handler());
      GuestRam.hostStore64(to + 8, old.flags());
      GuestRam.hostStore64(to + 16, old.restorer());
      GuestRam.hostStore64(to + 24, old.mask());
      t.memory.writeHost(t, get, to, 32);
    }
    return 0;
  }

  /** Sets a disposition unless {@code next} is null; returns the old one. */
  static SignalActions.Action change(GuestThread t, int n, SignalActions.Action next) {
    check(n);
    if (next != null && (n == SignalInfo.SIGKILL || n == SignalInfo.SIGSTOP)) {
      throw new Errno(Errno.EINVAL);
    }
    synchronized (t.process.system) {
      SignalActions.Action old = t.process.actions.get(n);
      if (next != null) {
        t.process.actions.set(n, next);
        if (t.process.actions.isIgnored(n)) {
          t.process.pending.removeIf(i -> i.number() == n);
          t.process.threads.forEach(x -> x.pending.removeIf(i -> i.number() == n));
        }
      }
      return old;
    }
  }

  static long procmask(GuestThread t, int how, long set, long get) {
    long old = t.mask;
    if (set != 0) {
      long v = t.load64(set);
      long next =
          switch (how) {
            case SIG_BLOCK -> old | v;
            case SIG_UNBLOCK -> old & ~v;
            case SIG_SETMASK -> v;
            default -> throw new Errno(Errno.EINVAL);
          };
      setMask(t, next);
    }
    if (get != 0) {
      t.store64(get, old);
    }
    return 0;
  }

  static void setMask(GuestThread t, long mask) {
    synchronized (t.process.system) {
      t.mask = mask & ~Signals.UNBLOCKABLE;
      if (t.hasWork()) {
        t.work = true;
      }
    }
  }

  /** Blocks {@code mask} for the length of the call; the end of the call puts the old one back. */
  static void temporaryMask(GuestThread t, long mask) {
    synchronized (t.process.system) {
      t.savedMask = t.mask;
      t.savedMaskValid = true;
      t.mask = mask & ~Signals.UNBLOCKABLE;
      t.work = true;
    }
  }

  private static long pending(GuestThread t, long at) {
    long set;
    synchronized (t.process.system) {
      set = Signals.pendingSet(t) & t.mask;
    }
    t.store64(at, set);
    return 0;
  }

  private static long suspend(GuestThread t, long at) {
    temporaryMask(t, t.load64(at));
    return pause(t);
  }

  static long pause(GuestThread t) {
    UserSystem system = t.process.system;
    synchronized (system) {
      while (!t.hasWork()) {
        system.await(0);
      }
      t.work = true;
    }
    return -Errno.ERESTARTNOHAND;
  }

  /** {@code nanos} negative: for ever. */
  static long timedWait(GuestThread t, long setAt, long info, long nanos) {
    long set = t.load64(setAt);
    long deadline = System.nanoTime() + nanos;
    UserSystem system = t.process.system;
    SignalInfo found;
    synchronized (system) {
      t.await(set);
      try {
        while (true) {
          found = Signals.take(t, set);
          if (found != null) {
            break;
          }
          if (t.hasWork()) {
            t.work = true;
            return -Errno.EINTR;
          }
          long left = nanos < 0 ? 0 : deadline - System.nanoTime();
          if (nanos >= 0 && left <= 0) {
            return -Errno.EAGAIN;
          }
          system.await(nanos < 0 ? 0 : left / 1_000_000 + 1);
        }
      } finally {
        t.await(0);
      }
    }
    if (info != 0) {
      t.write(info, found.toBytes(!t.process.is32Bit));
    }
    return found.number();
  }

  private static long queueInfo(GuestThread t, long pid, long tid, long n, long at) {
    check((int) n);
    SignalInfo s = queued(t, (int) n, at);
    if (tid >= 0) {
      GuestThread target = ThreadCalls.find(t.process.system, (int) tid);
      if (target == null) {
        return -Errno.ESRCH;
      }
      Signals.send(target, s);
      return 0;
    }
    synchronized (t.process.system) {
      GuestProcess p = t.process.system.find((int) pid);
      if (p == null) {
        return -Errno.ESRCH;
      }
      Signals.send(p, s);
    }
    return 0;
  }

  /** The siginfo_t of a signal that the guest made up. */
  static SignalInfo queued(GuestThread t, int n, long at) {
    boolean wide = !t.process.is32Bit;
    long info = t.need(at, SignalInfo.BYTES);
    int sender = wide ? 16 : 12;
    return new SignalInfo(
        n,
        GuestRam.hostLoad32(info + 8),
        wide ? GuestRam.hostLoad64(info + 24) : GuestRam.hostLoad32(info + 20),
        GuestRam.hostLoad32(info + sender),
        GuestRam.hostLoad32(info + sender + 4),
        0);
  }

  private static long kill(GuestThread t, int pid, int n) {
    if (n != 0) {
      check(n);
    }
    UserSystem system = t.process.system;
    int found = 0;
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        boolean meant =
            pid > 0
                ? p.pid == pid
                : pid == 0 ? p.pgid == t.process.pgid : pid == -1 ? p != t.process : p.pgid == -pid;
        if (meant) {
          found++;
          if (n != 0) {
            Signals.send(p, SignalInfo.from(n, SignalInfo.SI_USER, t));
          }
        }
      }
    }
    if (found > 0) {
      return 0;
    }
    // Not one of ours: a process of the host. Never the JVM itself or its group.
    if (pid == 0 || pid == -1 || Host.isOwnThread(pid)) {
      return -Errno.ESRCH;
    }
    return Host.call(62, pid, n);
  }

  private static long tkill(GuestThread t, int pid, int tid, int n) {
    if (n != 0) {
      check(n);
    }
    GuestThread target = ThreadCalls.find(t.process.system, tid);
    if (target == null || pid > 0 && target.process.pid != pid) {
      return -Errno.ESRCH;
    }
    if (n != 0) {
      Signals.send(target, SignalInfo.from(n, SignalInfo.SI_TKILL, t));
    }
    return 0;
  }

  private static long altStack(GuestThread t, long set, long get) {
    boolean on = SignalStack.isOn(t, t.cpu.stackPointer());
    long oldBase = t.altStack;
    int oldFlags = t.altStackBytes == 0 ? SS_DISABLE : on ? SS_ONSTACK : 0;
    long oldBytes = t.altStackBytes;
    if (set != 0) {
      long from = t.in(set, 24);
      setAltStack(
          t,
          GuestRam.hostLoad64(from),
          GuestRam.hostLoad32(from + 8),
          GuestRam.hostLoad64(from + 16));
    }
    if (get != 0) {
      long to = t.scratch(24);
      GuestRam.hostStore64(to, oldBase);
      GuestRam.hostStore64(to + 8, oldFlags);
      GuestRam.hostStore64(to + 16, oldBytes);
      t.memory.writeHost(t, get, to, 24);
    }
    return 0;
  }

  static void setAltStack(GuestThread t, long base, int flags, long bytes) {
    if (SignalStack.isOn(t, t.cpu.stackPointer())) {
      throw new Errno(Errno.EPERM);
    }
    if ((flags & SS_DISABLE) != 0) {
      t.altStackBytes = 0;
      t.altStackFlags = SS_DISABLE;
      return;
    }
    if (bytes < t.process.abi.minSignalStackBytes()) {
      throw new Errno(Errno.ENOMEM);
    }
    t.altStack = base;
    t.altStackBytes = bytes;
    t.altStackFlags = 0;
  }

  private static long signalfd(GuestThread t, int fd, long setAt, int flags) {
    long set = t.load64(setAt) & ~Signals.UNBLOCKABLE;
    GuestProcess p = t.process;
    SignalFile file;
    long result = fd;
    if (fd == -1) {
      file = new SignalFile(p, SFD_NONBLOCK, set);
      file.nonBlocking = (flags & SFD_NONBLOCK) != 0;
      result = p.fds.install(file, 0, (flags & SFD_CLOEXEC) != 0);
      synchronized (p.system) {
        p.signalFiles.add(file);
      }
    } else if (p.fds.get(fd) instanceof SignalFile s) {
      file = s;
      file.set = set;
    } else {
      return -Errno.EINVAL;
    }
    synchronized (p.system) {
      file.update((Signals.pendingSet(t) & set) != 0);
    }
    return result;
  }
}
