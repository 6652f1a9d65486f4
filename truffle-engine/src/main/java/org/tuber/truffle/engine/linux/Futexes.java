package org.tuber.truffle.engine.linux;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.tuber.core.mem.GuestRam;

/**
 * Futexes are the host's, on the guest's words in the window. Those for locks with priority
 * inheritance hold numbers of the guest's threads, which the host does not know; they are done here
 * by plain waiting and inherit nothing.
 */
final class Futexes {
  private static final int WAIT = 0;
  private static final int WAKE = 1;
  private static final int REQUEUE = 3;
  private static final int CMP_REQUEUE = 4;
  private static final int WAKE_OP = 5;
  private static final int LOCK_PI = 6;
  private static final int UNLOCK_PI = 7;
  private static final int TRYLOCK_PI = 8;
  private static final int WAIT_BITSET = 9;
  private static final int WAKE_BITSET = 10;
  private static final int LOCK_PI2 = 13;
  private static final int COMMANDS = 0x7f;
  private static final int PRIVATE = 128;
  private static final int CLOCK_REALTIME = 256;
  private static final int EDEADLK = 35;
  private static final int OWNER_DIED = 0x4000_0000;
  private static final int WAITERS = 0x8000_0000;
  private static final int TID_MASK = 0x3fff_ffff;
  private static final int MAX_ROBUST = 2048;
  private static final long LOW = 0xffff_ffffL;

