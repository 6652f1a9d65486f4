package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** DAA, DAS, AAA, AAS, AAM, AAD (SDM vol. 2): not in 64-bit mode. OF is undefined, cleared here. */
final class Decimal {
  private Decimal() {}

  private static void flags(X86State s, int al, boolean cf, boolean af) {
    Flags.result(s, (byte) al, cf, false);
    s.fz |= af ? Flags.AF : 0;
  }

  static void daa(X86State s) {
    int al = (int) s.r[0] & 0xff;
    boolean oldCf = Flags.cf(s);
    boolean af = (al & 15) > 9 || Flags.af(s);
    int r = af ? al + 6 : al;
    boolean cf = al > 0x99 || oldCf;
    r += cf ? 0x60 : 0;
    Operand.setRegister(s, 0, 0, r);
    flags(s, r, cf, af);
  }

  static void das(X86State s) {
    int al = (int) s.r[0] & 0xff;
    boolean oldCf = Flags.cf(s);
    boolean af = (al & 15) > 9 || Flags.af(s);
    int r = af ? al - 6 : al;
    boolean cf = oldCf || af && al < 6;
    if (al > 0x99 || oldCf) {
      r -= 0x60;
      cf = true;
    }
    Operand.setRegister(s, 0, 0, r);
    flags(s, r, cf, af);
  }

  static void aaa(X86State s) {
    adjust(s, 0x106);
  }

  static void aas(X86State s) {
    adjust(s, -0x106);
  }

  private static void adjust(X86State s, int by) {
    int ax = (int) s.r[0] & 0xffff;
    boolean carry = (ax & 15) > 9 || Flags.af(s);
    if (carry) {
      ax += by;
    }
    Operand.setRegister(s, 0, 1, ax & 0xff0f);
    flags(s, ax & 15, carry, carry);
  }

  static void aam(X86State s, X86Cpu c, int base) {
    if (base == 0) {
      throw c.exception(X86Cpu.DE);
    }
    int al = (int) s.r[0] & 0xff;
    Operand.setRegister(s, 0, 1, al / base << 8 | al % base);
    flags(s, al % base, false, false);
  }

  static void aad(X86State s, int base) {
    int al = (int) s.r[0] & 0xff;
    int ah = (int) (s.r[0] >> 8) & 0xff;
    int r = al + ah * base & 0xff;
    Operand.setRegister(s, 0, 1, r);
    flags(s, r, false, false);
  }
}
