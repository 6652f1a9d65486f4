package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Op.AVX_SPECIAL;
import static org.tuber.truffle.x86.insn.AvxRows.AVX;
import static org.tuber.truffle.x86.insn.AvxRows.AVX2;
import static org.tuber.truffle.x86.insn.AvxRows.row;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Row;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * AVX instructions with a register in the immediate, with a vector of indices, or with an implied
 * register (SDM vol. 2): VBLENDVPS, VPGATHERDD, VMASKMOVPS, VCVTPS2PH, VPCMPESTRM and relatives.
 *
 * <p>A gather commits each element before it loads the next: after a fault it goes on where it was.
 */
public final class AvxSpecial {
  private static final int BLENDVPS = 0;
  private static final int BLENDVPD = 1;
  private static final int PBLENDVB = 2;
  private static final int PCMPESTRM = 3;
  private static final int PCMPISTRM = 4;
  private static final int MASKLOAD32 = 5;
  private static final int MASKLOAD64 = 6;
  private static final int MASKSTORE32 = 7;
  private static final int MASKSTORE64 = 8;
  private static final int CVTPH2PS = 9;
  private static final int CVTPS2PH = 10;

  /** Four kinds: bit 0 quadword elements, bit 1 quadword indices. */
  private static final int GATHER = 12;

  private AvxSpecial() {}

  static void add(OpcodeMap m) {
    int f16c = AVX | CpuFeature.F16C.row();
    for (int l = 0; l < 2; l++) {
      String length = l == 0 ? "VEX.128.66." : "VEX.256.66.";
      one(m, length + "0F3A.W0 4A /r", "vblendvps Vx,Hx,Wx,Lx", BLENDVPS, AVX);
      one(m, length + "0F3A.W0 4B /r", "vblendvpd Vx,Hx,Wx,Lx", BLENDVPD, AVX);
      int blend = l == 0 ? AVX : AVX2;
      one(m, length + "0F3A.W0 4C /r", "vpblendvb Vx,Hx,Wx,Lx", PBLENDVB, blend);
      one(m, length + "0F38.W0 2C /r mem", "vmaskmovps Vx,Hx,Mx", MASKLOAD32, AVX);
      one(m, length + "0F38.W0 2D /r mem", "vmaskmovpd Vx,Hx,Mx", MASKLOAD64, AVX);
      one(m, length + "0F38.W0 2E /r mem", "vmaskmovps Mx,Hx,Vx", MASKSTORE32, AVX);
      one(m, length + "0F38.W0 2F /r mem", "vmaskmovpd Mx,Hx,Vx", MASKSTORE64, AVX);
      one(m, length + "0F38.W0 8C /r mem", "vpmaskmovd Vx,Hx,Mx", MASKLOAD32, AVX2);
      one(m, length + "0F38.W1 8C /r mem", "vpmaskmovq Vx,Hx,Mx", MASKLOAD64, AVX2);
      one(m, length + "0F38.W0 8E /r mem", "vpmaskmovd Mx,Hx,Vx", MASKSTORE32, AVX2);
      one(m, length + "0F38.W1 8E /r mem", "vpmaskmovq Mx,Hx,Vx", MASKSTORE64, AVX2);
      one(m, length + "0F38.W0 13 /r", "vcvtph2ps Vx,Wx", CVTPH2PS, f16c);
      one(m, length + "0F3A.W0 1D /r", "vcvtps2ph Wx,Vx,Ib", CVTPS2PH, f16c);
      for (int k = 0; k < 4; k++) {
        String w = (k & 1) == 0 ? "0F38.W0 9" : "0F38.W1 9";
        String suffix = ((k & 2) == 0 ? "d" : "q");
        String integer = length + w + (k >> 1) + " /r vsib";
        String floating = length + w + (2 + (k >> 1)) + " /r vsib";
        one(m, integer, "vpgather" + suffix + "dq".charAt(k & 1) + " Vx,Mx,Hx", GATHER + k, AVX2);
        String name = "vgather" + suffix + ((k & 1) == 0 ? "ps" : "pd");
        one(m, floating, name + " Vx,Mx,Hx", GATHER + k, AVX2);
      }
    }
    String strings = "VEX.128.66.0F3A.WIG ";
    one(m, strings + "60 /r", "vpcmpestrm Vx,Wx,Ib", PCMPESTRM, Row.AVX);
    one(m, strings + "62 /r", "vpcmpistrm Vx,Wx,Ib", PCMPISTRM, Row.AVX);
  }