  private Futexes() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put(
        "futex",
        (t, at, operation, value, timeout, at2, value3) ->
            call(t, at, (int) operation, (int) value, timeout, at2, (int) value3, 16));
    calls.put(
        "set_robust_list",
        (t, at, n, c, d, e, f) -> {
          if (n != (t.process.is32Bit ? 12 : 24)) {
            return -Errno.EINVAL;
          }
          t.robustList = at;
          return 0;
        });
    calls.put("get_robust_list", Futexes::getRobustList);
  }

  private static long getRobustList(
      GuestThread t, long tid, long headAt, long bytesAt, long d, long e, long f) {
    GuestThread of = tid == 0 ? t : ThreadCalls.find(t.process.system, (int) tid);
    if (of == null) {
      return -Errno.ESRCH;
    }
    if (t.process.is32Bit) {
      t.store32(headAt, (int) of.robustList);
      t.store32(bytesAt, 12);
    } else {
      t.store64(headAt, of.robustList);
      t.store64(bytesAt, 24);
    }
    return 0;
  }

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

  /** Wakes one waiter of either kind. */
  static void wakeOne(long host) {
    Host.call(Host.FUTEX, host, WAKE, 1);
    Host.call(Host.FUTEX, host, WAKE | PRIVATE, 1);
  }

  /** futex, with timespecs of 16 or, for i386's first form, 8 bytes. */
  static long call(
      GuestThread t,
      long at,
      int operation,
      int value,
      long timeout,
      long at2,
      int value3,
      int timespecBytes) {
    switch (operation & COMMANDS) {
      case WAIT, WAIT_BITSET:
        {
          long time = TimeCalls.timespec(t, timeout, timespecBytes);
          return wait(t, word(t, at), operation, value, time, value3);
        }
      case WAKE, WAKE_BITSET:
        return Host.call6(Host.FUTEX, word(t, at), operation, value, 0, 0, value3);
      case REQUEUE, CMP_REQUEUE, WAKE_OP:
        return Host.call6(
            Host.FUTEX, word(t, at), operation, value, timeout & LOW, word(t, at2), value3);
      case LOCK_PI, LOCK_PI2:
        {
          long time = TimeCalls.timespec(t, timeout, timespecBytes);
          // The older one counts by the real-time clock whatever its flags.
          boolean older = (operation & COMMANDS) == LOCK_PI;
          int flags = operation & (PRIVATE | CLOCK_REALTIME) | (older ? CLOCK_REALTIME : 0);
          return lock(t, word(t, at), flags, time);
        }
      case TRYLOCK_PI:
        return take(word(t, at), t.tid, false) ? 0 : -Errno.EAGAIN;
      case UNLOCK_PI:
        return unlock(t, word(t, at), operation & PRIVATE);
      default:
        return -Errno.ENOSYS;
    }
  }

  private static long wait(
      GuestThread t, long word, int operation, int value, long time, int bits) {
    boolean relative = (operation & COMMANDS) == WAIT;
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

  // ---------------------------------------------------------------- priority inheritance

  /** Takes a lock that nobody holds. */
  private static boolean take(long word, int tid, boolean waited) {
    while (true) {
      int old = GuestRam.hostLoad32(word);
      if ((old & TID_MASK) != 0) {
        return false;
      }
      int mine = tid | old & (OWNER_DIED | WAITERS) | (waited ? WAITERS : 0);
      if (GuestRam.hostCas32(word, old, mine)) {
        return true;
      }
    }
  }

  private static long lock(GuestThread t, long word, int flags, long time) {
    boolean waited = false;
    // Who was woken takes the lock with the mark that others may wait, so none is forgotten.
    while (!take(word, t.tid, waited)) {
      int old = GuestRam.hostLoad32(word);
      int owner = old & TID_MASK;
      if (owner == t.tid) {
        return -EDEADLK;
      }
      if (owner == 0) {
        continue;
      }
      if (ThreadCalls.find(t.process.system, owner) == null) {
        if (GuestRam.hostLoad32(word) != old) {
          continue;
        }
        return -Errno.ESRCH;
      }
      if ((old & WAITERS) == 0 && !GuestRam.hostCas32(word, old, old | WAITERS)) {
        continue;
      }
      long r = t.restartable(Host.FUTEX, word, WAIT_BITSET | flags, old | WAITERS, time, 0, -1);
      if (r < 0 && r != -Errno.EAGAIN) {
        return r;
      }
      waited |= r == 0;
    }
    return 0;
  }

  private static long unlock(GuestThread t, long word, int flags) {
    while (true) {
      int old = GuestRam.hostLoad32(word);
      if ((old & TID_MASK) != t.tid) {
        return -Errno.EPERM;
      }
      if (GuestRam.hostCas32(word, old, 0)) {
        if ((old & WAITERS) != 0) {
          Host.call(Host.FUTEX, word, WAKE | flags, 1);
        }
        return 0;
      }
    }
  }

  // ---------------------------------------------------------------- robust lists

  /** Locks on the list of an ending thread are marked, and one waiter of each is woken. */
  static void releaseRobust(GuestThread t) {
    long head = t.robustList;
    t.robustList = 0;
    if (head == 0) {
      return;
    }
    int word = t.process.is32Bit ? 4 : 8;
    try {
      long distance = word == 8 ? t.load64(head + 8) : t.load32(head + 4);
      long pending = pointer(t, head + 2L * word, word);
      long entry = pointer(t, head, word);
      for (int i = 0; i < MAX_ROBUST && (entry & ~1L) != head && entry != 0; i++) {
        // What follows is read first: whoever is woken may free the entry.
        long next = pointer(t, entry & ~1L, word);
        if ((entry & ~1L) != (pending & ~1L)) {
          died(t, (entry & ~1L) + distance, (entry & 1) != 0, false);
        }
        t.resetScratch();
        entry = next;
      }
      if (pending != 0) {
        died(t, (pending & ~1L) + distance, (pending & 1) != 0, true);
      }
    } catch (Errno e) {
      // The guest's list is broken: what has been released stays so.
      t.resetScratch();
    }
  }

  private static long pointer(GuestThread t, long at, int word) {
    return word == 8 ? t.load64(at) : t.load32(at) & LOW;
  }

  private static void died(GuestThread t, long at, boolean inheriting, boolean pending) {
    long host = t.memory.arena.host(t.memory.at(t, at, true));
    while (true) {
      int old = GuestRam.hostLoad32(host);
      if (pending && !inheriting && old == 0) {
        // It ended between unlocking and waking.
        wakeOne(host);
        return;
      }
      if ((old & TID_MASK) != t.tid) {
        return;
      }
      if (GuestRam.hostCas32(host, old, old & WAITERS | OWNER_DIED)) {
        if ((old & WAITERS) != 0) {
          wakeOne(host);
        }
        return;
      }
    }
  }
}
