package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.FPU;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** Packed shifts of MMX and XMM (SDM vol. 2: PSLLW, PSRLW, PSRAW, PSLLDQ and their relatives). */
final class SseShift {
  /** Eight kinds each: by register or memory, by immediate; XMM, then MMX. */
  static final int BY_OPERAND = SseRows.SHIFT;

  static final int BY_IMMEDIATE = BY_OPERAND + 8;
  static final int MMX_BY_OPERAND = BY_OPERAND + 16;
  static final int MMX_BY_IMMEDIATE = BY_OPERAND + 24;
  static final int PSLLDQ = BY_OPERAND + 32;
  static final int PSRLDQ = BY_OPERAND + 33;

  static final String[] NAMES = {
    "psrlw", "psrld", "psrlq", "psraw", "psrad", "psllw", "pslld", "psllq"
  };
  static final String[] BY_OPERAND_CODES = {"D1", "D2", "D3", "E1", "E2", "F1", "F2", "F3"};
  static final String[] BY_IMMEDIATE_CODES = {
    "71 /2", "72 /2", "73 /2", "71 /4", "72 /4", "71 /6", "72 /6", "73 /6"
  };

  private SseShift() {}

  static void add(OpcodeMap m) {
    for (int k = 0; k < 8; k++) {
      String byOperand = " 0F " + BY_OPERAND_CODES[k] + " /r";
      String byImmediate = " 0F " + BY_IMMEDIATE_CODES[k] + " reg";
      m.row("66" + byOperand, NAMES[k] + " Vx,Wx", BY_OPERAND + k, SSE | FLAGS_KEPT);
      m.row("66" + byImmediate, NAMES[k] + " Wx,Ib", BY_IMMEDIATE + k, SSE | FLAGS_KEPT);
      m.row("NP" + byOperand, NAMES[k] + " Pq,Qq", MMX_BY_OPERAND + k, FPU | FLAGS_KEPT);
      m.row("NP" + byImmediate, NAMES[k] + " Qq,Ib", MMX_BY_IMMEDIATE + k, FPU | FLAGS_KEPT);
    }
    m.row("66 0F 73 /7 reg", "pslldq Wx,Ib", PSLLDQ, SSE | FLAGS_KEPT);
    m.row("66 0F 73 /3 reg", "psrldq Wx,Ib", PSRLDQ, SSE | FLAGS_KEPT);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op < BY_IMMEDIATE) {
      int w = Xmm.aligned(s, c, w0, w1);
      shift(s, Xmm.v(w0), op - BY_OPERAND, s.x[w]);
    } else if (op < MMX_BY_OPERAND) {
      shift(s, Word.rm(w0) << 1, op - BY_IMMEDIATE, Xmm.immediate(w1));
    } else if (op < MMX_BY_IMMEDIATE) {
      long n = Mmx.source(s, c, w0, w1);
      int d = Word.reg(w0);
      Mmx.set(c, d, apply(op - MMX_BY_OPERAND, Mmx.get(c, d), n));
    } else if (op < PSLLDQ) {
      long a = Mmx.source(s, c, w0, w1);
      Mmx.set(c, Word.rm(w0), apply(op - MMX_BY_IMMEDIATE, a, Xmm.immediate(w1)));
    } else {
      bytes(s, Word.rm(w0) << 1, Xmm.immediate(w1), op == PSLLDQ);
    }
  }

  private static void shift(X86State s, int d, int kind, long n) {
    s.x[d] = apply(kind, s.x[d], n);
    s.x[d + 1] = apply(kind, s.x[d + 1], n);
  }

  private static long apply(int kind, long a, long n) {
    return switch (kind) {
      case 0 -> Lanes.shiftRight16(a, n);
      case 1 -> Lanes.shiftRight32(a, n);
      case 2 -> Lanes.shiftRight64(a, n);
      case 3 -> Lanes.shiftArithmetic16(a, n);
      case 4 -> Lanes.shiftArithmetic32(a, n);
      case 5 -> Lanes.shiftLeft16(a, n);
      case 6 -> Lanes.shiftLeft32(a, n);
      default -> Lanes.shiftLeft64(a, n);
    };
  }

  private static void bytes(X86State s, int d, int count, boolean left) {
    long low = s.x[d];
    long high = s.x[d + 1];
    if (left) {
      s.x[d] = byteShifted(0, low, 8 - count);
      s.x[d + 1] = byteShifted(low, high, 8 - count);
      if (count >= 8) {
        s.x[d] = 0;
        s.x[d + 1] = byteShifted(0, low, 16 - count);
      }
    } else {
      s.x[d] = byteShifted(low, high, count);
      s.x[d + 1] = byteShifted(high, 0, count);
      if (count >= 8) {
        s.x[d] = byteShifted(high, 0, count - 8);
        s.x[d + 1] = 0;
      }
    }
  }

  /** 8 bytes of {@code high:low} from byte {@code n}; 0 where n is outside 0 to 8. */
  static long byteShifted(long low, long high, int n) {
    if (n < 0 || n > 8) {
      return 0;
    }
    if (n == 0) {
      return low;
    }
    return n == 8 ? high : low >>> (8 * n) | high << (64 - 8 * n);
  }
}
