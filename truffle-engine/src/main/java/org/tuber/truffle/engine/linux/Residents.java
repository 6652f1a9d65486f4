package org.tuber.truffle.engine.linux;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The threads that run in an address space, and how they are made to forget translations. */
final class Residents {
  /** Beyond this many pages a thread forgets everything. */
  private static final int MOST_PAGES = 64;

  private final List<GuestThread> threads = new CopyOnWriteArrayList<>();

  /** Of the pages with code: new when one of them changes, the same for all threads. */
  private volatile long epoch;

  void add(GuestThread t) {
    if (epoch == 0) {
      epoch = t.cpu.newEpoch();
    }
    threads.add(t);
    t.cpu.flushTlb(epoch);
  }

  /** See {@link UserCpu#flushTlb}. */
  long epoch() {
    return epoch;
  }

  /** True when that was the last one. */
  boolean remove(GuestThread t) {
    threads.remove(t);
    return threads.isEmpty();
  }

  /** More than one thread runs in there. */
  boolean areSeveral() {
    return threads.size() > 1;
  }

  /**
   * Entries were replaced or lost rights: no thread may use what it remembers of them.
   *
   * @param self the calling thread if it is one of these, else null
   * @param code some of the pages were executable
   */
  void changed(GuestThread self, long from, long pages, boolean code) {
    if (code) {
      for (GuestThread t : threads) {
        epoch = t.cpu.newEpoch();
        break;
      }
    }
    if (self != null) {
      forget(self, from, pages, code);
    }
    if (threads.size() > (self == null ? 0 : 1)) {
      shoot(self);
    }
  }

  private void forget(GuestThread t, long from, long pages, boolean code) {
    if (code || pages > MOST_PAGES) {
      t.cpu.flushTlb(epoch);
      return;
    }
    for (long i = 0; i < pages; i++) {
      t.cpu.flushDataPage(from + (i << 12));
    }
  }

  /**
   * Makes every other thread drop all its translations of data, and of code when that changed, and
   * returns when none can use an old one any more: each has either done so or is inside a system
   * call, at whose end it will.
   */
  private void shoot(GuestThread self) {
    for (GuestThread t : threads) {
      if (t != self) {
        t.flushWanted = true;
        t.cpu.attention();
      }
    }
    boolean wasInKernel = self == null || self.inKernel;
    if (!wasInKernel) {
      self.inKernel = true;
    }
    for (GuestThread t : threads) {
      while (t != self && t.flushWanted && !t.inKernel && !t.ended) {
        Thread.onSpinWait();
      }
    }
    if (!wasInKernel) {
      self.leaveKernel();
    }
  }
}
