package org.tuber.truffle.engine.linux;

import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * System calls of i386 that differ from x86-64's in name, order of arguments or layout. What is not
 * here is the same, or described alike, in both.
 */
public final class Calls32 {
  private static final int OLD_MMAP_BYTES = 24;
  private static final long LOW = 0xffff_ffffL;
  private static final int F_GETLK64 = 12;
  private static final int F_GETLK = 5;

  /** Names that mean the same call. */
  private static final String[][] SAME = {
    {"umount2", "umount2"},
    {"_newselect", "select32"},
    {"setuid32", "setuid"},
    {"getuid32", "getuid"},
    {"geteuid32", "geteuid"},
    {"getgid32", "getgid"},
    {"getegid32", "getegid"},
    {"setgid32", "setgid"},
    {"setreuid32", "setreuid"},
    {"setregid32", "setregid"},
    {"setresuid32", "setresuid"},
    {"setresgid32", "setresgid"},
    {"getresuid32", "getresuid"},
    {"getresgid32", "getresgid"},
    {"chown32", "chown"},
    {"fchown32", "fchown"},
    {"lchown32", "lchown"},
    {"setfsuid32", "setfsuid"},
    {"setfsgid32", "setfsgid"},
    {"clock_gettime64", "clock_gettime"},
    {"clock_settime64", "clock_settime"},
    {"clock_adjtime64", "clock_adjtime"},
    {"clock_getres_time64", "clock_getres"},
    {"utimensat_time64", "utimensat"},
    {"timerfd_settime64", "timerfd_settime"},
    {"timerfd_gettime64", "timerfd_gettime"},
    {"sched_rr_get_interval_time64", "sched_rr_get_interval"},
  };

  private Calls32() {}

  /** The name under which {@link SyscallTables} finds the host's call for one of i386. */
  public static String hostName(String name) {
    for (String[] pair : SAME) {
      if (pair[0].equals(name)) {
        return pair[1];
      }
    }
    return name;
  }

  /** Puts the calls of i386 in place of those of x86-64. */
  public static void replace(Map<String, Syscalls.Call> calls, Map<String, String[]> signatures) {
    Layout32.add(calls);
    for (String[] pair : SAME) {
      if (signatures.containsKey(pair[1])) {
        signatures.put(pair[0], signatures.get(pair[1]));
      }
    }
    calls.put("setgroups32", calls.get("setgroups"));
    calls.put("getgroups32", calls.get("getgroups"));
    calls.put("recvmmsg_time64", calls.get("recvmmsg"));
    SocketOptions32.add(calls);
    OldCalls32.add(calls);
    SysvCalls.add32(calls);
    addProcesses(calls);
    addSignals(calls);
    addFiles(calls);
    addTimes(calls);
    calls.put("socketcall", new SocketCall32(calls, signatures));
  }

  private static void addProcesses(Map<String, Syscalls.Call> calls) {
    calls.put(
        "clone",
        (t, flags, stack, ptid, tls, ctid, f) ->
            ThreadCalls.clone(t, flags, stack, ptid, ctid, tls));
    calls.put(
        "waitpid",
        (t, pid, status, options, d, e, f) -> ProcessCalls.wait4(t, pid, status, options, 0));
    calls.put("ugetrlimit", (t, r, at, c, d, e, f) -> Layout32.getrlimit(t, (int) r, at));
    calls.put("getrlimit", (t, r, at, c, d, e, f) -> Layout32.getrlimit(t, (int) r, at));
    calls.put("setrlimit", (t, r, at, c, d, e, f) -> Layout32.setrlimit(t, (int) r, at));
    calls.put(
        "futex",
        (t, at, op, v, time, at2, v3) ->
            Futexes.call(t, at, (int) op, (int) v, time, at2, (int) v3, 8));
    calls.put(
        "futex_time64",
        (t, at, op, v, time, at2, v3) ->
            Futexes.call(t, at, (int) op, (int) v, time, at2, (int) v3, 16));
    calls.put(
        "mmap2",
        (t, at, n, p, flags, fd, page) -> MemoryCalls.mmap(t, at, n, p, flags, fd, page << 12));
    calls.put("mmap", (t, at, b, c, d, e, f) -> oldMmap(t, at));
  }

