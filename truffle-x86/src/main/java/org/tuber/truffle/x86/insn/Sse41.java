package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SSE4.1 but for its lane-wise operations ({@link SseInt}): blends, insertion and extraction, sign
 * and zero extension, PTEST, dot products, MPSADBW, rounding, PHMINPOSUW (SDM vol. 2).
 */
final class Sse41 {
  static final int BLENDPS = SseRows.SSE41;
  static final int BLENDPD = BLENDPS + 1;
  static final int PBLENDW = BLENDPS + 2;
  static final int BLENDVPS = BLENDPS + 3;
  static final int BLENDVPD = BLENDPS + 4;
  static final int PBLENDVB = BLENDPS + 5;
  static final int INSERTPS = BLENDPS + 6;
  static final int PEXTRB = BLENDPS + 7;
  static final int PEXTRW = BLENDPS + 8;
  static final int PEXTRD = BLENDPS + 9;
  static final int PINSRB = BLENDPS + 10;
  static final int PINSRD = BLENDPS + 11;

  /** Six kinds: BW BD BQ WD WQ DQ. */
  static final int PMOVSX = BLENDPS + 12;

  static final int PMOVZX = BLENDPS + 18;
  static final int PTEST = BLENDPS + 24;
  static final int DPPS = BLENDPS + 25;
  static final int DPPD = BLENDPS + 26;
  static final int MPSADBW = BLENDPS + 27;
  static final int ROUNDPS = BLENDPS + 28;
  static final int ROUNDPD = BLENDPS + 29;
  static final int ROUNDSS = BLENDPS + 30;
  static final int ROUNDSD = BLENDPS + 31;
  static final int PHMINPOSUW = BLENDPS + 32;

  private static final int KEEP = SSE | FLAGS_KEPT;
  static final String[] EXTENSIONS = {"bw", "bd", "bq", "wd", "wq", "dq"};

  private Sse41() {}

