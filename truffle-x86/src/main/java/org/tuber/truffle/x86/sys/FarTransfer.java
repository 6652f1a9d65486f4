package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Far JMP and CALL: to code segments and through call gates (SDM vol. 2, JMP and CALL; vol. 3,
 * 5.8).
 *
 * <p>Faults come in the manual's order, in which room for the return address counts before the
 * offset in the new segment. Hardware even stores it before, so that a page fault of the stack is
 * first, too (seen on AMD, family 26).
 */
final class FarTransfer {
  private static final int TSS_32 = 8;

  private FarTransfer() {}

  /** JMP Ap or CALL Ap: the far pointer is in the instruction. */
  static void direct(X86State s, X86Cpu c, long w0, long w1, boolean call) {
    int size = Word.size(w0);
    long offset = size == 1 ? w1 & 0xffff : w1 & 0xffff_ffffL;
    transfer(s, c, (int) (w1 >>> 32) & 0xffff, offset, size, call);
  }

  /** JMP Mp or CALL Mp: the far pointer is in memory. */
  static void indirect(X86State s, X86Cpu c, long w0, long w1, boolean call) {
    int size = Word.size(w0);
    long gva = Operand.address(s, c, w0, w1, (1 << size) + 2);
    long offset = Operand.zext(Operand.load(s, c, gva, size), size);
    int selector = (int) Operand.load(s, c, gva + (1 << size), 1) & 0xffff;
    transfer(s, c, selector, offset, size, call);
  }

  private static void transfer(
      X86State s, X86Cpu c, int selector, long offset, int size, boolean call) {
    if (!c.isProtected() || (c.eflagsHigh & Flags.VM) != 0) {
      long sp = call ? pushReturn(s, c, size) : s.r[4];
      if (offset > c.segments[X86Cpu.CS].limit) {
        throw c.gp(0);
      }
      s.r[4] = sp;
      SegLoad.loadReal(c, X86Cpu.CS, selector);
      s.pc = SegLoad.linearPc(c, offset);
      c.modeChanged();
      return;
    }
    if (Descriptors.isNull(selector)) {
      throw c.gp(0);
    }
    long d = Descriptors.load(c, selector, X86Cpu.GP, 0);
    if (Descriptors.isSegment(d)) {
      toSegment(s, c, selector, d, offset, size, call);
    } else {
      toSystem(s, c, selector, d, call);
    }
  }

  private static void toSegment(
      X86State s, X86Cpu c, int selector, long d, long offset, int size, boolean call) {
    checkTarget(c, selector, d, (selector & 3) > c.cpl);
    enter(s, c, selector, d, offset, size, call);
  }

  /** Goes to a checked code segment without a change of privilege; the offset is checked last. */
  private static void enter(
      X86State s, X86Cpu c, int selector, long d, long offset, int size, boolean call) {
    long sp = call ? pushReturn(s, c, size) : s.r[4];
    checkOffset(c, d, offset);
    long code = Descriptors.accessed(c, selector, d);
    s.r[4] = sp;
    Descriptors.set(c.segments[X86Cpu.CS], (selector & ~3) | c.cpl, code);
    s.pc = SegLoad.linearPc(c, offset);
    c.modeChanged();
  }

