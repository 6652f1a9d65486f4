package org.tuber.truffle.engine.linux;

import java.util.Map;

/** mmap and its kin. */
final class MemoryCalls {
  private static final int MAP_PRIVATE = 2;
  private static final int MAP_SHARED_VALIDATE = 3;
  private static final int MAP_FIXED = 0x10;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_32BIT = 0x40;
  private static final int MAP_GROWSDOWN = 0x100;
  private static final int MAP_HUGETLB = 0x40000;
  private static final int MAP_FIXED_NOREPLACE = 0x100000;
  private static final int MREMAP_MAYMOVE = 1;
  private static final int MREMAP_FIXED = 2;
  private static final int MREMAP_DONTUNMAP = 4;
  private static final int MADV_DONTNEED = 4;
  private static final int MADV_REMOVE = 9;
  private static final int MADV_WIPEONFORK = 18;
  private static final int S_IFMT = 0xf000;
  private static final int S_IFREG = 0x8000;
  private static final int S_IFDIR = 0x4000;
  private static final int F_GETFL = 3;
  private static final int MS_ASYNC = 1;
  private static final int MS_INVALIDATE = 2;
  private static final int MS_SYNC = 4;
  private static final long PAGE = 4096;

  /** Most that {@code mincore} is asked for at once: 64 GiB. */
  private static final long MAX_MINCORE = 1L << 36;

  private MemoryCalls() {}

  static void add(Map<String, Syscalls.Call> calls) {
    calls.put("mmap", MemoryCalls::mmap);
    calls.put("munmap", (t, at, n, c, d, e, f) -> munmap(t, at, n));
    calls.put("mprotect", (t, at, n, p, d, e, f) -> mprotect(t, at, n, p));
    calls.put("pkey_mprotect", (t, at, n, p, key, e, f) -> mprotect(t, at, n, p));
    calls.put("mremap", (t, at, old, n, flags, to, f) -> mremap(t, at, old, n, flags, to));
    calls.put("brk", (t, at, b, c, d, e, f) -> t.memory.moveHeapEnd(t, at));
    calls.put("madvise", (t, at, n, advice, d, e, f) -> madvise(t, at, n, advice));
    calls.put("msync", (t, at, n, flags, d, e, f) -> msync(t, at, n, (int) flags));
    calls.put("mincore", (t, at, n, vector, d, e, f) -> mincore(t, at, n, vector));
    for (String name : new String[] {"mlock", "munlock", "mlock2"}) {
      calls.put(name, (t, at, n, c, d, e, f) -> locked(t, at, n));
    }
    calls.put("mlockall", (t, flags, b, c, d, e, f) -> flags == 0 || flags > 7 ? -Errno.EINVAL : 0);
    calls.put("munlockall", (t, a, b, c, d, e, f) -> 0);
  }

  /** mlock and munlock: what is mapped is in memory for as long as the host keeps it there. */
  private static long locked(GuestThread t, long at, long n) {
    long from = at & -PAGE;
    return isRange(t, from, n + (at - from)) && t.memory.isMapped(from, n + (at - from))
        ? 0
        : -Errno.ENOMEM;
  }

