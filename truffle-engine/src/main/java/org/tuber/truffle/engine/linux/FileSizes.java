package org.tuber.truffle.engine.linux;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * What depends on how long a file is: mappings of one that becomes shorter, whose pages beyond its
 * end are SIGBUS from then on (mmap(2)), and RLIMIT_FSIZE (getrlimit(2)).
 *
 * <p>Pages go before the host shortens the file, so that no thread meets the host's own SIGBUS. A
 * process of the host that shortens a file is not seen: see {@link GuestThread}.
 */
final class FileSizes {
  private static final int TRUNCATE = 76;
  private static final int FALLOCATE = 285;
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int EFBIG = 27;
  private static final int O_TRUNC = 0x200;
  private static final int O_APPEND = 0x400;
  private static final int F_GETFL = 3;
  private static final int SEEK_CUR = 1;
  private static final int S_IFMT = 0xf000;
  private static final int S_IFREG = 0x8000;

  private FileSizes() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("truncate", (t, path, n, c, d, e, f) -> truncate(t, path, n));
    calls.put("ftruncate", (t, fd, n, c, d, e, f) -> ftruncate(t, fd, n));
    calls.put("fallocate", (t, fd, mode, at, n, e, f) -> fallocate(t, fd, (int) mode, at, n));
  }

  // ---------------------------------------------------------------- shorter

  static long truncate(GuestThread t, long path, long bytes) {
    long host = t.hostPath(t.path(path));
    if (isTooLarge(t, bytes)) {
      return tooLarge(t);
    }
    Host.Stat file = Host.stat(Host.AT_FDCWD, host);
    return resize(t, file, bytes, () -> Host.call(TRUNCATE, host, bytes));
  }

  static long ftruncate(GuestThread t, long fd, long bytes) {
    int host = t.fd(fd);
    if (isTooLarge(t, bytes)) {
      return tooLarge(t);
    }
    return resize(t, Host.stat(host), bytes, () -> Host.call(Host.FTRUNCATE, host, bytes));
  }

  static long fallocate(GuestThread t, long fd, int mode, long at, long bytes) {
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && isTooLarge(t, at + bytes)) {
      return tooLarge(t);
    }
    return t.restartable(FALLOCATE, t.fd(fd), mode, at, bytes, 0, 0);
  }

  /** An open with {@code flags} that empties the file if O_TRUNC is among them. */
  static long open(GuestThread t, int directory, long path, long flags, LongSupplier open) {
    if ((flags & O_TRUNC) == 0) {
      return open.getAsLong();
    }
    return resize(t, Host.stat(directory, path), 0, open);
  }

  private static long resize(GuestThread t, Host.Stat file, long bytes, LongSupplier call) {
    boolean shorter =
        file != null && (file.mode() & S_IFMT) == S_IFREG && bytes >= 0 && bytes < file.sizeBytes();
    if (!shorter) {
      return call.getAsLong();
    }
    Set<Backing> cut = Collections.newSetFromMap(new IdentityHashMap<>());
    for (UserMemory m : memories(t.process.system)) {
      cut.addAll(m.cutOff(m == t.memory ? t : null, file, (bytes + 4095) & -4096L));
    }
    try {
      return call.getAsLong();
    } finally {
      cut.forEach(Backing::measureAgain);
    }
  }

  private static Set<UserMemory> memories(UserSystem system) {
    Set<UserMemory> all = Collections.newSetFromMap(new IdentityHashMap<>());
    synchronized (system) {
      for (GuestProcess p : system.all()) {
        List<GuestThread> threads = p.threads;
        threads.forEach(x -> all.add(x.memory));
      }
    }
    return all;
  }

  // ---------------------------------------------------------------- RLIMIT_FSIZE

  private static boolean isTooLarge(GuestThread t, long bytes) {
    long limit = t.process.limits.soft(Limits.FSIZE);
    return limit >= 0 && bytes > limit;
  }

  private static long tooLarge(GuestThread t) {
    Signals.send(t, SignalInfo.from(SignalInfo.SIGXFSZ, SignalInfo.SI_KERNEL, t));
    return -EFBIG;
  }

  /**
   * Cuts a write to what the limit leaves room for.
   *
   * @param offset where it goes, or -1: where the file is
   * @return 0, or EFBIG when there is no room at all
   */
  static long limit(GuestThread t, int hostFd, Iovecs v, long offset) {
    long limit = t.process.limits.soft(Limits.FSIZE);
    if (limit < 0 || v.bytes == 0) {
      return 0;
    }
    Host.Stat file = Host.stat(hostFd);
    if (file == null || (file.mode() & S_IFMT) != S_IFREG) {
      return 0;
    }
    long flags = Host.call(Host.FCNTL, hostFd, F_GETFL);
    long at = offset;
    if ((flags & O_APPEND) != 0) {
      at = file.sizeBytes();
    } else if (offset < 0) {
      at = Host.call(Host.LSEEK, hostFd, 0, SEEK_CUR);
    }
    if (at >= limit) {
      return tooLarge(t);
    }
    v.cut(limit - at);
    return 0;
  }
}
