package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;

/** The stacks of inner privilege levels in a 16 or 32-bit TSS (SDM vol. 3, 5.8.5). */
final class InnerStack {
  private InnerStack() {}

  /** SS (bits 47:32) and ESP (bits 31:0) for {@code cpl}. */
  static long load(X86Cpu c, int cpl, int ext) {
    Segment tr = c.segments[X86Cpu.TR];
    boolean tss32 = (tr.attributes & 8) != 0;
    int offset = tss32 ? 4 + 8 * cpl : 2 + 4 * cpl;
    if (offset + (tss32 ? 5 : 3) > tr.limit) {
      throw Descriptors.fault(c, X86Cpu.TS, tr.selector, ext);
    }
    if (tss32) {
      return (long) Descriptors.load16(c, tr.base + offset + 4) << 32
          | Descriptors.load32(c, tr.base + offset);
    }
    return (long) Descriptors.load16(c, tr.base + offset + 2) << 32
        | Descriptors.load16(c, tr.base + offset);
  }

  /** Checks the stack segment that the TSS names; returns its descriptor. */
  static long descriptor(X86Cpu c, int selector, int cpl, int ext) {
    if (Descriptors.isNull(selector)) {
      throw c.exception(X86Cpu.TS, ext);
    }
    long d = Descriptors.load(c, selector, X86Cpu.TS, ext);
    if ((selector & 3) != cpl || Descriptors.dpl(d) != cpl || !Descriptors.isWritableData(d)) {
      throw Descriptors.fault(c, X86Cpu.TS, selector, ext);
    }
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.SS_FAULT, selector, ext);
    }
    return d;
  }
}
