package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * CLI, STI, PUSHF, POPF (SDM vol. 2).
 *
 * <p>Deviation: virtual interrupts (CR4.VME and PVI) do not exist.
 */
final class FlagControl {
  private FlagControl() {}

  private static int iopl(X86Cpu c) {
    return (c.eflagsHigh & Flags.IOPL) >> 12;
  }

  /** #GP(0) unless the interrupt flag may be changed. */
  private static void requireIopl(X86Cpu c) {
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    if (c.isProtected() && (v86 ? 3 : c.cpl) > iopl(c)) {
      throw c.gp(0);
    }
  }

  static void cli(X86Cpu c) {
    requireIopl(c);
    c.setEflagsHigh(c.eflagsHigh & ~Flags.IF);
  }

  /** The instruction after STI still runs with interrupts off. */
  static void sti(X86Cpu c) {
    requireIopl(c);
    if ((c.eflagsHigh & Flags.IF) == 0) {
      c.setEflagsHigh(c.eflagsHigh | Flags.IF);
      c.interruptShadow = true;
    }
  }

  private static void requireV86Iopl(X86Cpu c) {
    if ((c.eflagsHigh & Flags.VM) != 0 && iopl(c) != 3) {
      throw c.gp(0);
    }
  }

  static void pushf(X86State s, X86Cpu c, long w0) {
    requireV86Iopl(c);
    SystemStack stack = SystemStack.current(c, 1 << Word.size(w0));
    stack.push(c.eflags() & ~(long) (Flags.VM | Flags.RF));
    s.r[4] = stack.pointer(s.r[4]);
  }

  static void popf(X86State s, X86Cpu c, long w0) {
    requireV86Iopl(c);
    SystemStack stack = SystemStack.current(c, 1 << Word.size(w0));
    long value = stack.pop();
    int mask = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT | Flags.AC | Flags.ID;
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
