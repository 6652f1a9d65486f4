package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;
import static org.tuber.truffle.x86.decode.Op.AVX_CLEAR;
import static org.tuber.truffle.x86.decode.Op.AVX_MOVE;
import static org.tuber.truffle.x86.decode.Op.AVX_PACKED;
import static org.tuber.truffle.x86.decode.Op.AVX_PLAIN;
import static org.tuber.truffle.x86.decode.Op.AVX_SCALAR;
import static org.tuber.truffle.x86.decode.Op.AVX_ZERO;
import static org.tuber.truffle.x86.insn.AvxRows.AVX;
import static org.tuber.truffle.x86.insn.AvxRows.AVX2;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Row;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * AVX moves (SDM vol. 2: VMOVUPS ... VMOVMSKPD, VPMOVMSKB, VZEROUPPER, VZEROALL). Aligned forms
 * raise #GP(0) on an address that is not a multiple of the operand's size.
 */
final class AvxMove {
  private static final int LOADU = 0;
  private static final int LOADA = 1;
  private static final int STOREU = 2;
  private static final int STOREA = 3;
  private static final int MERGE_SS = 4;
  private static final int MERGE_SD = 5;
  private static final int MOVQ = 6;
  private static final int MOVMSKPS = 7;
  private static final int MOVMSKPD = 8;
  private static final int PMOVMSKB = 9;

  /** VZEROUPPER and VZEROALL outside 64-bit code: registers 8 to 15 keep their values. */
  static final int ZERO_EIGHT = 1;

  private AvxMove() {}

