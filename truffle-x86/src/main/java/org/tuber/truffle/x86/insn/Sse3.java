package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** SSE3 arithmetic: ADDSUBPS/PD, HADDPS/PD, HSUBPS/PD. (Its moves are in {@link SseMove}.) */
final class Sse3 {
  static final int ADDSUBPS = SseRows.SSE3;
  static final int ADDSUBPD = ADDSUBPS + 1;
  static final int HADDPS = ADDSUBPS + 2;
  static final int HADDPD = ADDSUBPS + 3;
  static final int HSUBPS = ADDSUBPS + 4;
  static final int HSUBPD = ADDSUBPS + 5;

  private Sse3() {}

  static void add(OpcodeMap m) {
    m.row("F2 0F D0 /r", "addsubps Vx,Wx", ADDSUBPS, SSE | FLAGS_KEPT);
    m.row("66 0F D0 /r", "addsubpd Vx,Wx", ADDSUBPD, SSE | FLAGS_KEPT);
    m.row("F2 0F 7C /r", "haddps Vx,Wx", HADDPS, SSE | FLAGS_KEPT);
    m.row("66 0F 7C /r", "haddpd Vx,Wx", HADDPD, SSE | FLAGS_KEPT);
    m.row("F2 0F 7D /r", "hsubps Vx,Wx", HSUBPS, SSE | FLAGS_KEPT);
    m.row("66 0F 7D /r", "hsubpd Vx,Wx", HSUBPD, SSE | FLAGS_KEPT);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    int w = Xmm.aligned(s, c, w0, w1);
    int d = Xmm.v(w0);
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    long r0;
    long r1;
    switch (op) {
      case ADDSUBPS -> {
        r0 = addSub(c, a0, b0);
        r1 = addSub(c, a1, b1);
      }
      case ADDSUBPD -> {
        r0 = SseArith.sub64(c, a0, b0);
        r1 = SseArith.add64(c, a1, b1);
      }
      case HADDPS, HSUBPS -> {
        int kind = op == HADDPS ? SseArith.ADD : SseArith.SUB;
        r0 = horizontal(c, kind, a0, a1);
        r1 = horizontal(c, kind, b0, b1);
      }
      default -> {
        int kind = op == HADDPD ? SseArith.ADD : SseArith.SUB;
        r0 = SseArith.binary64(c, kind, a0, a1);
        r1 = SseArith.binary64(c, kind, b0, b1);
      }
    }
    s.x[d] = r0;
    s.x[d + 1] = r1;
  }

  private static long addSub(X86Cpu c, long a, long b) {
    int low = SseArith.sub32(c, (int) a, (int) b);
    return Xmm.pair(low, SseArith.add32(c, Xmm.high(a), Xmm.high(b)));
  }

  private static long horizontal(X86Cpu c, int kind, long low, long high) {
    int first = SseArith.binary32(c, kind, (int) low, Xmm.high(low));
    return Xmm.pair(first, SseArith.binary32(c, kind, (int) high, Xmm.high(high)));
  }
}
