package org.tuber.truffle.x86.user;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.linux.GuestThread;

/**
 * Linux's struct user_desc (asm/ldt.h): a segment as a program describes it.
 *
 * @param index number of the descriptor
 * @param base 32 bits
 * @param limit 20 bits
 * @param flags bit 0: 32-bit; 1 and 2: contents, 0 data, 1 a stack that grows down, 2 code, 3
 *     conforming code; 3: neither to be written nor, as code, read; 4: limit in pages; 5: not
 *     present; 6: useable, for the program
 */
record UserDescriptor(int index, long base, long limit, int flags) {
  static final int BYTES = 16;

  /** The descriptor's bit that a program may use. */
  static final long USEABLE = 1L << 52;

  private static final int ONLY_READ_EXECUTE = 1 << 3;
  private static final int NOT_PRESENT = 1 << 5;
  private static final int FLAGS = 0x7f;

  static UserDescriptor read(GuestThread reader, long at) {
    long d = reader.need(at, BYTES);
    return new UserDescriptor(
        GuestRam.hostLoad32(d),
        GuestRam.hostLoad32(d + 4) & 0xffff_ffffL,
        GuestRam.hostLoad32(d + 8) & 0xf_ffffL,
        GuestRam.hostLoad32(d + 12) & FLAGS);
  }

  int contents() {
    return flags >> 1 & 3;
  }

  boolean is32Bit() {
    return (flags & 1) != 0;
  }

  boolean isNotPresent() {
    return (flags & NOT_PRESENT) != 0;
  }

  /** The way to say that there shall be none. */
  boolean isEmpty() {
    return base == 0 && limit == 0 && flags == (ONLY_READ_EXECUTE | NOT_PRESENT);
  }

  boolean isZero() {
    return base == 0 && limit == 0 && flags == 0;
  }

  /** As the CPU has it (SDM vol. 3, 3.4.5): privilege 3, accessed. */
  long descriptor() {
    int type = 1 | contents() << 2 | ((flags & ONLY_READ_EXECUTE) != 0 ? 0 : 2);
    int access = 0x70 | type | (isNotPresent() ? 0 : 0x80);
    return limit & 0xffff
        | (base & 0xff_ffff) << 16
        | (long) access << 40
        | (limit & 0xf_0000) << 32
        | ((flags & 1 << 6) != 0 ? USEABLE : 0)
        | (is32Bit() ? 1L << 54 : 0)
        | ((flags & 1 << 4) != 0 ? 1L << 55 : 0)
        | (base & 0xff00_0000L) << 32;
  }
}