  static void add(OpcodeMap m) {
    for (String l : new String[] {"VEX.128.", "VEX.256."}) {
      int avx2 = l.equals("VEX.128.") ? AVX : AVX2;
      load(m, l + "NP.0F.WIG 10 /r", "vmovups Vx,Wx", LOADU, AVX);
      load(m, l + "66.0F.WIG 10 /r", "vmovupd Vx,Wx", LOADU, AVX);
      load(m, l + "F3.0F.WIG 6F /r", "vmovdqu Vx,Wx", LOADU, AVX);
      load(m, l + "F2.0F.WIG F0 /r mem", "vlddqu Vx,Mx", LOADU, AVX);
      load(m, l + "NP.0F.WIG 28 /r", "vmovaps Vx,Wx", LOADA, AVX);
      load(m, l + "66.0F.WIG 28 /r", "vmovapd Vx,Wx", LOADA, AVX);
      load(m, l + "66.0F.WIG 6F /r", "vmovdqa Vx,Wx", LOADA, AVX);
      load(m, l + "66.0F38.WIG 2A /r mem", "vmovntdqa Vx,Mx", LOADA, avx2);
      load(m, l + "NP.0F.WIG 11 /r", "vmovups Wx,Vx", STOREU, AVX);
      load(m, l + "66.0F.WIG 11 /r", "vmovupd Wx,Vx", STOREU, AVX);
      load(m, l + "F3.0F.WIG 7F /r", "vmovdqu Wx,Vx", STOREU, AVX);
      load(m, l + "NP.0F.WIG 29 /r", "vmovaps Wx,Vx", STOREA, AVX);
      load(m, l + "66.0F.WIG 29 /r", "vmovapd Wx,Vx", STOREA, AVX);
      load(m, l + "66.0F.WIG 7F /r", "vmovdqa Wx,Vx", STOREA, AVX);
      load(m, l + "NP.0F.WIG 2B /r mem", "vmovntps Mx,Vx", STOREA, AVX);
      load(m, l + "66.0F.WIG 2B /r mem", "vmovntpd Mx,Vx", STOREA, AVX);
      load(m, l + "66.0F.WIG E7 /r mem", "vmovntdq Mx,Vx", STOREA, AVX);
      row(m, l + "F3.0F.WIG 12 /r", "vmovsldup Vx,Wx", AVX_PACKED, SseMove.MOVSLDUP, AVX);
      row(m, l + "F3.0F.WIG 16 /r", "vmovshdup Vx,Wx", AVX_PACKED, SseMove.MOVSHDUP, AVX);
    }
    addScalars(m);
    String d = "VEX.128.66.0F.WIG ";
    row(m, d + "6E /r", "vmovd Vx,Ey", AVX_CLEAR, SseMove.MOVD_LOAD, AVX);
    row(m, d + "7E /r", "vmovd Ey,Vx", AVX_PLAIN, SseMove.MOVD_STORE, AVX);
    row(m, "VEX.128.F3.0F.WIG 7E /r", "vmovq Vx,Wx", AVX_CLEAR, SseMove.MOVQ_LOAD, AVX);
    row(m, d + "D6 /r mem", "vmovq Wx,Vx", AVX_PLAIN, SseMove.MOVQ_STORE, AVX);
    row(m, d + "D6 /r reg", "vmovq Wx,Vx", AVX_MOVE, MOVQ, AVX);
    row(m, "VEX.128.NP.0F.WIG 50 /r reg", "vmovmskps Gd,Wx", AVX_PLAIN, SseMove.MOVMSKPS, AVX);
    row(m, "VEX.256.NP.0F.WIG 50 /r reg", "vmovmskps Gd,Wx", AVX_MOVE, MOVMSKPS, AVX);
    row(m, d + "50 /r reg", "vmovmskpd Gd,Wx", AVX_PLAIN, SseMove.MOVMSKPD, AVX);
    row(m, "VEX.256.66.0F.WIG 50 /r reg", "vmovmskpd Gd,Wx", AVX_MOVE, MOVMSKPD, AVX);
    row(m, d + "D7 /r reg", "vpmovmskb Gd,Wx", AVX_PLAIN, SseMove.PMOVMSKB, AVX);
    row(m, "VEX.256.66.0F.WIG D7 /r reg", "vpmovmskb Gd,Wx", AVX_MOVE, PMOVMSKB, AVX2);
    row(m, d + "F7 /r reg", "vmaskmovdqu Vx,Wx", AVX_PLAIN, SseMove.MASKMOVDQU, AVX);
    row(m, "VEX.128.NP.0F.WIG AE /2 mem", "vldmxcsr Md", AVX_PLAIN, SseMove.LDMXCSR, AVX);
    row(m, "VEX.128.NP.0F.WIG AE /3 mem", "vstmxcsr Md", AVX_PLAIN, SseMove.STMXCSR, AVX);
    row(m, "VEX.128.F2.0F.WIG 12 /r", "vmovddup Vx,Wx", AVX_CLEAR, SseMove.MOVDDUP, AVX);
    row(m, "VEX.256.F2.0F.WIG 12 /r", "vmovddup Vx,Wx", AVX_PACKED, SseMove.MOVDDUP, AVX);
    row(m, "VEX.128.NP.0F.WIG 77", "vzeroupper", AVX_ZERO, 0, AVX | Row.O64);
    row(m, "VEX.256.NP.0F.WIG 77", "vzeroall", AVX_ZERO, 0, AVX | Row.O64);
    row(m, "VEX.128.NP.0F.WIG 77", "vzeroupper", AVX_ZERO, ZERO_EIGHT, AVX | Row.I64);
    row(m, "VEX.256.NP.0F.WIG 77", "vzeroall", AVX_ZERO, ZERO_EIGHT, AVX | Row.I64);
  }

