package org.tuber.truffle.engine.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Locale;
import java.util.function.LongUnaryOperator;
import org.tuber.core.mem.GuestRam;

/**
 * The host kernel, through libc's {@code syscall(2)}: every host call of user mode goes through
 * {@link #call}. Needs a Linux host on x86-64, because the guest's structures and numbers are
 * handed on as they are.
 */
final class Host {
  // System calls that user mode makes for itself; numbers of asm/unistd_64.h.
  static final int READ = 0;
  static final int WRITE = 1;
  static final int CLOSE = 3;
  static final int FSTAT = 5;
  static final int LSEEK = 8;
  static final int MMAP = 9;
  static final int MPROTECT = 10;
  static final int MUNMAP = 11;
  static final int IOCTL = 16;
  static final int PREAD64 = 17;
  static final int ACCESS = 21;
  static final int MADVISE = 28;
  static final int DUP = 32;
  static final int GETPID = 39;
  static final int SOCKETPAIR = 53;
  static final int FCNTL = 72;
  static final int FTRUNCATE = 77;
  static final int GETCWD = 79;
  static final int READLINK = 89;
  static final int GETUID = 102;
  static final int GETGID = 104;
  static final int GETEUID = 107;
  static final int GETEGID = 108;
  static final int GETPPID = 110;
  static final int GETTID = 186;
  static final int FUTEX = 202;
  static final int TGKILL = 234;
  static final int OPENAT = 257;
  static final int NEWFSTATAT = 262;
  static final int PRLIMIT64 = 302;
  static final int UNSHARE = 272;
  static final int EVENTFD2 = 290;
  static final int MEMFD_CREATE = 319;

  static final int PROT_NONE = 0;
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 1;
  static final int MAP_PRIVATE = 2;
  static final int MAP_FIXED = 0x10;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_NORESERVE = 0x4000;
  static final int MADV_DONTNEED = 4;
  static final int AT_FDCWD = -100;
  static final int O_CLOEXEC = 0x80000;
  private static final int CLONE_FS = 0x200;

  /** The host signal that makes a blocking call return EINTR: the last real-time signal. */
  private static final int NUDGE_SIGNAL = 64;

  private static final int SIGACTION_BYTES = 152;

