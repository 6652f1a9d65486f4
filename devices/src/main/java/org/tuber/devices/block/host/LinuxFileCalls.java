package org.tuber.devices.block.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Locale;

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
  private static final long STAT_BYTES = 144;
  private static final long STAT_BLOCKS = 64;

  private static final LinuxFileCalls INSTANCE = load();

  private final MethodHandle open;
  private final MethodHandle close;
  private final MethodHandle fallocate;
  private final MethodHandle lseek;
  private final MethodHandle fcntl;
  private final MethodHandle fstat;
  private final StructLayout errnoLayout;
  private final VarHandle errno;

  @SuppressWarnings("restricted")
  private LinuxFileCalls() {
    Linker linker = Linker.nativeLinker();
    SymbolLookup lookup = linker.defaultLookup();
    errnoLayout = Linker.Option.captureStateLayout();
    errno = errnoLayout.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    Linker.Option capture = Linker.Option.captureCallState("errno");
    ValueLayout.OfInt i = ValueLayout.JAVA_INT;
    ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
    open =
        linker.downcallHandle(
            lookup.findOrThrow("open"),
            FunctionDescriptor.of(i, ValueLayout.ADDRESS, i, i),
            capture,
            Linker.Option.firstVariadicArg(2));
    close = linker.downcallHandle(lookup.findOrThrow("close"), FunctionDescriptor.of(i, i));
    fallocate =
        linker.downcallHandle(
            lookup.findOrThrow("fallocate"), FunctionDescriptor.of(i, i, i, l, l), capture);
    lseek =
        linker.downcallHandle(
            lookup.findOrThrow("lseek"), FunctionDescriptor.of(l, i, l, i), capture);
    fcntl =
        linker.downcallHandle(
            lookup.findOrThrow("fcntl"),
            FunctionDescriptor.of(i, i, i, ValueLayout.ADDRESS),
            capture,
            Linker.Option.firstVariadicArg(2));
    fstat =
        linker.downcallHandle(
            lookup.findOrThrow("fstat"), FunctionDescriptor.of(i, i, ValueLayout.ADDRESS), capture);
  }

  /** The calls, or null on a system without them. */
  static LinuxFileCalls available() {
    return INSTANCE;
  }

  private static LinuxFileCalls load() {
    if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")) {
      return null;
    }
    try {
      return new LinuxFileCalls();
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

  /** Opens a file; -1 when the host refuses. */
  int open(String path, boolean writable) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(errnoLayout);
      int flags = O_CLOEXEC | (writable ? O_RDWR : 0);
      return (int) open.invokeExact(state, arena.allocateFrom(path), flags, 0);
    } catch (Throwable t) {
      throw rethrow(t);
    }
  }

  void close(int fd) {
    try {
      int ignored = (int) close.invokeExact(fd);
    } catch (Throwable t) {
      throw rethrow(t);
    }
  }

  /** Calls fallocate; returns 0 or the error number. */
  int fallocate(int fd, int mode, long offset, long length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(errnoLayout);
      int rc = (int) fallocate.invokeExact(state, fd, mode, offset, length);
      return rc == 0 ? 0 : (int) errno.get(state, 0L);
    } catch (Throwable t) {
      throw rethrow(t);
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
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(errnoLayout);
      long found = (long) lseek.invokeExact(state, fd, offset, whence);
      if (found >= 0) {
        return found;
      }
      return (int) errno.get(state, 0L) == ENXIO ? -1 : unknown;
    } catch (Throwable t) {
      throw rethrow(t);
    }
  }

  /** Bytes the file occupies, or -1. */
  long allocatedBytes(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(errnoLayout);
      MemorySegment stat = arena.allocate(STAT_BYTES, 8);
      int rc = (int) fstat.invokeExact(state, fd, stat);
      return rc == 0 ? stat.get(ValueLayout.JAVA_LONG, STAT_BLOCKS) * 512 : -1;
    } catch (Throwable t) {
      throw rethrow(t);
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
      MemorySegment state = arena.allocate(errnoLayout);
      int rc = (int) fcntl.invokeExact(state, fd, F_OFD_SETLK, flock(arena, type, start, 1));
      if (rc == 0) {
        return true;
      }
      int error = (int) errno.get(state, 0L);
      if (error == EAGAIN || error == EACCES) {
        return false;
      }
      if (error == EINVAL || error == ENOTSUP || error == 37) {
        return true; // a file system without locks
      }
      throw new IOException("fcntl(F_OFD_SETLK) failed, errno " + error);
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      throw rethrow(t);
    }
  }

  /** True when some other opener holds a lock on this byte that excludes a write lock. */
  boolean isLockedByOther(int fd, long start) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(errnoLayout);
      MemorySegment lock = flock(arena, F_WRLCK, start, 1);
      int rc = (int) fcntl.invokeExact(state, fd, F_OFD_GETLK, lock);
      return rc == 0 && lock.get(ValueLayout.JAVA_SHORT, 0) != F_UNLCK;
    } catch (Throwable t) {
      throw rethrow(t);
    }
  }
}
