package org.tuber.truffle.engine.linux;

import java.util.List;

/** Sending, choosing and delivering signals. Sending happens under the system's monitor. */
final class Signals {
  private static final long STOPS =
      SignalInfo.bit(SignalInfo.SIGSTOP)
          | SignalInfo.bit(SignalInfo.SIGTSTP)
          | SignalInfo.bit(SignalInfo.SIGTTIN)
          | SignalInfo.bit(SignalInfo.SIGTTOU);

  /** Signals that cannot be blocked. */
  static final long UNBLOCKABLE =
      SignalInfo.bit(SignalInfo.SIGKILL) | SignalInfo.bit(SignalInfo.SIGSTOP);

  private Signals() {}

  /** To a process. */
  static void send(GuestProcess p, SignalInfo info) {
    UserSystem system = p.system;
    synchronized (system) {
      if (p.zombie || p.dying || prepare(p, info)) {
        return;
      }
      GuestThread target = null;
      for (GuestThread t : p.threads) {
        if (!t.blocks(info.number()) || t.waitsFor(info.number())) {
          target = t;
          break;
        }
      }
      if (p.actions.isIgnored(info.number())
          && (target != null && !target.waitsFor(info.number()))) {
        return;
      }
      queue(p.pending, info);
      announce(p, info.number());
      if (target != null) {
        target.wake();
      }
      system.notifyAll();
    }
  }

  /** To one thread. */
  static void send(GuestThread t, SignalInfo info) {
    UserSystem system = t.process.system;
    synchronized (system) {
      if (t.ended || t.process.dying || prepare(t.process, info)) {
        return;
      }
      boolean blocked = t.blocks(info.number());
      if (!blocked && t.process.actions.isIgnored(info.number())) {
        return;
      }
      queue(t.pending, info);
      announce(t.process, info.number());
      t.wake();
      system.notifyAll();
    }
  }

  /** What a signal does by being sent; true when that was all. */
  private static boolean prepare(GuestProcess p, SignalInfo info) {
    int n = info.number();
    if (n == SignalInfo.SIGKILL) {
      p.resume();
      p.die(n);
      return true;
    }
    if (n == SignalInfo.SIGCONT) {
      removeAll(p, STOPS);
      p.resume();
      for (GuestThread t : p.threads) {
        t.wake();
      }
    } else if ((SignalInfo.bit(n) & STOPS) != 0) {
      removeAll(p, SignalInfo.bit(SignalInfo.SIGCONT));
    }
    return false;
  }

  private static void removeAll(GuestProcess p, long set) {
    p.pending.removeIf(i -> (SignalInfo.bit(i.number()) & set) != 0);
    for (GuestThread t : p.threads) {
      t.pending.removeIf(i -> (SignalInfo.bit(i.number()) & set) != 0);
    }
  }

  private static void announce(GuestProcess p, int number) {
    for (SignalFile file : p.signalFiles) {
      if ((file.set & SignalInfo.bit(number)) != 0) {
        file.update(true);
      }
    }
  }

  private static void queue(List<SignalInfo> list, SignalInfo info) {
    // Standard signals do not queue.
    if (info.number() < 32) {
      for (SignalInfo i : list) {
        if (i.number() == info.number()) {
          return;
        }
      }
    }
    list.add(info);
  }

  /** Takes the next signal of a set, the thread's own first; null when there is none. */
  static SignalInfo take(GuestThread t, long set) {
    SignalInfo info = takeFrom(t.pending, set);
    return info != null ? info : takeFrom(t.process.pending, set);
  }

  private static SignalInfo takeFrom(List<SignalInfo> list, long set) {
    int best = -1;
    for (int i = 0; i < list.size(); i++) {
      int n = list.get(i).number();
      if ((SignalInfo.bit(n) & set) != 0 && (best < 0 || n < list.get(best).number())) {
        best = i;
      }
    }
    return best < 0 ? null : list.remove(best);
  }

