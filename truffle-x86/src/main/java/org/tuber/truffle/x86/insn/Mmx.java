package org.tuber.truffle.x86.insn;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.state.X87State;

/**
 * MMX operands (SDM vol. 1, 9.2 and 9.6): MMn is the significand of physical register Rn. Any MMX
 * instruction but EMMS makes TOP 0 and all registers valid; a write sets exponent and sign to ones.
 * A pending x87 exception is raised first.
 */
final class Mmx {
  private Mmx() {}

  /** Q operand, after the checks that every MMX instruction starts with. */
  static long source(X86State s, X86Cpu c, long w0, long w1) {
    X87Control.check(c);
    long v =
        Word.isMemory(w0)
            ? SoftTlb.load64(s, c, Operand.address(s, c, w0, w1, 8))
            : c.fpu.significand[Word.rm(w0)];
    enter(c);
    return v;
  }

  /** The change of x87 state; after everything that can fault. */
  static void enter(X86Cpu c) {
    X87State f = c.fpu;
    f.top = 0;
    f.valid = 0xff;
  }

  static long get(X86Cpu c, int n) {
    return c.fpu.significand[n];
  }

  static void set(X86Cpu c, int n, long v) {
    X87State f = c.fpu;
    f.significand[n] = v;
    f.signExponent[n] = 0xffff;
  }
}
