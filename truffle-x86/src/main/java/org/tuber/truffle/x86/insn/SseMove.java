package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SSE moves and MXCSR access (SDM vol. 2: MOVAPS, MOVUPS, MOVDQA, MOVSS, MOVQ, MOVMSKPS,
 * MASKMOVDQU, LDMXCSR ...).
 *
 * <p>Aligned forms raise #GP(0) on a misaligned address before any page fault.
 */
final class SseMove {
  static final int LOADU = SseRows.MOVE;
  static final int LOADA = LOADU + 1;
  static final int STOREU = LOADU + 2;
  static final int STOREA = LOADU + 3;
  static final int LOAD_SS = LOADU + 4;
  static final int LOAD_SD = LOADU + 5;
  static final int STORE_SS = LOADU + 6;
  static final int STORE_SD = LOADU + 7;
  static final int LOAD_LOW = LOADU + 8;
  static final int MOVHLPS = LOADU + 9;
  static final int STORE_LOW = LOADU + 10;
  static final int LOAD_HIGH = LOADU + 11;
  static final int MOVLHPS = LOADU + 12;
  static final int STORE_HIGH = LOADU + 13;
  static final int MOVD_LOAD = LOADU + 14;
  static final int MOVD_STORE = LOADU + 15;
  static final int MOVQ_LOAD = LOADU + 16;
  static final int MOVQ_STORE = LOADU + 17;
  static final int MOVMSKPS = LOADU + 18;
  static final int MOVMSKPD = LOADU + 19;
  static final int PMOVMSKB = LOADU + 20;
  static final int MASKMOVDQU = LOADU + 21;
  static final int LDMXCSR = LOADU + 22;
  static final int STMXCSR = LOADU + 23;
  static final int MOVDDUP = LOADU + 24;
  static final int MOVSLDUP = LOADU + 25;
  static final int MOVSHDUP = LOADU + 26;

  private static final int KEEP = SSE | FLAGS_KEPT;

  private SseMove() {}

