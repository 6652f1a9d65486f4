package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/**
 * System calls of i386 that later ones replaced: 16-bit user numbers, 32-bit times and offsets,
 * signal sets of one word. Old static programs and musl's or dietlibc's use them.
 */
final class OldCalls32 {
  private static final int STAT = 4;
  private static final int LSTAT = 6;
  private static final int CHOWN = 92;
  private static final int FCHOWN = 93;
  private static final int LCHOWN = 94;
  private static final int GETRESUID = 118;
  private static final int GETRESGID = 120;
  private static final int STATFS = 137;
  private static final int FSTATFS = 138;
  private static final int SCHED_RR_GET_INTERVAL = 148;
  private static final int ADJTIMEX = 159;
  private static final int SETTIMEOFDAY = 164;
  private static final int UMOUNT2 = 166;
  private static final int CLOCK_SETTIME = 227;
  private static final int UTIMENSAT = 280;
  private static final int TIMERFD_SETTIME = 286;
  private static final int TIMERFD_GETTIME = 287;
  private static final int CLOCK_ADJTIME = 305;

  private static final int STAT_BYTES = 144;
  private static final int TIMEX_BYTES = 208;
  private static final int TIMEX_WORDS = 21;
  private static final long LOW = 0xffff_ffffL;

  private OldCalls32() {}

  static void add(Map<String, Syscalls.Call> calls) {
    addFiles(calls);
    addTimes(calls);
    addSignals(calls);
    addUsers(calls);
  }

  // ---------------------------------------------------------------- files

  private static void addFiles(Map<String, Syscalls.Call> calls) {
    calls.put("stat", (t, path, at, c, d, e, f) -> stat(t, STAT, t.hostPath(t.path(path)), at));
    calls.put("lstat", (t, path, at, c, d, e, f) -> stat(t, LSTAT, t.hostPath(t.path(path)), at));
    calls.put("fstat", (t, fd, at, c, d, e, f) -> stat(t, Host.FSTAT, t.fd(fd), at));
    calls.put(
        "statfs", (t, path, at, c, d, e, f) -> statfs(t, STATFS, t.hostPath(t.path(path)), at));
    calls.put("fstatfs", (t, fd, at, c, d, e, f) -> statfs(t, FSTATFS, t.fd(fd), at));
    calls.put(
        "umount", (t, path, b, c, d, e, f) -> Host.call(UMOUNT2, t.hostPath(t.path(path)), 0));
    calls.put("truncate", (t, path, n, c, d, e, f) -> FileSizes.truncate(t, path, signed(n)));
    calls.put("ftruncate", (t, fd, n, c, d, e, f) -> FileSizes.ftruncate(t, fd, signed(n)));
    calls.put(
        "sync_file_range",
        (t, fd, low, high, nLow, nHigh, flags) ->
            Host.call(277, t.fd(fd), low | high << 32, nLow | nHigh << 32, flags));
    calls.put(
        "select",
        (t, at, b, c, d, e, f) -> {
          long v = t.need(at, 20);
          return Layout32.select(t, word(v, 0), word(v, 1), word(v, 2), word(v, 3), word(v, 4), 0);
        });
  }

  private static long word(long host, int i) {
    return GuestRam.hostLoad32(host + 4L * i) & LOW;
  }

  private static boolean fits(long value) {
    return value >= 0 && value <= Integer.MAX_VALUE;
  }

