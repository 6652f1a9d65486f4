package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** clone, fork, vfork, the end of threads. */
final class ThreadCalls {
  private static final int CLONE_VM = 0x100;
  private static final int CLONE_FS = 0x200;
  private static final int CLONE_FILES = 0x400;
  private static final int CLONE_SIGHAND = 0x800;
  private static final int CLONE_PIDFD = 0x1000;
  private static final int CLONE_VFORK = 0x4000;
  private static final int CLONE_PARENT = 0x8000;
  private static final int CLONE_THREAD = 0x10000;
  private static final int CLONE_NAMESPACES = 0x7e02_0000;
  private static final int CLONE_SETTLS = 0x80000;
  private static final int CLONE_DETACHED = 0x400000;
  private static final long CLONE_CLEAR_SIGHAND = 1L << 32;
  private static final long CLONE_INTO_CGROUP = 1L << 33;
  private static final int CLONE_ARGS_BYTES = 64;
  private static final int CLONE_PARENT_SETTID = 0x100000;
  private static final int CLONE_CHILD_CLEARTID = 0x200000;
  private static final int CLONE_CHILD_SETTID = 0x1000000;

  private ThreadCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put(
        "clone",
        (t, flags, stack, parentTid, childTid, tls, f) ->
            clone(t, flags, stack, parentTid, childTid, tls));
    calls.put("fork", (t, a, b, c, d, e, f) -> clone(t, SignalInfo.SIGCHLD, 0, 0, 0, 0));
    calls.put(
        "vfork",
        (t, a, b, c, d, e, f) -> clone(t, CLONE_VM | CLONE_VFORK | SignalInfo.SIGCHLD, 0, 0, 0, 0));
    calls.put("clone3", (t, at, bytes, c, d, e, f) -> clone3(t, at, bytes));
    calls.put("rseq", (t, a, b, c, d, e, f) -> -Errno.ENOSYS);
    calls.put("exit", (t, status, b, c, d, e, f) -> exit(t, status));
    calls.put("exit_group", (t, status, b, c, d, e, f) -> exitGroup(t, status));
    calls.put("gettid", (t, a, b, c, d, e, f) -> t.tid);
    calls.put("set_tid_address", (t, at, b, c, d, e, f) -> setTidAddress(t, at));
  }

  /** The host's number for a thread of ours; others as they are. */
  static int hostThread(GuestThread t, int tid) {
    if (tid == t.tid) {
      return t.hostTid;
    }
    GuestThread other = find(t.process.system, tid);
    return other == null ? tid : other.hostTid;
  }

  /** A thread by number, or null. */
  static GuestThread find(UserSystem system, int tid) {
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        for (GuestThread x : p.threads) {
          if (x.tid == tid) {
            return x;
          }
        }
      }
    }
    return null;
  }

  // ---------------------------------------------------------------- clone

  static long clone(
      GuestThread t, long flags, long stack, long parentTid, long childTid, long tls) {
    long f = flags & 0xffff_ffffL;
    if ((f & CLONE_PIDFD) != 0 && (f & (CLONE_PARENT_SETTID | CLONE_THREAD)) != 0) {
      return -Errno.EINVAL;
    }
    return clone(t, f, stack, parentTid, childTid, tls, parentTid);
  }

  /** struct clone_args: what clone has, with the size of the stack and two numbers apart. */
  private static long clone3(GuestThread t, long at, long bytes) {
    if (bytes < CLONE_ARGS_BYTES) {
      return -Errno.EINVAL;
    }
    if (bytes > 4096) {
      return -Errno.E2BIG;
    }
    long h = t.need(at, CLONE_ARGS_BYTES);
    long flags = GuestRam.hostLoad64(h);
    long exitSignal = GuestRam.hostLoad64(h + 32);
    long stack = GuestRam.hostLoad64(h + 40);
    long stackBytes = GuestRam.hostLoad64(h + 48);
    boolean thread = (flags & (CLONE_THREAD | CLONE_PARENT)) != 0;
    if ((flags & (0xff | CLONE_DETACHED)) != 0
        || exitSignal < 0
        || exitSignal > SignalActions.COUNT
        || thread && exitSignal != 0
        || (stack == 0) != (stackBytes == 0)
        || (flags & CLONE_SIGHAND) != 0 && (flags & CLONE_CLEAR_SIGHAND) != 0
        || (flags & CLONE_PIDFD) != 0 && (flags & CLONE_THREAD) != 0) {
      return -Errno.EINVAL;
    }
    if ((flags & CLONE_INTO_CGROUP) != 0) {
      return -Errno.EPERM;
    }
    return clone(
        t,
        flags | exitSignal,
        stack + stackBytes,
        GuestRam.hostLoad64(h + 24),
        GuestRam.hostLoad64(h + 16),
        GuestRam.hostLoad64(h + 56),
        GuestRam.hostLoad64(h + 8));
  }

  private static long clone(
      GuestThread t, long flags, long stack, long parentTid, long childTid, long tls, long pidFd) {
    int f = (int) flags;
    if ((f & CLONE_NAMESPACES) != 0) {
      return -Errno.EPERM;
    }
    if (!mayStart(t)) {
      return -Errno.EAGAIN;
    }
    if ((f & CLONE_THREAD) != 0) {
      if ((f & (CLONE_VM | CLONE_SIGHAND)) != (CLONE_VM | CLONE_SIGHAND)) {
        return -Errno.EINVAL;
      }
      return thread(t, f, stack, parentTid, childTid, tls);
    }
    return process(t, flags, stack, parentTid, childTid, tls, pidFd);
  }

  /**
   * RLIMIT_NPROC. Tasks that are no guests are not seen, processes that have ended count as their
   * waiter's; root has no limit.
   */
  private static boolean mayStart(GuestThread t) {
    Limits limits = t.process.limits;
    if (limits.isInfinite(Limits.NPROC)) {
      return true;
    }
    UserSystem system = t.process.system;
    List<Integer> tasks = new ArrayList<>();
    long ended = 0;
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        p.threads.forEach(x -> tasks.add(x.hostTid));
        ended += p.zombie ? 1 : 0;
      }
    }
    long room = limits.soft(Limits.NPROC) - ended;
    // Looking up whose they are takes longer than is needed far below the limit.
    if (tasks.size() < room) {
      return true;
    }
    int user = (int) Host.call(Host.GETUID);
    return user == 0 || tasks.stream().filter(tid -> owner(t, tid) == user).count() < room;
  }

  private static int owner(GuestThread t, int hostTid) {
    Host.Stat stat = Host.stat(Host.AT_FDCWD, t.string("/proc/self/task/" + hostTid));
    return stat == null ? -1 : stat.user();
  }

  private static long thread(
      GuestThread t, int f, long stack, long parentTid, long childTid, long tls) {
    GuestThread child = new GuestThread(t.process, t.memory, 0);
    return start(t, child, f, stack, parentTid, childTid, tls, false);
  }

  private static long process(
      GuestThread t, long flags, long stack, long parentTid, long childTid, long tls, long pidFd) {
    int f = (int) flags;
    UserSystem system = t.process.system;
    GuestProcess parent = t.process;
    GuestProcess p;
    synchronized (system) {
      p = new GuestProcess(system, 0, parent);
      if ((f & CLONE_PARENT) != 0 && parent.parent != null) {
        p.parent = parent.parent;
      }
    }
    p.exitSignal = f & 0xff;
    p.dumpable = parent.dumpable;
    p.noNewPrivileges = parent.noNewPrivileges;
    p.fds = (f & CLONE_FILES) != 0 ? parent.fds.share() : parent.fds.copy();
    p.actions = (f & CLONE_SIGHAND) != 0 ? parent.actions : parent.actions.copy();
    if ((flags & CLONE_CLEAR_SIGHAND) != 0) {
      p.actions.resetForExec();
    }
    p.executable = parent.executable;
    p.arguments = parent.arguments;
    p.environment = parent.environment;
    p.auxiliaryVector = parent.auxiliaryVector;
    p.name = parent.name;
    p.abi = parent.abi;
    p.is32Bit = parent.is32Bit;
    if ((f & CLONE_PIDFD) != 0) {
      // After the child has its copy of the table: the descriptor is the parent's alone.
      t.store32(pidFd, PidFile.install(t, p, true));
    }
    p.borrowsMemory = (f & CLONE_VFORK) != 0;
    boolean sharesMemory = (f & CLONE_VM) != 0;
    UserMemory memory = sharesMemory ? t.memory : t.memory.fork(t);
    GuestThread child = new GuestThread(p, memory, 0);
    if (!sharesMemory) {
      child.altStack = t.altStack;
      child.altStackBytes = t.altStackBytes;
      child.altStackFlags = t.altStackFlags;
    }
    long tid = start(t, child, f, stack, parentTid, childTid, tls, (f & CLONE_FS) == 0);
    if (p.borrowsMemory) {
      synchronized (system) {
        while (p.borrowsMemory && !t.process.dying) {
          system.await(0);
        }
      }
    }
    return tid;
  }

  private static long start(
      GuestThread t,
      GuestThread child,
      int f,
      long stack,
      long parentTid,
      long childTid,
      long tls,
      boolean newProcess) {
    UserCpu c = child.cpu;
    c.copy(t.cpu);
    child.mask = t.mask;
    if (stack != 0) {
      c.setStackPointer(stack);
    }
    c.setResult(0);
    if ((f & CLONE_SETTLS) != 0) {
      c.setThreadPointer(tls, t);
    }
    if ((f & CLONE_CHILD_CLEARTID) != 0) {
      child.clearTid = childTid;
    }
    child.begin(newProcess);
    int tid = child.tid;
    UserSystem system = t.process.system;
    GuestProcess p = child.process;
    if (p != t.process) {
      synchronized (system) {
        p.pid = tid;
        p.parent.children.add(p);
        system.add(p);
        p.cpuTimers.limitChanged();
      }
    }
    try {
      if ((f & CLONE_PARENT_SETTID) != 0) {
        t.store32(parentTid, tid);
      }
      if ((f & CLONE_CHILD_SETTID) != 0) {
        long number = t.scratch(4);
        GuestRam.hostStore32(number, tid);
        child.memory.writeHost(child, childTid, number, 4);
      }
    } finally {
      child.release();
    }
    return tid;
  }

  // ---------------------------------------------------------------- the end

  private static long exit(GuestThread t, long status) {
    boolean last;
    synchronized (t.process.system) {
      last = t.process.threads.size() == 1;
    }
    if (last) {
      return exitGroup(t, status);
    }
    t.end();
    return Errno.NO_RESULT;
  }

  private static long exitGroup(GuestThread t, long status) {
    t.process.die(((int) status & 0xff) << 8);
    t.end();
    return Errno.NO_RESULT;
  }

  /** What a thread's end does to the guest's memory: its joiners and the locks it held. */
  static void clearTid(GuestThread t) {
    if (t.memory.isShared() || t.clearTid != 0) {
      Futexes.releaseRobust(t);
    }
    if (t.clearTid != 0) {
      long at = t.clearTid;
      t.clearTid = 0;
      long offset = t.memory.at(t, at, true);
      long host = t.memory.arena.host(offset);
      GuestRam.hostStore32(host, 0);
      Futexes.wakeOne(host);
    }
  }

  private static long setTidAddress(GuestThread t, long at) {
    t.clearTid = at;
    return t.tid;
  }
}