  /** Checks a code segment entered at the present privilege. */
  private static void checkTarget(X86Cpu c, int selector, long d, boolean rplTooLow) {
    int dpl = Descriptors.dpl(d);
    boolean wrong =
        !Descriptors.isCode(d)
            || (Descriptors.isConforming(d) ? dpl > c.cpl : rplTooLow || dpl != c.cpl)
            || c.isLongMode() && Descriptors.isLong(d) && Descriptors.isDefault32(d);
    if (wrong) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, 0);
    }
  }

  /** #GP(0) when {@code offset} is no address in the code segment {@code d}. */
  static void checkOffset(X86Cpu c, long d, long offset) {
    boolean bits64 = c.isLongMode() && Descriptors.isLong(d);
    if (bits64 ? !isCanonical(c, offset) : offset > Descriptors.limit(d)) {
      throw c.gp(0);
    }
  }

  /** True for an address that 4-level or 5-level paging can translate. */
  static boolean isCanonical(X86Cpu c, long address) {
    int unused = (c.cr4 & Cr.CR4_LA57) != 0 ? 64 - 57 : 64 - 48;
    return address << unused >> unused == address;
  }

  /** Stores the return address; returns the new stack pointer. */
  private static long pushReturn(X86State s, X86Cpu c, int size) {
    SystemStack stack = SystemStack.current(c, 1 << size);
    stack.push(c.segments[X86Cpu.CS].selector);
    stack.push(SegLoad.offset(c, s.pc));
    return stack.pointer(s.r[4]);
  }

  private static void toSystem(X86State s, X86Cpu c, int selector, long gate, boolean call) {
    int type = Descriptors.type(gate);
    boolean gate32 = type == Descriptors.CALL_GATE32;
    if (!gate32 && (type != Descriptors.CALL_GATE16 || c.isLongMode())) {
      if (!c.isLongMode() && type == Descriptors.TASK_GATE) {
        TaskSwitch.gate(c, selector, gate, call);
        return;
      }
      boolean tss = (type & ~TSS_32) == Descriptors.TSS16_AVAILABLE;
      boolean allowed = Descriptors.dpl(gate) >= c.cpl && Descriptors.dpl(gate) >= (selector & 3);
      if (c.isLongMode() || !tss || !allowed) {
        throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
      }
      TaskSwitch.jump(c, selector, call);
      return;
    }
    if (Descriptors.dpl(gate) < c.cpl || (selector & 3) > Descriptors.dpl(gate)) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    if (!Descriptors.isPresent(gate)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, 0);
    }
    long offset = gate & 0xffff;
    if (gate32) {
      offset |= gate >>> 32 & 0xffff_0000L;
    }
    if (c.isLongMode()) {
      long address = Descriptors.address(c, selector, 16);
      if (address == -1 || (Descriptors.load32(c, address + 12) & 0x1f00) != 0) {
        throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
      }
      offset |= Descriptors.load32(c, address + 8) << 32;
    }
    int target = (int) (gate >>> 16) & 0xffff;
    if (Descriptors.isNull(target)) {
      throw c.gp(0);
    }
    long code = Descriptors.load(c, target, X86Cpu.GP, 0);
    boolean wrongMode =
        c.isLongMode() && (!Descriptors.isLong(code) || Descriptors.isDefault32(code));
    boolean inner = !Descriptors.isConforming(code) && Descriptors.dpl(code) < c.cpl;
    boolean jumpsInward = inner && !call;
    if (!Descriptors.isCode(code) || Descriptors.dpl(code) > c.cpl || wrongMode || jumpsInward) {
      throw Descriptors.fault(c, X86Cpu.GP, target, 0);
    }
    if (!Descriptors.isPresent(code)) {
      throw Descriptors.fault(c, X86Cpu.NP, target, 0);
    }
    int size = c.isLongMode() ? 3 : gate32 ? 2 : 1;
    if (inner) {
      callInner(s, c, target, code, offset, size, (int) (gate >>> 32) & 31);
    } else {
      enter(s, c, target, code, offset, size, call);
    }
  }

  /** CALL through a gate to more privilege: another stack, parameters copied. */
  private static void callInner(
      X86State s, X86Cpu c, int target, long code, long offset, int size, int parameters) {
    int newCpl = Descriptors.dpl(code);
    int oldCpl = c.cpl;
    int width = 1 << size;
    Segment ss = c.segments[X86Cpu.SS];
    boolean longMode = c.isLongMode();
    int newSs = newCpl;
    long ssDescriptor = 0;
    SystemStack stack;
    if (longMode) {
      Segment tr = c.segments[X86Cpu.TR];
      int slot = 4 + 8 * newCpl;
      if (slot + 7 > tr.limit) {
        throw Descriptors.fault(c, X86Cpu.TS, tr.selector, 0);
      }
      stack = new SystemStack(c, 0, -1L, 0, Descriptors.load64(c, tr.base + slot), 8, 0);
    } else {
      long pointer = InnerStack.load(c, newCpl, 0);
      newSs = (int) (pointer >>> 32);
      ssDescriptor = InnerStack.descriptor(c, newSs, newCpl, 0);
      stack =
          new SystemStack(
              c,
              Descriptors.base(ssDescriptor),
              Descriptors.limit(ssDescriptor),
              Descriptors.attributes(ssDescriptor),
              pointer & 0xffff_ffffL,
              width,
              newSs & 0xfffc);
    }
    long[] copied = new long[longMode ? 0 : parameters];
    SystemStack old = longMode ? null : SystemStack.current(c, width);
    for (int i = 0; i < copied.length; i++) {
      copied[i] = old.peek(i);
    }
    boolean done = false;
    c.rights(newCpl);
    try {
      stack.push(ss.selector);
      stack.push(s.r[4]);
      for (int i = copied.length - 1; i >= 0; i--) {
        stack.push(copied[i]);
      }
      stack.push(c.segments[X86Cpu.CS].selector);
      stack.push(SegLoad.offset(c, s.pc));
      checkOffset(c, code, offset);
      code = Descriptors.accessed(c, target, code);
      if (!longMode) {
        ssDescriptor = Descriptors.accessed(c, newSs, ssDescriptor);
      }
      done = true;
    } finally {
      if (!done) {
        c.rights(oldCpl);
      }
    }
    if (longMode) {
      ss.set(newCpl, 0, 0, 0);
    } else {
      Descriptors.set(ss, newSs, ssDescriptor);
    }
    s.r[4] = stack.pointer(s.r[4]);
    Descriptors.set(c.segments[X86Cpu.CS], (target & ~3) | newCpl, code);
    s.pc = SegLoad.linearPc(c, offset);
    c.modeChanged();
  }
}
