package org.tuber.truffle.x86.user;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.linux.Errno;
import org.tuber.truffle.engine.linux.GuestThread;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.ProgramSegments;

/**
 * The segments of a program's thread: FS and GS of x86-64 by arch_prctl, and the three descriptors
 * for thread-local storage of i386, which lie with those of the flat segments in a GDT above all
 * user addresses.
 */
final class UserSegments {
  static final long GDT_GVA = 0xffff_ff00_0000_0000L;
  static final int GDT_BYTES = 16 * 8;

  // Linux's USER_CS and friends.
  static final int CS64 = 0x33;
  static final int CS32 = 0x23;
  static final int SS = 0x2b;
  private static final int TLS_FIRST = 12;
  private static final int TLS_COUNT = 3;

  private static final int ARCH_SET_GS = 0x1001;
  private static final int ARCH_SET_FS = 0x1002;
  private static final int ARCH_GET_FS = 0x1003;
  private static final int ARCH_GET_GS = 0x1004;
  private static final long MAX_USER = 0x7fff_ffff_ffffL;

  private final GuestThread t;
  private final X86Cpu cpu;

  /** The GDT's page frame, 0 before first use. */
  private long frame;

  UserSegments(GuestThread t, X86Cpu cpu) {
    this.t = t;
    this.cpu = cpu;
  }

  void release() {
    if (frame != 0) {
      t.releaseFrame(frame);
    }
  }

  boolean isDescriptorTable(long gva) {
    return gva >= GDT_GVA && gva < GDT_GVA + 4096;
  }

  /** The GDT's page frame, made when it is first wanted. */
  long frame() {
    if (frame == 0) {
      frame = t.allocateFrame();
      set(CS32 >> 3, 0x00cf_fb00_0000_ffffL);
      set(SS >> 3, 0x00cf_f300_0000_ffffL);
      set(CS64 >> 3, 0x00af_fb00_0000_ffffL);
    }
    return frame;
  }

  private long table() {
    return t.frameHost(frame());
  }

  private void set(int index, long descriptor) {
    GuestRam.hostStore64(table() + 8L * index, descriptor);
  }

  private long get(int index) {
    return GuestRam.hostLoad64(table() + 8L * index);
  }

  /** A new program has no thread-local storage. */
  void clear() {
    for (int i = 0; i < TLS_COUNT; i++) {
      set(TLS_FIRST + i, 0);
    }
  }

  void copy(UserSegments from) {
    for (int i = TLS_FIRST; i < TLS_FIRST + TLS_COUNT; i++) {
      set(i, from.get(i));
    }
  }

  long archPrctl(int code, long at) {
    X86Cpu c = cpu;
    switch (code) {
      case ARCH_SET_FS, ARCH_SET_GS -> {
        if (at < 0 || at > MAX_USER) {
          return -Errno.EPERM;
        }
        int register = code == ARCH_SET_FS ? X86Cpu.FS : X86Cpu.GS;
        c.segments[register].base = at;
        c.segmentBase[register] = at;
        return 0;
      }
      case ARCH_GET_FS, ARCH_GET_GS -> {
        t.store64(at, c.segments[code == ARCH_GET_FS ? X86Cpu.FS : X86Cpu.GS].base);
        return 0;
      }
      default -> {
        return -Errno.EINVAL;
      }
    }
  }

  /**
   * The TLS descriptors of i386.
   *
   * @param reader who can read the user_desc at {@code at}
   */
  long setThreadArea(GuestThread reader, long at) {
    UserDescriptor u = UserDescriptor.read(reader, at);
    boolean clears = u.isEmpty() || u.isZero();
    if (!clears && (!u.is32Bit() || u.contents() > 1 || u.isNotPresent())) {
      return -Errno.EINVAL;
    }
    int index = u.index();
    if (index == -1) {
      for (int i = TLS_FIRST; i < TLS_FIRST + TLS_COUNT; i++) {
        if (get(i) == 0) {
          index = i;
          break;
        }
      }
      if (index == -1) {
        return -Errno.ESRCH;
      }
      reader.store32(at, index);
    }
    if (index < TLS_FIRST || index >= TLS_FIRST + TLS_COUNT) {
      return -Errno.EINVAL;
    }
    set(index, clears ? 0 : u.descriptor());
    reload(index << 3, X86Cpu.FS, X86Cpu.GS);
    return 0;
  }

  /** An entry of the LDT has changed. */
  void reloadLocal(int index) {
    reload(index << 3 | 4, X86Cpu.ES, X86Cpu.DS, X86Cpu.FS, X86Cpu.GS);
  }

  /**
   * Registers that hold the selector follow at once, as they do when the kernel switches to the
   * thread: one made by clone would else keep its parent's.
   */
  private void reload(int selector, int... registers) {
    for (int i : registers) {
      if ((cpu.segments[i].selector & ~3) == selector) {
        ProgramSegments.loadData(cpu, i, cpu.segments[i].selector);
      }
    }
  }
}
