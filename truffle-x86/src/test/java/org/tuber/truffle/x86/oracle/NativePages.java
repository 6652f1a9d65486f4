package org.tuber.truffle.x86.oracle;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A range of host addresses below 2 GiB, reserved once for the life of this JVM, in which code and
 * data of the oracle lie. Nothing else is near them, so that stray accesses hit nothing.
 */
@SuppressWarnings("restricted") // memory at chosen addresses is what it is for
final class NativePages {
  static final int PROT_NONE = 0;
  static final int PROT_RW = 3;
  static final int PROT_RWX = 7;

  /** Length of the range. */
  static final long BYTES = 0x40_0000;

  /** First address, a multiple of 2 MiB. */
  static final long BASE;

  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final int MAP_POPULATE = 0x8000;
  private static final int MAP_FIXED = 0x10;
  private static final int MAP_FIXED_NOREPLACE = 0x10_0000;
  private static final long FIRST = 0x2000_0000L;
  private static final long LAST = 0x7000_0000L;

  private static final MethodHandle MMAP;

  static {
    Linker linker = Linker.nativeLinker();
    MMAP =
        linker.downcallHandle(
            linker.defaultLookup().find("mmap").orElseThrow(),
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG));
    // The JVM puts things of its own, at random, below 4 GiB too.
    long base = FIRST;
    while (base < LAST && mmap(base, BYTES, PROT_NONE, MAP_FIXED_NOREPLACE) != base) {
      base += BYTES;
    }
    if (base >= LAST) {
      throw new IllegalStateException("no room below 2 GiB");
    }
    BASE = base;
  }

  private NativePages() {}

  private static long mmap(long address, long bytes, int protection, int flags) {
    try {
      return (long)
          MMAP.invokeExact(address, bytes, protection, flags | MAP_PRIVATE_ANONYMOUS, -1, 0L);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Fresh pages in the range. */
  static MemorySegment map(long address, long bytes, int protection) {
    if (mmap(address, bytes, protection, MAP_FIXED | MAP_POPULATE) != address) {
      throw new IllegalStateException("mmap");
    }
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }
}
