package org.tuber.devices.block.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Locale;
import org.tuber.core.mem.RamPieces;

/**
 * The few Linux calls that Java's file channels lack: {@code fallocate}, {@code lseek} for data and
 * holes, open-file-description locks and the allocated size.
 *
 * <p>Works on a descriptor of its own beside the channel. Constants are those shared by x86-64 and
 * AArch64 ({@code include/uapi/asm-generic/fcntl.h}, {@code linux/falloc.h}). Not available on
 * other systems: callers then do without.
 */
final class LinuxFileCalls {
  static final int FALLOC_FL_KEEP_SIZE = 1;
  static final int FALLOC_FL_PUNCH_HOLE = 2;
  static final int FALLOC_FL_ZERO_RANGE = 16;
  static final int ENXIO = 6;
  static final int EAGAIN = 11;
  static final int EACCES = 13;
  static final int EINVAL = 22;
  static final int ENOTSUP = 95;
  private static final int O_RDWR = 2;
  private static final int O_CLOEXEC = 0x80000;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLK = 37;
  static final short F_RDLCK = 0;
  static final short F_WRLCK = 1;
  static final short F_UNLCK = 2;
  private static final int RWF_NOWAIT = 8;
  private static final int IOVEC_BYTES = 16;

  /** Pieces that one call takes ({@code UIO_MAXIOV}). */
  private static final int MAX_PIECES = 1024;

  private static final long STAT_BYTES = 144;
  private static final long STAT_BLOCKS = 64;
  private static final long STATFS_BYTES = 120;
  private static final long EXT4_SUPER_MAGIC = 0xef53;

  private static final LinuxFileCalls INSTANCE = load();

  private static final int AT_FDCWD = -100;

  /** Numbers of the calls ({@code asm/unistd_64.h}, {@code asm-generic/unistd.h}). */
  private enum Call {
    OPENAT(257, 56),
    CLOSE(3, 57),
    FALLOCATE(285, 47),
    LSEEK(8, 62),
    FCNTL(72, 25),
    FSTAT(5, 80),
    FTRUNCATE(77, 46),
    FSTATFS(138, 44),
    PREADV2(327, 286);

    final int x86;
    final int arm;

    Call(int x86, int arm) {
      this.x86 = x86;
      this.arm = arm;
    }
  }

  private final MethodHandle syscall;
  private final boolean arm;
  private final StructLayout errnoLayout;
  private final VarHandle errno;

