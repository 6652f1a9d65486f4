package org.tuber.truffle.x86.insn;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, SETcc, BSWAP, MOVBE (SDM vol. 2). */
final class BitOps {
  static final int TEST = 0;
  static final int SET = 1;
  static final int RESET = 2;
  static final int COMPLEMENT = 3;

  private BitOps() {}

  /** Bit test and modify; CF is the old bit, the other flags stay. */
  static void bit(X86State s, X86Cpu c, long w0, long w1, int kind, boolean immediate) {
    int size = Word.size(w0);
    int bits = 8 << size;
    long index = immediate ? Word.immediate(w1) & (bits - 1) : Operand.g(s, w0, size);
    long mask = 1L << (index & (bits - 1));
    if (!Word.isMemory(w0)) {
      long a = Operand.register(s, Word.rm(w0), size);
      if (kind != TEST) {
        Operand.setRegister(s, Word.rm(w0), size, modified(a, mask, kind));
      }
      Flags.carry(s, (a & mask) != 0);
      return;
    }
    // A register index reaches beyond the operand, in steps of its size.
    long distance = immediate ? 0 : (index >> (3 + size)) << size;
    long gva = Operand.address(s, c, w0, w1, 1 << size, distance);
    if (kind != TEST) {
      // A fault is one of writing, also when the page may not be read either.
      long host = SoftTlb.writableHost(s, c, gva, 1 << size);
      if (host != 0 && Atomic.isWanted(c, w0)) {
        Flags.carry(s, (Atomic.modifyBits(host, size, mask, kind) & mask) != 0);
        return;
      }
    }
    long a = Operand.load(s, c, gva, size);
    if (kind != TEST) {
      Operand.store(s, c, gva, size, modified(a, mask, kind));
    }
    Flags.carry(s, (a & mask) != 0);
  }

  static long modified(long a, long mask, int kind) {
    return switch (kind) {
      case SET -> a | mask;
      case RESET -> a & ~mask;
      default -> a ^ mask;
    };
  }

  /** BSF and BSR: with a zero source ZF is set and the destination keeps its value. */
  static void scan(X86State s, X86Cpu c, long w0, long w1, boolean forward) {
    int size = Word.size(w0);
    long v = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    Flags.logic(s, v);
    s.fd = 0;
    if (v != 0) {
      Operand.setG(
          s, w0, size, forward ? Long.numberOfTrailingZeros(v) : 63 - Long.numberOfLeadingZeros(v));
    }
  }

  static void tzcnt(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long v = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    int n = v == 0 ? 8 << size : Long.numberOfTrailingZeros(v);
    countFlags(s, n, v == 0);
    Operand.setG(s, w0, size, n);
  }

  /** CF: the source was zero. As on AMD's processors OF stays and SF, PF, AF are cleared. */
  private static void countFlags(X86State s, int n, boolean cf) {
    Flags.result(s, n == 0 ? 0 : 0x100, cf, Flags.of(s));
    s.fd = 1;
  }

  static void lzcnt(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long v = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    int n = Long.numberOfLeadingZeros(v) - (64 - (8 << size));
    countFlags(s, n, v == 0);
    Operand.setG(s, w0, size, n);
  }

  static void popcnt(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long v = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    Flags.logic(s, v);
    if (v != 0) {
      // All flags but ZF are cleared.
      s.fr = 0x100;
      s.fd = 1;
    } else {
      s.fd = 1;
    }
    Operand.setG(s, w0, size, Long.bitCount(v));
  }

  static void setcc(X86State s, X86Cpu c, long w0, long w1) {
    long v = Flags.condition(s, Word.condition(w1), Word.producer(w0)) ? 1 : 0;
    Operand.setE(s, c, w0, w1 & ~0xffff_ffffL, 0, v);
  }

  static void bswap(X86State s, long w0) {
    int size = Word.size(w0);
    long v = s.r[Word.rm(w0)];
    long r =
        switch (size) {
          case 3 -> Long.reverseBytes(v);
          case 2 -> Integer.reverseBytes((int) v);
          default -> 0;
        };
    Operand.setRegister(s, Word.rm(w0), size, r);
  }

  static long reversed(long v, int size) {
    return Long.reverseBytes(v) >> (64 - (8 << size));
  }
}
