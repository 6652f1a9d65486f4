package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** CLI, STI, PUSHF, POPF (SDM vol. 2). */
final class FlagControl {
  private FlagControl() {}

  private static int iopl(X86Cpu c) {
    return (c.eflagsHigh & Flags.IOPL) >> 12;
  }

  /** False when it is VIF that changes in place of IF; #GP(0) when neither may. */
  private static boolean hasIopl(X86Cpu c) {
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    if (!c.isProtected() || (v86 ? 3 : c.cpl) <= iopl(c)) {
      return true;
    }
    if (!VirtualInterrupts.replaceIf(c)) {
      throw c.gp(0);
    }
    return false;
  }

  static void cli(X86Cpu c) {
    c.setEflagsHigh(c.eflagsHigh & ~(hasIopl(c) ? Flags.IF : Flags.VIF));
  }

  /** The instruction after STI still runs with interrupts off. */
  static void sti(X86Cpu c) {
    if (!hasIopl(c)) {
      if ((c.eflagsHigh & Flags.VIP) != 0) {
        throw c.gp(0);
      }
      c.setEflagsHigh(c.eflagsHigh | Flags.VIF);
    } else if ((c.eflagsHigh & Flags.IF) == 0) {
      c.setEflagsHigh(c.eflagsHigh | Flags.IF);
      c.interruptShadow = true;
    }
  }

  /** True when VIF stands for IF in the flags of a virtual-8086 task; #GP(0) when it has none. */
  static boolean hasVirtualFlags(X86Cpu c, int size) {
    if ((c.eflagsHigh & Flags.VM) == 0 || iopl(c) == 3) {
      return false;
    }
    if (size != 1 || !VirtualInterrupts.inV86(c)) {
      throw c.gp(0);
    }
    return true;
  }

  static void pushf(X86State s, X86Cpu c, long w0) {
    long flags = hasVirtualFlags(c, Word.size(w0)) ? VirtualInterrupts.pushed(c) : c.eflags();
    SystemStack stack = SystemStack.current(c, 1 << Word.size(w0));
    stack.push(flags & ~(long) (Flags.VM | Flags.RF));
    s.r[4] = stack.pointer(s.r[4]);
  }

  static void popf(X86State s, X86Cpu c, long w0) {
    boolean virtual = hasVirtualFlags(c, Word.size(w0));
    SystemStack stack = SystemStack.current(c, 1 << Word.size(w0));
    long value = stack.pop();
    int mask = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT | Flags.AC | Flags.ID;
    if (virtual) {
      value = VirtualInterrupts.popped(c, value);
      s.r[4] = stack.pointer(s.r[4]);
      FarReturn.setFlags(c, value, mask & 0xffff | Flags.VIF, 2);
      return;
    }
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    if (c.cpl == 0 && !v86) {
      mask |= Flags.IOPL | Flags.IF;
    } else if (v86 || c.cpl <= iopl(c)) {
      mask |= Flags.IF;
    }
    s.r[4] = stack.pointer(s.r[4]);
    FarReturn.setFlags(c, value, mask, Word.size(w0));
  }
}
