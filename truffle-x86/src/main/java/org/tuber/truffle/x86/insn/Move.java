package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** MOV, MOVZX, MOVSX, MOVSXD, LEA, CMOVcc (SDM vol. 2). No flags change. */
final class Move {
  private Move() {}

  static void generic(X86State s, X86Cpu c, long w0, long w1) {
    mov(s, c, w0, w1, Word.form(w0), Word.size(w0), Word.isMemory(w0));
  }

  /** {@code form}, {@code size}, {@code memory} are constants at hot call sites. */
  static void mov(X86State s, X86Cpu c, long w0, long w1, int form, int size, boolean memory) {
    if (form == Word.GE) {
      long v = memory ? Operand.load(s, c, Operand.address(s, c, w0, w1), size) : rm(s, w0, size);
      Operand.setG(s, w0, size, v);
      return;
    }
    long v = form == Word.EI ? Word.immediate(w1) : Operand.g(s, w0, size);
    if (memory) {
      Operand.store(s, c, Operand.address(s, c, w0, w1), size, v);
    } else {
      Operand.setRegister(s, Word.rm(w0), size, v);
    }
  }

  private static long rm(X86State s, long w0, int size) {
    return Operand.register(s, Word.rm(w0), size);
  }

  /** MOV r, imm with the immediate as wide as the register. */
  static void movWide(X86State s, long w0, long w1) {
    int size = Word.size(w0);
    Operand.setRegister(s, Word.rm(w0), size, size == 3 ? w1 : Word.immediate(w1));
  }

  static void movzx(X86State s, X86Cpu c, long w0, long w1, int from) {
    Operand.setG(s, w0, Word.size(w0), Operand.zext(Operand.e(s, c, w0, w1, from), from));
  }

  static void movsx(X86State s, X86Cpu c, long w0, long w1, int from) {
    Operand.setG(s, w0, Word.size(w0), Operand.e(s, c, w0, w1, from));
  }

  static void lea(X86State s, long w0, long w1) {
    Operand.setG(s, w0, Word.size(w0), Operand.effectiveAddress(s, w0, w1));
  }

  /** The source is always read; a 32-bit destination is zero-extended even when not moved. */
  static void cmov(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long v = Operand.e(s, c, w0, w1, size);
    long old = Operand.g(s, w0, size);
    boolean moved = Flags.condition(s, Word.condition(w1), Word.producer(w0));
    Operand.setG(s, w0, size, moved ? v : old);
  }
}
