package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * A stack that is being pushed to or popped from before ESP and SS are committed. The accesses run
 * with the CPU's present rights.
 */
final class SystemStack {
  private final X86Cpu c;
  private final long base;
  private final long mask;
  private final long limit;
  private final boolean expandDown;
  private final int width;
  private final int errorCode;
  private long sp;

  /**
   * A stack segment by its parts.
   *
   * @param width bytes of one slot: 2, 4 or 8
   * @param errorCode of the #SS that a slot beyond the limit raises
   */
  SystemStack(X86Cpu c, long base, long limit, int attributes, long sp, int width, int errorCode) {
    this.c = c;
    this.sp = sp;
    this.width = width;
    this.errorCode = errorCode;
    boolean bits64 = width == 8;
    this.base = bits64 ? 0 : base;
    this.mask = bits64 ? -1L : (attributes & 0x4000) != 0 ? 0xffff_ffffL : 0xffff;
    this.limit = bits64 ? -1L : limit;
    this.expandDown = !bits64 && (attributes & 0x1c) == 0x14;
  }

  /** The CPU's present stack. */
  static SystemStack current(X86Cpu c, int width) {
    var ss = c.segments[X86Cpu.SS];
    long sp = c.home.r[4];
    if (c.is64Bit()) {
      SystemStack s = new SystemStack(c, 0, -1L, 0x4000, sp, 8, 0);
      return width == 8 ? s : new SystemStack(s, width);
    }
    return new SystemStack(c, ss.base, ss.limit, ss.attributes, sp, width, 0);
  }

  /** A 64-bit stack with narrower slots. */
  private SystemStack(SystemStack flat, int width) {
    this.c = flat.c;
    this.base = 0;
    this.mask = -1L;
    this.limit = -1L;
    this.expandDown = false;
    this.width = width;
    this.errorCode = 0;
    this.sp = flat.sp;
  }

  private long at(long offset) {
    long a = offset & mask;
    if (mask != -1L) {
      boolean inside = expandDown ? a > limit && a + width - 1 <= mask : a + width - 1 <= limit;
      if (!inside) {
        throw c.exception(X86Cpu.SS_FAULT, errorCode);
      }
    }
    return mask == -1L ? a : (base + a) & 0xffff_ffffL;
  }

  void push(long value) {
    long next = sp - width;
    long gva = at(next);
    switch (width) {
      case 2 -> SoftTlb.store16(c.home, c, gva, value);
      case 4 -> SoftTlb.store32(c.home, c, gva, value);
      default -> SoftTlb.store64(c.home, c, gva, value);
    }
    sp = next;
  }

  /** Pops a slot, zero-extended. */
  long pop() {
    long value = peek(0);
    sp += width;
    return value;
  }

  /** Slot {@code n} above the top, zero-extended. */
  long peek(int n) {
    long gva = at(sp + (long) n * width);
    return switch (width) {
      case 2 -> SoftTlb.load16(c.home, c, gva) & 0xffff;
      case 4 -> SoftTlb.load32(c.home, c, gva) & 0xffff_ffffL;
      default -> SoftTlb.load64(c.home, c, gva);
    };
  }

  /** Releases {@code bytes} bytes, as RET n does. */
  void skip(long bytes) {
    sp += bytes;
  }

  /** Stack pointer merged into {@code old}: bits above the stack's address size are kept. */
  long pointer(long old) {
    if (mask == -1L) {
      return sp;
    }
    return mask == 0xffff_ffffL ? sp & mask : (old & ~mask) | (sp & mask);
  }
}
