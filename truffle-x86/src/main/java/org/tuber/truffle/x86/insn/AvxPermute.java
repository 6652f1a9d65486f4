package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Op.AVX_PERMUTE;
import static org.tuber.truffle.x86.insn.AvxRows.AVX;
import static org.tuber.truffle.x86.insn.AvxRows.AVX2;
import static org.tuber.truffle.x86.insn.AvxRows.row;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Row;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * What AVX and AVX2 have beyond SSE without masks and gathers (SDM vol. 2): broadcasts, 128-bit
 * inserts and extracts, permutations, variable shifts, VPBLENDD, VPTEST and VTESTPS, and
 * comparisons with 32 predicates.
 */
final class AvxPermute {
  private static final int BROADCAST8 = 0;
  private static final int BROADCAST16 = 1;
  private static final int BROADCAST32 = 2;
  private static final int BROADCAST64 = 3;
  private static final int BROADCAST128 = 4;
  private static final int INSERT128 = 5;
  private static final int EXTRACT128 = 6;
  private static final int PERM128 = 7;
  private static final int PERMILPS_IMM = 8;
  private static final int PERMILPS = 9;
  private static final int PERMILPD_IMM = 10;
  private static final int PERMILPD = 11;
  private static final int PERMD = 12;
  private static final int PERMQ = 13;
  private static final int BLENDD = 14;
  private static final int SLLVD = 15;
  private static final int SLLVQ = 16;
  private static final int SRLVD = 17;
  private static final int SRLVQ = 18;
  private static final int SRAVD = 19;
  private static final int PTEST = 20;
  private static final int TESTPS = 21;
  private static final int TESTPD = 22;
  private static final int CMPPS = 23;
  private static final int CMPPD = 24;
  private static final int CMPSS = 25;
  private static final int CMPSD = 26;
  private static final int DPPS = 27;

  private AvxPermute() {}