  /**
   * One function for all: each other shape of a foreign call would cost about 20 ms of start-up to
   * generate, on which short commands spend most of their time.
   */
  @SuppressWarnings("restricted")
  private LinuxFileCalls(boolean arm) {
    this.arm = arm;
    Linker linker = Linker.nativeLinker();
    errnoLayout = Linker.Option.captureStateLayout();
    errno = errnoLayout.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
    syscall =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("syscall"),
            FunctionDescriptor.of(l, l, l, l, l, l, l, l),
            Linker.Option.captureCallState("errno"),
            Linker.Option.firstVariadicArg(1));
  }

  /** Makes a call; a negative result is the negated error number. */
  private long call(Call call, long a, long b, long c, long d) {
    return call(call, a, b, c, d, 0, 0);
  }

  private long call(Call call, long a, long b, long c, long d, long e, long f) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(errnoLayout);
      long number = arm ? call.arm : call.x86;
      long result = (long) syscall.invokeExact(state, number, a, b, c, d, e, f);
      return result >= 0 ? result : -(long) (int) errno.get(state, 0L);
    } catch (Throwable t) {
      throw rethrow(t);
    }
  }

  /** The calls, or null on a system without them. */
  static LinuxFileCalls available() {
    return INSTANCE;
  }

  private static LinuxFileCalls load() {
    String cpu = System.getProperty("os.arch", "");
    boolean arm = cpu.equals("aarch64");
    if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")
        || !arm && !cpu.equals("amd64")) {
      return null;
    }
    try {
      return new LinuxFileCalls(arm);
    } catch (RuntimeException | LinkageError e) {
      // Native access may be switched off: the layer works without, only less sparsely.
      return null;
    }
  }

  private static RuntimeException rethrow(Throwable t) {
    if (t instanceof Error e) {
      throw e;
    }
    throw t instanceof RuntimeException r ? r : new IllegalStateException(t);
  }

  /** Opens a file; negative when the host refuses. */
  int open(String path, boolean writable) {
    try (Arena arena = Arena.ofConfined()) {
      int flags = O_CLOEXEC | (writable ? O_RDWR : 0);
      return (int) call(Call.OPENAT, AT_FDCWD, arena.allocateFrom(path).address(), flags, 0);
    }
  }

  void close(int fd) {
    call(Call.CLOSE, fd, 0, 0, 0);
  }

  /** Calls fallocate; returns 0 or the error number. */
  int fallocate(int fd, int mode, long offset, long length) {
    return (int) -call(Call.FALLOCATE, fd, mode, offset, length);
  }

  /**
   * Reads into pieces of memory what the page cache holds ({@code preadv2} with {@code RWF_NOWAIT},
   * preadv2(2)).
   *
   * @return bytes read, perhaps fewer; or a negated error number: {@link #EAGAIN} when nothing is
   *     there, others where the kernel or the file system has no such call
   */
  long readCached(int fd, long offset, RamPieces target) {
    int count = Math.min(target.count(), MAX_PIECES);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment vector = arena.allocate((long) count * IOVEC_BYTES, 8);
      for (int i = 0; i < count; i++) {
        vector.set(ValueLayout.JAVA_LONG, (long) i * IOVEC_BYTES, target.hostAddress(i));
        vector.set(ValueLayout.JAVA_LONG, (long) i * IOVEC_BYTES + 8, target.lengthBytes(i));
      }
      return call(Call.PREADV2, fd, vector.address(), count, offset, 0, RWF_NOWAIT);
    }
  }

  /** Next data at or after an offset; -1 when there is none, {@code offset} when unknown. */
  long seekData(int fd, long offset) {
    return seek(fd, offset, SEEK_DATA, offset);
  }

  /** Next hole at or after an offset, or -1 when unknown. */
  long seekHole(int fd, long offset) {
    return seek(fd, offset, SEEK_HOLE, -1);
  }

  private long seek(int fd, long offset, int whence, long unknown) {
    long found = call(Call.LSEEK, fd, offset, whence, 0);
    if (found >= 0) {
      return found;
    }
    return found == -ENXIO ? -1 : unknown;
  }

  /** Bytes the file occupies, or -1. */
  long allocatedBytes(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stat = arena.allocate(STAT_BYTES, 8);
      long rc = call(Call.FSTAT, fd, stat.address(), 0, 0);
      return rc == 0 ? stat.get(ValueLayout.JAVA_LONG, STAT_BLOCKS) * 512 : -1;
    }
  }

  /** Sets the length, adding a hole or cutting; returns 0 or the error number. */
  int truncate(int fd, long length) {
    return (int) -call(Call.FTRUNCATE, fd, length, 0, 0);
  }

  /** True if the file lies on ext4, or on its predecessors ({@code linux/magic.h}). */
  boolean isOnExt4(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment statfs = arena.allocate(STATFS_BYTES, 8);
      return call(Call.FSTATFS, fd, statfs.address(), 0, 0) == 0
          && statfs.get(ValueLayout.JAVA_LONG, 0) == EXT4_SUPER_MAGIC;
    }
  }

  private static MemorySegment flock(Arena arena, short type, long start, long length) {
    MemorySegment lock = arena.allocate(32, 8);
    lock.set(ValueLayout.JAVA_SHORT, 0, type);
    lock.set(ValueLayout.JAVA_LONG, 8, start);
    lock.set(ValueLayout.JAVA_LONG, 16, length);
    return lock;
  }

  /** Sets or drops a lock on one byte; false when another holds a conflicting one. */
  boolean setLock(int fd, short type, long start) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment lock = flock(arena, type, start, 1);
      int error = (int) -call(Call.FCNTL, fd, F_OFD_SETLK, lock.address(), 0);
      if (error == 0) {
        return true;
      }
      if (error == EAGAIN || error == EACCES) {
        return false;
      }
      if (error == EINVAL || error == ENOTSUP || error == 37) {
        return true; // a file system without locks
      }
      throw new IOException("fcntl(F_OFD_SETLK) failed, errno " + error);
    }
  }

  /** True when some other opener holds a lock on this byte that excludes a write lock. */
  boolean isLockedByOther(int fd, long start) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment lock = flock(arena, F_WRLCK, start, 1);
      long rc = call(Call.FCNTL, fd, F_OFD_GETLK, lock.address(), 0);
      return rc == 0 && lock.get(ValueLayout.JAVA_SHORT, 0) != F_UNLCK;
    }
  }
}
