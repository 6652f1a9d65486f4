package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Segment and system descriptors in the GDT and LDT (SDM vol. 3, 3.4.5 and 3.5). A descriptor is
 * handled as its eight bytes in a long.
 */
final class Descriptors {
  /** S bit and type of a 64-bit or 32-bit TSS that is not busy. */
  static final int TSS32_AVAILABLE = 9;

  static final int TSS16_AVAILABLE = 1;
  static final int TSS_BUSY = 2;
  static final int LDT = 2;
  static final int CALL_GATE16 = 4;
  static final int TASK_GATE = 5;
  static final int INTERRUPT_GATE16 = 6;
  static final int TRAP_GATE16 = 7;
  static final int CALL_GATE32 = 12;
  static final int INTERRUPT_GATE32 = 14;
  static final int TRAP_GATE32 = 15;

  private Descriptors() {}

  /** Segment base. */
  static long base(long d) {
    return (d >>> 16 & 0xff_ffff) | (d >>> 32 & 0xff00_0000L);
  }

  /** Limit in bytes, granularity applied. */
  static long limit(long d) {
    long limit = (d & 0xffff) | (d >>> 32 & 0xf_0000);
    return (d >>> 55 & 1) != 0 ? limit << 12 | 0xfff : limit;
  }

  /** As {@link Segment#attributes}. */
  static int attributes(long d) {
    return (int) (d >>> 40) & 0xf0ff;
  }

  static int dpl(long d) {
    return (int) (d >>> 45) & 3;
  }

  static boolean isPresent(long d) {
    return (d >>> 47 & 1) != 0;
  }

  /** Code or data, not a system descriptor. */
  static boolean isSegment(long d) {
    return (d >>> 44 & 1) != 0;
  }

  static boolean isCode(long d) {
    return (d >>> 43 & 3) == 3;
  }

  static boolean isConforming(long d) {
    return (d >>> 42 & 7) == 7;
  }

  /** Data segment that may be written. */
  static boolean isWritableData(long d) {
    return (d >>> 41 & 0xd) == 9;
  }

  /** Data segment, or code that may be read. */
  static boolean isReadable(long d) {
    return isSegment(d) && (!isCode(d) || (d >>> 41 & 1) != 0);
  }

  /** L bit. */
  static boolean isLong(long d) {
    return (d >>> 53 & 1) != 0;
  }

  /** D/B bit. */
  static boolean isDefault32(long d) {
    return (d >>> 54 & 1) != 0;
  }

  /** Type field of a system descriptor. */
  static int type(long d) {
    return (int) (d >>> 40) & 15;
  }

  static boolean isNull(int selector) {
    return (selector & 0xfffc) == 0;
  }

  /** Linear addresses have 32 bits outside long mode. */
  static long linear(X86Cpu c, long address) {
    return c.isLongMode() ? address : address & 0xffff_ffffL;
  }

  /** Loads 64 bits as the supervisor. */
  static long load64(X86Cpu c, long gva) {
    if (!c.hasImplicitRights()) {
      return SoftTlb.load64(c.home, c, linear(c, gva));
    }
    int saved = c.beginImplicit();
    try {
      return SoftTlb.load64(c.home, c, linear(c, gva));
    } finally {
      c.endImplicit(saved);
    }
  }

  /** Loads 32 bits as the supervisor, zero-extended. */
  static long load32(X86Cpu c, long gva) {
    if (!c.hasImplicitRights()) {
      return SoftTlb.load32(c.home, c, linear(c, gva)) & 0xffff_ffffL;
    }
    int saved = c.beginImplicit();
    try {
      return SoftTlb.load32(c.home, c, linear(c, gva)) & 0xffff_ffffL;
    } finally {
      c.endImplicit(saved);
    }
  }

  /** Loads 16 bits as the supervisor, zero-extended. */
  static int load16(X86Cpu c, long gva) {
    if (!c.hasImplicitRights()) {
      return (int) SoftTlb.load16(c.home, c, linear(c, gva)) & 0xffff;
    }
    int saved = c.beginImplicit();
    try {
      return (int) SoftTlb.load16(c.home, c, linear(c, gva)) & 0xffff;
    } finally {
      c.endImplicit(saved);
    }
  }

  /** Stores 8 bits as the supervisor. */
  private static void store8(X86Cpu c, long gva, int value) {
    int saved = c.beginImplicit();
    try {
      SoftTlb.store8(c.home, c, linear(c, gva), value);
    } finally {
      c.endImplicit(saved);
    }
  }

  /**
   * Linear address of the descriptor that {@code selector} names.
   *
   * @param bytes size of the descriptor, 8 or 16
   * @return -1 when it lies outside its table
   */
  static long address(X86Cpu c, int selector, int bytes) {
    int offset = selector & 0xfff8;
    if ((selector & 4) != 0) {
      Segment ldt = c.segments[X86Cpu.LDTR];
      return ldt.isNull() || offset + bytes - 1 > ldt.limit ? -1 : ldt.base + offset;
    }
    return offset + bytes - 1 > c.gdtr.limit ? -1 : c.gdtr.base + offset;
  }

  /**
   * The descriptor that {@code selector} names.
   *
   * @param vector exception to raise when it is outside its table
   * @param external EXT bit of that exception's error code
   */
  static long load(X86Cpu c, int selector, int vector, int external) {
    long address = address(c, selector, 8);
    if (address == -1) {
      throw fault(c, vector, selector, external);
    }
    return load64(c, address);
  }

  /** Exception with a selector as its error code, ready to throw. */
  static GuestFault fault(X86Cpu c, int vector, int selector, int external) {
    return c.exception(vector, (selector & 0xfffc) | external);
  }

  /** Sets the accessed bit of a segment in its table; returns the descriptor with it. */
  static long accessed(X86Cpu c, int selector, long d) {
    long bit = 1L << 40;
    if ((d & bit) == 0) {
      store8(c, address(c, selector, 8) + 5, (int) (d >>> 40 | 1) & 0xff);
    }
    return d | bit;
  }

  /** Sets or clears the busy bit of a TSS. */
  static void setBusy(X86Cpu c, int selector, long d, boolean busy) {
    int type = (int) (d >>> 40) & 0xff;
    store8(c, address(c, selector, 8) + 5, busy ? type | TSS_BUSY : type & ~TSS_BUSY);
  }

  /** Fills a segment register from a descriptor. */
  static void set(Segment s, int selector, long d) {
    s.set(selector & 0xffff, base(d), limit(d), attributes(d));
  }

  /** Bits 63:32 of the base of a 16-byte system descriptor. */
  static long upperBase(X86Cpu c, int selector) {
    return load32(c, address(c, selector, 8) + 8) << 32;
  }
}
