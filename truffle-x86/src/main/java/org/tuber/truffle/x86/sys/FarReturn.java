package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** Far RET and IRET in all modes (SDM vol. 2, RET and IRET). */
final class FarReturn {
  private static final int USER_FLAGS =
      Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT | Flags.RF | Flags.AC | Flags.ID;

  private FarReturn() {}

  /** RETF, RETF Iw. */
  static void retf(X86State s, X86Cpu c, long w0, int release) {
    int size = Word.size(w0);
    SystemStack stack = SystemStack.current(c, 1 << size);
    long offset = stack.pop();
    int selector = (int) stack.pop() & 0xffff;
    if (!c.isProtected() || (c.eflagsHigh & Flags.VM) != 0) {
      realReturn(s, c, offset, selector, stack, release);
      return;
    }
    long code = returnCode(c, selector);
    int newCpl = selector & 3;
    stack.skip(release);
    if (newCpl == c.cpl) {
      code = entered(c, selector, code, offset);
      s.r[4] = stack.pointer(s.r[4]);
      commitCode(s, c, selector, code, offset);
      return;
    }
    long newSp = stack.pop();
    int newSs = (int) stack.pop() & 0xffff;
    long ssDescriptor = outerStack(c, newSs, newCpl, code);
    code = entered(c, selector, code, offset);
    ssDescriptor = accessed(c, newSs, ssDescriptor);
    commitOuter(s, c, selector, code, offset, newSs, ssDescriptor, newSp, size);
    s.r[4] += release;
  }

  private static void realReturn(
      X86State s, X86Cpu c, long offset, int selector, SystemStack stack, int release) {
    if (offset > c.segments[X86Cpu.CS].limit) {
      throw c.gp(0);
    }
    stack.skip(release);
    s.r[4] = stack.pointer(s.r[4]);
    SegLoad.loadReal(c, X86Cpu.CS, selector);
    s.pc = SegLoad.linearPc(c, offset);
    c.modeChanged();
  }

  /** IRET, IRETD, IRETQ. */
  static void iret(X86State s, X86Cpu c, long w0) {
    int size = Word.size(w0);
    // Also when it faults (SDM vol. 3, 6.7.1).
    c.nmiBlocked = false;
    c.recheckInterrupts();
    if (!c.isProtected()) {
      iretReal(s, c, size);
    } else if ((c.eflagsHigh & Flags.VM) != 0) {
      if (FlagControl.hasVirtualFlags(c, size)) {
        iretVirtual(s, c);
      } else {
        iretReal(s, c, size);
      }
    } else {
      iretProtected(s, c, size);
    }
  }

  private static void iretReal(X86State s, X86Cpu c, int size) {
    SystemStack stack = SystemStack.current(c, 1 << size);
    long offset = stack.pop();
    int selector = (int) stack.pop() & 0xffff;
    long flags = stack.pop();
    int kept = Flags.VM | Flags.VIF | Flags.VIP;
    if ((c.eflagsHigh & Flags.VM) != 0) {
      kept |= Flags.IOPL;
    }
    realReturn(s, c, offset, selector, stack, 0);
    setFlags(c, flags, ~kept, size);
    c.modeChanged();
  }

  /** 16-bit IRET of a virtual-8086 task with VIF. */
  private static void iretVirtual(X86State s, X86Cpu c) {
    SystemStack stack = SystemStack.current(c, 2);
    long offset = stack.pop();
    int selector = (int) stack.pop() & 0xffff;
    long flags = VirtualInterrupts.popped(c, stack.pop());
    realReturn(s, c, offset, selector, stack, 0);
    setFlags(c, flags, USER_FLAGS & 0xffff | Flags.VIF, 2);
  }

  private static void iretProtected(X86State s, X86Cpu c, int size) {
    if ((c.eflagsHigh & Flags.NT) != 0) {
      if (c.isLongMode()) {
        throw c.gp(0);
      }
      TaskSwitch.iret(c);
      return;
    }
    SystemStack stack = SystemStack.current(c, 1 << size);
    long offset = stack.pop();
    int selector = (int) stack.pop() & 0xffff;
    long flags = stack.pop();
    if ((flags & Flags.VM) != 0 && size == 2 && c.cpl == 0 && !c.isLongMode()) {
      iretToV86(s, c, stack, offset, selector, flags);
      return;
    }
    long code = returnCode(c, selector);
    int newCpl = selector & 3;
    int mask = USER_FLAGS;
    if (c.cpl == 0) {
      mask |= Flags.IOPL | Flags.IF | Flags.VIF | Flags.VIP;
    } else if (c.cpl <= (c.eflagsHigh & Flags.IOPL) >> 12) {
      mask |= Flags.IF;
    }
    if (newCpl == c.cpl && !c.is64Bit()) {
      code = entered(c, selector, code, offset);
      s.r[4] = stack.pointer(s.r[4]);
      setFlags(c, flags, mask, size);
      commitCode(s, c, selector, code, offset);
      return;
    }
    // 64-bit code always pops the stack pointer.
    long newSp = stack.pop();
    int newSs = (int) stack.pop() & 0xffff;
    long ssDescriptor = outerStack(c, newSs, newCpl, code);
    code = entered(c, selector, code, offset);
    ssDescriptor = accessed(c, newSs, ssDescriptor);
    setFlags(c, flags, mask, size);
    commitOuter(s, c, selector, code, offset, newSs, ssDescriptor, newSp, size);
    VirtualInterrupts.check(c);
  }