  private static long oldMmap(GuestThread t, long at) {
    long a = t.need(at, OLD_MMAP_BYTES);
    long[] v = new long[6];
    for (int i = 0; i < 6; i++) {
      v[i] = GuestRam.hostLoad32(a + 4L * i) & LOW;
    }
    return MemoryCalls.mmap(t, v[0], v[1], v[2], v[3], v[4], v[5]);
  }

  private static void addSignals(Map<String, Syscalls.Call> calls) {
    calls.put(
        "rt_sigaction", (t, n, set, get, size, e, f) -> Layout32.action(t, (int) n, set, get));
    calls.put("sigaltstack", (t, set, get, c, d, e, f) -> Layout32.altStack(t, set, get));
    calls.put(
        "rt_sigtimedwait",
        (t, set, info, time, n, e, f) ->
            SignalCalls.timedWait(t, set, info, TimeCalls.nanos(t, time, 8)));
    calls.put(
        "rt_sigtimedwait_time64",
        (t, set, info, time, n, e, f) ->
            SignalCalls.timedWait(t, set, info, TimeCalls.nanos(t, time, 16)));
  }

  /** A 64-bit offset in two registers. */
  private static long wide(long low, long high) {
    return low & LOW | high << 32;
  }

  private static void addFiles(Map<String, Syscalls.Call> calls) {
    calls.put(
        "lseek",
        (t, fd, offset, whence, d, e, f) ->
            Directories.seek32(t, fd, OldCalls32.signed(offset), whence));
    calls.put(
        "_llseek",
        (t, fd, high, low, at, whence, f) -> {
          long r = Directories.seek32(t, fd, wide(low, high), whence);
          if (r >= 0) {
            t.store64(at, r);
          }
          return r < 0 ? r : 0;
        });
    calls.put(
        "pread64",
        (t, fd, at, n, low, high, f) ->
            FileCalls.pread(t, fd, Iovecs.of(t, true, at, n), wide(low, high)));
    calls.put(
        "pwrite64",
        (t, fd, at, n, low, high, f) ->
            FileCalls.pwrite(t, fd, Iovecs.of(t, false, at, n), wide(low, high)));
    calls.put(
        "preadv",
        (t, fd, at, n, low, high, f) ->
            FileCalls.pread(t, fd, Iovecs.ofArray(t, true, at, (int) n, false), wide(low, high)));
    calls.put(
        "pwritev",
        (t, fd, at, n, low, high, f) ->
            FileCalls.pwrite(t, fd, Iovecs.ofArray(t, false, at, (int) n, false), wide(low, high)));
    calls.put(
        "truncate64",
        (t, path, low, high, d, e, f) -> FileSizes.truncate(t, path, wide(low, high)));
    calls.put(
        "ftruncate64", (t, fd, low, high, d, e, f) -> FileSizes.ftruncate(t, fd, wide(low, high)));
    calls.put(
        "fallocate",
        (t, fd, mode, low, high, nLow, nHigh) ->
            FileSizes.fallocate(t, fd, (int) mode, wide(low, high), wide(nLow, nHigh)));
    calls.put(
        "fadvise64",
        (t, fd, low, high, n, advice, f) -> Host.call(221, t.fd(fd), wide(low, high), n, advice));
    calls.put(
        "fadvise64_64",
        (t, fd, low, high, nLow, nHigh, advice) ->
            Host.call(221, t.fd(fd), wide(low, high), wide(nLow, nHigh), advice));
    calls.put(
        "readahead", (t, fd, low, high, n, e, f) -> Host.call(187, t.fd(fd), wide(low, high), n));
    calls.put(
        "fcntl", (t, fd, command, argument, d, e, f) -> fcntl(t, fd, (int) command, argument));
    calls.put(
        "fcntl64", (t, fd, command, argument, d, e, f) -> fcntl(t, fd, (int) command, argument));
    calls.put(
        "sendfile64", (t, out, in, offset, n, e, f) -> FileCalls.sendfile(t, out, in, offset, n));
    calls.put(
        "sendfile",
        (t, out, in, offset, n, e, f) ->
            offset == 0 ? FileCalls.sendfile(t, out, in, 0, n) : -Errno.EINVAL);
  }

