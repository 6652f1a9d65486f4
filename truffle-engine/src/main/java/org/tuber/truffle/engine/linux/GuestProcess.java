package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledFuture;

/** A guest process. Fields are guarded by the system's monitor unless they say otherwise. */
final class GuestProcess {
  final UserSystem system;

  /** Process number; of a child it is known once its first thread runs. */
  int pid;

  GuestProcess parent;
  int pgid;
  int sid;

  /** Process group at the start, as the host has it. */
  final int initialGroup;

  FdTable fds;
  SignalActions actions = new SignalActions();
  final Limits limits;
  final List<GuestThread> threads = new ArrayList<>();
  final List<GuestProcess> children = new ArrayList<>();

  /** Signals for any thread. */
  final List<SignalInfo> pending = new ArrayList<>();

  /** Descriptors that other processes hold of it; readable once it has ended. */
  final List<PidFile> pidFiles = new ArrayList<>();

  /** Its signalfds. */
  final List<SignalFile> signalFiles = new ArrayList<>();

  /** All its threads shall end. */
  volatile boolean dying;

  /** Ended and not yet waited for. */
  boolean zombie;

  /** As wait4 reports it. */
  int waitStatus;

  /** Signal that tells the parent; 0 for none. */
  int exitSignal = SignalInfo.SIGCHLD;

  /** Stopped by a signal. */
  volatile boolean stopped;

  int stopSignal;

  /** A stop or continuation that the parent has not heard of. */
  boolean stopUnreported;

  boolean continueUnreported;

  /** A vfork child has neither run another program nor ended: its parent's thread waits. */
  boolean borrowsMemory;

  boolean execed;

  /** Absolute path of the program. */
  String executable = "";

  List<byte[]> arguments = List.of();
  List<byte[]> environment = List.of();
  byte[] auxiliaryVector = {};

  /** /proc/self/comm. */
  String name = "";

  Abi abi;
  boolean is32Bit;

  // What prctl sets.

  /** Sent when the parent ends; 0 for none. */
  int deathSignal;

  boolean dumpable = true;
  boolean noNewPrivileges;

  /** Where guest code calls the host that embeds it; null for a program by itself. */
  HostGate gate;

  /** Signal that ended it with where it came from; null for none. */
  Fatality fatality;

  /** What a fatal signal left behind. */
  record Fatality(SignalInfo info, long pc, String pcName) {}

  // ITIMER_REAL
  ScheduledFuture<?> alarm;
  long alarmDeadlineNanos;
  long alarmIntervalNanos;

  final PosixTimers timers = new PosixTimers(this);
  final CpuTimers cpuTimers = new CpuTimers(this);

  /** Of threads that have ended. */
  private final Usage ended = new Usage();

  /** Of children that were waited for, with theirs. */
  private final Usage ofChildren = new Usage();

  private static final int GETPGID = 121;
  private static final int GETSID = 124;

  GuestProcess(UserSystem system, int pid, GuestProcess parent) {
    this.system = system;
    this.pid = pid;
    this.parent = parent;
    if (parent == null) {
      pgid = (int) Host.call(GETPGID, 0);
      sid = (int) Host.call(GETSID, 0);
      initialGroup = pgid;
      limits = new Limits();
    } else {
      pgid = parent.pgid;
      sid = parent.sid;
      initialGroup = parent.initialGroup;
      limits = new Limits(parent.limits);
    }
  }

  int uid() {
    return (int) Host.call(Host.GETUID);
  }

  int parentPid() {
    synchronized (system) {
      if (this == system.first) {
        return (int) Host.call(Host.GETPPID);
      }
      return parent == null ? 1 : parent.pid;
    }
  }

  /** Everything ends, with {@code status} as wait4 shall report it. */
  void die(int status) {
    synchronized (system) {
      if (dying) {
        return;
      }
      dying = true;
      waitStatus = status;
      for (GuestThread t : threads) {
        t.wake();
      }
      system.notifyAll();
    }
  }

  // ---------------------------------------------------------------- what it used

  /** CPU time; of counters, those of threads that have ended. */
  Usage usage() {
    return usage(null);
  }