  /** Set of pending signals. */
  static long pendingSet(GuestThread t) {
    long set = 0;
    for (SignalInfo i : t.pending) {
      set |= SignalInfo.bit(i.number());
    }
    for (SignalInfo i : t.process.pending) {
      set |= SignalInfo.bit(i.number());
    }
    return set;
  }

  /**
   * Delivers what is pending, before the thread goes on in the guest. Ends the thread when its
   * process is ending, and holds it while the process is stopped.
   *
   * @param restart the outcome of the system call that is ending, or 0
   * @param number its number, for starting it again
   * @return true when registers were set up for a handler
   */
  static boolean deliver(GuestThread t, long restart, int number) {
    UserSystem system = t.process.system;
    boolean handled = false;
    boolean restarts = restart == -Errno.ERESTARTSYS || restart == -Errno.ERESTARTNOHAND;
    while (true) {
      SignalInfo info;
      SignalActions.Action action;
      synchronized (system) {
        while (t.process.stopped && !t.process.dying) {
          system.await(0);
        }
        if (t.process.dying || t.endWanted) {
          t.end();
          return true;
        }
        info = take(t, ~t.mask | UNBLOCKABLE);
        if (info == null) {
          t.work = false;
          break;
        }
        action = t.process.actions.get(info.number());
        if (action.handler() == SignalActions.SIG_IGN) {
          continue;
        }
        if (action.handler() == SignalActions.SIG_DFL) {
          byDefault(t, info);
          continue;
        }
        if ((action.flags() & SignalActions.SA_RESETHAND) != 0) {
          t.process.actions.set(info.number(), SignalActions.Action.DEFAULT);
        }
      }
      if (restarts) {
        boolean again =
            restart == -Errno.ERESTARTSYS && (action.flags() & SignalActions.SA_RESTART) != 0;
        again(t, again, number);
        restarts = false;
      }
      if (!push(t, info, action)) {
        // No room for the frame.
        t.process.die(SignalInfo.SIGSEGV);
        continue;
      }
      handled = true;
    }
    if (restarts) {
      again(t, true, number);
    }
    if (t.savedMaskValid) {
      t.mask = t.savedMask;
      t.savedMaskValid = false;
    }
    return handled;
  }

  private static void again(GuestThread t, boolean again, int number) {
    if (again) {
      t.cpu.restart(number);
    } else {
      t.cpu.setResult(-Errno.EINTR);
    }
  }

  /** Prepares the registers for a handler; false when the frame does not fit anywhere. */
  private static boolean push(GuestThread t, SignalInfo info, SignalActions.Action action) {
    try {
      t.cpu.pushFrame(info, action);
    } catch (Errno e) {
      return false;
    }
    long blocked = t.mask | action.mask();
    t.savedMaskValid = false;
    if ((action.flags() & SignalActions.SA_NODEFER) == 0) {
      blocked |= SignalInfo.bit(info.number());
    }
    t.mask = blocked & ~UNBLOCKABLE;
    return true;
  }

  private static void byDefault(GuestThread t, SignalInfo info) {
    int n = info.number();
    if (SignalActions.isIgnoredByDefault(n)) {
      return;
    }
    if (SignalActions.stopsByDefault(n)) {
      t.process.stop(n);
      return;
    }
    if (SignalActions.dumpsCore(n)) {
      t.traceDeath(info);
    }
    if (!t.process.dying) {
      t.process.fatality = new GuestProcess.Fatality(info, t.cpu.pc(), t.process.abi.pcName());
    }
    t.process.die(n);
  }

  /** A signal that the running instruction caused: cannot be ignored or blocked. */
  static void fault(GuestThread t, SignalInfo info) {
    SignalActions actions = t.process.actions;
    synchronized (t.process.system) {
      if (t.blocks(info.number())
          || actions.get(info.number()).handler() == SignalActions.SIG_IGN) {
        actions.set(info.number(), SignalActions.Action.DEFAULT);
        t.mask &= ~SignalInfo.bit(info.number());
      }
      t.pending.add(0, info);
    }
  }
}
