package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.FPU;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SSE conversions (SDM vol. 2: CVTSI2SD ... CVTTPS2PI). Out-of-range integers are the "integer
 * indefinite" 80..0 with the invalid flag. What {@link SseArith} says about fast and slow holds
 * here too.
 */
final class SseConvert {
  static final int CVTSI2SS = SseRows.CONVERT;
  static final int CVTSI2SD = CVTSI2SS + 1;
  static final int CVTTSS2SI = CVTSI2SS + 2;
  static final int CVTTSD2SI = CVTSI2SS + 3;
  static final int CVTSS2SI = CVTSI2SS + 4;
  static final int CVTSD2SI = CVTSI2SS + 5;
  static final int CVTPI2PS = CVTSI2SS + 6;
  static final int CVTPI2PD = CVTSI2SS + 7;
  static final int CVTTPS2PI = CVTSI2SS + 8;
  static final int CVTTPD2PI = CVTSI2SS + 9;
  static final int CVTPS2PI = CVTSI2SS + 10;
  static final int CVTPD2PI = CVTSI2SS + 11;
  static final int CVTPS2PD = CVTSI2SS + 12;
  static final int CVTPD2PS = CVTSI2SS + 13;
  static final int CVTSS2SD = CVTSI2SS + 14;
  static final int CVTSD2SS = CVTSI2SS + 15;
  static final int CVTDQ2PS = CVTSI2SS + 16;
  static final int CVTPS2DQ = CVTSI2SS + 17;
  static final int CVTTPS2DQ = CVTSI2SS + 18;
  static final int CVTTPD2DQ = CVTSI2SS + 19;
  static final int CVTDQ2PD = CVTSI2SS + 20;
  static final int CVTPD2DQ = CVTSI2SS + 21;

  private static final int KEEP = SSE | FLAGS_KEPT;

  private SseConvert() {}

  static void add(OpcodeMap m) {
    m.row("F3 0F 2A /r", "cvtsi2ss Vx,Ey", CVTSI2SS, KEEP);
    m.row("F2 0F 2A /r", "cvtsi2sd Vx,Ey", CVTSI2SD, KEEP);
    m.row("F3 0F 2C /r", "cvttss2si Gy,Wx", CVTTSS2SI, KEEP);
    m.row("F2 0F 2C /r", "cvttsd2si Gy,Wx", CVTTSD2SI, KEEP);
    m.row("F3 0F 2D /r", "cvtss2si Gy,Wx", CVTSS2SI, KEEP);
    m.row("F2 0F 2D /r", "cvtsd2si Gy,Wx", CVTSD2SI, KEEP);
    m.row("NP 0F 2A /r", "cvtpi2ps Vx,Qq", CVTPI2PS, KEEP | FPU);
    m.row("66 0F 2A /r", "cvtpi2pd Vx,Qq", CVTPI2PD, KEEP | FPU);
    m.row("NP 0F 2C /r", "cvttps2pi Pq,Wx", CVTTPS2PI, KEEP | FPU);
    m.row("66 0F 2C /r", "cvttpd2pi Pq,Wx", CVTTPD2PI, KEEP | FPU);
    m.row("NP 0F 2D /r", "cvtps2pi Pq,Wx", CVTPS2PI, KEEP | FPU);
    m.row("66 0F 2D /r", "cvtpd2pi Pq,Wx", CVTPD2PI, KEEP | FPU);
    m.row("NP 0F 5A /r", "cvtps2pd Vx,Wx", CVTPS2PD, KEEP);
    m.row("66 0F 5A /r", "cvtpd2ps Vx,Wx", CVTPD2PS, KEEP);
    m.row("F3 0F 5A /r", "cvtss2sd Vx,Wx", CVTSS2SD, KEEP);
    m.row("F2 0F 5A /r", "cvtsd2ss Vx,Wx", CVTSD2SS, KEEP);
    m.row("NP 0F 5B /r", "cvtdq2ps Vx,Wx", CVTDQ2PS, KEEP);
    m.row("66 0F 5B /r", "cvtps2dq Vx,Wx", CVTPS2DQ, KEEP);
    m.row("F3 0F 5B /r", "cvttps2dq Vx,Wx", CVTTPS2DQ, KEEP);
    m.row("66 0F E6 /r", "cvttpd2dq Vx,Wx", CVTTPD2DQ, KEEP);
    m.row("F3 0F E6 /r", "cvtdq2pd Vx,Wx", CVTDQ2PD, KEEP);
    m.row("F2 0F E6 /r", "cvtpd2dq Vx,Wx", CVTPD2DQ, KEEP);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    switch (op) {
      case CVTSI2SD -> {
        long v = Operand.e(s, c, w0, w1, Word.size(w0));
        s.x[d] = Word.size(w0) == 2 ? doubleOf((int) v) : double64(c, v);
      }
      case CVTSI2SS -> {
        long v = Operand.e(s, c, w0, w1, Word.size(w0));
        s.x[d] = Xmm.merge32(s.x[d], single64(c, v));
      }
      case CVTTSD2SI -> {
        long v = Xmm.low64(s, c, w0, w1);
        setInteger(s, w0, truncate64(c, v, 8 << Word.size(w0)));
      }
      case CVTTSS2SI -> {
        int v = Xmm.low32(s, c, w0, w1);
        setInteger(s, w0, truncate32(c, v, 8 << Word.size(w0)));
      }
      case CVTSD2SI -> {
        long v = Xmm.low64(s, c, w0, w1);
        setInteger(s, w0, round64(c, v, 8 << Word.size(w0)));
      }
      case CVTSS2SI -> {
        int v = Xmm.low32(s, c, w0, w1);
        setInteger(s, w0, round32(c, v, 8 << Word.size(w0)));
      }
      case CVTSS2SD -> s.x[d] = widen(c, Xmm.low32(s, c, w0, w1));
      case CVTSD2SS -> s.x[d] = Xmm.merge32(s.x[d], narrow(c, Xmm.low64(s, c, w0, w1)));
      case CVTDQ2PD -> {
        long v = Xmm.low64(s, c, w0, w1);
        s.x[d] = doubleOf((int) v);
        s.x[d + 1] = doubleOf(Xmm.high(v));
      }
      case CVTPS2PD -> {
        long v = Xmm.low64(s, c, w0, w1);
        long low = widen(c, (int) v);
        s.x[d + 1] = widen(c, Xmm.high(v));
        s.x[d] = low;
      }
      case CVTPI2PS, CVTPI2PD, CVTTPS2PI, CVTTPD2PI, CVTPS2PI, CVTPD2PI -> mmx(s, c, w0, w1, op);
      default -> packed(s, c, w0, w1, op);
    }
  }