  /** The same with the counters of its threads. */
  Usage usage(GuestThread self) {
    Usage u = new Usage();
    synchronized (system) {
      u.add(ended);
      for (GuestThread t : threads) {
        if (self == null) {
          u.add(Usage.ofOtherThread(t));
        } else {
          u.add(t == self ? Usage.ofCallingThread(t.base) : Usage.ofOtherThreadInFull(t));
        }
      }
    }
    return u;
  }

  /** Of children that were waited for. Under the system's monitor. */
  Usage childrenUsage() {
    return ofChildren;
  }

  /** What its parent is told when it waits for it. Under the system's monitor. */
  Usage wholeUsage() {
    Usage u = new Usage();
    u.add(ended);
    u.add(ofChildren);
    return u;
  }

  /** Remembers how much of its memory is in use: ru_maxrss is the most that was seen so. */
  void sample(UserMemory memory) {
    long kilobytes = memory.residentBytes() >>> 10;
    synchronized (system) {
      ended.resident(kilobytes);
    }
  }

  // ---------------------------------------------------------------- its end

  /** A thread is about to leave {@code memory}, which may end with it. */
  void leaving(UserMemory memory) {
    boolean last;
    synchronized (system) {
      last = threads.size() == 1;
    }
    if (last) {
      sample(memory);
    }
  }

  /** The calling thread has left; the last one ends the process. */
  void left(GuestThread t) {
    boolean last;
    synchronized (system) {
      ended.add(Usage.ofCallingThread(t.base));
      threads.remove(t);
      last = threads.isEmpty();
    }
    if (last) {
      ended();
    }
    system.changed();
  }

  private void ended() {
    fds.leave();
    timers.clear();
    cpuTimers.clear();
    if (alarm != null) {
      alarm.cancel(false);
    }
    synchronized (system) {
      borrowsMemory = false;
      for (GuestProcess child : new ArrayList<>(children)) {
        child.parent = null;
        if (child.deathSignal != 0 && !child.zombie) {
          Signals.send(child, SignalInfo.simple(child.deathSignal, SignalInfo.SI_USER));
        }
        if (child.zombie) {
          system.remove(child);
        }
      }
      children.clear();
      zombie = true;
      pidFiles.forEach(PidFile::ended);
      GuestProcess p = parent;
      if (p == null) {
        system.remove(this);
        return;
      }
      SignalActions.Action action = p.actions.get(SignalInfo.SIGCHLD);
      boolean reaped =
          exitSignal == SignalInfo.SIGCHLD
              && (action.handler() == SignalActions.SIG_IGN
                  || (action.flags() & SignalActions.SA_NOCLDWAIT) != 0);
      // The old clone takes any number; nothing is sent for one that is no signal.
      if (exitSignal != 0 && exitSignal <= SignalActions.COUNT) {
        Signals.send(p, childInfo(exitSignal));
      }
      if (reaped) {
        reap();
      }
      system.notifyAll();
    }
  }

  /** siginfo about its end. */
  SignalInfo childInfo(int signal) {
    boolean killed = (waitStatus & 0x7f) != 0;
    int code = killed ? 2 : 1;
    return new SignalInfo(
        signal, code, 0, pid, 0, killed ? waitStatus & 0x7f : waitStatus >> 8 & 0xff);
  }

  /** Its parent has waited for it. */
  void waitedFor() {
    if (parent != null) {
      parent.ofChildren.add(wholeUsage());
    }
    reap();
  }

  /** Nothing is left of it. */
  void reap() {
    if (parent != null) {
      parent.children.remove(this);
    }
    system.remove(this);
  }

  /** Stops every thread at its next chance. */
  void stop(int signal) {
    if (!stopped) {
      stopped = true;
      stopSignal = signal;
      stopUnreported = true;
      continueUnreported = false;
      threads.forEach(GuestThread::wake);
      tellParent(5, signal);
    }
  }

  void resume() {
    if (stopped) {
      stopped = false;
      stopUnreported = false;
      continueUnreported = true;
      tellParent(6, SignalInfo.SIGCONT);
    }
  }

  private void tellParent(int code, int status) {
    if (parent != null) {
      long flags = parent.actions.get(SignalInfo.SIGCHLD).flags();
      if ((flags & SignalActions.SA_NOCLDSTOP) == 0) {
        Signals.send(parent, new SignalInfo(SignalInfo.SIGCHLD, code, 0, pid, 0, status));
      }
    }
    system.notifyAll();
  }
}
