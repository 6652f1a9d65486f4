package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** execve, waiting for children, process groups and sessions, limits. */
final class ProcessCalls {
  private static final int WNOHANG = 1;
  private static final int WUNTRACED = 2;
  private static final int WEXITED = 4;
  private static final int WCONTINUED = 8;
  private static final int WNOWAIT = 0x0100_0000;

  /** What wait4 knows, with __WNOTHREAD, __WALL and __WCLONE. */
  private static final int WAIT_OPTIONS = WNOHANG | WUNTRACED | WCONTINUED | 0xe000_0000;

  private static final int P_ALL = 0;
  private static final int P_PID = 1;
  private static final int P_PGID = 2;
  private static final int P_PIDFD = 3;

  /** Longest argument with its end: MAX_ARG_STRLEN. */
  private static final int MAX_STRING = 128 << 10;

  /** Most for all of them, however large the stack may be. */
  private static final long MAX_STRINGS = 6L << 20;

  private static final int AT_EMPTY_PATH = 0x1000;

  private ProcessCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("execve", (t, path, argv, envp, d, e, f) -> execve(t, t.path(path), argv, envp));
    calls.put("execveat", ProcessCalls::execveat);
    calls.put(
        "wait4", (t, pid, status, options, usage, e, f) -> wait4(t, pid, status, options, usage));
    calls.put("waitid", ProcessCalls::waitid);
    calls.put("getpid", (t, a, b, c, d, e, f) -> t.process.pid);
    calls.put("getppid", (t, a, b, c, d, e, f) -> t.process.parentPid());
    calls.put("getpgrp", (t, a, b, c, d, e, f) -> t.process.pgid);
    calls.put("getpgid", (t, pid, b, c, d, e, f) -> getpgid(t, (int) pid));
    calls.put("setpgid", (t, pid, group, c, d, e, f) -> setpgid(t, (int) pid, (int) group));
    calls.put("getsid", (t, pid, b, c, d, e, f) -> getsid(t, (int) pid));
    calls.put("setsid", (t, a, b, c, d, e, f) -> setsid(t));
    calls.put("getrlimit", (t, resource, at, c, d, e, f) -> getrlimit(t, (int) resource, at));
    calls.put("setrlimit", (t, resource, at, c, d, e, f) -> setrlimit(t, (int) resource, at));
    calls.put("prlimit64", (t, pid, r, set, get, e, f) -> prlimit(t, (int) pid, (int) r, set, get));
  }

  // ---------------------------------------------------------------- execve

  /** Adds the strings of an array to {@code strings}; returns their bytes, with pointers. */
  private static long strings(GuestThread t, long gva, List<byte[]> strings, long most) {
    long total = 0;
    int size = t.process.is32Bit ? 4 : 8;
    for (long at = gva; at != 0; at += size) {
      byte[] raw = t.bytes(at, size);
      long p = 0;
      for (int i = 0; i < size; i++) {
        p |= (raw[i] & 0xffL) << (8 * i);
      }
      if (p == 0) {
        break;
      }
      byte[] string = t.cString(p);
      total += string.length + 1L + size;
      if (string.length >= MAX_STRING || total > most) {
        throw new Errno(Errno.E2BIG);
      }
      strings.add(string);
    }
    return total;
  }

  private static long execveat(
      GuestThread t, long directory, long path, long argv, long envp, long flags, long f) {
    String name = t.path(path);
    if (name.isEmpty() && (flags & AT_EMPTY_PATH) != 0) {
      name = "/proc/self/fd/" + (int) directory;
    } else if (!name.startsWith("/") && (int) directory != Host.AT_FDCWD) {
      name = "/proc/self/fd/" + (int) directory + "/" + name;
    }
    return execve(t, name, argv, envp);
  }

  private static long execve(GuestThread t, String path, long argv, long envp) {
    GuestProcess p = t.process;
    List<byte[]> arguments = new ArrayList<>();
    List<byte[]> environment = new ArrayList<>();
    long room = Math.min(Math.max(p.limits.soft(Limits.STACK) >>> 2, 128 << 10), MAX_STRINGS);
    room -= strings(t, argv, arguments, room);
    strings(t, envp, environment, room);
    if (arguments.isEmpty()) {
      arguments.add(new byte[0]);
    }
    ProgramLoader.Loaded loaded;
    try {
      loaded = ProgramLoader.load(p.system, t, path, arguments, environment);
    } catch (ProgramException e) {
      return -e.error;
    }
    endOthers(t);
    if (p.fds.isShared()) {
      FdTable own = p.fds.copy();
      p.fds.leave();
      p.fds = own;
    }
    p.fds.closeForExec();
    p.actions = p.actions.copy();
    p.actions.resetForExec();
    p.timers.clear();
    t.altStackBytes = 0;
    t.altStackFlags = 2;
    try {
      ThreadCalls.clearTid(t);
    } catch (Errno e) {
      t.clearTid = 0;
    }
    UserMemory old = t.memory;
    t.memory = loaded.memory();
    t.memory.attach(t);
    // The thread that calls becomes the process's first.
    t.tid = p.pid;
    t.savedMaskValid = false;
    loaded.start(t);
    p.sample(old);
    old.detach(t);
    synchronized (p.system) {
      p.execed = true;
      p.exitSignal = SignalInfo.SIGCHLD;
      p.dumpable = true;
      p.borrowsMemory = false;
      p.system.notifyAll();
    }
    return Errno.NO_RESULT;
  }

  private static void endOthers(GuestThread t) {
    UserSystem system = t.process.system;
    synchronized (system) {
      for (GuestThread other : t.process.threads) {
        if (other != t) {
          other.endWanted = true;
          other.wake();
        }
      }
      while (t.process.threads.size() > 1 && !t.process.dying) {
        system.await(0);
      }
    }
  }

  // ---------------------------------------------------------------- wait

  /** Which children a wait is about; null when there is none like that. */
  private static List<GuestProcess> candidates(GuestThread t, int type, int id) {
    List<GuestProcess> found = new ArrayList<>();
    for (GuestProcess c : t.process.children) {
      boolean fits =
          switch (type) {
            case P_ALL -> true;
            case P_PID -> c.pid == id;
            default -> c.pgid == id;
          };
      if (fits) {
        found.add(c);
      }
    }
    return found;
  }

  private record Event(GuestProcess child, int status, int code, Usage usage) {
    Event(GuestProcess child, int status, int code) {
      this(child, status, code, child.wholeUsage());
    }
  }

  private static Event event(List<GuestProcess> children, int options, boolean peek) {
    for (GuestProcess c : children) {
      if (c.zombie && (options & WEXITED) != 0) {
        Event e = new Event(c, c.waitStatus, (c.waitStatus & 0x7f) != 0 ? 2 : 1);
        if (!peek) {
          c.waitedFor();
        }
        return e;
      }
      if (c.stopUnreported && (options & WUNTRACED) != 0) {
        c.stopUnreported &= peek;
        return new Event(c, c.stopSignal << 8 | 0x7f, 5);
      }
      if (c.continueUnreported && (options & WCONTINUED) != 0) {
        c.continueUnreported &= peek;
        return new Event(c, 0xffff, 6);
      }
    }
    return null;
  }

  /** Waits; null for none with WNOHANG. */
  private static Event await(GuestThread t, int type, int id, int options) {
    UserSystem system = t.process.system;
    synchronized (system) {
      while (true) {
        List<GuestProcess> children = candidates(t, type, id);
        if (children.isEmpty()) {
          throw new Errno(Errno.ECHILD);
        }
        Event e = event(children, options, (options & WNOWAIT) != 0);
        if (e != null || (options & WNOHANG) != 0) {
          return e;
        }
        if (t.hasWork()) {
          t.work = true;
          throw new Errno(Errno.ERESTARTSYS);
        }
        system.await(0);
      }
    }
  }

  static long wait4(GuestThread t, long pid, long status, long options, long usage) {
    if (((int) options & ~WAIT_OPTIONS) != 0) {
      return -Errno.EINVAL;
    }
    int id = (int) pid;
    int type = id == -1 ? P_ALL : id > 0 ? P_PID : P_PGID;
    int which = id == 0 ? t.process.pgid : Math.abs(id);
    Event e = await(t, type, which, (int) options | WEXITED);
    if (e == null) {
      return 0;
    }
    if (status != 0) {
      t.store32(status, e.status);
    }
    if (usage != 0) {
      e.usage.write(t, usage);
    }
    return e.child.pid;
  }

  private static long waitid(
      GuestThread t, long type, long id, long at, long options, long usage, long f) {
    if (type < P_ALL || type > P_PIDFD || (options & (WEXITED | WUNTRACED | WCONTINUED)) == 0) {
      return -Errno.EINVAL;
    }
    int which = type == P_PGID && id == 0 ? t.process.pgid : (int) id;
    int kind = (int) type;
    if (kind == P_PIDFD) {
      which = PidFile.process(t, (int) id).pid;
      kind = P_PID;
    }
    Event e = await(t, kind, which, (int) options);
    if (at != 0) {
      byte[] info = new byte[SignalInfo.BYTES];
      if (e != null) {
        int status =
            e.code == 1
                ? e.status >> 8 & 0xff
                : e.code == 2
                    ? e.status & 0x7f
                    : e.code == 5 ? e.child.stopSignal : SignalInfo.SIGCONT;
        info =
            new SignalInfo(SignalInfo.SIGCHLD, e.code, 0, e.child.pid, t.process.uid(), status)
                .toBytes(!t.process.is32Bit);
      }
      t.write(at, info);
    }
    if (usage != 0 && e != null) {
      e.usage.write(t, usage);
    }
    return 0;
  }

  // ---------------------------------------------------------------- groups and sessions

  private static GuestProcess target(GuestThread t, int pid) {
    return pid == 0 ? t.process : t.process.system.find(pid);
  }

  /** The host's answer about a process of its own: the JVM's threads are none. */
  private static long ofHost(int number, int pid) {
    return Host.isOwnThread(pid) ? -Errno.ESRCH : Host.call(number, pid);
  }

  private static long getpgid(GuestThread t, int pid) {
    synchronized (t.process.system) {
      GuestProcess p = target(t, pid);
      return p != null ? p.pgid : ofHost(121, pid);
    }
  }

  private static long setpgid(GuestThread t, int pid, int group) {
    synchronized (t.process.system) {
      GuestProcess p = target(t, pid);
      if (p == null || p != t.process && p.parent != t.process) {
        return -Errno.ESRCH;
      }
      if (group < 0) {
        return -Errno.EINVAL;
      }
      if (p.sid == p.pid || p.sid != t.process.sid) {
        return -Errno.EPERM;
      }
      if (p != t.process && p.execed) {
        return -Errno.EACCES;
      }
      p.pgid = group == 0 ? p.pid : group;
      return 0;
    }
  }

  private static long getsid(GuestThread t, int pid) {
    synchronized (t.process.system) {
      GuestProcess p = target(t, pid);
      return p != null ? p.sid : ofHost(124, pid);
    }
  }

  private static long setsid(GuestThread t) {
    synchronized (t.process.system) {
      GuestProcess p = t.process;
      if (p.pgid == p.pid) {
        return -Errno.EPERM;
      }
      p.sid = p.pid;
      p.pgid = p.pid;
      return p.pid;
    }
  }

  // ---------------------------------------------------------------- limits

  private static long getrlimit(GuestThread t, int resource, long at) {
    return prlimit(t, 0, resource, 0, at);
  }

  private static long setrlimit(GuestThread t, int resource, long at) {
    return prlimit(t, 0, resource, at, 0);
  }

  static long setLimit(GuestProcess p, int resource, long soft, long hard) {
    if (Long.compareUnsigned(soft, hard) > 0) {
      return -Errno.EINVAL;
    }
    boolean raises = Long.compareUnsigned(hard, p.limits.hard(resource)) > 0;
    if (raises && Host.call(Host.GETEUID) != 0) {
      return -Errno.EPERM;
    }
    p.limits.set(resource, soft, hard);
    if (resource == Limits.NOFILE) {
      p.fds.limit = p.limits.openFiles();
    } else if (resource == Limits.CPU) {
      p.cpuTimers.limitChanged();
    }
    return 0;
  }

  static long prlimit(GuestThread t, int pid, int resource, long set, long get) {
    if (resource < 0 || resource >= Limits.COUNT) {
      return -Errno.EINVAL;
    }
    GuestProcess p;
    synchronized (t.process.system) {
      p = target(t, pid);
    }
    if (p == null) {
      return -Errno.ESRCH;
    }
    long oldSoft = p.limits.soft(resource);
    long oldHard = p.limits.hard(resource);
    if (set != 0) {
      long from = t.in(set, 16);
      long soft = GuestRam.hostLoad64(from);
      long hard = GuestRam.hostLoad64(from + 8);
      long r = setLimit(p, resource, soft, hard);
      if (r < 0) {
        return r;
      }
    }
    if (get != 0) {
      t.store64(get, oldSoft);
      t.store64(get + 8, oldHard);
    }
    return 0;
  }
}