  private static long fcntl(GuestThread t, long fd, int command, long argument) {
    if (command >= F_GETLK && command <= F_GETLK + 2) {
      return Layout32.lock(t, fd, command - F_GETLK, false, argument, false);
    }
    if (command >= F_GETLK64 && command <= F_GETLK64 + 2) {
      return Layout32.lock(t, fd, command - F_GETLK64, false, argument, true);
    }
    if (command >= 36 && command <= 38) {
      return Layout32.lock(t, fd, command - 36, true, argument, true);
    }
    return FileCalls.fcntl(t, fd, command, argument);
  }

  private static void addTimes(Map<String, Syscalls.Call> calls) {
    calls.put("nanosleep", (t, time, left, c, d, e, f) -> TimeCalls.sleep(t, 1, 0, time, left, 8));
    calls.put(
        "clock_nanosleep",
        (t, clock, flags, time, left, e, f) ->
            TimeCalls.sleep(t, (int) clock, (int) flags, time, left, 8));
    calls.put(
        "clock_nanosleep_time64",
        (t, clock, flags, time, left, e, f) ->
            TimeCalls.sleep(t, (int) clock, (int) flags, time, left, 16));
    calls.put(
        "setitimer",
        (t, which, set, get, d, e, f) -> TimeCalls.setitimer(t, (int) which, set, get, 4));
    calls.put(
        "getitimer", (t, which, get, c, d, e, f) -> TimeCalls.getitimer(t, (int) which, get, 4));
    calls.put(
        "timer_settime",
        (t, id, flags, set, get, e, f) ->
            t.process.timers.set(t, (int) id, (int) flags, set, get, 4));
    calls.put(
        "timer_gettime", (t, id, get, c, d, e, f) -> t.process.timers.get(t, (int) id, get, 4));
    calls.put(
        "timer_settime64",
        (t, id, flags, set, get, e, f) ->
            t.process.timers.set(t, (int) id, (int) flags, set, get, 8));
    calls.put(
        "timer_gettime64", (t, id, get, c, d, e, f) -> t.process.timers.get(t, (int) id, get, 8));
    calls.put(
        "ppoll", (t, at, n, time, mask, size, f) -> EventCalls.ppoll(t, at, n, time, mask, 8));
    calls.put(
        "ppoll_time64",
        (t, at, n, time, mask, size, f) -> EventCalls.ppoll(t, at, n, time, mask, 16));
    calls.put(
        "pselect6",
        (t, n, r, w, x, time, mask) -> EventCalls.pselect(t, n, r, w, x, time, mask, 8, 4));
    calls.put(
        "pselect6_time64",
        (t, n, r, w, x, time, mask) -> EventCalls.pselect(t, n, r, w, x, time, mask, 16, 4));
    calls.put("_newselect", Layout32::select);
    ClockCalls.add32(calls);
    calls.put("gettimeofday", (t, at, zone, c, d, e, f) -> Layout32.gettimeofday(t, at));
    calls.put("time", (t, at, b, c, d, e, f) -> Layout32.time(t, at));
    calls.put(
        "utimensat",
        (t, dir, path, times, flags, e, f) -> Layout32.utimensat(t, dir, path, times, (int) flags));
  }
}