  static void add(OpcodeMap m) {
    String[] lengths = {"VEX.128.", "VEX.256."};
    for (String l : lengths) {
      one(m, l + "66.0F38.W0 78 /r", "vpbroadcastb Vx,Wx", BROADCAST8, AVX2);
      one(m, l + "66.0F38.W0 79 /r", "vpbroadcastw Vx,Wx", BROADCAST16, AVX2);
      one(m, l + "66.0F38.W0 58 /r", "vpbroadcastd Vx,Wx", BROADCAST32, AVX2);
      one(m, l + "66.0F38.W0 59 /r", "vpbroadcastq Vx,Wx", BROADCAST64, AVX2);
      one(m, l + "66.0F38.W0 18 /r mem", "vbroadcastss Vx,Wx", BROADCAST32, AVX);
      one(m, l + "66.0F38.W0 18 /r reg", "vbroadcastss Vx,Wx", BROADCAST32, AVX2);
      one(m, l + "66.0F3A.W0 04 /r", "vpermilps Vx,Wx,Ib", PERMILPS_IMM, AVX);
      one(m, l + "66.0F38.W0 0C /r", "vpermilps Vx,Hx,Wx", PERMILPS, AVX);
      one(m, l + "66.0F3A.W0 05 /r", "vpermilpd Vx,Wx,Ib", PERMILPD_IMM, AVX);
      one(m, l + "66.0F38.W0 0D /r", "vpermilpd Vx,Hx,Wx", PERMILPD, AVX);
      one(m, l + "66.0F3A.W0 02 /r", "vpblendd Vx,Hx,Wx,Ib", BLENDD, AVX2);
      one(m, l + "66.0F38.W0 47 /r", "vpsllvd Vx,Hx,Wx", SLLVD, AVX2);
      one(m, l + "66.0F38.W1 47 /r", "vpsllvq Vx,Hx,Wx", SLLVQ, AVX2);
      one(m, l + "66.0F38.W0 45 /r", "vpsrlvd Vx,Hx,Wx", SRLVD, AVX2);
      one(m, l + "66.0F38.W1 45 /r", "vpsrlvq Vx,Hx,Wx", SRLVQ, AVX2);
      one(m, l + "66.0F38.W0 46 /r", "vpsravd Vx,Hx,Wx", SRAVD, AVX2);
      one(m, l + "66.0F38.WIG 17 /r", "vptest Vx,Wx", PTEST, Row.AVX);
      one(m, l + "66.0F38.W0 0E /r", "vtestps Vx,Wx", TESTPS, Row.AVX);
      one(m, l + "66.0F38.W0 0F /r", "vtestpd Vx,Wx", TESTPD, Row.AVX);
      one(m, l + "NP.0F.WIG C2 /r", "vcmpps Vx,Hx,Wx,Ib", CMPPS, AVX);
      one(m, l + "66.0F.WIG C2 /r", "vcmppd Vx,Hx,Wx,Ib", CMPPD, AVX);
    }
    one(m, "VEX.LIG.F3.0F.WIG C2 /r", "vcmpss Vx,Hx,Wx,Ib", CMPSS, AVX);
    one(m, "VEX.LIG.F2.0F.WIG C2 /r", "vcmpsd Vx,Hx,Wx,Ib", CMPSD, AVX);
    String a = "VEX.256.66.0F38.W0 ";
    String b = "VEX.256.66.0F3A.W0 ";
    one(m, a + "19 /r mem", "vbroadcastsd Vx,Wx", BROADCAST64, AVX);
    one(m, a + "19 /r reg", "vbroadcastsd Vx,Wx", BROADCAST64, AVX2);
    one(m, a + "1A /r mem", "vbroadcastf128 Vx,Wx", BROADCAST128, AVX);
    one(m, a + "5A /r mem", "vbroadcasti128 Vx,Wx", BROADCAST128, AVX2);
    one(m, a + "36 /r", "vpermd Vx,Hx,Wx", PERMD, AVX2);
    one(m, a + "16 /r", "vpermps Vx,Hx,Wx", PERMD, AVX2);
    one(m, "VEX.256.66.0F3A.WIG 40 /r", "vdpps Vx,Hx,Wx,Ib", DPPS, AVX);
    one(m, b + "18 /r", "vinsertf128 Vx,Hx,Wx,Ib", INSERT128, AVX);
    one(m, b + "38 /r", "vinserti128 Vx,Hx,Wx,Ib", INSERT128, AVX2);
    one(m, b + "19 /r", "vextractf128 Wx,Vx,Ib", EXTRACT128, AVX);
    one(m, b + "39 /r", "vextracti128 Wx,Vx,Ib", EXTRACT128, AVX2);
    one(m, b + "06 /r", "vperm2f128 Vx,Hx,Wx,Ib", PERM128, AVX);
    one(m, b + "46 /r", "vperm2i128 Vx,Hx,Wx,Ib", PERM128, AVX2);
    one(m, "VEX.256.66.0F3A.W1 00 /r", "vpermq Vx,Wx,Ib", PERMQ, AVX2);
    one(m, "VEX.256.66.0F3A.W1 01 /r", "vpermpd Vx,Wx,Ib", PERMQ, AVX2);
  }

  private static void one(OpcodeMap m, String code, String text, int sub, int attributes) {
    row(m, code, text, AVX_PERMUTE, sub, attributes);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    switch (sub) {
      case BROADCAST8, BROADCAST16, BROADCAST32, BROADCAST64 -> broadcast(s, c, w0, w1, sub);
      case BROADCAST128 -> {
        int w = Avx.source(s, c, w0, w1, false);
        int d = Word.reg(w0) << 1;
        Avx.set(s, d, s.x[w], s.x[w + 1]);
        Avx.setUpper(s, d, s.x[w], s.x[w + 1]);
      }
      case INSERT128 -> insert128(s, c, w0, w1);
      case EXTRACT128 -> extract128(s, c, w0, w1);
      case PERM128 -> perm128(s, c, w0, w1);
      case PERMD -> permd(s, c, w0, w1);
      case PERMQ -> permq(s, c, w0, w1);
      case DPPS -> dot(s, c, w0, w1);
      case PTEST, TESTPS, TESTPD -> test(s, c, w0, w1, sub);
      case CMPSS -> {
        int b = Xmm.low32(s, c, w0, w1);
        int h = Avx.h(w1);
        int d = Word.reg(w0) << 1;
        int r = AvxCompare.compare32(c, (int) s.x[h], b, (int) w1 & 31);
        Avx.set(s, d, Xmm.merge32(s.x[h], r), s.x[h + 1]);
        Avx.clearUpper(s, d);
      }
      case CMPSD -> {
        long b = Xmm.low64(s, c, w0, w1);
        int h = Avx.h(w1);
        int d = Word.reg(w0) << 1;
        long r = AvxCompare.compare64(c, s.x[h], b, (int) w1 & 31);
        Avx.set(s, d, r, s.x[h + 1]);
        Avx.clearUpper(s, d);
      }
      default -> lanes(s, c, w0, w1, sub);
    }
  }

