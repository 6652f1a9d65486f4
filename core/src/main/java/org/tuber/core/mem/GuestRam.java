package org.tuber.core.mem;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.reflect.Field;
import java.util.Locale;
import sun.misc.Unsafe;

/**
 * One contiguous block of guest RAM in host memory, little-endian, addressed by byte offset.
 *
 * <p>This is the only class that touches raw memory on the hot path. The instance methods check
 * their bounds and serve devices, loaders and monitors; the static {@code host*} methods take a
 * host address that the software TLB has already checked and are what compiled guest code uses.
 *
 * <p>Raw {@link Unsafe} instead of {@code MemorySegment}: both fold to one machine instruction
 * under partial evaluation, but a segment drags its session and bounds checks through every graph
 * first.
 *
 * <p>Every 4 KiB page carries a byte of flags ({@link #PAGE_CODE}, dirty-log bits), read when a TLB
 * entry is filled: a page with {@link #PAGE_CODE} never gets a fast write path.
 */
@SuppressWarnings("removal")
public final class GuestRam implements AutoCloseable {
  /** Page size of all page-granular bookkeeping, in bytes. */
  public static final int PAGE_SIZE = 4096;

  /** log2 of {@link #PAGE_SIZE}. */
  public static final int PAGE_SHIFT = 12;

  /** Page flag: translated guest code came from this page, so stores must be noticed. */
  public static final int PAGE_CODE = 1;

  /** Page flag: a display wants to know of the next store to this page. */
  public static final int PAGE_WATCH_DISPLAY = 2;

  /** Page flag: a snapshot or migration wants to know of the next store to this page. */
  public static final int PAGE_WATCH_SNAPSHOT = 4;

  private static final Unsafe UNSAFE = unsafe();

  /** CPUs and devices set and clear flags of one page at the same time. */
  private static final VarHandle FLAGS = MethodHandles.arrayElementVarHandle(byte[].class);

  private static final long HUGE_PAGE_BYTES = 2L << 20;

  private final long allocation;
  private final long hostBase;
  private final long sizeBytes;
  private final byte[] pageFlags;
  private boolean closed;

  /**
   * Allocates zeroed RAM.
   *
   * @param sizeBytes size in bytes, a positive multiple of {@link #PAGE_SIZE}
   * @throws IllegalArgumentException when the size is not such a multiple
   * @throws OutOfMemoryError when the host cannot give the memory
   */
  public GuestRam(long sizeBytes) {
    if (sizeBytes <= 0 || sizeBytes % PAGE_SIZE != 0) {
      throw new IllegalArgumentException(
          "RAM size " + sizeBytes + " is not a positive multiple of " + PAGE_SIZE);
    }
    this.sizeBytes = sizeBytes;
    long alignment = sizeBytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : PAGE_SIZE;
    allocation = UNSAFE.allocateMemory(sizeBytes + alignment);
    hostBase = (allocation + alignment - 1) & -alignment;
    if (!isFreshlyMapped(sizeBytes)) {
      UNSAFE.setMemory(hostBase, sizeBytes, (byte) 0);
    }
    pageFlags = new byte[Math.toIntExact(sizeBytes >>> PAGE_SHIFT)];
  }

  private GuestRam(long hostBase, long sizeBytes) {
    this.allocation = 0;
    this.hostBase = hostBase;
    this.sizeBytes = sizeBytes;
    pageFlags = new byte[Math.toIntExact(sizeBytes >>> PAGE_SHIFT)];
  }

  /**
   * RAM over host memory that the caller has mapped, and unmaps after {@link #close}: user mode
   * places files into it.
   *
   * @param hostBase page-aligned host address
   * @param sizeBytes size in bytes, a positive multiple of {@link #PAGE_SIZE}
   */
  public static GuestRam over(long hostBase, long sizeBytes) {
    if (hostBase % PAGE_SIZE != 0 || sizeBytes <= 0 || sizeBytes % PAGE_SIZE != 0) {
      throw new IllegalArgumentException("RAM over host memory must consist of whole pages");
    }
    return new GuestRam(hostBase, sizeBytes);
  }