  static long mmap(GuestThread t, long at, long n, long protection, long flags, long fd, long at2) {
    int f = (int) flags;
    int type = f & MAP_SHARED_VALIDATE;
    if (type == 0 || n == 0 || (at2 & (PAGE - 1)) != 0) {
      return -Errno.EINVAL;
    }
    boolean fixed = (f & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    if (fixed && (at & (PAGE - 1)) != 0) {
      return -Errno.EINVAL;
    }
    if ((f & MAP_HUGETLB) != 0) {
      return -Errno.ENOMEM;
    }
    if ((f & MAP_FIXED_NOREPLACE) != 0 && !t.memory.isFreeRange(at, n)) {
      return -Errno.EEXIST;
    }
    UserMemory.Source source =
        (f & MAP_ANONYMOUS) != 0
            ? anonymous(t, n, type)
            : file(t, (int) fd, at2, n, (int) protection, type);
    try {
      long below = (f & MAP_32BIT) != 0 ? 1L << 31 : t.memory.limit;
      return t.memory.map(
          t, at, n, (int) protection, fixed, (f & MAP_GROWSDOWN) != 0, below, source);
    } finally {
      // The mapping holds its own reference by now.
      if (source.backing() != null) {
        source.backing().drop();
      }
    }
  }

  private static UserMemory.Source anonymous(GuestThread t, long n, int type) {
    if (type == MAP_PRIVATE) {
      return UserMemory.Source.ANONYMOUS;
    }
    if (n > 1L << 40) {
      throw new Errno(Errno.ENOMEM);
    }
    Backing memory = new Backing.SharedMemory(t.memory.arena, n);
    memory.retain();
    return new UserMemory.Source(memory, 0, true, "/dev/zero (deleted)", 0, null);
  }

  private static UserMemory.Source file(
      GuestThread t, int fd, long offset, long n, int protection, int type) {
    int host = t.fd(fd);
    Host.Stat stat = Host.stat(host);
    if (stat == null) {
      throw new Errno(Errno.EBADF);
    }
    int mode = stat.mode() & S_IFMT;
    if (mode == S_IFDIR) {
      throw new Errno(19);
    }
    int access = (int) Host.call(Host.FCNTL, host, F_GETFL) & 3;
    boolean writable = access == 2;
    if (access == 1
        || type != MAP_PRIVATE && (protection & UserMemory.PROT_WRITE) != 0 && !writable) {
      throw new Errno(Errno.EACCES);
    }
    String name = t.process.system.paths.guest(Paths.canonical(host));
    Backing backing;
    long start = offset;
    if (type == MAP_PRIVATE && mode == S_IFREG) {
      backing = t.process.system.images.open(host, stat);
    } else if (type == MAP_PRIVATE) {
      // A private mapping of /dev/zero is anonymous memory; of other devices there is none.
      if (!name.equals("/dev/zero")) {
        throw new Errno(19);
      }
      return UserMemory.Source.ANONYMOUS;
    } else {
      backing = new Backing.SharedFile(t.memory.arena, host, offset, n, writable);
      backing.retain();
      start = 0;
    }
    return new UserMemory.Source(backing, start, type != MAP_PRIVATE, name, offset, stat);
  }

  private static long munmap(GuestThread t, long at, long n) {
    if ((at & (PAGE - 1)) != 0 || n <= 0 || at < 0 || at + n > t.memory.limit) {
      return -Errno.EINVAL;
    }
    t.memory.unmap(t, at, n);
    return 0;
  }

  private static long mprotect(GuestThread t, long at, long n, long protection) {
    if ((at & (PAGE - 1)) != 0 || at < 0) {
      return -Errno.EINVAL;
    }
    if (!isRange(t, at, n)) {
      return -Errno.ENOMEM;
    }
    if (n != 0) {
      t.memory.protect(t, at, n, (int) protection);
    }
    return 0;
  }

  private static long mremap(GuestThread t, long at, long old, long n, long flags, long target) {
    if ((flags & MREMAP_DONTUNMAP) != 0) {
      return -Errno.EINVAL;
    }
    boolean fixed = (flags & MREMAP_FIXED) != 0;
    return t.memory.remap(t, at, old, n, (flags & MREMAP_MAYMOVE) != 0, fixed, target);
  }

  private static long madvise(GuestThread t, long at, long n, long advice) {
    if ((at & (PAGE - 1)) != 0 || n < 0) {
      return -Errno.EINVAL;
    }
    switch ((int) advice) {
      case MADV_DONTNEED -> {
        if (!isRange(t, at, n) || !t.memory.isMapped(at, n)) {
          return -Errno.ENOMEM;
        }
        t.memory.discard(t, at, n);
        return 0;
      }
      case MADV_REMOVE, MADV_WIPEONFORK -> {
        return -Errno.EINVAL;
      }
      default -> {
        return advice < 26 || advice == 100 ? 0 : -Errno.EINVAL;
      }
    }
  }

  private static long msync(GuestThread t, long at, long n, int flags) {
    if ((at & (PAGE - 1)) != 0
        || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0
        || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC)) {
      return -Errno.EINVAL;
    }
    return isRange(t, at, n) ? t.memory.sync(at, n, flags) : -Errno.ENOMEM;
  }

  /** False where the end of it is beyond all addresses. */
  private static boolean isRange(GuestThread t, long at, long n) {
    return at >= 0 && n >= 0 && n <= t.memory.limit && at <= t.memory.limit - n;
  }

  private static long mincore(GuestThread t, long at, long n, long vector) {
    if ((at & (PAGE - 1)) != 0) {
      return -Errno.EINVAL;
    }
    if (!isRange(t, at, n) || !t.memory.isMapped(at, n)) {
      return -Errno.ENOMEM;
    }
    if (n > MAX_MINCORE) {
      return -Errno.EAGAIN;
    }
    byte[] resident = new byte[(int) ((n + PAGE - 1) / PAGE)];
    java.util.Arrays.fill(resident, (byte) 1);
    t.write(vector, resident);
    return 0;
  }
}
