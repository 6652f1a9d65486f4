package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.FPU;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Packed-integer operations that treat each 64 bits alike (SDM vol. 2: PADDB ... PXOR, SSSE3 and
 * SSE4.1 additions): one definition in {@link #apply} serves MMX and XMM. The XMM form of operation
 * k is {@code SseRows.LANES + k}, the MMX form {@code SseRows.MMX_LANES + k}.
 */
final class SseInt {
  static final String[] NAMES = {
    "paddb FC",
    "paddw FD",
    "paddd FE",
    "paddq D4",
    "paddsb EC",
    "paddsw ED",
    "paddusb DC",
    "paddusw DD",
    "psubb F8",
    "psubw F9",
    "psubd FA",
    "psubq FB",
    "psubsb E8",
    "psubsw E9",
    "psubusb D8",
    "psubusw D9",
    "pcmpeqb 74",
    "pcmpeqw 75",
    "pcmpeqd 76",
    "pcmpgtb 64",
    "pcmpgtw 65",
    "pcmpgtd 66",
    "pand DB",
    "pandn DF",
    "por EB",
    "pxor EF",
    "pmullw D5",
    "pmulhw E5",
    "pmulhuw E4",
    "pmuludq F4",
    "pmaddwd F5",
    "psadbw F6",
    "pavgb E0",
    "pavgw E3",
    "pmaxsw EE",
    "pmaxub DE",
    "pminsw EA",
    "pminub DA",
    "pabsb 38 1C",
    "pabsw 38 1D",
    "pabsd 38 1E",
    "psignb 38 08",
    "psignw 38 09",
    "psignd 38 0A",
    "pmulhrsw 38 0B",
    "pmaddubsw 38 04",
    // XMM only from here on.
    "pmulld 38 40",
    "pmuldq 38 28",
    "pcmpeqq 38 29",
    "pcmpgtq 38 37",
    "pminsb 38 38",
    "pminsd 38 39",
    "pminuw 38 3A",
    "pminud 38 3B",
    "pmaxsb 38 3C",
    "pmaxsd 38 3D",
    "pmaxuw 38 3E",
    "pmaxud 38 3F",
  };

  private static final int XMM_ONLY = 46;
  static final int PAND = 22;
  private static final int PANDN = 23;
  private static final int POR = 24;
  private static final int PXOR = 25;
  private static final int PCMPEQB = 16;

  private SseInt() {}

  static void add(OpcodeMap m) {
    for (int k = 0; k < NAMES.length; k++) {
      int space = NAMES[k].indexOf(' ');
      String name = NAMES[k].substring(0, space);
      String code = NAMES[k].substring(space + 1);
      m.row("66 0F " + code + " /r", name + " Vx,Wx", SseRows.LANES + k, SSE | FLAGS_KEPT);
      if (k < XMM_ONLY) {
        m.row("NP 0F " + code + " /r", name + " Pq,Qq", SseRows.MMX_LANES + k, FPU | FLAGS_KEPT);
      }
    }
    // The floating-point names of the same bitwise operations.
    String[] bitwise = {"and", "andn", "or", "xor"};
    int[] codes = {0x54, 0x55, 0x56, 0x57};
    for (int i = 0; i < 4; i++) {
      String code = " 0F " + Integer.toHexString(codes[i]) + " /r";
      int op = SseRows.LANES + PAND + i;
      m.row("NP" + code, bitwise[i] + "ps Vx,Wx", op, SSE | FLAGS_KEPT);
      m.row("66" + code, bitwise[i] + "pd Vx,Wx", op, SSE | FLAGS_KEPT);
    }
  }

  /** XMM form of operation {@code k}. */
  static void run(X86State s, X86Cpu c, long w0, long w1, int k) {
    int w = Xmm.aligned(s, c, w0, w1);
    int d = Xmm.v(w0);
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    switch (k) {
      // The commonest without a call.
      case PXOR -> {
        s.x[d] = a0 ^ b0;
        s.x[d + 1] = a1 ^ b1;
      }
      case PAND -> {
        s.x[d] = a0 & b0;
        s.x[d + 1] = a1 & b1;
      }
      case POR -> {
        s.x[d] = a0 | b0;
        s.x[d + 1] = a1 | b1;
      }
      case PCMPEQB -> {
        s.x[d] = Lanes.equal(a0, b0, Lanes.H8);
        s.x[d + 1] = Lanes.equal(a1, b1, Lanes.H8);
      }
      default -> {
        s.x[d] = apply(k, a0, b0);
        s.x[d + 1] = apply(k, a1, b1);
      }
    }
  }

  /** MMX form of operation {@code k}. */
  static void runMmx(X86State s, X86Cpu c, long w0, long w1, int k) {
    long b = Mmx.source(s, c, w0, w1);
    int d = Word.reg(w0);
    Mmx.set(c, d, apply(k, Mmx.get(c, d), b));
  }

  static long apply(int k, long a, long b) {
    return switch (k) {
      case 0 -> Lanes.add(a, b, Lanes.H8);
      case 1 -> Lanes.add(a, b, Lanes.H16);
      case 2 -> Lanes.add(a, b, Lanes.H32);
      case 3 -> a + b;
      case 4 -> Lanes.addSigned(a, b, Lanes.H8);
      case 5 -> Lanes.addSigned(a, b, Lanes.H16);
      case 6 -> Lanes.addUnsigned(a, b, Lanes.H8);
      case 7 -> Lanes.addUnsigned(a, b, Lanes.H16);
      case 8 -> Lanes.sub(a, b, Lanes.H8);
      case 9 -> Lanes.sub(a, b, Lanes.H16);
      case 10 -> Lanes.sub(a, b, Lanes.H32);
      case 11 -> a - b;
      case 12 -> Lanes.subSigned(a, b, Lanes.H8);
      case 13 -> Lanes.subSigned(a, b, Lanes.H16);
      case 14 -> Lanes.subUnsigned(a, b, Lanes.H8);
      case 15 -> Lanes.subUnsigned(a, b, Lanes.H16);
      case PCMPEQB -> Lanes.equal(a, b, Lanes.H8);
      case 17 -> Lanes.equal(a, b, Lanes.H16);
      case 18 -> Lanes.equal(a, b, Lanes.H32);
      case 19 -> Lanes.less(b, a, Lanes.H8);
      case 20 -> Lanes.less(b, a, Lanes.H16);
      case 21 -> Lanes.less(b, a, Lanes.H32);
      case PAND -> a & b;
      case PANDN -> ~a & b;
      case POR -> a | b;
      case PXOR -> a ^ b;
      case 26 -> Lanes.multiplyLow16(a, b);
      case 27 -> Lanes.multiplyHigh16(a, b);
      case 28 -> Lanes.multiplyHighUnsigned16(a, b);
      case 29 -> (a & 0xffff_ffffL) * (b & 0xffff_ffffL);
      case 30 -> Lanes.multiplyAdd16(a, b);
      case 31 -> Lanes.sumOfDifferences(a, b);
      case 32 -> Lanes.average(a, b, Lanes.H8);
      case 33 -> Lanes.average(a, b, Lanes.H16);
      case 34 -> Lanes.select(Lanes.less(a, b, Lanes.H16), b, a);
      case 35 -> Lanes.select(Lanes.below(a, b, Lanes.H8), b, a);
      case 36 -> Lanes.select(Lanes.less(a, b, Lanes.H16), a, b);
      case 37 -> Lanes.select(Lanes.below(a, b, Lanes.H8), a, b);
      default -> applyLater(k, a, b);
    };
  }

  /** SSSE3 and SSE4. */
  private static long applyLater(int k, long a, long b) {
    return switch (k) {
      case 38 -> Lanes.absolute(b, Lanes.H8);
      case 39 -> Lanes.absolute(b, Lanes.H16);
      case 40 -> Lanes.absolute(b, Lanes.H32);
      case 41 -> Lanes.sign(a, b, Lanes.H8);
      case 42 -> Lanes.sign(a, b, Lanes.H16);
      case 43 -> Lanes.sign(a, b, Lanes.H32);
      case 44 -> Lanes.multiplyRound16(a, b);
      case 45 -> Lanes.multiplyAddBytes(a, b);
      case 46 -> Lanes.multiplyLow32(a, b);
      case 47 -> (long) (int) a * (int) b;
      case 48 -> a == b ? -1 : 0;
      case 49 -> a > b ? -1 : 0;
      case 50 -> Lanes.select(Lanes.less(a, b, Lanes.H8), a, b);
      case 51 -> Lanes.select(Lanes.less(a, b, Lanes.H32), a, b);
      case 52 -> Lanes.select(Lanes.below(a, b, Lanes.H16), a, b);
      case 53 -> Lanes.select(Lanes.below(a, b, Lanes.H32), a, b);
      case 54 -> Lanes.select(Lanes.less(a, b, Lanes.H8), b, a);
      case 55 -> Lanes.select(Lanes.less(a, b, Lanes.H32), b, a);
      case 56 -> Lanes.select(Lanes.below(a, b, Lanes.H16), b, a);
      default -> Lanes.select(Lanes.below(a, b, Lanes.H32), b, a);
    };
  }
}