  private static void addScalars(OpcodeMap m) {
    String ss = "VEX.LIG.F3.0F.WIG ";
    String sd = "VEX.LIG.F2.0F.WIG ";
    row(m, ss + "10 /r mem", "vmovss Vx,Wx", AVX_CLEAR, SseMove.LOAD_SS, AVX);
    row(m, sd + "10 /r mem", "vmovsd Vx,Wx", AVX_CLEAR, SseMove.LOAD_SD, AVX);
    row(m, ss + "10 /r reg", "vmovss Vx,Hx,Wx", AVX_SCALAR, SseMove.LOAD_SS, AVX);
    row(m, sd + "10 /r reg", "vmovsd Vx,Hx,Wx", AVX_SCALAR, SseMove.LOAD_SD, AVX);
    row(m, ss + "11 /r mem", "vmovss Wx,Vx", AVX_PLAIN, SseMove.STORE_SS, AVX);
    row(m, sd + "11 /r mem", "vmovsd Wx,Vx", AVX_PLAIN, SseMove.STORE_SD, AVX);
    row(m, ss + "11 /r reg", "vmovss Wx,Hx,Vx", AVX_MOVE, MERGE_SS, AVX);
    row(m, sd + "11 /r reg", "vmovsd Wx,Hx,Vx", AVX_MOVE, MERGE_SD, AVX);
    String ps = "VEX.128.NP.0F.WIG ";
    String pd = "VEX.128.66.0F.WIG ";
    row(m, ps + "12 /r mem", "vmovlps Vx,Hx,Mx", AVX_SCALAR, SseMove.LOAD_LOW, AVX);
    row(m, pd + "12 /r mem", "vmovlpd Vx,Hx,Mx", AVX_SCALAR, SseMove.LOAD_LOW, AVX);
    row(m, ps + "12 /r reg", "vmovhlps Vx,Hx,Wx", AVX_SCALAR, SseMove.MOVHLPS, AVX);
    row(m, ps + "13 /r mem", "vmovlps Mx,Vx", AVX_PLAIN, SseMove.STORE_LOW, AVX);
    row(m, pd + "13 /r mem", "vmovlpd Mx,Vx", AVX_PLAIN, SseMove.STORE_LOW, AVX);
    row(m, ps + "16 /r mem", "vmovhps Vx,Hx,Mx", AVX_SCALAR, SseMove.LOAD_HIGH, AVX);
    row(m, pd + "16 /r mem", "vmovhpd Vx,Hx,Mx", AVX_SCALAR, SseMove.LOAD_HIGH, AVX);
    row(m, ps + "16 /r reg", "vmovlhps Vx,Hx,Wx", AVX_SCALAR, SseMove.MOVLHPS, AVX);
    row(m, ps + "17 /r mem", "vmovhps Mx,Vx", AVX_PLAIN, SseMove.STORE_HIGH, AVX);
    row(m, pd + "17 /r mem", "vmovhpd Mx,Vx", AVX_PLAIN, SseMove.STORE_HIGH, AVX);
  }

  private static void load(OpcodeMap m, String code, String text, int sub, int attributes) {
    row(m, code, text, AVX_MOVE, sub, attributes);
  }

  private static void row(OpcodeMap m, String code, String text, int op, int sub, int attributes) {
    AvxRows.row(m, code, text, op, sub, attributes);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1) {
    int v = Word.reg(w0) << 1;
    int w = Word.rm(w0) << 1;
    int h = Avx.h(w1);
    switch (Word.sub(w1)) {
      case LOADU -> load(s, c, w0, w1, false);
      case LOADA -> load(s, c, w0, w1, true);
      case STOREU -> store(s, c, w0, w1, false);
      case STOREA -> store(s, c, w0, w1, true);
      case MERGE_SS -> {
        Avx.set(s, w, Xmm.merge32(s.x[h], (int) s.x[v]), s.x[h + 1]);
        Avx.clearUpper(s, w);
      }
      case MERGE_SD -> {
        Avx.set(s, w, s.x[v], s.x[h + 1]);
        Avx.clearUpper(s, w);
      }
      case MOVQ -> {
        Avx.set(s, w, s.x[v], 0);
        Avx.clearUpper(s, w);
      }
      case MOVMSKPS ->
          s.r[Word.reg(w0)] =
              signs32(s.x[w])
                  | signs32(s.x[w + 1]) << 2
                  | signs32(s.y[w]) << 4
                  | signs32(s.y[w + 1]) << 6;
      case MOVMSKPD ->
          s.r[Word.reg(w0)] =
              s.x[w] >>> 63
                  | (s.x[w + 1] >>> 62 & 2)
                  | (s.y[w] >>> 61 & 4)
                  | (s.y[w + 1] >>> 60 & 8);
      case PMOVMSKB ->
          s.r[Word.reg(w0)] =
              Lanes.signs8(s.x[w])
                  | Lanes.signs8(s.x[w + 1]) << 8
                  | Lanes.signs8(s.y[w]) << 16
                  | Lanes.signs8(s.y[w + 1]) << 24;
      default -> throw c.ud();
    }
  }