  /** The index register of the memory operand is a vector. */
  public static boolean isGather(long w0, long w1) {
    return Word.op(w0) == AVX_SPECIAL && Word.sub(w1) >= GATHER;
  }

  private static void one(OpcodeMap m, String code, String text, int sub, int attributes) {
    row(m, code, text, AVX_SPECIAL, sub, attributes);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    switch (sub) {
      case BLENDVPS -> blend(s, c, w0, w1, Lanes.H32, 32);
      case BLENDVPD -> blend(s, c, w0, w1, Long.MIN_VALUE, 64);
      case PBLENDVB -> blend(s, c, w0, w1, Lanes.H8, 8);
      case PCMPESTRM, PCMPISTRM -> {
        int op = sub == PCMPESTRM ? Sse42.PCMPESTRM : Sse42.PCMPISTRM;
        SseRows.run(s, c, w0 & ~0x3ffL | op, w1, op);
        Avx.clearUpper(s, 0);
      }
      case MASKLOAD32, MASKLOAD64 -> maskedLoad(s, c, w0, w1, sub == MASKLOAD64);
      case MASKSTORE32, MASKSTORE64 -> maskedStore(s, c, w0, w1, sub == MASKSTORE64);
      case CVTPH2PS -> Half.toSingles(s, c, w0, w1);
      case CVTPS2PH -> Half.fromSingles(s, c, w0, w1);
      default -> gather(s, c, w0, w1, sub - GATHER);
    }
  }

  private static void blend(X86State s, X86Cpu c, long w0, long w1, long tops, int bits) {
    boolean wide = Word.is256(w1);
    int w = Avx.source(s, c, w0, w1, wide);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    int m = (int) (w1 >> 4 & 15) << 1;
    long r0 = Lanes.select(Lanes.spread(s.x[m] & tops, bits), s.x[w], s.x[h]);
    long r1 = Lanes.select(Lanes.spread(s.x[m + 1] & tops, bits), s.x[w + 1], s.x[h + 1]);
    if (wide) {
      long r2 = Lanes.select(Lanes.spread(s.y[m] & tops, bits), s.y[w], s.y[h]);
      long r3 = Lanes.select(Lanes.spread(s.y[m + 1] & tops, bits), s.y[w + 1], s.y[h + 1]);
      Avx.setUpper(s, d, r2, r3);
    } else {
      Avx.clearUpper(s, d);
    }
    Avx.set(s, d, r0, r1);
  }

  // ---------------------------------------------------------------- masked moves

  private static long mask(long v, boolean quads) {
    return quads ? v >> 63 : Lanes.spread(v & Lanes.H32, 32);
  }

  private static void maskedLoad(X86State s, X86Cpu c, long w0, long w1, boolean quads) {
    boolean wide = Word.is256(w1);
    long a = Operand.address(s, c, w0, w1, 1);
    int h = Avx.h(w1);
    int d = Word.reg(w0) << 1;
    long r0 = loadMasked(c, a, mask(s.x[h], quads));
    long r1 = loadMasked(c, a + 8, mask(s.x[h + 1], quads));
    if (wide) {
      long r2 = loadMasked(c, a + 16, mask(s.y[h], quads));
      long r3 = loadMasked(c, a + 24, mask(s.y[h + 1], quads));
      Avx.setUpper(s, d, r2, r3);
    } else {
      Avx.clearUpper(s, d);
    }
    Avx.set(s, d, r0, r1);
  }

