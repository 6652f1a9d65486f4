package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SSE and SSE2 floating-point arithmetic and comparison (SDM vol. 2: ADDPS ... UCOMISS). Lanes are
 * computed by {@link SseArith}; all lanes before any register changes, so that #XM is precise.
 */
final class SseFloat {
  /** Packed single: 8 numbers, the kinds of {@link SseArith}; kind 2 is the square root. */
  static final int PS = SseRows.FLOAT;

  static final int PD = PS + 8;
  static final int SS = PS + 16;
  static final int SD = PS + 24;
  static final int CMPPS = PS + 32;
  static final int CMPPD = PS + 33;
  static final int CMPSS = PS + 34;
  static final int CMPSD = PS + 35;
  static final int UCOMISS = PS + 36;
  static final int UCOMISD = PS + 37;
  static final int COMISS = PS + 38;
  static final int COMISD = PS + 39;
  static final int RCPPS = PS + 40;
  static final int RCPSS = PS + 41;
  static final int RSQRTPS = PS + 42;
  static final int RSQRTSS = PS + 43;

  static final int SQRT = 2;
  private static final int KEEP = SSE | FLAGS_KEPT;
  private static final String[] PREFIXES = {"NP", "66", "F3", "F2"};
  private static final String[] SUFFIXES = {"ps", "pd", "ss", "sd"};

  private SseFloat() {}

  static void add(OpcodeMap m) {
    for (int form = 0; form < 4; form++) {
      String p = PREFIXES[form] + " 0F ";
      String t = SUFFIXES[form] + " Vx,Wx";
      int op = PS + 8 * form;
      m.row(p + "58 /r", "add" + t, op + SseArith.ADD, KEEP);
      m.row(p + "59 /r", "mul" + t, op + SseArith.MUL, KEEP);
      m.row(p + "5C /r", "sub" + t, op + SseArith.SUB, KEEP);
      m.row(p + "5D /r", "min" + t, op + SseArith.MIN, KEEP);
      m.row(p + "5E /r", "div" + t, op + SseArith.DIV, KEEP);
      m.row(p + "5F /r", "max" + t, op + SseArith.MAX, KEEP);
      m.row(p + "51 /r", "sqrt" + t, op + SQRT, KEEP);
      m.row(p + "C2 /r", "cmp" + t + ",Ib", CMPPS + form, KEEP);
    }
    m.row("NP 0F 2E /r", "ucomiss Vx,Wx", UCOMISS, SSE);
    m.row("66 0F 2E /r", "ucomisd Vx,Wx", UCOMISD, SSE);
    m.row("NP 0F 2F /r", "comiss Vx,Wx", COMISS, SSE);
    m.row("66 0F 2F /r", "comisd Vx,Wx", COMISD, SSE);
    m.row("NP 0F 53 /r", "rcpps Vx,Wx", RCPPS, KEEP);
    m.row("F3 0F 53 /r", "rcpss Vx,Wx", RCPSS, KEEP);
    m.row("NP 0F 52 /r", "rsqrtps Vx,Wx", RSQRTPS, KEEP);
    m.row("F3 0F 52 /r", "rsqrtss Vx,Wx", RSQRTSS, KEEP);
  }

  /** Several lanes that can raise exceptions. */
  static boolean isPacked(int op) {
    return op < SS || op == CMPPS || op == CMPPD;
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    switch (op) {
      case SD + SseArith.ADD -> s.x[d] = SseArith.add64(c, s.x[d], Xmm.low64(s, c, w0, w1));
      case SD + SseArith.MUL -> s.x[d] = SseArith.mul64(c, s.x[d], Xmm.low64(s, c, w0, w1));
      case SD + SseArith.SUB -> s.x[d] = SseArith.sub64(c, s.x[d], Xmm.low64(s, c, w0, w1));
      case SD + SseArith.MIN -> s.x[d] = SseArith.min64(c, s.x[d], Xmm.low64(s, c, w0, w1));
      case SD + SseArith.DIV -> s.x[d] = SseArith.div64(c, s.x[d], Xmm.low64(s, c, w0, w1));
      case SD + SseArith.MAX -> s.x[d] = SseArith.max64(c, s.x[d], Xmm.low64(s, c, w0, w1));
      case SD + SQRT -> s.x[d] = SseArith.sqrt64(c, Xmm.low64(s, c, w0, w1));
      case SS + SQRT -> s.x[d] = Xmm.merge32(s.x[d], SseArith.sqrt32(c, Xmm.low32(s, c, w0, w1)));
      case SS + SseArith.ADD,
          SS + SseArith.MUL,
          SS + SseArith.SUB,
          SS + SseArith.MIN,
          SS + SseArith.DIV,
          SS + SseArith.MAX -> {
        int b = Xmm.low32(s, c, w0, w1);
        s.x[d] = Xmm.merge32(s.x[d], SseArith.binary32(c, op - SS, (int) s.x[d], b));
      }
      case UCOMISD, COMISD -> order64(s, c, s.x[d], Xmm.low64(s, c, w0, w1), op == COMISD);
      case UCOMISS, COMISS -> order32(s, c, (int) s.x[d], Xmm.low32(s, c, w0, w1), op == COMISS);
      case CMPSD -> {
        long b = Xmm.low64(s, c, w0, w1);
        s.x[d] = SseArith.compare64(c, s.x[d], b, (int) w1 & 7) ? -1 : 0;
      }
      case CMPSS -> {
        int b = Xmm.low32(s, c, w0, w1);
        boolean holds = SseArith.compare32(c, (int) s.x[d], b, (int) w1 & 7);
        s.x[d] = Xmm.merge32(s.x[d], holds ? -1 : 0);
      }
      default -> packed(s, c, w0, w1, op);
    }
  }