  static void add(OpcodeMap m) {
    m.row("66 0F 3A 0C /r", "blendps Vx,Wx,Ib", BLENDPS, KEEP);
    m.row("66 0F 3A 0D /r", "blendpd Vx,Wx,Ib", BLENDPD, KEEP);
    m.row("66 0F 3A 0E /r", "pblendw Vx,Wx,Ib", PBLENDW, KEEP);
    m.row("66 0F 38 14 /r", "blendvps Vx,Wx", BLENDVPS, KEEP);
    m.row("66 0F 38 15 /r", "blendvpd Vx,Wx", BLENDVPD, KEEP);
    m.row("66 0F 38 10 /r", "pblendvb Vx,Wx", PBLENDVB, KEEP);
    m.row("66 0F 3A 21 /r", "insertps Vx,Wx,Ib", INSERTPS, KEEP);
    m.row("66 0F 3A 14 /r reg", "pextrb Ed,Vx,Ib", PEXTRB, KEEP);
    m.row("66 0F 3A 14 /r mem", "pextrb Mb,Vx,Ib", PEXTRB, KEEP);
    m.row("66 0F 3A 15 /r reg", "pextrw Ed,Vx,Ib", PEXTRW, KEEP);
    m.row("66 0F 3A 15 /r mem", "pextrw Mw,Vx,Ib", PEXTRW, KEEP);
    m.row("66 0F 3A 16 /r", "pextrd Ey,Vx,Ib", PEXTRD, KEEP);
    m.row("66 0F 3A 17 /r", "extractps Ed,Vx,Ib", PEXTRD, KEEP);
    m.row("66 0F 3A 20 /r reg", "pinsrb Vx,Ed,Ib", PINSRB, KEEP);
    m.row("66 0F 3A 20 /r mem", "pinsrb Vx,Mb,Ib", PINSRB, KEEP);
    m.row("66 0F 3A 22 /r", "pinsrd Vx,Ey,Ib", PINSRD, KEEP);
    for (int k = 0; k < 6; k++) {
      m.row("66 0F 38 2" + k + " /r", "pmovsx" + EXTENSIONS[k] + " Vx,Wx", PMOVSX + k, KEEP);
      m.row("66 0F 38 3" + k + " /r", "pmovzx" + EXTENSIONS[k] + " Vx,Wx", PMOVZX + k, KEEP);
    }
    m.row("66 0F 38 17 /r", "ptest Vx,Wx", PTEST, SSE);
    m.row("66 0F 3A 40 /r", "dpps Vx,Wx,Ib", DPPS, KEEP);
    m.row("66 0F 3A 41 /r", "dppd Vx,Wx,Ib", DPPD, KEEP);
    m.row("66 0F 3A 42 /r", "mpsadbw Vx,Wx,Ib", MPSADBW, KEEP);
    m.row("66 0F 3A 08 /r", "roundps Vx,Wx,Ib", ROUNDPS, KEEP);
    m.row("66 0F 3A 09 /r", "roundpd Vx,Wx,Ib", ROUNDPD, KEEP);
    m.row("66 0F 3A 0A /r", "roundss Vx,Wx,Ib", ROUNDSS, KEEP);
    m.row("66 0F 3A 0B /r", "roundsd Vx,Wx,Ib", ROUNDSD, KEEP);
    m.row("66 0F 38 41 /r", "phminposuw Vx,Wx", PHMINPOSUW, KEEP);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    int d = Xmm.v(w0);
    int i = Xmm.immediate(w1);
    switch (op) {
      case INSERTPS -> insertPs(s, c, w0, w1, i);
      case PEXTRB -> {
        long v = s.x[d + (i >> 3 & 1)] >>> (8 * (i & 7)) & 0xff;
        Operand.setE(s, c, w0, w1, Word.size(w0), v);
      }
      case PEXTRW -> {
        long v = s.x[d + (i >> 2 & 1)] >>> (16 * (i & 3)) & 0xffff;
        Operand.setE(s, c, w0, w1, Word.size(w0), v);
      }
      case PEXTRD -> {
        boolean wide = Word.size(w0) == 3;
        long v = wide ? s.x[d + (i & 1)] : SseShuffle.lane(s.x[d], s.x[d + 1], i);
        Operand.setE(s, c, w0, w1, Word.size(w0), v);
      }
      case PINSRB -> {
        long v = Operand.e(s, c, w0, w1, Word.isMemory(w0) ? 0 : 2);
        insert(s, d + (i >> 3 & 1), 8 * (i & 7), 0xff, v);
      }
      case PINSRD -> {
        long v = Operand.e(s, c, w0, w1, Word.size(w0));
        if (Word.size(w0) == 3) {
          s.x[d + (i & 1)] = v;
        } else {
          insert(s, d + (i >> 1 & 1), 32 * (i & 1), 0xffff_ffffL, v);
        }
      }
      case ROUNDSS -> s.x[d] = Xmm.merge32(s.x[d], round32(c, Xmm.low32(s, c, w0, w1), i));
      case ROUNDSD -> s.x[d] = round64(c, Xmm.low64(s, c, w0, w1), i);
      default -> {
        if (op >= PMOVSX && op < PTEST) {
          extend(s, c, w0, w1, op);
        } else {
          packed(s, c, w0, w1, op);
        }
      }
    }
  }

  private static void insert(X86State s, int n, int shift, long mask, long v) {
    s.x[n] = s.x[n] & ~(mask << shift) | (v & mask) << shift;
  }

