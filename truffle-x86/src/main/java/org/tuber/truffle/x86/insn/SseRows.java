package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * The SSE and MMX families: their ranges of operation numbers and the second-level switch. Each
 * family's file has its rows and semantics.
 */
public final class SseRows {
  static final int MOVE = Op.SSE;
  static final int FLOAT = Op.SSE + 30;
  static final int CONVERT = Op.SSE + 74;
  static final int LANES = Op.SSE + 96;
  static final int MMX_LANES = Op.SSE + 156;
  static final int SHIFT = Op.SSE + 204;
  static final int SHUFFLE = Op.SSE + 238;
  static final int MMX = Op.SSE + 265;
  static final int SSE3 = Op.SSE + 295;
  static final int SSE41 = Op.SSE + 301;
  static final int SSE42 = Op.SSE + 336;
  static final int CRYPTO = Op.SSE + 342;

  /** 780-799: {@link FxSave} and {@link X87Environment}; dispatched by the interpreter itself. */
  static final int SYSTEM = Op.SSE + 380;

  private SseRows() {}

  /** Registers all rows. */
  public static void add(OpcodeMap m) {
    SseMove.add(m);
    SseFloat.add(m);
    SseConvert.add(m);
    SseInt.add(m);
    SseShift.add(m);
    SseShuffle.add(m);
    MmxShuffle.add(m);
    Sse3.add(m);
    Sse41.add(m);
    Sse42.add(m);
    Crypto.add(m);
    FxSave.add(m);
  }

  /** Runs an operation of {@code [Op.SSE, Op.SSE + 400)}. The likeliest families come first. */
  public static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op < FLOAT) {
      SseMove.run(s, c, w0, w1, op);
    } else if (op < CONVERT) {
      if (isPacked(op) && SseSlow.mustCollect(c)) {
        collecting(s, c, w0, w1, op);
      } else {
        SseFloat.run(s, c, w0, w1, op);
      }
    } else if (op < LANES) {
      if (isPacked(op) && SseSlow.mustCollect(c)) {
        collecting(s, c, w0, w1, op);
      } else {
        SseConvert.run(s, c, w0, w1, op);
      }
    } else if (op < MMX_LANES) {
      SseInt.run(s, c, w0, w1, op - LANES);
    } else if (op < SHIFT) {
      SseInt.runMmx(s, c, w0, w1, op - MMX_LANES);
    } else if (op < SHUFFLE) {
      SseShift.run(s, c, w0, w1, op);
    } else if (op < MMX) {
      SseShuffle.run(s, c, w0, w1, op);
    } else {
      runRare(s, c, w0, w1, op);
    }
  }

  /** Several lanes of floating-point arithmetic in an XMM register. */
  static boolean isPacked(int op) {
    if (op < LANES) {
      return op >= FLOAT && SseFloat.isPacked(op) || op >= CONVERT && SseConvert.isPacked(op);
    }
    return op >= SSE3 && op < SSE41
        || op >= Sse41.DPPS && op <= Sse41.ROUNDPD && op != Sse41.MPSADBW;
  }

  /**
   * Runs on a staged destination, which becomes the real one when no lane's exception is unmasked.
   */
  private static void collecting(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    s.x[X86State.X_STAGE] = s.x[d];
    s.x[X86State.X_STAGE + 1] = s.x[d + 1];
    SseSlow.beginCollecting(c);
    long word = w0 & ~(31L << Word.REG_SHIFT);
    run(s, c, word | (long) (X86State.X_STAGE >> 1) << Word.REG_SHIFT, w1, op);
    SseSlow.endCollecting(c);
    s.x[d] = s.x[X86State.X_STAGE];
    s.x[d + 1] = s.x[X86State.X_STAGE + 1];
  }

  private static void runRare(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (isPacked(op) && SseSlow.mustCollect(c)) {
      collecting(s, c, w0, w1, op);
      return;
    }
    if (op < SSE3) {
      MmxShuffle.run(s, c, w0, w1, op);
    } else if (op < SSE41) {
      Sse3.run(s, c, w0, w1, op);
    } else if (op < SSE42) {
      Sse41.run(s, c, w0, w1, op);
    } else if (op < CRYPTO) {
      Sse42.run(s, c, w0, w1, op);
    } else {
      Crypto.run(s, c, w0, w1, op);
    }
  }
}
