package org.tuber.truffle.x86.user;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.x86.state.X86Cpu;

/** clone, fork, vfork, the end of threads, futexes. */
final class ThreadCalls {
  private static final int CLONE_VM = 0x100;
  private static final int CLONE_FS = 0x200;
  private static final int CLONE_FILES = 0x400;
  private static final int CLONE_SIGHAND = 0x800;
  private static final int CLONE_VFORK = 0x4000;
  private static final int CLONE_PARENT = 0x8000;
  private static final int CLONE_THREAD = 0x10000;
  private static final int CLONE_NAMESPACES = 0x7e02_0000;
  private static final int CLONE_SETTLS = 0x80000;
  private static final int CLONE_PARENT_SETTID = 0x100000;
  private static final int CLONE_CHILD_CLEARTID = 0x200000;
  private static final int CLONE_CHILD_SETTID = 0x1000000;

  private static final int FUTEX_WAIT = 0;
  private static final int FUTEX_WAKE = 1;
  private static final int FUTEX_REQUEUE = 3;
  private static final int FUTEX_CMP_REQUEUE = 4;
  private static final int FUTEX_WAKE_OP = 5;
  private static final int FUTEX_WAIT_BITSET = 9;
  private static final int FUTEX_WAKE_BITSET = 10;
  private static final int FUTEX_COMMANDS = 0x7f;
  private static final int FUTEX_OWNER_DIED = 0x4000_0000;
  private static final int FUTEX_TID_MASK = 0x3fff_ffff;
  private static final int MAX_ROBUST = 2048;

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
    // glibc falls back to clone.
    calls.put("clone3", (t, a, b, c, d, e, f) -> -Errno.ENOSYS);
    calls.put("rseq", (t, a, b, c, d, e, f) -> -Errno.ENOSYS);
    calls.put("exit", (t, status, b, c, d, e, f) -> exit(t, status));
    calls.put("exit_group", (t, status, b, c, d, e, f) -> exitGroup(t, status));
    calls.put("gettid", (t, a, b, c, d, e, f) -> t.tid);
    calls.put("set_tid_address", (t, at, b, c, d, e, f) -> setTidAddress(t, at));
    calls.put("set_robust_list", (t, at, n, c, d, e, f) -> setRobustList(t, at));
    calls.put("futex", ThreadCalls::futex);
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
    int f = (int) flags;
    if ((f & CLONE_NAMESPACES) != 0) {
      return -Errno.EPERM;
    }
    if ((f & CLONE_THREAD) != 0) {
      if ((f & (CLONE_VM | CLONE_SIGHAND)) != (CLONE_VM | CLONE_SIGHAND)) {
        return -Errno.EINVAL;
      }
      return thread(t, f, stack, parentTid, childTid, tls);
    }
    return process(t, f, stack, parentTid, childTid, tls);
  }

  private static long thread(
      GuestThread t, int f, long stack, long parentTid, long childTid, long tls) {
    // From now on LOCK has to be atomic; code that was compiled without stays valid because the
    // flag is a field of the CPU.
    synchronized (t.process.system) {
      for (GuestThread x : t.process.threads) {
        x.cpu.shared = true;
      }
    }
    GuestThread child = new GuestThread(t.process, t.memory, 0);
    return start(t, child, f, stack, parentTid, childTid, tls, false);
  }

  private static long process(
      GuestThread t, int f, long stack, long parentTid, long childTid, long tls) {
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
    p.fds = (f & CLONE_FILES) != 0 ? parent.fds.share() : parent.fds.copy();
    p.actions = (f & CLONE_SIGHAND) != 0 ? parent.actions : parent.actions.copy();
    p.executable = parent.executable;
    p.arguments = parent.arguments;
    p.environment = parent.environment;
    p.auxiliaryVector = parent.auxiliaryVector;
    p.name = parent.name;
    p.is32Bit = parent.is32Bit;
    p.borrowsMemory = (f & CLONE_VFORK) != 0;
    boolean sharesMemory = (f & CLONE_VM) != 0;
    UserMemory memory = sharesMemory ? t.memory : t.memory.fork(t);
    if (sharesMemory && (f & CLONE_VFORK) == 0) {
      t.cpu.shared = true;
    }
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
    copyRegisters(t, child);
    child.mask = t.mask;
    X86Cpu c = child.cpu;
    if (stack != 0) {
      c.home.r[4] = stack;
    }
    c.home.r[0] = 0;
    if ((f & CLONE_SETTLS) != 0) {
      if (t.cpu.is64Bit()) {
        c.segments[X86Cpu.FS].base = tls;
        c.segmentBase[X86Cpu.FS] = tls;
      } else {
        MiscCalls.setThreadArea(child, t, tls);
      }
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

  private static void copyRegisters(GuestThread from, GuestThread to) {
    X86Cpu a = from.cpu;
    X86Cpu b = to.cpu;
    ProgramLoader.initialize(b, !a.is64Bit());
    System.arraycopy(a.home.r, 0, b.home.r, 0, a.home.r.length);
    System.arraycopy(a.home.x, 0, b.home.x, 0, a.home.x.length);
    b.home.fx = a.home.fx;
    b.home.fy = a.home.fy;
    b.home.fz = a.home.fz;
    b.home.fr = a.home.fr;
    b.home.fd = a.home.fd;
    b.home.pc = a.home.pc;
    System.arraycopy(a.home.y, 0, b.home.y, 0, a.home.y.length);
    b.mxcsr = a.mxcsr;
    FpuImage.copy(a.fpu, b.fpu);
    for (int i = 0; i < 6; i++) {
      b.segments[i].copyFrom(a.segments[i]);
    }
    if (!a.is64Bit()) {
      for (int i = GuestThread.TLS_FIRST; i < GuestThread.TLS_FIRST + 3; i++) {
        to.setDescriptor(i, from.descriptor(i));
      }
    }
    b.setEflagsHigh(a.eflagsHigh);
    b.modeChanged();
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
      releaseRobust(t);
    }
    if (t.clearTid != 0) {
      long at = t.clearTid;
      t.clearTid = 0;
      long offset = t.memory.at(t, at, true);
      long host = t.memory.arena.host(offset);
      GuestRam.hostStore32(host, 0);
      Host.call(Host.FUTEX, host, FUTEX_WAKE, 1);
      Host.call(Host.FUTEX, host, FUTEX_WAKE | 128, 1);
    }
  }

  /** Locks on the robust list are marked, and one waiter of each is woken. */
  private static void releaseRobust(GuestThread t) {
    if (t.robustList == 0 || t.process.is32Bit) {
      return;
    }
    try {
      long head = t.robustList;
      long distance = t.load64(head + 8);
      long entry = t.load64(head);
      for (int i = 0; i < MAX_ROBUST && entry != head && entry != 0; i++) {
        long host = t.memory.arena.host(t.memory.at(t, (entry & ~1L) + distance, true));
        int word = GuestRam.hostLoad32(host);
        if ((word & FUTEX_TID_MASK) == t.tid) {
          GuestRam.hostCas32(host, word, word & ~FUTEX_TID_MASK | FUTEX_OWNER_DIED);
          Host.call(Host.FUTEX, host, FUTEX_WAKE, 1);
        }
        entry = t.load64(entry & ~1L);
      }
    } catch (Errno e) {
      t.robustList = 0;
    }
  }

  private static long setTidAddress(GuestThread t, long at) {
    t.clearTid = at;
    return t.tid;
  }

  private static long setRobustList(GuestThread t, long at) {
    t.robustList = at;
    return 0;
  }

  // ---------------------------------------------------------------- futex

  /** Host address of an aligned futex word. */
  private static long word(GuestThread t, long gva) {
    if ((gva & 3) != 0) {
      throw new Errno(Errno.EINVAL);
    }
    // Touched for writing: a page that is copied later would part waiters from wakers.
    try {
      return t.memory.arena.host(t.memory.at(t, gva, true));
    } catch (Errno e) {
      return t.memory.arena.host(t.memory.at(t, gva, false));
    }
  }

  static long futex(
      GuestThread t, long at, long operation, long value, long timeout, long at2, long value3) {
    return futex(t, at, (int) operation, (int) value, timeout, at2, (int) value3, 16);
  }

  static long futex(
      GuestThread t,
      long at,
      int operation,
      int value,
      long timeout,
      long at2,
      int value3,
      int timespecBytes) {
    switch (operation & FUTEX_COMMANDS) {
      case FUTEX_WAIT, FUTEX_WAIT_BITSET:
        {
          long time = TimeCalls.timespec(t, timeout, timespecBytes);
          return wait(t, word(t, at), operation, value, time, value3);
        }
      case FUTEX_WAKE, FUTEX_WAKE_BITSET:
        return Host.call6(Host.FUTEX, word(t, at), operation, value, 0, 0, value3);
      case FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP:
        return Host.call6(
            Host.FUTEX,
            word(t, at),
            operation,
            value,
            timeout & 0xffff_ffffL,
            word(t, at2),
            value3);
      default:
        // Priority inheritance would need the host's thread numbers in the guest's words.
        return -Errno.ENOSYS;
    }
  }

  private static long wait(
      GuestThread t, long word, int operation, int value, long time, int bits) {
    boolean relative = (operation & FUTEX_COMMANDS) == FUTEX_WAIT;
    if (!relative || time == 0) {
      return t.restartable(Host.FUTEX, word, operation, value, time, 0, bits);
    }
    long deadline =
        System.nanoTime()
            + GuestRam.hostLoad64(time) * TimeUnit.SECONDS.toNanos(1)
            + GuestRam.hostLoad64(time + 8);
    while (true) {
      t.blockingHost = true;
      long r =
          t.work ? -Errno.EINTR : Host.call6(Host.FUTEX, word, operation, value, time, 0, bits);
      t.blockingHost = false;
      if (r != -Errno.EINTR || t.reallyHasWork()) {
        return r == -Errno.EINTR ? -Errno.ERESTARTNOHAND : r;
      }
      TimeCalls.storeTimespec(time, Math.max(0, deadline - System.nanoTime()));
    }
  }
}