  private static void packed(X86State s, X86Cpu c, long w0, long w1, int op) {
    int w = Xmm.aligned(s, c, w0, w1);
    int d = Xmm.v(w0);
    int i = Xmm.immediate(w1);
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    switch (op) {
      case BLENDPS -> blend(s, d, b0, b1, mask32(i), mask32(i >> 2));
      case BLENDPD -> blend(s, d, b0, b1, -(i & 1L), -(i >> 1 & 1L));
      case PBLENDW -> blend(s, d, b0, b1, mask16(i), mask16(i >> 4));
      case BLENDVPS ->
          blend(s, d, b0, b1, spread(s.x[0], Lanes.H32, 32), spread(s.x[1], Lanes.H32, 32));
      case BLENDVPD -> blend(s, d, b0, b1, s.x[0] >> 63, s.x[1] >> 63);
      case PBLENDVB ->
          blend(s, d, b0, b1, spread(s.x[0], Lanes.H8, 8), spread(s.x[1], Lanes.H8, 8));
      case PTEST -> {
        boolean zero = ((a0 & b0) | (a1 & b1)) == 0;
        boolean carry = ((~a0 & b0) | (~a1 & b1)) == 0;
        Flags.setArithmetic(s, (zero ? Flags.ZF : 0) | (carry ? Flags.CF : 0));
      }
      case DPPS -> dotSingle(s, c, d, b0, b1, i);
      case DPPD -> {
        long low = (i & 16) != 0 ? SseArith.mul64(c, a0, b0) : 0;
        long high = (i & 32) != 0 ? SseArith.mul64(c, a1, b1) : 0;
        SseSlow.endStep(c);
        long sum = SseArith.add64(c, low, high);
        s.x[d] = (i & 1) != 0 ? sum : 0;
        s.x[d + 1] = (i & 2) != 0 ? sum : 0;
      }
      case MPSADBW -> mpsadbw(s, d, b0, b1, i);
      case ROUNDPS -> {
        long low = round32x2(c, b0, i);
        s.x[d + 1] = round32x2(c, b1, i);
        s.x[d] = low;
      }
      case ROUNDPD -> {
        long low = round64(c, b0, i);
        s.x[d + 1] = round64(c, b1, i);
        s.x[d] = low;
      }
      case PHMINPOSUW -> leastWord(s, d, b0, b1);
      default -> throw c.ud();
    }
  }

  private static long spread(long v, long h, int bits) {
    return Lanes.spread(v & h, bits);
  }

  static long mask32(int i) {
    return Xmm.pair(-(i & 1), -(i >> 1 & 1));
  }

  private static long mask16(int i) {
    long tops = (i & 1L) << 15 | (i & 2L) << 30 | (i & 4L) << 45 | (i & 8L) << 60;
    return Lanes.spread(tops, 16);
  }

  private static void blend(X86State s, int d, long b0, long b1, long m0, long m1) {
    s.x[d] = Lanes.select(m0, b0, s.x[d]);
    s.x[d + 1] = Lanes.select(m1, b1, s.x[d + 1]);
  }

  /** INSERTPS: imm 7:6 source lane (of a register), 5:4 destination lane, 3:0 lanes to clear. */
  private static void insertPs(X86State s, X86Cpu c, long w0, long w1, int i) {
    int v;
    if (Word.isMemory(w0)) {
      v = Xmm.low32(s, c, w0, w1);
    } else {
      int w = Word.rm(w0) << 1;
      v = SseShuffle.lane(s.x[w], s.x[w + 1], i >> 6);
    }
    int d = Xmm.v(w0);
    insert(s, d + (i >> 5 & 1), 32 * (i >> 4 & 1), 0xffff_ffffL, v);
    s.x[d] &= ~mask32(i);
    s.x[d + 1] &= ~mask32(i >> 2);
  }

  private static void extend(X86State s, X86Cpu c, long w0, long w1, int op) {
    boolean signed = op < PMOVZX;
    int kind = signed ? op - PMOVSX : op - PMOVZX;
    // Source width and destination width in bits.
    int from = kind < 3 ? 8 : kind < 5 ? 16 : 32;
    int to = kind == 0 ? 16 : kind == 1 || kind == 3 ? 32 : 64;
    int bytes = 128 / to * from / 8;
    long v =
        bytes == 8
            ? Xmm.low64(s, c, w0, w1)
            : bytes == 4 ? Xmm.low32(s, c, w0, w1) : Xmm.low16(s, c, w0, w1);
    int lanes = 64 / to;
    int d = Xmm.v(w0);
    s.x[d] = widen(v, from, to, lanes, signed);
    s.x[d + 1] = widen(v >>> (lanes * from), from, to, lanes, signed);
  }

  @ExplodeLoop
  private static long widen(long v, int from, int to, int lanes, boolean signed) {
    long r = 0;
    long mask = to == 64 ? -1 : (1L << to) - 1;
    for (int n = 0; n < lanes; n++) {
      long lane = v << (64 - from - from * n);
      lane = signed ? lane >> (64 - from) : lane >>> (64 - from);
      r |= (lane & mask) << (to * n);
    }
    return r;
  }