  private static void iretToV86(
      X86State s, X86Cpu c, SystemStack stack, long offset, int selector, long flags) {
    long newSp = stack.pop();
    int[] selectors = new int[5];
    int[] order = {X86Cpu.SS, X86Cpu.ES, X86Cpu.DS, X86Cpu.FS, X86Cpu.GS};
    for (int i = 0; i < order.length; i++) {
      selectors[i] = (int) stack.pop() & 0xffff;
    }
    c.setEflags(flags & 0x3f_7fd7 | Flags.VM);
    c.cpl = 3;
    for (int i = 0; i < order.length; i++) {
      SegLoad.loadReal(c, order[i], selectors[i]);
    }
    SegLoad.loadReal(c, X86Cpu.CS, selector);
    s.r[4] = newSp;
    s.pc = SegLoad.linearPc(c, offset & 0xffff);
    c.modeChanged();
    VirtualInterrupts.check(c);
  }

  /** POPF's and IRET's way into EFLAGS: only the bits in {@code mask} change. */
  static void setFlags(X86Cpu c, long value, int mask, int size) {
    int m = size == 1 ? mask & 0xffff : mask;
    long old = c.eflags();
    long flags = old & ~(long) m | value & m;
    Flags.setArithmetic(c.home, flags);
    c.setEflagsHigh((int) flags);
    if (((old ^ flags) & (Flags.AC | Flags.VM)) != 0) {
      c.modeChanged();
    }
  }

  /** Checks the code segment returned to; returns its descriptor. */
  static long returnCode(X86Cpu c, int selector) {
    if (Descriptors.isNull(selector)) {
      throw c.gp(0);
    }
    long d = Descriptors.load(c, selector, X86Cpu.GP, 0);
    int rpl = selector & 3;
    int dpl = Descriptors.dpl(d);
    boolean wrong =
        !Descriptors.isCode(d)
            || rpl < c.cpl
            || (Descriptors.isConforming(d) ? dpl > rpl : dpl != rpl)
            || c.isLongMode() && Descriptors.isLong(d) && Descriptors.isDefault32(d);
    if (wrong) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, 0);
    }
    return d;
  }

  /** The last check, of the offset in the code segment; returns its descriptor, accessed. */
  private static long entered(X86Cpu c, int selector, long d, long offset) {
    FarTransfer.checkOffset(c, d, offset);
    return Descriptors.accessed(c, selector, d);
  }

  /** The stack segment's descriptor, accessed; 0 for the allowed null selector. */
  private static long accessed(X86Cpu c, int selector, long d) {
    return d == 0 ? 0 : Descriptors.accessed(c, selector, d);
  }

  /** Checks the stack segment returned to; 0 for an allowed null selector. */
  static long outerStack(X86Cpu c, int selector, int newCpl, long code) {
    if (Descriptors.isNull(selector)) {
      boolean allowed =
          c.isLongMode() && Descriptors.isLong(code) && newCpl != 3 && (selector & 3) == newCpl;
      if (!allowed) {
        throw c.gp(0);
      }
      return 0;
    }
    long d = Descriptors.load(c, selector, X86Cpu.GP, 0);
    if ((selector & 3) != newCpl
        || Descriptors.dpl(d) != newCpl
        || !Descriptors.isWritableData(d)) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.SS_FAULT, selector, 0);
    }
    return d;
  }

  static void commitCode(X86State s, X86Cpu c, int selector, long code, long offset) {
    Descriptors.set(c.segments[X86Cpu.CS], selector, code);
    s.pc = SegLoad.linearPc(c, offset);
    c.modeChanged();
  }

  private static void commitOuter(
      X86State s,
      X86Cpu c,
      int selector,
      long code,
      long offset,
      int newSs,
      long ssDescriptor,
      long newSp,
      int size) {
    int newCpl = selector & 3;
    boolean outer = newCpl > c.cpl;
    Segment ss = c.segments[X86Cpu.SS];
    if (ssDescriptor == 0) {
      ss.set(newSs, 0, 0, 0);
    } else {
      Descriptors.set(ss, newSs, ssDescriptor);
    }
    boolean to64 = c.isLongMode() && Descriptors.isLong(code);
    if (to64 || ss.isDefault32()) {
      s.r[4] = size == 3 ? newSp : newSp & 0xffff_ffffL;
    } else {
      s.r[4] = (s.r[4] & ~0xffffL) | (newSp & 0xffff);
    }
    c.cpl = newCpl;
    if (outer) {
      hideInnerSegments(c);
    }
    commitCode(s, c, selector, code, offset);
  }

  /** Data segments that the outer level could not have loaded become null. */
  private static void hideInnerSegments(X86Cpu c) {
    for (int i = 0; i < 6; i++) {
      Segment s = c.segments[i];
      if (i == X86Cpu.CS || i == X86Cpu.SS || s.isNull()) {
        continue;
      }
      boolean conforming = s.isCode() && (s.attributes & Segment.EXPAND_DOWN_CONFORMING) != 0;
      if (!conforming && s.dpl() < c.cpl) {
        s.set(0, 0, 0, 0);
      }
    }
  }
}