  private static void broadcast(X86State s, X86Cpu c, long w0, long w1, int sub) {
    long v;
    if (Word.isMemory(w0)) {
      v = Operand.load(s, c, Operand.address(s, c, w0, w1, 1 << sub), sub);
    } else {
      v = s.x[Word.rm(w0) << 1];
    }
    long r =
        switch (sub) {
          case BROADCAST8 -> (v & 0xff) * 0x0101_0101_0101_0101L;
          case BROADCAST16 -> (v & 0xffff) * 0x0001_0001_0001_0001L;
          case BROADCAST32 -> Xmm.pair((int) v, (int) v);
          default -> v;
        };
    int d = Word.reg(w0) << 1;
    Avx.set(s, d, r, r);
    if (Word.is256(w1)) {
      Avx.setUpper(s, d, r, r);
    } else {
      Avx.clearUpper(s, d);
    }
  }

  private static void insert128(X86State s, X86Cpu c, long w0, long w1) {
    int w = Avx.source(s, c, w0, w1, false);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    if ((w1 & 1) == 0) {
      Avx.setUpper(s, d, s.y[h], s.y[h + 1]);
      Avx.set(s, d, b0, b1);
    } else {
      Avx.set(s, d, s.x[h], s.x[h + 1]);
      Avx.setUpper(s, d, b0, b1);
    }
  }

  private static void extract128(X86State s, X86Cpu c, long w0, long w1) {
    int v = Word.reg(w0) << 1;
    boolean upper = (w1 & 1) != 0;
    long r0 = upper ? s.y[v] : s.x[v];
    long r1 = upper ? s.y[v + 1] : s.x[v + 1];
    if (Word.isMemory(w0)) {
      Xmm.store128(s, c, Operand.address(s, c, w0, w1, 16), r0, r1);
    } else {
      int w = Word.rm(w0) << 1;
      Avx.set(s, w, r0, r1);
      Avx.clearUpper(s, w);
    }
  }

  private static void perm128(X86State s, X86Cpu c, long w0, long w1) {
    int w = Avx.source(s, c, w0, w1, true);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    int i = (int) w1;
    long r0 = quarter(s, h, w, i, 0);
    long r1 = quarter(s, h, w, i, 1);
    long r2 = quarter(s, h, w, i >> 4, 0);
    long r3 = quarter(s, h, w, i >> 4, 1);
    Avx.set(s, d, r0, r1);
    Avx.setUpper(s, d, r2, r3);
  }

  /** Half {@code n} of the 128 bits chosen by {@code control}: low and high of H, then of W. */
  private static long quarter(X86State s, int h, int w, int control, int n) {
    if ((control & 8) != 0) {
      return 0;
    }
    return switch (control & 3) {
      case 0 -> s.x[h + n];
      case 1 -> s.y[h + n];
      case 2 -> s.x[w + n];
      default -> s.y[w + n];
    };
  }

  /** 64 bits number {@code n & 3} of four. */
  private static long element(long a0, long a1, long a2, long a3, int n) {
    long low = (n & 1) == 0 ? a0 : a1;
    long high = (n & 1) == 0 ? a2 : a3;
    return (n & 2) == 0 ? low : high;
  }

  private static int element32(long a0, long a1, long a2, long a3, int n) {
    long v = element(a0, a1, a2, a3, n >> 1);
    return (n & 1) == 0 ? (int) v : Xmm.high(v);
  }