  private static void dotSingle(X86State s, X86Cpu c, int d, long b0, long b1, int i) {
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    int p0 = (i & 16) != 0 ? SseArith.mul32(c, (int) a0, (int) b0) : 0;
    int p1 = (i & 32) != 0 ? SseArith.mul32(c, Xmm.high(a0), Xmm.high(b0)) : 0;
    int p2 = (i & 64) != 0 ? SseArith.mul32(c, (int) a1, (int) b1) : 0;
    int p3 = (i & 128) != 0 ? SseArith.mul32(c, Xmm.high(a1), Xmm.high(b1)) : 0;
    SseSlow.endStep(c);
    int low = SseArith.add32(c, p0, p1);
    int high = SseArith.add32(c, p2, p3);
    SseSlow.endStep(c);
    int sum = SseArith.add32(c, low, high);
    long both = Xmm.pair(sum, sum);
    s.x[d] = both & mask32(i);
    s.x[d + 1] = both & mask32(i >> 2);
  }

  @ExplodeLoop
  private static void mpsadbw(X86State s, int d, long b0, long b1, int i) {
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    int block = SseShuffle.lane(b0, b1, i);
    int offset = (i & 4) != 0 ? 4 : 0;
    long low = 0;
    long high = 0;
    for (int n = 0; n < 4; n++) {
      low |= difference4(SseShift.byteShifted(a0, a1, offset + n), block) << (16 * n);
      high |= difference4(sourceAt(a0, a1, offset + 4 + n), block) << (16 * n);
    }
    s.x[d] = low;
    s.x[d + 1] = high;
  }

  private static long sourceAt(long a0, long a1, int n) {
    return n <= 8 ? SseShift.byteShifted(a0, a1, n) : SseShift.byteShifted(a1, 0, n - 8);
  }

  /** Sum of absolute differences of the low four bytes. */
  private static long difference4(long a, int b) {
    return Lanes.sumOfDifferences(a & 0xffff_ffffL, b & 0xffff_ffffL);
  }

  private static void leastWord(X86State s, int d, long b0, long b1) {
    long best = 0xffff;
    int at = 0;
    for (int n = 7; n >= 0; n--) {
      long v = (n < 4 ? b0 : b1) >>> (16 * (n & 3)) & 0xffff;
      if (v <= best) {
        best = v;
        at = n;
      }
    }
    s.x[d] = best | (long) at << 16;
    s.x[d + 1] = 0;
  }

  // ---------------------------------------------------------------- rounding

  private static double toIntegral(double x, int mode) {
    return switch (mode) {
      case SoftFloat.NEAREST -> Math.rint(x);
      case SoftFloat.DOWN -> Math.floor(x);
      case SoftFloat.UP -> Math.ceil(x);
      default -> x < 0 ? Math.ceil(x) : Math.floor(x);
    };
  }

  /** Fast when the inexact flag need not be set or is set already. */
  private static boolean isFast(X86Cpu c, int control) {
    return SseArith.isFast(c) || ((control & 8) != 0 && (c.mxcsr & SseArith.DAZ) == 0);
  }

  private static int mode(X86Cpu c, int control) {
    return (control & 4) != 0 ? SseSlow.roundingMode(c) : control & 3;
  }

  private static long round64(X86Cpu c, long v, int control) {
    double x = Double.longBitsToDouble(v);
    return !Double.isNaN(x) && isFast(c, control)
        ? Double.doubleToRawLongBits(toIntegral(x, mode(c, control)))
        : SseSlow.integral64(c, v, control);
  }

  private static int round32(X86Cpu c, int v, int control) {
    float x = Float.intBitsToFloat(v);
    return !Float.isNaN(x) && isFast(c, control)
        ? Float.floatToRawIntBits((float) toIntegral(x, mode(c, control)))
        : SseSlow.integral32(c, v, control);
  }

  private static long round32x2(X86Cpu c, long v, int control) {
    int low = round32(c, (int) v, control);
    return Xmm.pair(low, round32(c, Xmm.high(v), control));
  }
}
