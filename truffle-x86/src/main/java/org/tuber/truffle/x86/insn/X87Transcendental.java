package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.state.X87State;

/** Transcendental functions (work in progress: none yet). */
final class X87Transcendental {
  private X87Transcendental() {}

  /** Any operation whose operand ST is empty. */
  static void emptyOperand(X87State f, int op) {
    if (!X87Arith.underflow(f, 0)) {
      switch (op) {
        case X87Rows.FPTAN, X87Rows.FSINCOS, X87Rows.FXTRACT ->
            f.push(X87Arith.DEFAULT_NAN_EXPONENT, X87Arith.DEFAULT_NAN);
        case X87Rows.FPATAN, X87Rows.FYL2X, X87Rows.FYL2XP1 -> {
          f.set(1, X87Arith.DEFAULT_NAN_EXPONENT, X87Arith.DEFAULT_NAN);
          f.pop();
        }
        default -> {}
      }
    }
  }

  static void run(X87State f, int op) {
    emptyOperand(f, op);
  }
}