  private static void permq(X86State s, X86Cpu c, long w0, long w1) {
    int w = Avx.source(s, c, w0, w1, true);
    int d = Word.reg(w0) << 1;
    int i = (int) w1;
    long a0 = s.x[w];
    long a1 = s.x[w + 1];
    long a2 = s.y[w];
    long a3 = s.y[w + 1];
    Avx.set(s, d, element(a0, a1, a2, a3, i), element(a0, a1, a2, a3, i >> 2));
    Avx.setUpper(s, d, element(a0, a1, a2, a3, i >> 4), element(a0, a1, a2, a3, i >> 6));
  }

  private static void permd(X86State s, X86Cpu c, long w0, long w1) {
    int w = Avx.source(s, c, w0, w1, true);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    long a0 = s.x[w];
    long a1 = s.x[w + 1];
    long a2 = s.y[w];
    long a3 = s.y[w + 1];
    long r0 = permd(a0, a1, a2, a3, s.x[h]);
    long r1 = permd(a0, a1, a2, a3, s.x[h + 1]);
    long r2 = permd(a0, a1, a2, a3, s.y[h]);
    long r3 = permd(a0, a1, a2, a3, s.y[h + 1]);
    Avx.set(s, d, r0, r1);
    Avx.setUpper(s, d, r2, r3);
  }

  private static long permd(long a0, long a1, long a2, long a3, long indices) {
    int low = element32(a0, a1, a2, a3, (int) indices);
    return Xmm.pair(low, element32(a0, a1, a2, a3, Xmm.high(indices)));
  }

  /** VDPPS of 256 bits: each step is one of both halves, which unmasked exceptions show. */
  private static void dot(X86State s, X86Cpu c, long w0, long w1) {
    int w = Avx.source(s, c, w0, w1, true);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    int i = (int) w1;
    boolean collects = SseSlow.mustCollect(c);
    if (collects) {
      SseSlow.beginCollecting(c);
    }
    long p0 = products(c, s.x[h], s.x[w], i >> 4);
    long p1 = products(c, s.x[h + 1], s.x[w + 1], i >> 6);
    long p2 = products(c, s.y[h], s.y[w], i >> 4);
    long p3 = products(c, s.y[h + 1], s.y[w + 1], i >> 6);
    SseSlow.endStep(c);
    int a0 = SseArith.add32(c, (int) p0, Xmm.high(p0));
    int a1 = SseArith.add32(c, (int) p1, Xmm.high(p1));
    int a2 = SseArith.add32(c, (int) p2, Xmm.high(p2));
    int a3 = SseArith.add32(c, (int) p3, Xmm.high(p3));
    SseSlow.endStep(c);
    int low = SseArith.add32(c, a0, a1);
    int high = SseArith.add32(c, a2, a3);
    if (collects) {
      SseSlow.endCollecting(c);
    }
    long first = Sse41.mask32(i);
    long second = Sse41.mask32(i >> 2);
    Avx.set(s, d, Xmm.pair(low, low) & first, Xmm.pair(low, low) & second);
    Avx.setUpper(s, d, Xmm.pair(high, high) & first, Xmm.pair(high, high) & second);
  }

  private static long products(X86Cpu c, long a, long b, int control) {
    int low = (control & 1) != 0 ? SseArith.mul32(c, (int) a, (int) b) : 0;
    return Xmm.pair(low, (control & 2) != 0 ? SseArith.mul32(c, Xmm.high(a), Xmm.high(b)) : 0);
  }

  /** ZF: W and V have nothing in common; CF: W has nothing that V lacks. */
  private static void test(X86State s, X86Cpu c, long w0, long w1, int sub) {
    boolean wide = Word.is256(w1);
    int w = Avx.source(s, c, w0, w1, wide);
    int v = Word.reg(w0) << 1;
    long mask = sub == PTEST ? -1 : sub == TESTPS ? Lanes.H32 : Long.MIN_VALUE;
    long common = s.x[v] & s.x[w] | s.x[v + 1] & s.x[w + 1];
    long rest = ~s.x[v] & s.x[w] | ~s.x[v + 1] & s.x[w + 1];
    if (wide) {
      common |= s.y[v] & s.y[w] | s.y[v + 1] & s.y[w + 1];
      rest |= ~s.y[v] & s.y[w] | ~s.y[v + 1] & s.y[w + 1];
    }
    boolean zero = (common & mask) == 0;
    boolean carry = (rest & mask) == 0;
    Flags.setArithmetic(s, (zero ? Flags.ZF : 0) | (carry ? Flags.CF : 0));
  }

