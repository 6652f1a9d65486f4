package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.OpcodeMap;
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

  /** MASKMOVQ and MASKMOVDQU, which store at DS:rDI. */
  public static boolean hasImpliedAddress(int op) {
    return op == SseMove.MASKMOVDQU || op == MmxShuffle.MASKMOVQ;
  }

  /** Runs an operation of {@code [Op.SSE, Op.SSE + 400)}. The likeliest families come first. */
  public static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op < FLOAT) {
      SseMove.run(s, c, w0, w1, op);
    } else if (op < CONVERT) {
      SseFloat.run(s, c, w0, w1, op);
    } else if (op < LANES) {
      SseConvert.run(s, c, w0, w1, op);
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

  private static void runRare(X86State s, X86Cpu c, long w0, long w1, int op) {
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
