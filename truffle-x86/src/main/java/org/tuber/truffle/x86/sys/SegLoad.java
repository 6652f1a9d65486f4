package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Loads of ES, SS, DS, FS and GS: MOV, POP, LDS and its kin, and the checks behind them (SDM vol.
 * 2, MOV; vol. 3, 5.4 and 5.6).
 *
 * <p>#NP and #SS for segments that are not present come last, as the manual orders them. Loading a
 * null selector clears the base.
 */
final class SegLoad {
  /** Attributes that real and virtual-8086 mode give: present, DPL 0 or 3, writable, accessed. */
  private static final int REAL_ATTRIBUTES = 0x93;

  private static final int V86_ATTRIBUTES = 0xf3;

  private SegLoad() {}

  /** Loads one of ES, SS, DS, FS, GS; the caller has made sure that it is not CS. */
  static void load(X86Cpu c, int register, int selector) {
    if (!c.isProtected() || (c.eflagsHigh & Flags.VM) != 0) {
      loadReal(c, register, selector);
      c.modeChanged();
      return;
    }
    Segment s = c.segments[register];
    if (Descriptors.isNull(selector)) {
      if (register == X86Cpu.SS && (!c.is64Bit() || c.cpl == 3 || (selector & 3) != c.cpl)) {
        throw c.gp(0);
      }
      s.set(selector & 0xffff, 0, 0, 0);
      c.modeChanged();
      return;
    }
    long d = Descriptors.load(c, selector, X86Cpu.GP, 0);
    int rpl = selector & 3;
    int dpl = Descriptors.dpl(d);
    if (register == X86Cpu.SS) {
      if (rpl != c.cpl || dpl != c.cpl || !Descriptors.isWritableData(d)) {
        throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
      }
    } else if (!Descriptors.isReadable(d)
        || !Descriptors.isConforming(d) && (rpl > dpl || c.cpl > dpl)) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, register == X86Cpu.SS ? X86Cpu.SS_FAULT : X86Cpu.NP, selector, 0);
    }
    Descriptors.set(s, selector, Descriptors.accessed(c, selector, d));
    c.modeChanged();
  }

  /** Loads a segment register, CS included, as real and virtual-8086 mode do. */
  static void loadReal(X86Cpu c, int register, int selector) {
    Segment s = c.segments[register];
    s.selector = selector & 0xffff;
    s.base = (long) s.selector << 4;
    if ((c.eflagsHigh & Flags.VM) != 0) {
      s.limit = 0xffff;
      s.attributes = V86_ATTRIBUTES;
    } else if (register == X86Cpu.CS || s.attributes == 0) {
      // Limits survive ("unreal mode"); CS becomes a plain writable segment.
      s.attributes = REAL_ATTRIBUTES | s.attributes & (Segment.DEFAULT_32 | Segment.GRANULARITY);
    }
  }

  /** Offset in CS of a linear address. */
  static long offset(X86Cpu c, long pc) {
    return c.is64Bit() ? pc : (pc - c.segments[X86Cpu.CS].base) & 0xffff_ffffL;
  }

  /** Linear address of an offset in CS, which may just have been loaded. */
  static long linearPc(X86Cpu c, long offset) {
    Segment cs = c.segments[X86Cpu.CS];
    return c.isLongMode() && cs.isLong() ? offset : (cs.base + offset) & 0xffff_ffffL;
  }

  /** MOV Sw,Ew. */
  static void movToSegment(X86State s, X86Cpu c, long w0, long w1) {
    int register = Word.reg(w0);
    if (register == X86Cpu.CS || register > X86Cpu.GS) {
      throw c.ud();
    }
    load(c, register, (int) Operand.e(s, c, w0, w1, 1) & 0xffff);
    if (register == X86Cpu.SS) {
      c.interruptShadow = true;
      c.debugShadow = true;
    }
  }

  /** MOV Ew,Sw: a register destination gets the operand size, memory 16 bits. */
  static void movFromSegment(X86State s, X86Cpu c, long w0, long w1) {
    int register = Word.reg(w0);
    if (register > X86Cpu.GS) {
      throw c.ud();
    }
    int size = Word.isMemory(w0) ? 1 : Word.size(w0);
    Operand.setE(s, c, w0, w1, size, c.segments[register].selector);
  }

  /** PUSH of a segment register. */
  static void push(X86State s, X86Cpu c, long w0, int register) {
    SystemStack stack = SystemStack.current(c, 1 << Word.size(w0));
    stack.push(c.segments[register].selector);
    s.r[4] = stack.pointer(s.r[4]);
  }

  /** POP of a segment register. */
  static void pop(X86State s, X86Cpu c, long w0, int register) {
    SystemStack stack = SystemStack.current(c, 1 << Word.size(w0));
    long old = s.r[4];
    load(c, register, (int) stack.pop() & 0xffff);
    s.r[4] = stack.pointer(old);
    if (register == X86Cpu.SS) {
      c.interruptShadow = true;
      c.debugShadow = true;
    }
  }

  /** LDS, LES, LFS, LGS, LSS. */
  static void loadFar(X86State s, X86Cpu c, long w0, long w1, int register) {
    int size = Word.size(w0);
    long gva = Operand.address(s, c, w0, w1, (1 << size) + 2);
    long offset = Operand.load(s, c, gva, size);
    int selector = (int) Operand.load(s, c, gva + (1 << size), 1) & 0xffff;
    load(c, register, selector);
    Operand.setG(s, w0, size, offset);
  }
}
