package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.tuber.core.mem.GuestRam;

/** poll, select and epoll: waits with a timeout, some with a signal mask for their length. */
final class EventCalls {
  private static final int PPOLL = 271;
  private static final int EPOLL_CTL = 233;
  private static final int EPOLL_PWAIT2 = 441;

  /** Packed on x86. */
  private static final int EPOLL_EVENT_BYTES = 12;

  private static final int GENERIC_EPOLL_EVENT_BYTES = 16;
  private static final int MAX_EVENTS = 4096;
  private static final int FD_SETSIZE = 1024;
  private static final int POLLIN = 0x41;
  private static final int POLLOUT = 0x304;
  private static final int POLLPRI = 2;
  private static final int POLLERR = 8;
  private static final int POLLHUP = 0x10;
  private static final int POLLNVAL = 0x20;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private EventCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("poll", (t, at, n, millis, d, e, f) -> poll(t, at, n, millis(millis)));
    calls.put("ppoll", (t, at, n, time, mask, size, f) -> ppoll(t, at, n, time, mask, 16));
    calls.put("select", (t, n, r, w, x, time, f) -> select(t, n, r, w, x, time));
    calls.put("pselect6", (t, n, r, w, x, time, mask) -> pselect(t, n, r, w, x, time, mask, 16, 8));
    calls.put("epoll_ctl", (t, fd, op, target, event, e, f) -> epollCtl(t, fd, op, target, event));
    calls.put(
        "epoll_wait", (t, fd, at, n, millis, e, f) -> epollWait(t, fd, at, n, millis(millis)));
    calls.put(
        "epoll_pwait",
        (t, fd, at, n, millis, mask, size) -> {
          mask(t, mask);
          return epollWait(t, fd, at, n, millis(millis));
        });
    calls.put(
        "epoll_pwait2",
        (t, fd, at, n, time, mask, size) -> {
          long nanos = TimeCalls.nanos(t, time, 16);
          mask(t, mask);
          return epollWait(t, fd, at, n, nanos);
        });
  }

  private static long millis(long v) {
    return (int) v < 0 ? -1 : (int) v * 1_000_000L;
  }

  private static void mask(GuestThread t, long at) {
    if (at != 0) {
      SignalCalls.temporaryMask(t, t.load64(at));
    }
  }

  /** A host call with a timeout in native memory at {@code time}; goes on after false alarms. */
  private static long timed(
      GuestThread t, long nanos, long time, java.util.function.LongSupplier call) {
    long deadline = System.nanoTime() + nanos;
    if (nanos >= 0) {
      TimeCalls.storeTimespec(time, nanos);
    }
    while (true) {
      t.blockingHost = true;
      long r = t.work ? -Errno.EINTR : call.getAsLong();
      t.blockingHost = false;
      if (r != -Errno.EINTR) {
        return r;
      }
      if (t.reallyHasWork()) {
        return -Errno.ERESTARTNOHAND;
      }
      if (nanos >= 0) {
        TimeCalls.storeTimespec(time, Math.max(0, deadline - System.nanoTime()));
      }
    }
  }

  // ---------------------------------------------------------------- poll

  /** Most descriptors for which the memory of a system call is enough. */
  private static final int SCRATCH_POLLS = 8192;

  static long ppoll(GuestThread t, long at, long n, long time, long mask, int timeBytes) {
    long nanos = TimeCalls.nanos(t, time, timeBytes);
    mask(t, mask);
    return poll(t, at, n, nanos);
  }

  static long poll(GuestThread t, long at, long count, long nanos) {
    int n = (int) count;
    if (n < 0 || n > t.process.limits.openFiles()) {
      return -Errno.EINVAL;
    }
    if (n <= SCRATCH_POLLS) {
      long fds = t.in(at, n * 8);
      return poll(t, at, fds == 0 ? t.scratch(8) : fds, n, nanos);
    }
    long fds = GuestRam.hostAllocate(n * 8L);
    try {
      t.memory.readHost(t, at, fds, n * 8L);
      return poll(t, at, fds, n, nanos);
    } finally {
      GuestRam.hostFree(fds);
    }
  }

  /**
   * poll.
   *
   * @param base the program's array of {@code n} struct pollfd, copied to native memory
   */
  private static long poll(GuestThread t, long at, long base, int n, long nanos) {
    int[] guest = new int[n];
    boolean bad = false;
    for (int i = 0; i < n; i++) {
      guest[i] = GuestRam.hostLoad32(base + 8L * i);
      OpenFile file = guest[i] < 0 ? null : t.process.fds.find(guest[i]);
      bad |= guest[i] >= 0 && file == null;
      GuestRam.hostStore32(base + 8L * i, file == null ? -1 : file.hostFd);
    }
    long time = t.scratch(16);
    long limit = bad ? 0 : nanos;
    long r = timed(t, limit, time, () -> Host.call6(PPOLL, base, n, limit < 0 ? 0 : time, 0, 0, 0));
    if (r < 0) {
      return r;
    }
    for (int i = 0; i < n; i++) {
      if (guest[i] >= 0 && GuestRam.hostLoad32(base + 8L * i) < 0) {
        GuestRam.hostStore16(base + 8L * i + 6, POLLNVAL);
        r++;
      }
      GuestRam.hostStore32(base + 8L * i, guest[i]);
    }
    t.memory.writeHost(t, at, base, n * 8L);
    return r;
  }

  // ---------------------------------------------------------------- select

  private static long select(GuestThread t, long n, long r, long w, long x, long time) {
    long nanos = -1;
    if (time != 0) {
      nanos = t.load64(time) * SECOND + t.load64(time + 8) * 1000;
    }
    long start = System.nanoTime();
    long result = select(t, (int) n, r, w, x, nanos);
    if (time != 0) {
      long left = Math.max(0, nanos - (System.nanoTime() - start));
      TimeCalls.storeTime(t, time, left / SECOND, left % SECOND / 1000, 16);
    }
    return result;
  }

  static long pselect(
      GuestThread t,
      long n,
      long r,
      long w,
      long x,
      long time,
      long mask,
      int timeBytes,
      int word) {
    long nanos = TimeCalls.nanos(t, time, timeBytes);
    if (mask != 0) {
      long at = word == 8 ? t.load64(mask) : t.load32(mask) & 0xffff_ffffL;
      mask(t, at);
    }
    return select(t, (int) n, r, w, x, nanos);
  }

  /** By poll: guest descriptors are not the host's, so the sets cannot be handed on. */
  static long select(GuestThread t, int n, long r, long w, long x, long nanos) {
    if (n < 0) {
      return -Errno.EINVAL;
    }
    int count = Math.min(n, Math.max(FD_SETSIZE, t.process.fds.size()));
    int bytes = (count + 7) / 8;
    byte[][] sets = new byte[3][];
    long[] at = {r, w, x};
    for (int i = 0; i < 3; i++) {
      sets[i] = at[i] == 0 ? new byte[bytes] : t.bytes(at[i], bytes);
    }
    int[] events = new int[count];
    int used = 0;
    for (int fd = 0; fd < count; fd++) {
      int bit = 1 << (fd & 7);
      events[fd] =
          ((sets[0][fd >> 3] & bit) != 0 ? POLLIN : 0)
              | ((sets[1][fd >> 3] & bit) != 0 ? POLLOUT : 0)
              | ((sets[2][fd >> 3] & bit) != 0 ? POLLPRI : 0);
      used += events[fd] != 0 ? 1 : 0;
    }
    long fds = t.scratch(8L * Math.max(1, used));
    int[] which = new int[used];
    int k = 0;
    for (int fd = 0; fd < count; fd++) {
      if (events[fd] != 0) {
        GuestRam.hostStore32(fds + 8L * k, t.fd(fd));
        GuestRam.hostStore32(fds + 8L * k + 4, events[fd]);
        which[k++] = fd;
      }
    }
    int polled = used;
    long time = t.scratch(16);
    long result =
        timed(t, nanos, time, () -> Host.call6(PPOLL, fds, polled, nanos < 0 ? 0 : time, 0, 0, 0));
    if (result < 0) {
      return result;
    }
    return selected(t, sets, at, fds, which, bytes);
  }

  private static long selected(
      GuestThread t, byte[][] sets, long[] at, long fds, int[] which, int bytes) {
    byte[][] ready = new byte[3][bytes];
    int total = 0;
    for (int i = 0; i < which.length; i++) {
      int got = GuestRam.hostLoad16(fds + 8L * i + 6);
      boolean[] is = {
        (got & (POLLIN | POLLHUP | POLLERR)) != 0,
        (got & (POLLOUT | POLLERR)) != 0,
        (got & POLLPRI) != 0
      };
      int fd = which[i];
      for (int s = 0; s < 3; s++) {
        if (is[s] && (sets[s][fd >> 3] >> (fd & 7) & 1) != 0) {
          ready[s][fd >> 3] |= (byte) (1 << (fd & 7));
          total++;
        }
      }
    }
    for (int s = 0; s < 3; s++) {
      if (at[s] != 0) {
        t.write(at[s], ready[s]);
      }
    }
    return total;
  }

  // ---------------------------------------------------------------- epoll

  private static long epollCtl(GuestThread t, long fd, long op, long target, long event) {
    long data;
    if (t.process.abi.isGeneric() && event != 0) {
      long g = t.in(event, GENERIC_EPOLL_EVENT_BYTES);
      data = t.scratch(EPOLL_EVENT_BYTES);
      GuestRam.hostStore32(data, GuestRam.hostLoad32(g));
      GuestRam.hostStore64(data + 4, GuestRam.hostLoad64(g + 8));
    } else {
      data = t.in(event, EPOLL_EVENT_BYTES);
    }
    return Host.call(EPOLL_CTL, t.fd(fd), op, t.fd(target), data);
  }

  private static long epollWait(GuestThread t, long fd, long at, long count, long nanos) {
    int n = (int) count;
    if (n <= 0) {
      return -Errno.EINVAL;
    }
    n = Math.min(n, MAX_EVENTS);
    int most = n;
    long events = t.scratch((long) n * EPOLL_EVENT_BYTES);
    long time = t.scratch(16);
    int host = t.fd(fd);
    long r =
        timed(
            t,
            nanos,
            time,
            () -> Host.call6(EPOLL_PWAIT2, host, events, most, nanos < 0 ? 0 : time, 0, 0));
    if (r > 0 && t.process.abi.isGeneric()) {
      ByteBuffer b =
          ByteBuffer.allocate((int) r * GENERIC_EPOLL_EVENT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < r; i++) {
        long e = events + (long) i * EPOLL_EVENT_BYTES;
        b.putLong(GuestRam.hostLoad32(e) & 0xffff_ffffL).putLong(GuestRam.hostLoad64(e + 4));
      }
      t.write(at, b.array());
    } else if (r > 0) {
      t.memory.writeHost(t, at, events, r * EPOLL_EVENT_BYTES);
    }
    return r;
  }
}
