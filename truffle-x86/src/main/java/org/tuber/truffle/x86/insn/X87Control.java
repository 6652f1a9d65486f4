package org.tuber.truffle.x86.insn;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.state.X87State;

/**
 * x87 control instructions and the check for pending exceptions (SDM vol. 1, 8.6, 8.7).
 *
 * <p>Deviation: with CR0.NE clear a pending exception raises #MF too; the external FERR# path of
 * the PC/AT is not modelled.
 */
final class X87Control {
  private X87Control() {}

  /** What every waiting instruction does first: reports an unmasked exception of an earlier one. */
  static void check(X86Cpu c) {
    if ((c.fpu.status & X87State.ES) != 0) {
      throw c.exception(X86Cpu.MF);
    }
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    X87State f = c.fpu;
    switch (op) {
      case X87Rows.FNINIT -> f.initialize();
      case X87Rows.FNCLEX -> f.status &= 0x7f00;
      case X87Rows.FLDCW -> {
        check(c);
        int v = (int) SoftTlb.load16(s, c, Operand.address(s, c, w0, w1, 2));
        f.control = X87State.controlBits(v);
        f.updateSummary();
      }
      case X87Rows.FNSTCW -> SoftTlb.store16(s, c, Operand.address(s, c, w0, w1, 2), f.control);
      case X87Rows.FNSTSW -> {
        if (Word.isMemory(w0)) {
          SoftTlb.store16(s, c, Operand.address(s, c, w0, w1, 2), f.statusWord());
        } else {
          Operand.setRegister(s, 0, 1, f.statusWord());
        }
      }
      case X87Rows.FWAIT -> {
        if ((c.cr0 & (Cr.CR0_MP | Cr.CR0_TS)) == (Cr.CR0_MP | Cr.CR0_TS)) {
          throw c.exception(X86Cpu.NM);
        }
        check(c);
      }
      case X87Rows.FNOP -> check(c);
      default -> {}
    }
  }
}
