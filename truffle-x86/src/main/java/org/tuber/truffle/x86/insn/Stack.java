package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * PUSH, POP, PUSHA, POPA, ENTER, LEAVE (SDM vol. 2). The word says how wide the stack pointer is
 * and whether SS has a base; in 64-bit code neither bit is set. RSP changes after the last access.
 */
public final class Stack {
  private static final int RSP = 4;
  private static final int RBP = 5;

  private Stack() {}

  /** Linear address of the stack slot of {@code 1 << size} bytes at offset {@code sp}. */
  static long linear(X86Cpu c, long w0, long sp, int size) {
    if ((w0 & (Word.STACK32 | Word.STACK16)) == 0) {
      return sp;
    }
    long a = (w0 & Word.STACK32) != 0 ? sp & 0xffff_ffffL : sp & 0xffff;
    return (w0 & Word.SEGMENTED) == 0 ? a : Operand.linear(c, X86Cpu.SS, a, 1 << size);
  }

  static void setSp(X86State s, long w0, long sp) {
    if ((w0 & (Word.STACK32 | Word.STACK16)) == 0) {
      s.r[RSP] = sp;
    } else {
      Operand.setRegister(s, RSP, (w0 & Word.STACK32) != 0 ? 2 : 1, sp);
    }
  }

  static void pushValue(X86State s, X86Cpu c, long w0, int size, long v) {
    long sp = s.r[RSP] - (1 << size);
    Operand.store(s, c, linear(c, w0, sp, size), size, v);
    setSp(s, w0, sp);
  }

  static void push(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    pushValue(s, c, w0, size, Operand.e(s, c, w0, w1, size));
  }

  static void pushImmediate(X86State s, X86Cpu c, long w0, long w1) {
    pushValue(s, c, w0, Word.size(w0), Word.immediate(w1));
  }

  /** An address that uses RSP sees it after the increment; POP RSP keeps what was popped. */
  static void pop(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long old = s.r[RSP];
    long v = Operand.load(s, c, linear(c, w0, old, size), size);
    if (!Word.isMemory(w0)) {
      setSp(s, w0, old + (1 << size));
      Operand.setRegister(s, Word.rm(w0), size, v);
      return;
    }
    int moved = Word.base(w0) == RSP ? 1 << size : 0;
    long address = Operand.address(s, c, w0, w1, 1 << size, moved);
    Operand.store(s, c, address, size, v);
    setSp(s, w0, old + (1 << size));
  }

  static void leave(X86State s, X86Cpu c, long w0) {
    int size = Word.size(w0);
    long bp = s.r[RBP];
    long v = Operand.load(s, c, linear(c, w0, bp, size), size);
    setSp(s, w0, bp + (1 << size));
    Operand.setRegister(s, RBP, size, v);
  }

  /** ENTER size, level: w1 holds the size in its low half, the level in its high half. */
  static void enter(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    int step = 1 << size;
    int level = (int) (w1 >>> 32) & 31;
    long sp = s.r[RSP] - step;
    Operand.store(s, c, linear(c, w0, sp, size), size, s.r[RBP]);
    long frame = sp;
    long bp = s.r[RBP];
    for (int i = 1; i < level; i++) {
      bp -= step;
      sp -= step;
      long v = Operand.load(s, c, linear(c, w0, bp, size), size);
      Operand.store(s, c, linear(c, w0, sp, size), size, v);
    }
    if (level > 0) {
      sp -= step;
      Operand.store(s, c, linear(c, w0, sp, size), size, frame);
    }
    sp -= w1 & 0xffff;
    // The new top must be writable: ENTER faults here and not at the next push.
    Operand.store(
        s, c, linear(c, w0, sp, size), size, Operand.load(s, c, linear(c, w0, sp, size), size));
    setSp(s, w0, sp);
    Operand.setRegister(s, RBP, size, frame);
  }

  static void pusha(X86State s, X86Cpu c, long w0) {
    int size = Word.size(w0);
    int step = 1 << size;
    long sp = s.r[RSP];
    for (int i = 0; i < 8; i++) {
      Operand.store(s, c, linear(c, w0, sp - (i + 1L) * step, size), size, s.r[i]);
    }
    setSp(s, w0, sp - 8L * step);
  }

  static void popa(X86State s, X86Cpu c, long w0) {
    int size = Word.size(w0);
    int step = 1 << size;
    long sp = s.r[RSP];
    long[] v = new long[8];
    for (int i = 0; i < 8; i++) {
      v[7 - i] = Operand.load(s, c, linear(c, w0, sp + (long) i * step, size), size);
    }
    for (int i = 0; i < 8; i++) {
      if (i != RSP) {
        Operand.setRegister(s, i, size, v[i]);
      }
    }
    setSp(s, w0, sp + 8L * step);
  }
}