  static void add(OpcodeMap m) {
    m.row("NP 0F 10 /r", "movups Vx,Wx", LOADU, KEEP);
    m.row("66 0F 10 /r", "movupd Vx,Wx", LOADU, KEEP);
    m.row("F3 0F 6F /r", "movdqu Vx,Wx", LOADU, KEEP);
    m.row("F2 0F F0 /r mem", "lddqu Vx,Mx", LOADU, KEEP);
    m.row("NP 0F 28 /r", "movaps Vx,Wx", LOADA, KEEP);
    m.row("66 0F 28 /r", "movapd Vx,Wx", LOADA, KEEP);
    m.row("66 0F 6F /r", "movdqa Vx,Wx", LOADA, KEEP);
    m.row("66 0F 38 2A /r mem", "movntdqa Vx,Mx", LOADA, KEEP);
    m.row("NP 0F 11 /r", "movups Wx,Vx", STOREU, KEEP);
    m.row("66 0F 11 /r", "movupd Wx,Vx", STOREU, KEEP);
    m.row("F3 0F 7F /r", "movdqu Wx,Vx", STOREU, KEEP);
    m.row("NP 0F 29 /r", "movaps Wx,Vx", STOREA, KEEP);
    m.row("66 0F 29 /r", "movapd Wx,Vx", STOREA, KEEP);
    m.row("66 0F 7F /r", "movdqa Wx,Vx", STOREA, KEEP);
    m.row("NP 0F 2B /r mem", "movntps Mx,Vx", STOREA, KEEP);
    m.row("66 0F 2B /r mem", "movntpd Mx,Vx", STOREA, KEEP);
    m.row("66 0F E7 /r mem", "movntdq Mx,Vx", STOREA, KEEP);
    m.row("F3 0F 10 /r", "movss Vx,Wx", LOAD_SS, KEEP);
    m.row("F2 0F 10 /r", "movsd Vx,Wx", LOAD_SD, KEEP);
    m.row("F3 0F 11 /r", "movss Wx,Vx", STORE_SS, KEEP);
    m.row("F2 0F 11 /r", "movsd Wx,Vx", STORE_SD, KEEP);
    m.row("NP 0F 12 /r mem", "movlps Vx,Mx", LOAD_LOW, KEEP);
    m.row("66 0F 12 /r mem", "movlpd Vx,Mx", LOAD_LOW, KEEP);
    m.row("NP 0F 12 /r reg", "movhlps Vx,Wx", MOVHLPS, KEEP);
    m.row("NP 0F 13 /r mem", "movlps Mx,Vx", STORE_LOW, KEEP);
    m.row("66 0F 13 /r mem", "movlpd Mx,Vx", STORE_LOW, KEEP);
    m.row("NP 0F 16 /r mem", "movhps Vx,Mx", LOAD_HIGH, KEEP);
    m.row("66 0F 16 /r mem", "movhpd Vx,Mx", LOAD_HIGH, KEEP);
    m.row("NP 0F 16 /r reg", "movlhps Vx,Wx", MOVLHPS, KEEP);
    m.row("NP 0F 17 /r mem", "movhps Mx,Vx", STORE_HIGH, KEEP);
    m.row("66 0F 17 /r mem", "movhpd Mx,Vx", STORE_HIGH, KEEP);
    m.row("66 0F 6E /r", "movd Vx,Ey", MOVD_LOAD, KEEP);
    m.row("66 0F 7E /r", "movd Ey,Vx", MOVD_STORE, KEEP);
    m.row("F3 0F 7E /r", "movq Vx,Wx", MOVQ_LOAD, KEEP);
    m.row("66 0F D6 /r", "movq Wx,Vx", MOVQ_STORE, KEEP);
    m.row("NP 0F 50 /r reg", "movmskps Gd,Wx", MOVMSKPS, KEEP);
    m.row("66 0F 50 /r reg", "movmskpd Gd,Wx", MOVMSKPD, KEEP);
    m.row("66 0F D7 /r reg", "pmovmskb Gd,Wx", PMOVMSKB, KEEP);
    m.row("66 0F F7 /r reg", "maskmovdqu Vx,Wx", MASKMOVDQU, KEEP);
    m.row("NP 0F AE /2 mem", "ldmxcsr Md", LDMXCSR, KEEP);
    m.row("NP 0F AE /3 mem", "stmxcsr Md", STMXCSR, KEEP);
    m.row("F2 0F 12 /r", "movddup Vx,Wx", MOVDDUP, KEEP);
    m.row("F3 0F 12 /r", "movsldup Vx,Wx", MOVSLDUP, KEEP);
    m.row("F3 0F 16 /r", "movshdup Vx,Wx", MOVSHDUP, KEEP);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case LOADU -> copy(s, Xmm.v(w0), Xmm.unaligned(s, c, w0, w1));
      case LOADA -> copy(s, Xmm.v(w0), Xmm.aligned(s, c, w0, w1));
      case STOREU -> store(s, c, w0, w1, false);
      case STOREA -> store(s, c, w0, w1, true);
      case LOAD_SS -> loadSs(s, c, w0, w1);
      case LOAD_SD -> loadSd(s, c, w0, w1);
      case STORE_SS -> storeSs(s, c, w0, w1);
      case STORE_SD, STORE_LOW -> storeLow(s, c, w0, w1);
      case LOAD_LOW -> s.x[Xmm.v(w0)] = Xmm.low64(s, c, w0, w1);
      case MOVHLPS -> s.x[Xmm.v(w0)] = s.x[(Word.rm(w0) << 1) + 1];
      case LOAD_HIGH -> s.x[Xmm.v(w0) + 1] = Xmm.low64(s, c, w0, w1);
      case MOVLHPS -> s.x[Xmm.v(w0) + 1] = s.x[Word.rm(w0) << 1];
      case STORE_HIGH ->
          SoftTlb.store64(s, c, Operand.address(s, c, w0, w1, 8), s.x[Xmm.v(w0) + 1]);
      case MOVD_LOAD -> {
        int size = Word.size(w0);
        set(s, Xmm.v(w0), Operand.zext(Operand.e(s, c, w0, w1, size), size), 0);
      }
      case MOVD_STORE -> Operand.setE(s, c, w0, w1, Word.size(w0), s.x[Xmm.v(w0)]);
      case MOVQ_LOAD -> set(s, Xmm.v(w0), Xmm.low64(s, c, w0, w1), 0);
      case MOVQ_STORE -> movqStore(s, c, w0, w1);
      case MOVMSKPS -> movmskps(s, w0);
      case MOVMSKPD -> movmskpd(s, w0);
      case PMOVMSKB -> pmovmskb(s, w0);
      case MASKMOVDQU -> maskmovdqu(s, c, w0);
      case LDMXCSR -> ldmxcsr(s, c, w0, w1);
      case STMXCSR -> SoftTlb.store32(s, c, Operand.address(s, c, w0, w1, 4), c.mxcsr);
      case MOVDDUP -> {
        long v = Xmm.low64(s, c, w0, w1);
        set(s, Xmm.v(w0), v, v);
      }
      case MOVSLDUP -> {
        int w = Xmm.aligned(s, c, w0, w1);
        set(s, Xmm.v(w0), duplicateLow(s.x[w]), duplicateLow(s.x[w + 1]));
      }
      case MOVSHDUP -> {
        int w = Xmm.aligned(s, c, w0, w1);
        set(s, Xmm.v(w0), duplicateHigh(s.x[w]), duplicateHigh(s.x[w + 1]));
      }
      default -> throw c.ud();
    }
  }

  private static void set(X86State s, int d, long low, long high) {
    s.x[d] = low;
    s.x[d + 1] = high;
  }

  private static void copy(X86State s, int d, int w) {
    s.x[d] = s.x[w];
    s.x[d + 1] = s.x[w + 1];
  }

  private static long duplicateLow(long v) {
    return (v & 0xffff_ffffL) | v << 32;
  }

  private static long duplicateHigh(long v) {
    return (v & 0xffff_ffff_0000_0000L) | v >>> 32;
  }

  private static void store(X86State s, X86Cpu c, long w0, long w1, boolean mustAlign) {
    int v = Xmm.v(w0);
    if (!Word.isMemory(w0)) {
      copy(s, Word.rm(w0) << 1, v);
      return;
    }
    long a = Operand.address(s, c, w0, w1, 16);
    if (mustAlign && (a & 15) != 0) {
      throw c.gp(0);
    }
    Xmm.store128(s, c, a, s.x[v], s.x[v + 1]);
  }

  /** MOVSS Vx,Wx: from memory clears bits 127:32, from a register keeps them. */
  private static void loadSs(X86State s, X86Cpu c, long w0, long w1) {
    int d = Xmm.v(w0);
    int low = Xmm.low32(s, c, w0, w1);
    if (Word.isMemory(w0)) {
      set(s, d, low & 0xffff_ffffL, 0);
    } else {
      s.x[d] = Xmm.merge32(s.x[d], low);
    }
  }

  /** MOVSD Vx,Wx: from memory clears bits 127:64, from a register keeps them. */
  private static void loadSd(X86State s, X86Cpu c, long w0, long w1) {
    int d = Xmm.v(w0);
    s.x[d] = Xmm.low64(s, c, w0, w1);
    if (Word.isMemory(w0)) {
      s.x[d + 1] = 0;
    }
  }

  private static void storeSs(X86State s, X86Cpu c, long w0, long w1) {
    long v = s.x[Xmm.v(w0)];
    if (Word.isMemory(w0)) {
      SoftTlb.store32(s, c, Operand.address(s, c, w0, w1, 4), v);
    } else {
      int d = Word.rm(w0) << 1;
      s.x[d] = Xmm.merge32(s.x[d], (int) v);
    }
  }

  private static void storeLow(X86State s, X86Cpu c, long w0, long w1) {
    long v = s.x[Xmm.v(w0)];
    if (Word.isMemory(w0)) {
      SoftTlb.store64(s, c, Operand.address(s, c, w0, w1, 8), v);
    } else {
      s.x[Word.rm(w0) << 1] = v;
    }
  }

  /** MOVQ Wx,Vx: a register destination loses its upper half. */
  private static void movqStore(X86State s, X86Cpu c, long w0, long w1) {
    storeLow(s, c, w0, w1);
    if (!Word.isMemory(w0)) {
      s.x[(Word.rm(w0) << 1) + 1] = 0;
    }
  }

  private static void movmskps(X86State s, long w0) {
    int w = Word.rm(w0) << 1;
    s.r[Word.reg(w0)] = signs32(s.x[w]) | signs32(s.x[w + 1]) << 2;
  }

  private static long signs32(long v) {
    return (v >>> 31 & 1) | (v >>> 62 & 2);
  }

  private static void movmskpd(X86State s, long w0) {
    int w = Word.rm(w0) << 1;
    s.r[Word.reg(w0)] = s.x[w] >>> 63 | (s.x[w + 1] >>> 62 & 2);
  }

  private static void pmovmskb(X86State s, long w0) {
    int w = Word.rm(w0) << 1;
    s.r[Word.reg(w0)] = Lanes.signs8(s.x[w]) | Lanes.signs8(s.x[w + 1]) << 8;
  }

  /** Address of the implied DS:rDI operand of MASKMOVDQU and MASKMOVQ. */
  static long stringDestination(X86State s, X86Cpu c, long w0) {
    boolean bits64 = (c.mode & X86Cpu.MODE_64) != 0;
    long a = s.r[7];
    if ((w0 & Word.ADDR16) != 0) {
      a &= 0xffff;
    } else if (!bits64 || (w0 & Word.ADDR32) != 0) {
      a &= 0xffff_ffffL;
    }
    int segment = Word.segment(w0);
    a += c.segmentBase[segment < 0 ? X86Cpu.DS : segment];
    return bits64 ? a : a & 0xffff_ffffL;
  }

  private static void maskmovdqu(X86State s, X86Cpu c, long w0) {
    int v = Xmm.v(w0);
    int w = Word.rm(w0) << 1;
    long a = stringDestination(s, c, w0);
    storeMasked(c, a, s.x[v], s.x[w], s.x[v + 1], s.x[w + 1], 16);
  }

  /** Stores the bytes whose mask byte is negative; all pages are probed before the first store. */
  @com.oracle.truffle.api.CompilerDirectives.TruffleBoundary(
      transferToInterpreterOnException = false)
  static void storeMasked(
      X86Cpu c, long a, long low, long lowMask, long high, long highMask, int bytes) {
    for (int pass = 0; pass < 2; pass++) {
      for (int i = 0; i < bytes; i++) {
        long mask = (i < 8 ? lowMask : highMask) >>> ((i & 7) * 8);
        if ((mask & 0x80) == 0) {
          continue;
        }
        if (pass == 0) {
          c.writableHostSlow(a + i, 1);
        } else {
          c.storeSlow(a + i, (i < 8 ? low : high) >>> ((i & 7) * 8) & 0xff, 1);
        }
      }
    }
  }

  private static void ldmxcsr(X86State s, X86Cpu c, long w0, long w1) {
    int v = (int) SoftTlb.load32(s, c, Operand.address(s, c, w0, w1, 4));
    if ((v & ~FxSave.MXCSR_MASK) != 0) {
      throw c.gp(0);
    }
    c.mxcsr = v;
  }
}
