package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;
import static org.tuber.truffle.x86.decode.Op.AVX_FMA;
import static org.tuber.truffle.x86.insn.AvxRows.AVX;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * FMA (SDM vol. 1, 14.5; vol. 2, VFMADD132PD and following). The sub-operation is made of the
 * opcode: its low four bits (kind), its high digit minus 9 (order of operands), VEX.W.
 *
 * <p>132: V = V * W + H. 213: V = H * V + W. 231: V = H * W + V. What {@link SseArith} says about
 * fast and slow holds here too.
 */
final class Fma {
  private static final int MULTIPLY_ADD_SUBTRACT = 6;
  private static final int MULTIPLY_SUBTRACT_ADD = 7;
  private static final String[] KINDS = {
    "addsub", "subadd", "add", "add", "sub", "sub", "nadd", "nadd", "nsub", "nsub"
  };
  private static final String[] ORDERS = {"132", "213", "231"};
  private static final int DOUBLES = 64;

  private Fma() {}

  static void add(OpcodeMap m) {
    int attributes = AVX | CpuFeature.FMA.row();
    for (int order = 0; order < 3; order++) {
      for (int kind = 6; kind < 16; kind++) {
        boolean scalar = isScalar(kind);
        for (int w = 0; w < 2; w++) {
          String type = (scalar ? "s" : "p") + (w == 0 ? "s" : "d");
          String k = KINDS[kind - 6];
          String name =
              (k.charAt(0) == 'n' ? "vfnm" + k.substring(1) : "vfm" + k) + ORDERS[order] + type;
          String code = String.format(".66.0F38.W%d %X%X /r", w, 9 + order, kind);
          int sub = kind | order << 4 | w * DOUBLES;
          String text = name + " Vx,Hx,Wx";
          AvxRows.row(m, "VEX." + (scalar ? "LIG" : "128") + code, text, AVX_FMA, sub, attributes);
          if (!scalar) {
            AvxRows.row(m, "VEX.256" + code, text, AVX_FMA, sub, attributes);
          }
        }
      }
    }
  }

  private static boolean isScalar(int kind) {
    return kind > 8 && (kind & 1) != 0;
  }

  static void run(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    int kind = sub & 15;
    int order = sub >> 4 & 3;
    int d = Word.reg(w0) << 1;
    int h = Avx.h(w1);
    boolean doubles = (sub & DOUBLES) != 0;
    if (isScalar(kind)) {
      if (doubles) {
        s.x[d] = lane64(c, kind, order, s.x[d], s.x[h], Xmm.low64(s, c, w0, w1));
      } else {
        int b = Xmm.low32(s, c, w0, w1);
        s.x[d] = Xmm.merge32(s.x[d], lane32(c, kind, order, (int) s.x[d], (int) s.x[h], b));
      }
      Avx.clearUpper(s, d);
      return;
    }
    boolean collects = SseSlow.mustCollect(c);
    boolean wide = Word.is256(w1);
    int w = Avx.source(s, c, w0, w1, wide);
    if (collects) {
      SseSlow.beginCollecting(c);
    }
    long r0 = half(c, doubles, kind, kind, order, s.x[d], s.x[h], s.x[w]);
    long r1 = half(c, doubles, kind, other(kind), order, s.x[d + 1], s.x[h + 1], s.x[w + 1]);
    if (wide) {
      long r2 = half(c, doubles, kind, kind, order, s.y[d], s.y[h], s.y[w]);
      long r3 = half(c, doubles, kind, other(kind), order, s.y[d + 1], s.y[h + 1], s.y[w + 1]);
      if (collects) {
        SseSlow.endCollecting(c);
      }
      Avx.setUpper(s, d, r2, r3);
    } else {
      if (collects) {
        SseSlow.endCollecting(c);
      }
      Avx.clearUpper(s, d);
    }
    Avx.set(s, d, r0, r1);
  }

  /** The kind of the odd lanes. */
  private static int other(int kind) {
    return kind < 8 ? kind ^ 1 : kind;
  }

  /** 64 bits: one lane of {@code wideKind}, or two lanes of {@code kind} and its other. */
  private static long half(
      X86Cpu c, boolean doubles, int kind, int wideKind, int order, long v, long h, long w) {
    if (doubles) {
      return lane64(c, wideKind, order, v, h, w);
    }
    int low = lane32(c, kind, order, (int) v, (int) h, (int) w);
    int high = lane32(c, other(kind), order, Xmm.high(v), Xmm.high(h), Xmm.high(w));
    return Xmm.pair(low, high);
  }

  private static boolean subtracts(int kind) {
    // The even lanes of VFMADDSUB subtract, those of VFMSUBADD add.
    return kind == MULTIPLY_ADD_SUBTRACT
        || kind != MULTIPLY_SUBTRACT_ADD && (kind & ~1) != 8 && (kind & ~1) != 12;
  }

  private static boolean isFast(X86Cpu c, long r, long a, long b, long e) {
    return SseArith.isFast(c)
        && SseArith.normal(r)
        && !SseArith.isTiny(a, b)
        && !SseArith.isTiny(e);
  }

  private static boolean isFast(X86Cpu c, int r, int a, int b, int e) {
    return SseArith.isFast(c)
        && SseArith.normal(r)
        && !SseArith.isTiny(a, b)
        && !SseArith.isTiny(e);
  }

  private static long lane64(X86Cpu c, int kind, int order, long v, long h, long w) {
    long a = order == 0 ? v : h;
    long b = order == 1 ? v : w;
    long e = order == 0 ? h : order == 1 ? w : v;
    boolean negative = kind >= 12;
    boolean subtract = subtracts(kind);
    long x = negative ? a ^ Long.MIN_VALUE : a;
    long z = subtract ? e ^ Long.MIN_VALUE : e;
    long r =
        Double.doubleToRawLongBits(
            Math.fma(
                Double.longBitsToDouble(x),
                Double.longBitsToDouble(b),
                Double.longBitsToDouble(z)));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c, r, a, b, e))
        ? r
        : SoftFma.fma64(c, a, b, e, negative, subtract);
  }

  private static int lane32(X86Cpu c, int kind, int order, int v, int h, int w) {
    int a = order == 0 ? v : h;
    int b = order == 1 ? v : w;
    int e = order == 0 ? h : order == 1 ? w : v;
    boolean negative = kind >= 12;
    boolean subtract = subtracts(kind);
    int x = negative ? a ^ Integer.MIN_VALUE : a;
    int z = subtract ? e ^ Integer.MIN_VALUE : e;
    int r =
        Float.floatToRawIntBits(
            Math.fma(Float.intBitsToFloat(x), Float.intBitsToFloat(b), Float.intBitsToFloat(z)));
    return injectBranchProbability(FASTPATH_PROBABILITY, isFast(c, r, a, b, e))
        ? r
        : SoftFma.fma32(c, a, b, e, negative, subtract);
  }
}
