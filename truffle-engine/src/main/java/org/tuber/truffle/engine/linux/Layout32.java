package org.tuber.truffle.engine.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.tuber.core.mem.GuestRam;

/** Structures of i386 that are laid out otherwise than those of x86-64. */
final class Layout32 {
  private static final int STAT = 4;
  private static final int LSTAT = 6;
  private static final int STATFS = 137;
  private static final int FSTATFS = 138;
  private static final int STAT64_BYTES = 96;
  private static final long LOW = 0xffff_ffffL;
  private static final long SECOND = 1_000_000_000L;

  private Layout32() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put(
        "stat64",
        (t, path, at, c, d, e, f) ->
            stat(t, at, Host.call(STAT, t.hostPath(t.path(path)), stat(t))));
    calls.put(
        "lstat64",
        (t, path, at, c, d, e, f) ->
            stat(t, at, Host.call(LSTAT, t.hostPath(t.path(path)), stat(t))));
    calls.put(
        "fstat64",
        (t, fd, at, c, d, e, f) -> stat(t, at, Host.call(Host.FSTAT, t.fd(fd), stat(t))));
    calls.put(
        "fstatat64",
        (t, dir, path, at, flags, e, f) ->
            stat(
                t,
                at,
                Host.call(
                    Host.NEWFSTATAT, t.directory(dir), t.hostPath(t.path(path)), stat(t), flags)));
    calls.put(
        "statfs64", (t, path, n, at, d, e, f) -> statfs(t, STATFS, t.hostPath(t.path(path)), at));
    calls.put("fstatfs64", (t, fd, n, at, d, e, f) -> statfs(t, FSTATFS, t.fd(fd), at));
    calls.put("sysinfo", (t, at, b, c, d, e, f) -> sysinfo(t, at));
  }

  /** The host's structure; the first thing of its call in scratch memory, so it stays known. */
  private static long stat(GuestThread t) {
    t.statBuffer = t.scratch(144);
    return t.statBuffer;
  }

  /** struct stat64 of i386 from that of x86-64. */
  private static long stat(GuestThread t, long at, long result) {
    if (result < 0) {
      return result;
    }
    long h = t.statBuffer;
    ByteBuffer b = ByteBuffer.allocate(STAT64_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    b.putLong(0, GuestRam.hostLoad64(h));
    b.putInt(12, (int) GuestRam.hostLoad64(h + 8));
    b.putInt(16, GuestRam.hostLoad32(h + 24)).putInt(20, (int) GuestRam.hostLoad64(h + 16));
    b.putInt(24, GuestRam.hostLoad32(h + 28)).putInt(28, GuestRam.hostLoad32(h + 32));
    b.putLong(32, GuestRam.hostLoad64(h + 40)).putLong(44, GuestRam.hostLoad64(h + 48));
    b.putInt(52, (int) GuestRam.hostLoad64(h + 56)).putLong(56, GuestRam.hostLoad64(h + 64));
    for (int i = 0; i < 6; i++) {
      b.putInt(64 + 4 * i, (int) GuestRam.hostLoad64(h + 72 + 8L * i));
    }
    b.putLong(88, GuestRam.hostLoad64(h + 8));
    t.write(at, b.array());
    return 0;
  }

  private static long statfs(GuestThread t, int number, long what, long at) {
    long h = t.scratch(120);
    long r = Host.call(number, what, h);
    if (r < 0) {
      return r;
    }
    ByteBuffer b = ByteBuffer.allocate(84).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, (int) GuestRam.hostLoad64(h)).putInt(4, (int) GuestRam.hostLoad64(h + 8));
    for (int i = 0; i < 5; i++) {
      b.putLong(8 + 8 * i, GuestRam.hostLoad64(h + 16 + 8L * i));
    }
    b.putLong(48, GuestRam.hostLoad64(h + 56));
    b.putInt(56, (int) GuestRam.hostLoad64(h + 64)).putInt(60, (int) GuestRam.hostLoad64(h + 72));
    b.putInt(64, (int) GuestRam.hostLoad64(h + 80));
    t.write(at, b.array());
    return 0;
  }

  private static long sysinfo(GuestThread t, long at) {
    long h = t.scratch(112);
    long r = Host.call(99, h);
    if (r < 0) {
      return r;
    }
    // Amounts that do not fit are counted in pages.
    int unit = 4096;
    ByteBuffer b = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 4; i++) {
      b.putInt(4 * i, (int) GuestRam.hostLoad64(h + 8L * i));
    }
    for (int i = 4; i < 10; i++) {
      b.putInt(4 * i, (int) (GuestRam.hostLoad64(h + 8L * i) / unit));
    }
    b.putShort(40, (short) GuestRam.hostLoad16(h + 80));
    b.putInt(44, (int) (GuestRam.hostLoad64(h + 88) / unit));
    b.putInt(48, (int) (GuestRam.hostLoad64(h + 96) / unit)).putInt(52, unit);
    t.write(at, b.array());
    return 0;
  }

  // ---------------------------------------------------------------- limits, locks

  static long getrlimit(GuestThread t, int resource, long at) {
    if (resource < 0 || resource >= Limits.COUNT) {
      return -Errno.EINVAL;
    }
    t.store32(at, clamp(t.process.limits.soft(resource)));
    t.store32(at + 4, clamp(t.process.limits.hard(resource)));
    return 0;
  }

  private static int clamp(long limit) {
    return Long.compareUnsigned(limit, LOW) >= 0 ? -1 : (int) limit;
  }

  static long setrlimit(GuestThread t, int resource, long at) {
    if (resource < 0 || resource >= Limits.COUNT) {
      return -Errno.EINVAL;
    }
    long soft = t.load32(at);
    long hard = t.load32(at + 4);
    return ProcessCalls.setLimit(
        t.process, resource, soft == -1 ? -1 : soft & LOW, hard == -1 ? -1 : hard & LOW);
  }

  /** struct flock or flock64; {@code kind} 0 get, 1 set, 2 set and wait. */
  static long lock(GuestThread t, long fd, int kind, boolean ofFile, long at, boolean wide) {
    int bytes = wide ? 24 : 16;
    long g = t.need(at, bytes);
    long h = t.scratch(32);
    GuestRam.hostFill(h, 32, (byte) 0);
    GuestRam.hostStore32(h, GuestRam.hostLoad32(g));
    GuestRam.hostStore64(h + 8, wide ? GuestRam.hostLoad64(g + 4) : GuestRam.hostLoad32(g + 4));
    GuestRam.hostStore64(h + 16, wide ? GuestRam.hostLoad64(g + 12) : GuestRam.hostLoad32(g + 8));
    GuestRam.hostStore32(h + 24, GuestRam.hostLoad32(g + (wide ? 20 : 12)));
    long r = FileCalls.lockHost(t, fd, kind, ofFile, h);
    if (r >= 0 && kind == 0) {
      GuestRam.hostStore32(g, GuestRam.hostLoad32(h));
      if (wide) {
        GuestRam.hostStore64(g + 4, GuestRam.hostLoad64(h + 8));
        GuestRam.hostStore64(g + 12, GuestRam.hostLoad64(h + 16));
        GuestRam.hostStore32(g + 20, GuestRam.hostLoad32(h + 24));
      } else {
        GuestRam.hostStore32(g + 4, (int) GuestRam.hostLoad64(h + 8));
        GuestRam.hostStore32(g + 8, (int) GuestRam.hostLoad64(h + 16));
        GuestRam.hostStore32(g + 12, GuestRam.hostLoad32(h + 24));
      }
      t.memory.writeHost(t, at, g, bytes);
    }
    return r;
  }

  // ---------------------------------------------------------------- signals

  static long action(GuestThread t, int n, long set, long get) {
    SignalActions.Action next = null;
    if (set != 0) {
      long g = t.in(set, 20);
      next =
          new SignalActions.Action(
              GuestRam.hostLoad32(g) & LOW,
              GuestRam.hostLoad32(g + 4) & LOW,
              GuestRam.hostLoad32(g + 8) & LOW,
              GuestRam.hostLoad64(g + 12));
    }
    SignalActions.Action old = SignalCalls.change(t, n, next);
    if (get != 0) {
      ByteBuffer b = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
      b.putInt((int) old.handler()).putInt((int) old.flags()).putInt((int) old.restorer());
      b.putLong(old.mask());
      t.write(get, b.array());
    }
    return 0;
  }

  static long altStack(GuestThread t, long set, long get) {
    boolean on = SignalStack.isOn(t, t.cpu.stackPointer());
    int flags = t.altStackBytes == 0 ? 2 : on ? 1 : 0;
    int base = (int) t.altStack;
    int size = (int) t.altStackBytes;
    if (set != 0) {
      long g = t.in(set, 12);
      SignalCalls.setAltStack(
          t,
          GuestRam.hostLoad32(g) & LOW,
          GuestRam.hostLoad32(g + 4),
          GuestRam.hostLoad32(g + 8) & LOW);
    }
    if (get != 0) {
      t.store32(get, base);
      t.store32(get + 4, flags);
      t.store32(get + 8, size);
    }
    return 0;
  }

  // ---------------------------------------------------------------- time

  static long gettimeofday(GuestThread t, long at) {
    long h = t.scratch(16);
    long r = Host.call(96, h, 0);
    if (r >= 0 && at != 0) {
      TimeCalls.storeTime(t, at, GuestRam.hostLoad64(h), GuestRam.hostLoad64(h + 8), 8);
    }
    return r;
  }

  static long time(GuestThread t, long at) {
    long seconds = Host.call(201, 0);
    if (at != 0) {
      t.store32(at, (int) seconds);
    }
    return seconds;
  }

  static long utimensat(GuestThread t, long directory, long path, long times, int flags) {
    long h = 0;
    if (times != 0) {
      long g = t.in(times, 16);
      h = t.scratch(32);
      for (int i = 0; i < 4; i++) {
        GuestRam.hostStore64(h + 8L * i, GuestRam.hostLoad32(g + 4L * i));
      }
    }
    long name = path == 0 ? 0 : t.hostPath(t.path(path));
    return Host.call(280, t.directory(directory), name, h, flags);
  }

  static long select(GuestThread t, long n, long r, long w, long x, long time, long f) {
    long nanos = time == 0 ? -1 : t.load32(time) * SECOND + t.load32(time + 4) * 1000L;
    long start = System.nanoTime();
    long result = EventCalls.select(t, (int) n, r, w, x, nanos);
    if (time != 0) {
      long left = Math.max(0, nanos - (System.nanoTime() - start));
      TimeCalls.storeTime(t, time, left / SECOND, left % SECOND / 1000, 8);
    }
    return result;
  }
}