  // ---------------------------------------------------------------- within 128 bits

  private static void lanes(X86State s, X86Cpu c, long w0, long w1, int sub) {
    boolean wide = Word.is256(w1);
    int w = Avx.source(s, c, w0, w1, wide);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    int i = (int) w1 & 0xff;
    boolean collects = (sub == CMPPS || sub == CMPPD) && SseSlow.mustCollect(c);
    if (collects) {
      SseSlow.beginCollecting(c);
    }
    long r0 = half(c, s.x[h], s.x[h + 1], s.x[w], s.x[w + 1], sub, i, false);
    long r1 = half(c, s.x[h], s.x[h + 1], s.x[w], s.x[w + 1], sub, i, true);
    long r2 = 0;
    long r3 = 0;
    if (wide) {
      int k = sub == PERMILPD_IMM ? i >> 2 : sub == BLENDD ? i >> 4 : i;
      r2 = half(c, s.y[h], s.y[h + 1], s.y[w], s.y[w + 1], sub, k, false);
      r3 = half(c, s.y[h], s.y[h + 1], s.y[w], s.y[w + 1], sub, k, true);
    }
    if (collects) {
      SseSlow.endCollecting(c);
    }
    if (wide) {
      Avx.setUpper(s, d, r2, r3);
    } else {
      Avx.clearUpper(s, d);
    }
    Avx.set(s, d, r0, r1);
  }

  /** Low or high 64 bits of the result for a of H and b of W. */
  private static long half(
      X86Cpu c, long a0, long a1, long b0, long b1, int sub, int i, boolean high) {
    long a = high ? a1 : a0;
    long b = high ? b1 : b0;
    return switch (sub) {
      case PERMILPS_IMM -> {
        int k = high ? i >> 4 : i;
        yield Xmm.pair(SseShuffle.lane(b0, b1, k), SseShuffle.lane(b0, b1, k >> 2));
      }
      case PERMILPS ->
          Xmm.pair(SseShuffle.lane(a0, a1, (int) b), SseShuffle.lane(a0, a1, (int) (b >>> 32)));
      case PERMILPD_IMM -> ((high ? i >> 1 : i) & 1) == 0 ? b0 : b1;
      case PERMILPD -> (b & 2) == 0 ? a0 : a1;
      case BLENDD -> {
        int k = high ? i >> 2 : i;
        yield Lanes.select(Xmm.pair(-(k & 1), -(k >> 1 & 1)), b, a);
      }
      case SLLVD -> Xmm.pair(shiftLeft((int) a, (int) b), shiftLeft(Xmm.high(a), Xmm.high(b)));
      case SRLVD -> Xmm.pair(shiftRight((int) a, (int) b), shiftRight(Xmm.high(a), Xmm.high(b)));
      case SRAVD -> Xmm.pair(shiftSigned((int) a, (int) b), shiftSigned(Xmm.high(a), Xmm.high(b)));
      case SLLVQ -> Lanes.shiftLeft64(a, b);
      case SRLVQ -> Lanes.shiftRight64(a, b);
      case CMPPS -> {
        int low = AvxCompare.compare32(c, (int) a, (int) b, i & 31);
        yield Xmm.pair(low, AvxCompare.compare32(c, Xmm.high(a), Xmm.high(b), i & 31));
      }
      case CMPPD -> AvxCompare.compare64(c, a, b, i & 31);
      default -> throw c.ud();
    };
  }

  private static int shiftLeft(int a, int n) {
    return Integer.compareUnsigned(n, 31) > 0 ? 0 : a << n;
  }

  private static int shiftRight(int a, int n) {
    return Integer.compareUnsigned(n, 31) > 0 ? 0 : a >>> n;
  }

  private static int shiftSigned(int a, int n) {
    return a >> (Integer.compareUnsigned(n, 31) > 0 ? 31 : n);
  }
}