  private static void packed(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    int w = Xmm.aligned(s, c, w0, w1);
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    long r0;
    long r1 = 0;
    switch (op) {
      case CVTPD2PS -> {
        int low = narrow(c, b0);
        r0 = Xmm.pair(low, narrow(c, b1));
      }
      case CVTDQ2PS -> {
        r0 = singles(c, b0);
        r1 = singles(c, b1);
      }
      case CVTPS2DQ -> {
        r0 = round32x2(c, b0);
        r1 = round32x2(c, b1);
      }
      case CVTTPS2DQ -> {
        r0 = truncate32x2(c, b0);
        r1 = truncate32x2(c, b1);
      }
      case CVTTPD2DQ -> r0 = truncate64x2(c, b0, b1);
      case CVTPD2DQ -> r0 = round64x2(c, b0, b1);
      default -> throw c.ud();
    }
    s.x[d] = r0;
    s.x[d + 1] = r1;
  }

  private static void mmx(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    if (op != CVTPI2PD || !Word.isMemory(w0)) {
      X87Control.check(c);
    }
    if (op == CVTPI2PS || op == CVTPI2PD) {
      long v =
          Word.isMemory(w0)
              ? SoftTlb.load64(s, c, Operand.address(s, c, w0, w1, 8))
              : Mmx.get(c, Word.rm(w0));
      if (op == CVTPI2PS) {
        s.x[d] = singles(c, v);
      } else {
        s.x[d] = doubleOf((int) v);
        s.x[d + 1] = doubleOf(Xmm.high(v));
      }
      if (op == CVTPI2PS || !Word.isMemory(w0)) {
        Mmx.enter(c);
      }
      return;
    }
    long r;
    if (op == CVTTPS2PI || op == CVTPS2PI) {
      long v = Xmm.low64(s, c, w0, w1);
      r = op == CVTPS2PI ? round32x2(c, v) : truncate32x2(c, v);
    } else {
      int w = Xmm.aligned(s, c, w0, w1);
      r = op == CVTPD2PI ? round64x2(c, s.x[w], s.x[w + 1]) : truncate64x2(c, s.x[w], s.x[w + 1]);
    }
    Mmx.enter(c);
    Mmx.set(c, Word.reg(w0), r);
  }