  private static void packed(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    if (op == RCPSS || op == RSQRTSS) {
      int b = Xmm.low32(s, c, w0, w1);
      int r = op == RCPSS ? SseSlow.reciprocal(b) : SseSlow.reciprocalRoot(b);
      s.x[d] = Xmm.merge32(s.x[d], r);
      return;
    }
    int w = Xmm.aligned(s, c, w0, w1);
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    long r0;
    long r1;
    switch (op) {
      case PS + SQRT -> {
        r0 = SseArith.sqrt32x2(c, b0);
        r1 = SseArith.sqrt32x2(c, b1);
      }
      case PD + SQRT -> {
        r0 = SseArith.sqrt64(c, b0);
        r1 = SseArith.sqrt64(c, b1);
      }
      case CMPPS -> {
        r0 = compare32x2(c, a0, b0, (int) w1 & 7);
        r1 = compare32x2(c, a1, b1, (int) w1 & 7);
      }
      case CMPPD -> {
        r0 = SseArith.compare64(c, a0, b0, (int) w1 & 7) ? -1 : 0;
        r1 = SseArith.compare64(c, a1, b1, (int) w1 & 7) ? -1 : 0;
      }
      case RCPPS -> {
        r0 = Xmm.pair(SseSlow.reciprocal((int) b0), SseSlow.reciprocal(Xmm.high(b0)));
        r1 = Xmm.pair(SseSlow.reciprocal((int) b1), SseSlow.reciprocal(Xmm.high(b1)));
      }
      case RSQRTPS -> {
        r0 = Xmm.pair(SseSlow.reciprocalRoot((int) b0), SseSlow.reciprocalRoot(Xmm.high(b0)));
        r1 = Xmm.pair(SseSlow.reciprocalRoot((int) b1), SseSlow.reciprocalRoot(Xmm.high(b1)));
      }
      default -> {
        if (op < PD) {
          r0 = SseArith.binary32x2(c, op - PS, a0, b0);
          r1 = SseArith.binary32x2(c, op - PS, a1, b1);
        } else {
          r0 = SseArith.binary64(c, op - PD, a0, b0);
          r1 = SseArith.binary64(c, op - PD, a1, b1);
        }
      }
    }
    s.x[d] = r0;
    s.x[d + 1] = r1;
  }

  private static long compare32x2(X86Cpu c, long a, long b, int predicate) {
    boolean low = SseArith.compare32(c, (int) a, (int) b, predicate);
    boolean high = SseArith.compare32(c, Xmm.high(a), Xmm.high(b), predicate);
    return Xmm.pair(low ? -1 : 0, high ? -1 : 0);
  }

  /** (U)COMISD: ZF PF CF are 000 greater, 001 less, 100 equal, 111 unordered; OF SF AF 0. */
  private static void order64(X86State s, X86Cpu c, long a, long b, boolean signalQuiet) {
    double x = Double.longBitsToDouble(a);
    double y = Double.longBitsToDouble(b);
    boolean less = x < y;
    boolean greater = x > y;
    boolean equal = x == y;
    if (!(less || greater || equal) || SseArith.heedsDenormals(c) || SseArith.isTiny(a, b)) {
      int order = SseSlow.order64(c, a, b, signalQuiet);
      less = order == -1;
      equal = order == 0;
      greater = order == 1;
    }
    setFlags(s, less, equal, greater);
  }

  private static void order32(X86State s, X86Cpu c, int a, int b, boolean signalQuiet) {
    float x = Float.intBitsToFloat(a);
    float y = Float.intBitsToFloat(b);
    boolean less = x < y;
    boolean greater = x > y;
    boolean equal = x == y;
    if (!(less || greater || equal) || SseArith.heedsDenormals(c) || SseArith.isTiny(a, b)) {
      int order = SseSlow.order32(c, a, b, signalQuiet);
      less = order == -1;
      equal = order == 0;
      greater = order == 1;
    }
    setFlags(s, less, equal, greater);
  }

  private static void setFlags(X86State s, boolean less, boolean equal, boolean greater) {
    long carry = !(equal || greater) ? Long.MIN_VALUE : 0;
    s.fx = carry;
    s.fy = carry;
    s.fz = carry;
    s.fr = less || greater ? 1 : 0;
    s.fd = equal ? 1 : 0;
  }
}
