package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * POSIX message queues: the host's. Deviation: {@code mq_notify} is refused, because the host would
 * signal the JVM.
 */
final class MessageQueues {
  private static final int MQ_OPEN = 240;
  private static final int MQ_UNLINK = 241;
  private static final int MQ_TIMEDSEND = 242;
  private static final int MQ_TIMEDRECEIVE = 243;
  private static final int MQ_GETSETATTR = 245;
  private static final int O_CLOEXEC = 0x80000;
  private static final int ATTRIBUTES = 8;
  private static final int EMSGSIZE = 90;

  private MessageQueues() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("mq_open", (t, name, flags, mode, at, e, f) -> open(t, name, flags, mode, at));
    calls.put(
        "mq_unlink",
        (t, name, b, c, d, e, f) -> Host.call(MQ_UNLINK, t.string(Paths.text(t.cString(name)))));
    calls.put("mq_getsetattr", (t, fd, set, get, d, e, f) -> attributes(t, fd, set, get));
    calls.put("mq_notify", (t, fd, event, c, d, e, f) -> event == 0 ? 0 : -Errno.ENOSYS);
    calls.put(
        "mq_timedsend",
        (t, fd, at, n, priority, time, f) ->
            send(t, fd, at, n, priority, TimeCalls.timespec(t, time, time(t))));
    calls.put(
        "mq_timedreceive",
        (t, fd, at, n, priority, time, f) ->
            receive(t, fd, at, n, priority, TimeCalls.timespec(t, time, time(t))));
    calls.put(
        "mq_timedsend_time64",
        (t, fd, at, n, priority, time, f) ->
            send(t, fd, at, n, priority, TimeCalls.timespec(t, time, 16)));
    calls.put(
        "mq_timedreceive_time64",
        (t, fd, at, n, priority, time, f) ->
            receive(t, fd, at, n, priority, TimeCalls.timespec(t, time, 16)));
  }

  private static int time(GuestThread t) {
    return t.process.is32Bit ? 8 : 16;
  }

  /** struct mq_attr: eight longs. */
  private static long attributes(GuestThread t, long at) {
    if (at == 0) {
      return 0;
    }
    boolean wide = !t.process.is32Bit;
    long raw = t.in(at, ATTRIBUTES * (wide ? 8 : 4));
    if (wide) {
      return raw;
    }
    long host = t.scratch(ATTRIBUTES * 8);
    for (int i = 0; i < ATTRIBUTES; i++) {
      GuestRam.hostStore64(host + 8L * i, GuestRam.hostLoad32(raw + 4L * i));
    }
    return host;
  }

  private static long open(GuestThread t, long name, long flags, long mode, long at) {
    String text = Paths.text(t.cString(name));
    long attributes = attributes(t, at);
    long fd = t.restartable(MQ_OPEN, t.string(text), flags | O_CLOEXEC, mode, attributes, 0, 0);
    return fd < 0 ? fd : t.process.fds.installHost(fd, (flags & O_CLOEXEC) != 0);
  }

  private static long attributes(GuestThread t, long fd, long set, long get) {
    long next = attributes(t, set);
    long old = t.scratch(ATTRIBUTES * 8);
    GuestRam.hostFill(old, ATTRIBUTES * 8, (byte) 0);
    long r = Host.call(MQ_GETSETATTR, t.fd(fd), next, old);
    if (r < 0 || get == 0) {
      return r;
    }
    if (!t.process.is32Bit) {
      t.memory.writeHost(t, get, old, ATTRIBUTES * 8);
      return r;
    }
    for (int i = 0; i < ATTRIBUTES; i++) {
      GuestRam.hostStore32(old + 4L * i, (int) GuestRam.hostLoad64(old + 8L * i));
    }
    t.memory.writeHost(t, get, old, ATTRIBUTES * 4);
    return r;
  }

  private static long send(GuestThread t, long fd, long at, long n, long priority, long time) {
    if (n < 0 || n > t.scratchLeft()) {
      return -EMSGSIZE;
    }
    long host = t.scratch(n);
    t.memory.readHost(t, at, host, n);
    return t.restartable(MQ_TIMEDSEND, t.fd(fd), host, n, priority, time, 0);
  }

  private static long receive(GuestThread t, long fd, long at, long n, long priorityAt, long time) {
    long priority = t.scratch(8);
    long room = Math.min(n & Long.MAX_VALUE, t.scratchLeft() & -16L);
    long host = t.scratch(room);
    long r = t.restartable(MQ_TIMEDRECEIVE, t.fd(fd), host, room, priority, time, 0);
    if (r < 0) {
      return r;
    }
    t.memory.writeHost(t, at, host, r);
    if (priorityAt != 0) {
      t.store32(priorityAt, GuestRam.hostLoad32(priority));
    }
    return r;
  }
}