  private static void setInteger(X86State s, long w0, long v) {
    s.r[Word.reg(w0)] = Word.size(w0) == 2 ? v & 0xffff_ffffL : v;
  }

  private static long doubleOf(int v) {
    return Double.doubleToRawLongBits((double) v);
  }

  private static long double64(X86Cpu c, long v) {
    return SseArith.isFast(c)
        ? Double.doubleToRawLongBits((double) v)
        : SseSlow.fromInteger64(c, v);
  }

  private static int single32(X86Cpu c, int v) {
    return single64(c, v);
  }

  private static int single64(X86Cpu c, long v) {
    return SseArith.isFast(c) ? Float.floatToRawIntBits((float) v) : SseSlow.fromInteger32(c, v);
  }

  private static long singles(X86Cpu c, long v) {
    int low = single32(c, (int) v);
    return Xmm.pair(low, single32(c, Xmm.high(v)));
  }

  /** To double: exact but for NaNs (and subnormals under DAZ). */
  private static long widen(X86Cpu c, int v) {
    float f = Float.intBitsToFloat(v);
    if (Float.isNaN(f) || SseArith.heedsDenormals(c) || !SseArith.quiet(c, v, v)) {
      return SseSlow.toDouble(c, v);
    }
    return Double.doubleToRawLongBits(f);
  }

  private static int narrow(X86Cpu c, long v) {
    int r = Float.floatToRawIntBits((float) Double.longBitsToDouble(v));
    int e = (r >>> 23) & 0xff;
    return SseArith.isFast(c) && e - 2 >= 0 && e < 0xff ? r : SseSlow.toSingle(c, v);
  }

  /** Java's saturated results are exactly those that may be out of range. */
  private static long truncate64(X86Cpu c, long v, int bits) {
    double x = Double.longBitsToDouble(v);
    long r = (long) x;
    boolean fits = bits == 32 ? r == (int) r : r != Long.MAX_VALUE && r != Long.MIN_VALUE;
    return fits && !Double.isNaN(x) && SseArith.isFast(c)
        ? r
        : SseSlow.toInteger64(c, v, bits, SoftFloat.TRUNCATE);
  }

  private static long truncate32(X86Cpu c, int v, int bits) {
    float x = Float.intBitsToFloat(v);
    long r = (long) x;
    boolean fits = bits == 32 ? r == (int) r : r != Long.MAX_VALUE && r != Long.MIN_VALUE;
    return fits && !Float.isNaN(x) && SseArith.isFast(c)
        ? r
        : SseSlow.toInteger32(c, v, bits, SoftFloat.TRUNCATE);
  }

  private static long round64(X86Cpu c, long v, int bits) {
    double x = Double.longBitsToDouble(v);
    long r = (long) Math.rint(x);
    boolean fits = bits == 32 ? r == (int) r : r != Long.MAX_VALUE && r != Long.MIN_VALUE;
    return fits && !Double.isNaN(x) && SseArith.isFast(c)
        ? r
        : SseSlow.toInteger64(c, v, bits, SseSlow.roundingMode(c));
  }

  private static long round32(X86Cpu c, int v, int bits) {
    float x = Float.intBitsToFloat(v);
    long r = (long) Math.rint(x);
    boolean fits = bits == 32 ? r == (int) r : r != Long.MAX_VALUE && r != Long.MIN_VALUE;
    return fits && !Float.isNaN(x) && SseArith.isFast(c)
        ? r
        : SseSlow.toInteger32(c, v, bits, SseSlow.roundingMode(c));
  }

  private static long truncate32x2(X86Cpu c, long v) {
    int low = (int) truncate32(c, (int) v, 32);
    return Xmm.pair(low, (int) truncate32(c, Xmm.high(v), 32));
  }

  private static long round32x2(X86Cpu c, long v) {
    int low = (int) round32(c, (int) v, 32);
    return Xmm.pair(low, (int) round32(c, Xmm.high(v), 32));
  }

  private static long truncate64x2(X86Cpu c, long b0, long b1) {
    int low = (int) truncate64(c, b0, 32);
    return Xmm.pair(low, (int) truncate64(c, b1, 32));
  }

  private static long round64x2(X86Cpu c, long b0, long b1) {
    int low = (int) round64(c, b0, 32);
    return Xmm.pair(low, (int) round64(c, b1, 32));
  }
}