  /** The halves of 64 bits whose mask is set; the others are not accessed and read as zero. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  private static long loadMasked(X86Cpu c, long a, long mask) {
    if (mask == -1) {
      return c.loadSlow(a, 8);
    }
    if (mask == 0) {
      return 0;
    }
    return mask > 0 ? c.loadSlow(a, 4) & 0xffff_ffffL : c.loadSlow(a + 4, 4) << 32;
  }

  private static void maskedStore(X86State s, X86Cpu c, long w0, long w1, boolean quads) {
    boolean wide = Word.is256(w1);
    long a = Operand.address(s, c, w0, w1, 1);
    int h = Avx.h(w1);
    int v = Word.reg(w0) << 1;
    long m0 = mask(s.x[h], quads);
    long m1 = mask(s.x[h + 1], quads);
    long m2 = wide ? mask(s.y[h], quads) : 0;
    long m3 = wide ? mask(s.y[h + 1], quads) : 0;
    probeMasked(c, a, m0, m1);
    probeMasked(c, a + 16, m2, m3);
    storeMasked(c, a, s.x[v], m0, s.x[v + 1], m1);
    if (wide) {
      storeMasked(c, a + 16, s.y[v], m2, s.y[v + 1], m3);
    }
  }

  /** Faults now where a masked store would fault later. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  private static void probeMasked(X86Cpu c, long a, long m0, long m1) {
    for (int i = 0; i < 4; i++) {
      if (chosen(m0, m1, i)) {
        long element = a + 4 * i;
        c.writableHostSlow(element, 1);
        if ((element & 4095) > 4092) {
          c.writableHostSlow((element | 4095) + 1, 1);
        }
      }
    }
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  private static void storeMasked(X86Cpu c, long a, long v0, long m0, long v1, long m1) {
    for (int i = 0; i < 4; i++) {
      if (chosen(m0, m1, i)) {
        c.storeSlow(a + 4 * i, (i < 2 ? v0 : v1) >>> (32 * (i & 1)) & 0xffff_ffffL, 4);
      }
    }
  }

  private static boolean chosen(long m0, long m1, int i) {
    return ((i < 2 ? m0 : m1) >>> (32 * (i & 1)) & 1) != 0;
  }

  // ---------------------------------------------------------------- gathers

  /** 32-bit element {@code n} of a register. */
  private static int element32(X86State s, int r, int n) {
    long v = n < 4 ? s.x[r + (n >> 1)] : s.y[r + (n >> 1 & 1)];
    return (n & 1) == 0 ? (int) v : Xmm.high(v);
  }

  private static long element64(X86State s, int r, int n) {
    return n < 2 ? s.x[r + n] : s.y[r + n - 2];
  }

  @ExplodeLoop
  private static void gather(X86State s, X86Cpu c, long w0, long w1, int kind) {
    boolean quads = (kind & 1) != 0;
    boolean quadIndices = (kind & 2) != 0;
    int d = Word.reg(w0);
    int m = Word.vvvv(w1);
    int index = (int) w1 & 15;
    if (d == m || d == index || m == index) {
      throw c.ud();
    }
    d <<= 1;
    m <<= 1;
    index <<= 1;
    int bytes = Word.is256(w1) ? 32 : 16;
    int elements = Math.min(bytes / (quads ? 8 : 4), bytes / (quadIndices ? 8 : 4));
    int size = quads ? 3 : 2;
    for (int n = 0; n < elements; n++) {
      long at = quadIndices ? element64(s, index, n) : element32(s, index, n);
      if ((quads ? element64(s, m, n) : element32(s, m, n)) < 0) {
        long a = Operand.address(s, c, w0, w1, 1 << size, at << Word.scale(w0));
        setElement(s, d, n, quads, Operand.load(s, c, a, size));
      }
      setElement(s, m, n, quads, 0);
    }
    Avx.set(s, m, 0, 0);
    Avx.clearUpper(s, m);
    if (elements << size < 16) {
      s.x[d + 1] = 0;
    }
    if (elements << size < 32) {
      Avx.clearUpper(s, d);
    }
  }

  private static void setElement(X86State s, int r, int n, boolean quad, long v) {
    int half = quad ? n : n >> 1;
    long old = half < 2 ? s.x[r + half] : s.y[r + half - 2];
    if (!quad) {
      v = (n & 1) == 0 ? Xmm.merge32(old, (int) v) : Xmm.pair((int) old, (int) v);
    }
    if (half < 2) {
      s.x[r + half] = v;
    } else {
      s.y[r + half - 2] = v;
    }
  }
}