  private static long signs32(long v) {
    return (v >>> 31 & 1) | (v >>> 62 & 2);
  }

  private static void load(X86State s, X86Cpu c, long w0, long w1, boolean mustAlign) {
    boolean wide = Word.is256(w1);
    int v = Word.reg(w0) << 1;
    if (mustAlign && Word.isMemory(w0)) {
      align(s, c, w0, w1, wide);
    }
    int w = Avx.source(s, c, w0, w1, wide);
    if (wide) {
      Avx.setUpper(s, v, s.y[w], s.y[w + 1]);
    } else {
      Avx.clearUpper(s, v);
    }
    Avx.set(s, v, s.x[w], s.x[w + 1]);
  }

  private static void align(X86State s, X86Cpu c, long w0, long w1, boolean wide) {
    long a = Operand.address(s, c, w0, w1, wide ? 32 : 16);
    if ((a & (wide ? 31 : 15)) != 0) {
      throw c.gp(0);
    }
  }

  private static void store(X86State s, X86Cpu c, long w0, long w1, boolean mustAlign) {
    boolean wide = Word.is256(w1);
    int v = Word.reg(w0) << 1;
    if (!Word.isMemory(w0)) {
      int w = Word.rm(w0) << 1;
      if (wide) {
        Avx.setUpper(s, w, s.y[v], s.y[v + 1]);
      } else {
        Avx.clearUpper(s, w);
      }
      Avx.set(s, w, s.x[v], s.x[v + 1]);
      return;
    }
    if (mustAlign) {
      align(s, c, w0, w1, wide);
    }
    long a = Operand.address(s, c, w0, w1, wide ? 32 : 16);
    if (wide) {
      store256(s, c, a, v);
    } else {
      Xmm.store128(s, c, a, s.x[v], s.x[v + 1]);
    }
  }

  /** All or none, see {@link Xmm#store128}. */
  private static void store256(X86State s, X86Cpu c, long a, int v) {
    boolean crosses = (a & 4095) > 4096 - 32;
    long host = crosses ? 0 : SoftTlb.writableHost(s, c, a, 32);
    if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
      GuestRam.hostStore64(host, s.x[v]);
      GuestRam.hostStore64(host + 8, s.x[v + 1]);
      GuestRam.hostStore64(host + 16, s.y[v]);
      GuestRam.hostStore64(host + 24, s.y[v + 1]);
      return;
    }
    if (crosses) {
      SoftTlb.writableHost(s, c, a, 1);
      SoftTlb.writableHost(s, c, (a | 4095) + 1, 1);
    }
    c.storeSlow(a, s.x[v], 8);
    c.storeSlow(a + 8, s.x[v + 1], 8);
    c.storeSlow(a + 16, s.y[v], 8);
    c.storeSlow(a + 24, s.y[v + 1], 8);
  }

  /** VZEROUPPER, VZEROALL. */
  @ExplodeLoop
  static void zero(X86State s, long w1) {
    boolean all = Word.sub(w1) != ZERO_EIGHT;
    for (int i = 0; i < 32; i++) {
      if (all || i < 16) {
        s.y[i] = 0;
        s.x[i] = Word.is256(w1) ? 0 : s.x[i];
      }
    }
    s.upperCleared = all;
  }
}