  private static final MethodHandle SYSCALL;
  private static final VarHandle ERRNO;
  private static final ThreadLocal<MemorySegment> CAPTURED =
      ThreadLocal.withInitial(
          () -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout().byteSize(), 8));
  private static int processId;
  private static boolean prepared;

  static {
    Linker linker = Linker.nativeLinker();
    SYSCALL =
        handle(
            linker,
            "syscall",
            FunctionDescriptor.of(
                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                JAVA_LONG),
            Linker.Option.captureCallState("errno"),
            Linker.Option.firstVariadicArg(1));
    ERRNO =
        Linker.Option.captureStateLayout()
            .varHandle(MemoryLayout.PathElement.groupElement("errno"));
  }

  private Host() {}

  @SuppressWarnings("restricted")
  private static MethodHandle handle(
      Linker linker, String name, FunctionDescriptor type, Linker.Option... options) {
    return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type, options);
  }

  /** What is missing for user mode on this host, or null. */
  static String missing() {
    String os = System.getProperty("os.name");
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    if (!os.equals("Linux") || !arch.equals("amd64") && !arch.equals("x86_64")) {
      return "user mode needs a Linux host on x86-64; this is " + os + " on " + arch;
    }
    return null;
  }

  /** Once before anything else: the nudge signal gets a handler that does nothing. */
  static synchronized void prepare() {
    if (prepared) {
      return;
    }
    prepared = true;
    processId = (int) call(GETPID);
    // Any pure function of an int will do as a handler, and libc has one; without SA_RESTART.
    Linker linker = Linker.nativeLinker();
    SymbolLookup libc = linker.defaultLookup();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment action = arena.allocate(SIGACTION_BYTES, 8);
      action.set(ADDRESS, 0, libc.find("abs").orElseThrow());
      MethodHandle sigaction =
          handle(linker, "sigaction", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
      int result = (int) sigaction.invokeExact(NUDGE_SIGNAL, action, MemorySegment.NULL);
      if (result != 0) {
        throw new IllegalStateException("sigaction failed");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Result, or the negative error number. */
  static long call(int number, long... arguments) {
    long a = arguments.length > 0 ? arguments[0] : 0;
    long b = arguments.length > 1 ? arguments[1] : 0;
    long c = arguments.length > 2 ? arguments[2] : 0;
    long d = arguments.length > 3 ? arguments[3] : 0;
    long e = arguments.length > 4 ? arguments[4] : 0;
    long f = arguments.length > 5 ? arguments[5] : 0;
    return call6(number, a, b, c, d, e, f);
  }

  /** {@link #call} without an array. */
  static long call6(int number, long a, long b, long c, long d, long e, long f) {
    MemorySegment captured = CAPTURED.get();
    try {
      long result = (long) SYSCALL.invokeExact(captured, (long) number, a, b, c, d, e, f);
      return result != -1 ? result : -(int) ERRNO.get(captured, 0L);
    } catch (RuntimeException | Error t) {
      throw t;
    } catch (Throwable t) {
      throw new IllegalStateException(t);
    }
  }

  /** The same for calls that must not fail. */
  static long must(String what, long result) {
    if (result < 0 && result > -4096) {
      throw new IllegalStateException(what + ": " + Errno.name((int) -result));
    }
    return result;
  }

  /** Reserves zeroed host memory that costs nothing until it is touched. */
  static long reserve(long bytes) {
    return call(
        MMAP, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }

  /** Replaces part of a reservation by fresh zeros. */
  static void clear(long host, long bytes) {
    must(
        "mmap",
        call(
            MMAP,
            host,
            bytes,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
            -1,
            0));
  }

  /** The number that the host kernel knows this thread by. */
  static int threadId() {
    return (int) call(GETTID);
  }

  static int processId() {
    return processId;
  }

  /** True for the numbers of the JVM's threads, the first one's among them. */
  static boolean isOwnThread(int number) {
    return number > 0 && call(TGKILL, processId, number, 0) == 0;
  }

  /** Makes a blocking host call of thread {@code hostThreadId} return. */
  static void nudge(int hostThreadId) {
    call(TGKILL, processId, hostThreadId, NUDGE_SIGNAL);
  }

  /** Gives this thread a working directory and umask of its own. */
  static boolean unshareDirectory() {
    return call(UNSHARE, CLONE_FS) == 0;
  }

  /** Calls that take a path or a small structure: with arguments copied into native memory. */
  static long withPath(int number, String path, java.util.function.LongFunction<long[]> arguments) {
    byte[] bytes = path.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    long text = GuestRam.hostAllocate(bytes.length + 1);
    try {
      for (int i = 0; i < bytes.length; i++) {
        GuestRam.hostStore8(text + i, bytes[i]);
      }
      return call(number, arguments.apply(text));
    } finally {
      GuestRam.hostFree(text);
    }
  }

  /** Opens a file; a descriptor or the negative error. */
  static int open(String path, int flags) {
    return (int) withPath(OPENAT, path, text -> new long[] {AT_FDCWD, text, flags | O_CLOEXEC, 0});
  }

  static void close(int fd) {
    call(CLOSE, fd);
  }

  /** An anonymous file with {@code content}, positioned at its start; negative on error. */
  static int file(String name, byte[] content) {
    int fd = (int) withPath(MEMFD_CREATE, name, text -> new long[] {text, 1});
    if (fd < 0) {
      return fd;
    }
    long buffer = GuestRam.hostAllocate(content.length + 1L);
    try {
      for (int i = 0; i < content.length; i++) {
        GuestRam.hostStore8(buffer + i, content[i]);
      }
      call(WRITE, fd, buffer, content.length);
      call(LSEEK, fd, 0, 0);
    } finally {
      GuestRam.hostFree(buffer);
    }
    return fd;
  }

  /** Target of a symbolic link, or null. */
  static String readLink(String path) {
    long buffer = GuestRam.hostAllocate(4096);
    try {
      long n = withPath(READLINK, path, text -> new long[] {text, buffer, 4096});
      return n < 0 ? null : text(buffer, (int) n);
    } finally {
      GuestRam.hostFree(buffer);
    }
  }

  /** The calling thread's working directory. */
  static String workingDirectory() {
    long buffer = GuestRam.hostAllocate(4096);
    try {
      long n = call(GETCWD, buffer, 4096);
      return n <= 0 ? "/" : text(buffer, (int) n - 1);
    } finally {
      GuestRam.hostFree(buffer);
    }
  }

  private static String text(long host, int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) GuestRam.hostLoad8(host + i);
    }
    return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  /** What {@code stat} says about an open file, as far as user mode needs it. */
  record Stat(long device, long inode, int mode, int user, long sizeBytes, long mtimeNanos) {}

  /** Stat of a descriptor, or null. */
  static Stat stat(int fd) {
    return stat(buffer -> call(FSTAT, fd, buffer));
  }

  /** Stat of the file at a path in native memory, or null. */
  static Stat stat(int directory, long path) {
    return stat(buffer -> call(NEWFSTATAT, directory, path, buffer, 0));
  }

  private static Stat stat(LongUnaryOperator call) {
    long buffer = GuestRam.hostAllocate(144);
    try {
      if (call.applyAsLong(buffer) < 0) {
        return null;
      }
      return new Stat(
          GuestRam.hostLoad64(buffer),
          GuestRam.hostLoad64(buffer + 8),
          GuestRam.hostLoad32(buffer + 24),
          GuestRam.hostLoad32(buffer + 28),
          GuestRam.hostLoad64(buffer + 48),
          GuestRam.hostLoad64(buffer + 88) * 1_000_000_000L + GuestRam.hostLoad64(buffer + 96));
    } finally {
      GuestRam.hostFree(buffer);
    }
  }
}