  /**
   * Large allocations of glibc are fresh anonymous mappings, zero already; writing zeros would make
   * every page resident although most guests never touch most of their RAM.
   */
  private static boolean isFreshlyMapped(long sizeBytes) {
    return sizeBytes >= 64L << 20
        && System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux");
  }

  private static Unsafe unsafe() {
    try {
      Field field = Unsafe.class.getDeclaredField("theUnsafe");
      field.setAccessible(true);
      return (Unsafe) field.get(null);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Size in bytes. */
  public long sizeBytes() {
    return sizeBytes;
  }

  /** Host address of offset 0; page-aligned. Valid until {@link #close}. */
  public long hostBase() {
    return hostBase;
  }

  /** Flags of the page that holds {@code offset}. */
  public int pageFlags(long offset) {
    return pageFlags[(int) (offset >>> PAGE_SHIFT)];
  }

  /** Sets {@code flags} on the page that holds {@code offset}; the caller flushes TLBs. */
  public void setPageFlags(long offset, int flags) {
    FLAGS.getAndBitwiseOr(pageFlags, (int) (offset >>> PAGE_SHIFT), (byte) flags);
  }

  /** Clears {@code flags} on the page that holds {@code offset}. */
  public void clearPageFlags(long offset, int flags) {
    FLAGS.getAndBitwiseAnd(pageFlags, (int) (offset >>> PAGE_SHIFT), (byte) ~flags);
  }

  /** Throws unless the range lies in this RAM. */
  void requireInside(long offset, long length) {
    if (offset < 0 || length < 0 || offset > sizeBytes - length) {
      throw new IndexOutOfBoundsException(
          "RAM offset 0x" + Long.toHexString(offset) + " length " + length);
    }
  }

  private long at(long offset, int size) {
    if (offset < 0 || offset > sizeBytes - size) {
      throw new IndexOutOfBoundsException(
          "RAM offset 0x" + Long.toHexString(offset) + " size " + size);
    }
    return hostBase + offset;
  }

  /** Byte at {@code offset}, zero-extended. */
  public int load8(long offset) {
    return UNSAFE.getByte(at(offset, 1)) & 0xff;
  }

  /** 16 bits at {@code offset}, zero-extended. */
  public int load16(long offset) {
    return UNSAFE.getShort(at(offset, 2)) & 0xffff;
  }

  /** 32 bits at {@code offset}. */
  public int load32(long offset) {
    return UNSAFE.getInt(at(offset, 4));
  }

  /** 64 bits at {@code offset}. */
  public long load64(long offset) {
    return UNSAFE.getLong(at(offset, 8));
  }

  /** Stores the low 8 bits of {@code value}. */
  public void store8(long offset, int value) {
    UNSAFE.putByte(at(offset, 1), (byte) value);
  }

  /** Stores the low 16 bits of {@code value}. */
  public void store16(long offset, int value) {
    UNSAFE.putShort(at(offset, 2), (short) value);
  }

  /** Stores 32 bits. */
  public void store32(long offset, int value) {
    UNSAFE.putInt(at(offset, 4), value);
  }

  /** Stores 64 bits. */
  public void store64(long offset, long value) {
    UNSAFE.putLong(at(offset, 8), value);
  }

  /** Copies out {@code length} bytes from {@code offset}. */
  public void read(long offset, byte[] target, int targetOffset, int length) {
    at(offset, length);
    UNSAFE.copyMemory(
        null, hostBase + offset, target, Unsafe.ARRAY_BYTE_BASE_OFFSET + targetOffset, length);
  }

  /** Copies in {@code length} bytes to {@code offset}; page flags are the caller's business. */
  public void write(long offset, byte[] source, int sourceOffset, int length) {
    at(offset, length);
    UNSAFE.copyMemory(
        source, Unsafe.ARRAY_BYTE_BASE_OFFSET + sourceOffset, null, hostBase + offset, length);
  }

  /** Copies {@code length} bytes from {@code offset} to host memory at address {@code target}. */
  void read(long offset, long target, long length) {
    requireInside(offset, length);
    UNSAFE.copyMemory(hostBase + offset, target, length);
  }

  /** Copies {@code length} bytes of host memory at address {@code source} to {@code offset}. */
  void write(long offset, long source, long length) {
    requireInside(offset, length);
    UNSAFE.copyMemory(source, hostBase + offset, length);
  }

  /** Fills {@code length} bytes from {@code offset} with zero. */
  public void clear(long offset, long length) {
    at(offset, 0);
    at(offset + length, 0);
    UNSAFE.setMemory(hostBase + offset, length, (byte) 0);
  }

  // Host-address access: the caller holds a translation of this RAM that is still valid.

  /** Byte at a host address, zero-extended. */
  public static int hostLoad8(long host) {
    return UNSAFE.getByte(host) & 0xff;
  }

  /** 16 bits at a host address, zero-extended. */
  public static int hostLoad16(long host) {
    return UNSAFE.getShort(host) & 0xffff;
  }

  /** 32 bits at a host address. */
  public static int hostLoad32(long host) {
    return UNSAFE.getInt(host);
  }

  /** 64 bits at a host address. */
  public static long hostLoad64(long host) {
    return UNSAFE.getLong(host);
  }

  /** Stores 8 bits at a host address. */
  public static void hostStore8(long host, int value) {
    UNSAFE.putByte(host, (byte) value);
  }

  /** Stores 16 bits at a host address. */
  public static void hostStore16(long host, int value) {
    UNSAFE.putShort(host, (short) value);
  }

  /** Stores 32 bits at a host address. */
  public static void hostStore32(long host, int value) {
    UNSAFE.putInt(host, value);
  }

  /** Stores 64 bits at a host address. */
  public static void hostStore64(long host, long value) {
    UNSAFE.putLong(host, value);
  }

  /** Atomic compare-and-swap of an aligned 32-bit word at a host address. */
  public static boolean hostCas32(long host, int expected, int value) {
    return UNSAFE.compareAndSwapInt(null, host, expected, value);
  }

  /** Atomic compare-and-swap of an aligned 64-bit word at a host address. */
  public static boolean hostCas64(long host, long expected, long value) {
    return UNSAFE.compareAndSwapLong(null, host, expected, value);
  }

  /** Loads before it are done before loads and stores after it. */
  public static void loadFence() {
    UNSAFE.loadFence();
  }

  /** Loads and stores before it are done before stores after it. */
  public static void storeFence() {
    UNSAFE.storeFence();
  }

  /** Orders all memory accesses before against all after (MFENCE, LOCK). */
  public static void fullFence() {
    UNSAFE.fullFence();
  }

  /** Copies {@code bytes} bytes between host addresses; ranges may overlap as in memmove. */
  public static void hostCopy(long from, long to, long bytes) {
    UNSAFE.copyMemory(from, to, bytes);
  }

  /** Fills {@code bytes} bytes at a host address. */
  public static void hostFill(long host, long bytes, byte value) {
    UNSAFE.setMemory(host, bytes, value);
  }

  /** Zeroed raw memory for engine tables (the TLB), freed by {@link #hostFree}. */
  public static long hostAllocate(long bytes) {
    long host = UNSAFE.allocateMemory(bytes);
    UNSAFE.setMemory(host, bytes, (byte) 0);
    return host;
  }

  /** Frees what {@link #hostAllocate} gave. */
  public static void hostFree(long host) {
    UNSAFE.freeMemory(host);
  }

  /** Frees the host memory; no translation of this RAM may be used any more. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      if (allocation != 0) {
        UNSAFE.freeMemory(allocation);
      }
    }
  }
}