  /** struct stat of 64 bytes; EOVERFLOW for what its words cannot hold. */
  private static long stat(GuestThread t, int number, long what, long at) {
    long h = t.scratch(STAT_BYTES);
    long r = Host.call(number, what, h);
    if (r < 0) {
      return r;
    }
    long size = GuestRam.hostLoad64(h + 48);
    long inode = GuestRam.hostLoad64(h + 8);
    if (!fits(size) || inode != (inode & LOW)) {
      return -Errno.EOVERFLOW;
    }
    ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, (int) GuestRam.hostLoad64(h)).putInt(4, (int) inode);
    b.putShort(8, (short) GuestRam.hostLoad32(h + 24));
    b.putShort(10, (short) Math.min(0xffff, GuestRam.hostLoad64(h + 16)));
    b.putShort(12, (short) GuestRam.hostLoad32(h + 28));
    b.putShort(14, (short) GuestRam.hostLoad32(h + 32));
    b.putInt(16, (int) GuestRam.hostLoad64(h + 40)).putInt(20, (int) size);
    b.putInt(24, (int) GuestRam.hostLoad64(h + 56)).putInt(28, (int) GuestRam.hostLoad64(h + 64));
    for (int i = 0; i < 6; i++) {
      b.putInt(32 + 4 * i, (int) GuestRam.hostLoad64(h + 72 + 8L * i));
    }
    t.write(at, b.array());
    return 0;
  }

  private static long statfs(GuestThread t, int number, long what, long at) {
    long h = t.scratch(120);
    long r = Host.call(number, what, h);
    if (r < 0) {
      return r;
    }
    ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 7; i++) {
      long value = GuestRam.hostLoad64(h + 8L * i);
      // All ones means "not known" for the numbers of files.
      if (i >= 2 && value != (value & LOW) && !(i >= 5 && value == -1)) {
        return -Errno.EOVERFLOW;
      }
      b.putInt(4 * i, (int) value);
    }
    b.putLong(28, GuestRam.hostLoad64(h + 56));
    for (int i = 0; i < 3; i++) {
      b.putInt(36 + 4 * i, (int) GuestRam.hostLoad64(h + 64 + 8L * i));
    }
    t.write(at, b.array());
    return 0;
  }

  // ---------------------------------------------------------------- times

  private static void addTimes(Map<String, Syscalls.Call> calls) {
    calls.put("utime", (t, path, at, c, d, e, f) -> utime(t, path, at));
    calls.put("utimes", (t, path, at, c, d, e, f) -> utimes(t, Host.AT_FDCWD, path, at));
    calls.put("futimesat", (t, dir, path, at, d, e, f) -> utimes(t, dir, path, at));
    calls.put(
        "timerfd_settime",
        (t, fd, flags, set, get, e, f) -> {
          long from = itimer(t, set);
          long old = get == 0 ? 0 : t.scratch(32);
          long r = Host.call(TIMERFD_SETTIME, t.fd(fd), flags, from, old);
          return r < 0 ? r : storeItimer(t, get, old);
        });
    calls.put(
        "timerfd_gettime",
        (t, fd, get, c, d, e, f) -> {
          long now = t.scratch(32);
          long r = Host.call(TIMERFD_GETTIME, t.fd(fd), now);
          return r < 0 ? r : storeItimer(t, get, now);
        });
    calls.put(
        "sched_rr_get_interval",
        (t, tid, at, c, d, e, f) -> {
          long h = t.scratch(16);
          int thread = ThreadCalls.hostThread(t, (int) tid);
          long r = Host.call(SCHED_RR_GET_INTERVAL, thread, h);
          return r < 0 ? r : storeWords(t, at, h, 2);
        });
    calls.put(
        "clock_settime",
        (t, clock, at, c, d, e, f) ->
            Host.call(CLOCK_SETTIME, signed(clock), TimeCalls.timespec(t, at, 8)));
    calls.put(
        "settimeofday",
        (t, at, zone, c, d, e, f) ->
            Host.call(SETTIMEOFDAY, TimeCalls.timespec(t, at, 8), t.in(zone, 8)));
    calls.put(
        "stime",
        (t, at, b, c, d, e, f) -> {
          long h = t.scratch(16);
          GuestRam.hostStore64(h, t.load32(at));
          GuestRam.hostStore64(h + 8, 0);
          return Host.call(SETTIMEOFDAY, h, 0);
        });
    calls.put("adjtimex", (t, at, b, c, d, e, f) -> timex(t, ADJTIMEX, 0, at));
    calls.put("clock_adjtime", (t, clock, at, c, d, e, f) -> timex(t, CLOCK_ADJTIME, clock, at));
  }

  private static long utime(GuestThread t, long path, long at) {
    long h = 0;
    if (at != 0) {
      long times = t.in(at, 8);
      h = t.scratch(32);
      GuestRam.hostFill(h, 32, (byte) 0);
      GuestRam.hostStore64(h, GuestRam.hostLoad32(times));
      GuestRam.hostStore64(h + 16, GuestRam.hostLoad32(times + 4));
    }
    return Host.call(UTIMENSAT, Host.AT_FDCWD, t.hostPath(t.path(path)), h, 0);
  }

  private static long utimes(GuestThread t, long directory, long path, long at) {
    long h = 0;
    if (at != 0) {
      long times = t.in(at, 16);
      h = t.scratch(32);
      for (int i = 0; i < 2; i++) {
        int micros = GuestRam.hostLoad32(times + 8L * i + 4);
        if (micros < 0 || micros >= 1_000_000) {
          return -Errno.EINVAL;
        }
        GuestRam.hostStore64(h + 16L * i, GuestRam.hostLoad32(times + 8L * i));
        GuestRam.hostStore64(h + 16L * i + 8, micros * 1000L);
      }
    }
    return Host.call(UTIMENSAT, t.directory(directory), t.hostPath(t.path(path)), h, 0);
  }

  /** A struct itimerspec in native memory. */
  private static long itimer(GuestThread t, long at) {
    long raw = t.need(at, 16);
    long h = t.scratch(32);
    for (int i = 0; i < 4; i++) {
      GuestRam.hostStore64(h + 8L * i, GuestRam.hostLoad32(raw + 4L * i));
    }
    return h;
  }

  private static long storeItimer(GuestThread t, long at, long host) {
    return at == 0 ? 0 : storeWords(t, at, host, 4);
  }

  /** Longs of the host as the guest's words. */
  private static long storeWords(GuestThread t, long at, long host, int count) {
    long h = t.scratch(4L * count);
    for (int i = 0; i < count; i++) {
      GuestRam.hostStore32(h + 4L * i, (int) GuestRam.hostLoad64(host + 8L * i));
    }
    t.memory.writeHost(t, at, h, 4L * count);
    return 0;
  }

  /** struct timex: every member is one word here and two there. */
  private static long timex(GuestThread t, int number, long clock, long at) {
    long raw = t.need(at, 4 * TIMEX_WORDS);
    long h = t.scratch(TIMEX_BYTES);
    GuestRam.hostFill(h, TIMEX_BYTES, (byte) 0);
    for (int i = 0; i < TIMEX_WORDS; i++) {
      int v = GuestRam.hostLoad32(raw + 4L * i);
      GuestRam.hostStore64(h + 8L * i, i == 0 ? v & LOW : v);
    }
    long r = number == ADJTIMEX ? Host.call(number, h) : Host.call(number, signed(clock), h);
    if (r >= 0) {
      storeWords(t, at, h, TIMEX_WORDS);
    }
    return r;
  }

  // ---------------------------------------------------------------- signals

  private static void addSignals(Map<String, Syscalls.Call> calls) {
    calls.put("sigaction", (t, n, set, get, d, e, f) -> action(t, (int) n, set, get));
    calls.put("signal", (t, n, handler, c, d, e, f) -> signal(t, (int) n, handler));
    calls.put("sigprocmask", (t, how, set, get, d, e, f) -> procmask(t, (int) how, set, get));
    calls.put(
        "sigpending",
        (t, at, b, c, d, e, f) -> {
          synchronized (t.process.system) {
            b = Signals.pendingSet(t) & t.mask;
          }
          t.store32(at, (int) b);
          return 0;
        });
    // The mask is the third argument.
    calls.put(
        "sigsuspend",
        (t, a, b, mask, d, e, f) -> {
          SignalCalls.temporaryMask(t, mask & LOW);
          return SignalCalls.pause(t);
        });
    calls.put("sgetmask", (t, a, b, c, d, e, f) -> t.mask & LOW);
    calls.put(
        "ssetmask",
        (t, mask, b, c, d, e, f) -> {
          long old = t.mask & LOW;
          SignalCalls.setMask(t, t.mask & ~LOW | mask & LOW);
          return old;
        });
  }

  /** struct old_sigaction: handler, mask, flags, restorer. */
  private static long action(GuestThread t, int n, long set, long get) {
    SignalActions.Action next = null;
    if (set != 0) {
      long g = t.in(set, 16);
      next = new SignalActions.Action(word(g, 0), word(g, 2), word(g, 3), word(g, 1));
    }
    SignalActions.Action old = SignalCalls.change(t, n, next);
    if (get != 0) {
      ByteBuffer b = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
      b.putInt((int) old.handler()).putInt((int) old.mask());
      b.putInt((int) old.flags()).putInt((int) old.restorer());
      t.write(get, b.array());
    }
    return 0;
  }

  /** An {@code int} or {@code long} argument of i386 with its sign. */
  static long signed(long argument) {
    return argument << 32 >> 32;
  }

  /** As in the first systems: the handler runs once. */
  private static long signal(GuestThread t, int n, long handler) {
    long flags = SignalActions.SA_RESETHAND | SignalActions.SA_NODEFER;
    return SignalCalls.change(t, n, new SignalActions.Action(handler & LOW, flags, 0, 0)).handler();
  }

  private static long procmask(GuestThread t, int how, long set, long get) {
    long old = t.mask;
    if (set != 0) {
      long v = t.load32(set) & LOW;
      SignalCalls.setMask(
          t,
          switch (how) {
            case 0 -> old | v;
            case 1 -> old & ~v;
            case 2 -> old & ~LOW | v;
            default -> throw new Errno(Errno.EINVAL);
          });
    }
    if (get != 0) {
      t.store32(get, (int) old);
    }
    return 0;
  }

  // ---------------------------------------------------------------- users

  /** A 16-bit number as the host's; all ones means "leave it". */
  private static long user(long n) {
    return (n & 0xffff) == 0xffff ? -1 : n & 0xffff;
  }

  /** A user's number in 16 bits: what does not fit is "nobody" (overflowuid). */
  private static int narrow(long n) {
    return (n & LOW) > 0xffff ? 65534 : (int) n;
  }

  private static void addUsers(Map<String, Syscalls.Call> calls) {
    calls.put(
        "chown",
        (t, path, u, g, d, e, f) -> Host.call(CHOWN, t.hostPath(t.path(path)), user(u), user(g)));
    calls.put(
        "lchown",
        (t, path, u, g, d, e, f) -> Host.call(LCHOWN, t.hostPath(t.path(path)), user(u), user(g)));
    calls.put("fchown", (t, fd, u, g, d, e, f) -> Host.call(FCHOWN, t.fd(fd), user(u), user(g)));
    String[] plain = {"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid"};
    int[] numbers = {105, 106, 113, 114, 117, 119};
    for (int i = 0; i < plain.length; i++) {
      int number = numbers[i];
      calls.put(plain[i], (t, a, b, c, d, e, f) -> Host.call(number, user(a), user(b), user(c)));
    }
    String[] get = {"getuid", "getgid", "geteuid", "getegid"};
    int[] hosts = {Host.GETUID, Host.GETGID, Host.GETEUID, Host.GETEGID};
    for (int i = 0; i < get.length; i++) {
      int number = hosts[i];
      calls.put(get[i], (t, a, b, c, d, e, f) -> narrow(Host.call(number)));
    }
    calls.put("getresuid", (t, a, b, c, d, e, f) -> getres(t, GETRESUID, a, b, c));
    calls.put("getresgid", (t, a, b, c, d, e, f) -> getres(t, GETRESGID, a, b, c));
    calls.put("getgroups", (t, n, at, c, d, e, f) -> getgroups(t, (int) n, at));
    calls.put("setgroups", (t, n, at, c, d, e, f) -> setgroups(t, (int) n, at));
    calls.put("nice", (t, by, b, c, d, e, f) -> nice((int) by));
  }

  private static long getres(GuestThread t, int number, long a, long b, long c) {
    long h = t.scratch(12);
    Host.call(number, h, h + 4, h + 8);
    long[] at = {a, b, c};
    byte[] two = new byte[2];
    for (int i = 0; i < 3; i++) {
      int n = narrow(word(h, i));
      two[0] = (byte) n;
      two[1] = (byte) (n >> 8);
      t.write(at[i], two);
    }
    return 0;
  }

  private static long getgroups(GuestThread t, int n, long at) {
    if (n < 0) {
      return -Errno.EINVAL;
    }
    int most = Math.min(n, 4096);
    long groups = t.scratch(4L * most);
    long r = Host.call(115, most, groups);
    if (r > 0 && n > 0) {
      ByteBuffer b = ByteBuffer.allocate(2 * (int) r).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < r; i++) {
        b.putShort((short) narrow(word(groups, i)));
      }
      t.write(at, b.array());
    }
    return r;
  }

  private static long setgroups(GuestThread t, int n, long at) {
    if (n < 0 || n > 4096) {
      return -Errno.EINVAL;
    }
    long raw = n == 0 ? 0 : t.need(at, 2 * n);
    long groups = t.scratch(4L * n);
    for (int i = 0; i < n; i++) {
      GuestRam.hostStore32(groups + 4L * i, GuestRam.hostLoad16(raw + 2L * i) & 0xffff);
    }
    return Host.call(116, n, groups);
  }

  private static long nice(int by) {
    long now = 20 - Host.call(140, 0, 0);
    return Host.call(141, 0, 0, Math.clamp(now + by, -20, 19));
  }
}
