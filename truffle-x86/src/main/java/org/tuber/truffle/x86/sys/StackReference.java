package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.insn.AvxSpecial;
import org.tuber.truffle.x86.insn.IntegerRows;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Whether an access of 64-bit code was one to the stack segment: a non-canonical address raises #SS
 * then, and #GP otherwise (SDM vol. 3, 6.15). Found out only when such a fault is delivered, by
 * decoding the instruction again.
 */
final class StackReference {
  private static final int RSP = 4;
  private static final int RBP = 5;

  /** The largest memory operand: an XSAVE area. */
  private static final long OPERAND_BYTES = 1024;

  /** ENTER with 31 levels. */
  private static final long STACK_BYTES = 300;

  private StackReference() {}

  /** {@code address} is where the instruction at the CPU's pc faulted. */
  static boolean isAt(X86Cpu c, long address) {
    X86State s = c.home;
    if (!c.is64Bit()) {
      return false;
    }
    long w0;
    long w1;
    try {
      Block b = c.engine.isa().decode(c, s.pc, 1);
      w0 = b.code[0];
      w1 = b.code[1];
    } catch (GuestFault f) {
      return false;
    }
    if (Word.isMemory(w0)) {
      c.engine.isa().enterBlock(s, s.pc);
      long distance = address - Operand.effectiveAddress(s, w0, w1);
      boolean usesStack = Word.base(w0) == RSP || Word.base(w0) == RBP;
      if (AvxSpecial.isGather(w0, w1)) {
        // Its index is a vector: any address may be one of its elements'.
        return usesStack && Word.segment(w0) < 0;
      }
      if (distance >= 0 && distance < OPERAND_BYTES) {
        return usesStack && Word.segment(w0) < 0;
      }
    }
    long top = Word.op(w0) == IntegerRows.LEAVE ? s.r[RBP] : s.r[RSP];
    boolean near = Math.abs(address - top) <= STACK_BYTES;
    boolean nearFrame =
        Word.op(w0) == IntegerRows.ENTER && Math.abs(address - s.r[RBP]) <= STACK_BYTES;
    return (near || nearFrame) && isImplicit(Word.op(w0));
  }

  /** An operation that accesses the stack by itself. */
  private static boolean isImplicit(int op) {
    return op >= IntegerRows.CALL && op <= IntegerRows.LEAVE
        || op >= Op.SYSTEM && op < Op.SSE && !SystemRows.isString(op);
  }
}
