package org.tuber.truffle.x86.user;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * The local descriptor table, which all threads of an address space share: modify_ldt(2). It lies
 * above all user addresses, as the GDT does, in pages that are made when they are first touched.
 */
final class LocalDescriptors {
  static final long LDT_GVA = UserSegments.GDT_GVA + 0x1_0000;
  static final int LDT_BYTES = 0x1_0000;

  private static final int ENTRIES = LDT_BYTES / 8;
  private static final int PAGE = 4096;

  // modify_ldt's functions.
  private static final int READ = 0;
  private static final int WRITE_OLD = 1;
  private static final int READ_DEFAULT = 2;
  private static final int WRITE = 0x11;

  /** What a 64-bit kernel says of the table that no program has any more. */
  private static final int DEFAULT_BYTES = 128;

  private LocalDescriptors() {}

  static boolean isIn(long gva) {
    return gva >= LDT_GVA && gva < LDT_GVA + LDT_BYTES;
  }

  /** Where the page of an address of the table is, as {@link X86Cpu#walked} takes it. */
  static long frame(GuestThread t, long gva) {
    return t.systemPage((int) (gva - LDT_GVA) / PAGE);
  }

  private static long host(GuestThread t, int index) {
    return t.frameHost(t.systemPage(8 * index / PAGE)) + 8L * index % PAGE;
  }

  /** The system call. */
  static long modify(GuestThread t, int function, long at, long bytes) {
    return switch (function) {
      case READ -> read(t, at, bytes);
      case READ_DEFAULT -> zeros(t, at, atMost(DEFAULT_BYTES, bytes));
      case WRITE_OLD, WRITE -> write(t, at, bytes, function == WRITE_OLD);
      default -> -Errno.ENOSYS;
    };
  }

  private static long zeros(GuestThread t, long at, int bytes) {
    t.write(at, new byte[bytes]);
    return bytes;
  }

  /** A length of the program's, which has no sign. */
  private static int atMost(int most, long bytes) {
    return Long.compareUnsigned(bytes, most) < 0 ? (int) bytes : most;
  }

  private static long read(GuestThread t, long at, long bytes) {
    if (!t.hasSystemPages()) {
      return 0;
    }
    int length = atMost(LDT_BYTES, bytes);
    ByteBuffer table = ByteBuffer.allocate(LDT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; 8 * i < length; i++) {
      table.putLong(GuestRam.hostLoad64(host(t, i)));
    }
    t.write(at, Arrays.copyOf(table.array(), length));
    return length;
  }

  private static long write(GuestThread t, long at, long bytes, boolean old) {
    if (bytes != UserDescriptor.BYTES) {
      return -Errno.EINVAL;
    }
    UserDescriptor u = UserDescriptor.read(t, at);
    boolean isConforming = u.contents() == 3;
    if (Integer.compareUnsigned(u.index(), ENTRIES) >= 0
        || isConforming && (old || !u.isNotPresent())) {
      return -Errno.EINVAL;
    }
    boolean clears = u.isEmpty() || old && u.base() == 0 && u.limit() == 0;
    long descriptor = clears ? 0 : u.descriptor();
    GuestRam.hostStore64(
        host(t, u.index()), old ? descriptor & ~UserDescriptor.USEABLE : descriptor);
    X86UserCpu.of(t).segments().reloadLocal(u.index());
    return 0;
  }
}
