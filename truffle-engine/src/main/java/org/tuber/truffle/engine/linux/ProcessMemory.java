package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * process_vm_readv and process_vm_writev: a guest process copies from or to another one's memory.
 */
final class ProcessMemory {
  private static final int MAX_PIECES = 1024;
  private static final long PAGE = 4096;
  private static final long LOW = 0xffff_ffffL;

  private ProcessMemory() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put(
        "process_vm_readv",
        (t, pid, here, n, there, m, flags) -> copy(t, (int) pid, here, n, there, m, flags, false));
    calls.put(
        "process_vm_writev",
        (t, pid, here, n, there, m, flags) -> copy(t, (int) pid, here, n, there, m, flags, true));
  }

  /** An array of iovec, walked piece by piece. */
  private static final class Pieces {
    private final long[] starts;
    private final long[] lengths;
    private int next;
    private long done;

    Pieces(GuestThread t, long at, long count) {
      if (count < 0 || count > MAX_PIECES) {
        throw new Errno(Errno.EINVAL);
      }
      int n = (int) count;
      int word = t.process.is32Bit ? 4 : 8;
      starts = new long[n];
      lengths = new long[n];
      for (int i = 0; i < n; i++) {
        long entry = at + 2L * word * i;
        starts[i] = word == 8 ? t.load64(entry) : t.load32(entry) & LOW;
        lengths[i] = word == 8 ? t.load64(entry + 8) : t.load32(entry + 4);
        t.resetScratch();
        if (lengths[i] < 0) {
          throw new Errno(Errno.EINVAL);
        }
      }
    }

    /** Bytes up to the end of this piece or of its page; 0 at the end of all. */
    long run() {
      while (next < lengths.length && done == lengths[next]) {
        next++;
        done = 0;
      }
      return next == lengths.length
          ? 0
          : Math.min(lengths[next] - done, PAGE - (address() & PAGE - 1));
    }

    long address() {
      return starts[next] + done;
    }
  }

  private static long copy(
      GuestThread t,
      int pid,
      long hereAt,
      long hereCount,
      long thereAt,
      long thereCount,
      long flags,
      boolean write) {
    if (flags != 0) {
      return -Errno.EINVAL;
    }
    Pieces here = new Pieces(t, hereAt, hereCount);
    Pieces there = new Pieces(t, thereAt, thereCount);
    UserMemory memory = of(t, pid);
    if (memory == null) {
      return -Errno.ESRCH;
    }
    // Whose translations a change of the other's pages concerns at once.
    GuestThread inThere = memory == t.memory ? t : null;
    long total = 0;
    while (true) {
      long n = Math.min(here.run(), there.run());
      if (n == 0) {
        return total;
      }
      try {
        long mine = t.memory.at(t, here.address(), !write);
        long other = memory.at(inThere, there.address(), write);
        long to = write ? other : mine;
        memory.arena.forgetCode(to, n);
        GuestRam.hostCopy(memory.arena.host(write ? mine : other), memory.arena.host(to), n);
      } catch (Errno e) {
        if (total == 0) {
          throw e;
        }
        return total;
      }
      here.done += n;
      there.done += n;
      total += n;
    }
  }

  private static UserMemory of(GuestThread t, int pid) {
    UserSystem system = t.process.system;
    synchronized (system) {
      GuestProcess p = system.find(pid);
      return p == null || p.threads.isEmpty() ? null : p.threads.get(0).memory;
    }
  }
}
