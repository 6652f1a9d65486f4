package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** Socket options of i386 whose value is laid out otherwise: timeouts with words of four bytes. */
final class SocketOptions32 {
  private static final int SETSOCKOPT = 54;
  private static final int GETSOCKOPT = 55;
  private static final int SOL_SOCKET = 1;
  private static final int SO_RCVTIMEO = 20;
  private static final int SO_SNDTIMEO = 21;
  private static final int TIMEVAL_BYTES = 8;
  private static final int MAX_OPTION = 4096;

  private SocketOptions32() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("setsockopt", SocketOptions32::set);
    calls.put("getsockopt", SocketOptions32::get);
  }

  private static boolean isTime(long level, long name) {
    return (int) level == SOL_SOCKET && ((int) name == SO_RCVTIMEO || (int) name == SO_SNDTIMEO);
  }

  private static long set(GuestThread t, long fd, long level, long name, long at, long n, long f) {
    int size = (int) n;
    if (size < 0 || isTime(level, name) && size < TIMEVAL_BYTES) {
      return -Errno.EINVAL;
    }
    if (isTime(level, name)) {
      long time = TimeCalls.timespec(t, at, TIMEVAL_BYTES);
      return Host.call(SETSOCKOPT, t.fd(fd), level, name, time, 16);
    }
    size = Math.min(size, MAX_OPTION);
    return Host.call(SETSOCKOPT, t.fd(fd), level, name, t.in(at, size), size);
  }

  private static long get(
      GuestThread t, long fd, long level, long name, long at, long lengthAt, long f) {
    if (!isTime(level, name)) {
      return SocketCalls.getsockopt(t, fd, level, name, at, lengthAt, f);
    }
    int room = t.load32(lengthAt);
    if (room < 0) {
      return -Errno.EINVAL;
    }
    long time = t.scratch(16);
    long length = t.scratch(4);
    GuestRam.hostStore32(length, 16);
    long r = Host.call(GETSOCKOPT, t.fd(fd), level, name, time, length);
    if (r < 0) {
      return r;
    }
    long narrow = t.scratch(TIMEVAL_BYTES);
    GuestRam.hostStore32(narrow, (int) GuestRam.hostLoad64(time));
    GuestRam.hostStore32(narrow + 4, (int) GuestRam.hostLoad64(time + 8));
    int size = Math.min(room, TIMEVAL_BYTES);
    t.memory.writeHost(t, at, narrow, size);
    t.store32(lengthAt, size);
    return 0;
  }
}
