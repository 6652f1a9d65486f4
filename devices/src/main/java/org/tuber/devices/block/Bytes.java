package org.tuber.devices.block;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Numbers and strings in byte arrays, and the zero test every copy loop needs. */
public final class Bytes {
  private static final VarHandle BE64 =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle BE32 =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle BE16 =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LE64 =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LE32 =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LE16 =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int PAGE_BYTES = 4096;
  private static final int ZERO_CHUNK = 1 << 20;
  private static final MemorySegment ZEROS =
      MemorySegment.ofBuffer(pageAligned(1 << 20)).asReadOnly();

  private Bytes() {}

  /** Big-endian 64 bits. */
  public static long be64(byte[] b, int at) {
    return (long) BE64.get(b, at);
  }

  /** Stores big-endian 64 bits. */
  public static void putBe64(byte[] b, int at, long v) {
    BE64.set(b, at, v);
  }

  /** Big-endian 32 bits. */
  public static int be32(byte[] b, int at) {
    return (int) BE32.get(b, at);
  }

  /** Big-endian unsigned 32 bits. */
  public static long beU32(byte[] b, int at) {
    return Integer.toUnsignedLong(be32(b, at));
  }

  /** Stores big-endian 32 bits. */
  public static void putBe32(byte[] b, int at, int v) {
    BE32.set(b, at, v);
  }

  /** Big-endian unsigned 16 bits. */
  public static int be16(byte[] b, int at) {
    return (short) BE16.get(b, at) & 0xffff;
  }

  /** Stores big-endian 16 bits. */
  public static void putBe16(byte[] b, int at, int v) {
    BE16.set(b, at, (short) v);
  }

  /** Little-endian 64 bits. */
  public static long le64(byte[] b, int at) {
    return (long) LE64.get(b, at);
  }

  /** Stores little-endian 64 bits. */
  public static void putLe64(byte[] b, int at, long v) {
    LE64.set(b, at, v);
  }

  /** Little-endian 32 bits. */
  public static int le32(byte[] b, int at) {
    return (int) LE32.get(b, at);
  }

  /** Little-endian unsigned 32 bits. */
  public static long leU32(byte[] b, int at) {
    return Integer.toUnsignedLong(le32(b, at));
  }

  /** Stores little-endian 32 bits. */
  public static void putLe32(byte[] b, int at, int v) {
    LE32.set(b, at, v);
  }

  /** Little-endian unsigned 16 bits. */
  public static int le16(byte[] b, int at) {
    return (short) LE16.get(b, at) & 0xffff;
  }

  /** Stores little-endian 16 bits. */
  public static void putLe16(byte[] b, int at, int v) {
    LE16.set(b, at, (short) v);
  }

  /** A string of at most {@code max} bytes, ended by a zero byte if shorter. */
  public static String string(byte[] b, int at, int max) {
    int n = 0;
    while (n < max && b[at + n] != 0) {
      n++;
    }
    return new String(b, at, n, StandardCharsets.UTF_8);
  }

  /** True if the bytes at {@code at} are those of an ASCII string. */
  public static boolean startsWith(byte[] b, int at, String ascii) {
    for (int i = 0; i < ascii.length(); i++) {
      if (at + i >= b.length || b[at + i] != (byte) ascii.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** True when {@code length} bytes of a buffer are all zero; leaves the buffer as it is. */
  public static boolean isZero(ByteBuffer buffer, int from, int length) {
    if (length == 0) {
      return true;
    }
    // A first look at three places settles most buffers that hold data.
    if (buffer.get(from) != 0
        || buffer.get(from + length - 1) != 0
        || buffer.get(from + length / 2) != 0) {
      return false;
    }
    MemorySegment s = MemorySegment.ofBuffer(buffer.duplicate().clear());
    long at = from;
    long left = length;
    while (left > 0) {
      long n = Math.min(left, ZEROS.byteSize());
      if (MemorySegment.mismatch(s, at, at + n, ZEROS, 0, n) >= 0) {
        return false;
      }
      at += n;
      left -= n;
    }
    return true;
  }

  /**
   * A buffer outside the heap that starts at a page, as guest memory does. The kernel copies to and
   * from files in whole pages, and processors move them up to twice as fast if both ends are
   * aligned; what {@link ByteBuffer#allocateDirect} gives starts 16 bytes into a page. Shorter ones
   * start anywhere.
   */
  public static ByteBuffer pageAligned(int bytes) {
    if (bytes < PAGE_BYTES) {
      return ByteBuffer.allocateDirect(bytes);
    }
    // The slice loses up to a page at either end.
    ByteBuffer whole = ByteBuffer.allocateDirect(bytes + 2 * PAGE_BYTES);
    return whole.alignedSlice(PAGE_BYTES).limit(bytes).slice();
  }

  /** Fills the rest of a buffer with zeros. */
  public static void zeroFill(ByteBuffer target) {
    int n = target.remaining();
    MemorySegment.ofBuffer(target).fill((byte) 0);
    target.position(target.position() + n);
  }

  /** Writes zeros as data, so that the space is really there. */
  public static void writeZeroData(ImageFile file, long offset, long length)
      throws java.io.IOException {
    ByteBuffer zeros = pageAligned(ZERO_CHUNK);
    for (long done = 0; done < length; done += ZERO_CHUNK) {
      zeros.clear().limit((int) Math.min(ZERO_CHUNK, length - done));
      file.write(offset + done, zeros);
    }
  }

  /** Reads a range of a file into a new array. */
  public static byte[] readArray(ImageFile file, long offset, int length)
      throws java.io.IOException {
    byte[] b = new byte[length];
    file.read(offset, ByteBuffer.wrap(b));
    return b;
  }
}
