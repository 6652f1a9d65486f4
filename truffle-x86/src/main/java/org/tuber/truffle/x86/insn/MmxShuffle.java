package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.FPU;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * MMX moves, packing, interleaving and shuffles (SDM vol. 2); the lane-wise operations are in
 * {@link SseInt}, the shifts in {@link SseShift}.
 */
final class MmxShuffle {
  static final int PACKSSWB = SseRows.MMX;
  static final int PACKSSDW = PACKSSWB + 1;
  static final int PACKUSWB = PACKSSWB + 2;
  static final int PUNPCKLBW = PACKSSWB + 3;
  static final int PUNPCKLWD = PACKSSWB + 4;
  static final int PUNPCKLDQ = PACKSSWB + 5;
  static final int PUNPCKHBW = PACKSSWB + 6;
  static final int PUNPCKHWD = PACKSSWB + 7;
  static final int PUNPCKHDQ = PACKSSWB + 8;
  static final int PSHUFW = PACKSSWB + 9;
  static final int PSHUFB = PACKSSWB + 10;
  static final int PALIGNR = PACKSSWB + 11;

  /** Six kinds, see {@link SseShuffle#HORIZONTAL}. */
  static final int HORIZONTAL = PACKSSWB + 12;

  static final int PINSRW = PACKSSWB + 18;
  static final int PEXTRW = PACKSSWB + 19;
  static final int PMOVMSKB = PACKSSWB + 20;
  static final int MOVD_LOAD = PACKSSWB + 21;
  static final int MOVD_STORE = PACKSSWB + 22;
  static final int MOVQ_LOAD = PACKSSWB + 23;
  static final int MOVQ_STORE = PACKSSWB + 24;
  static final int MASKMOVQ = PACKSSWB + 25;
  static final int MOVQ2DQ = PACKSSWB + 26;
  static final int MOVDQ2Q = PACKSSWB + 27;
  static final int EMMS = PACKSSWB + 28;

  private static final int KEEP = FPU | FLAGS_KEPT;

  private MmxShuffle() {}

  static void add(OpcodeMap m) {
    m.row("NP 0F 63 /r", "packsswb Pq,Qq", PACKSSWB, KEEP);
    m.row("NP 0F 6B /r", "packssdw Pq,Qq", PACKSSDW, KEEP);
    m.row("NP 0F 67 /r", "packuswb Pq,Qq", PACKUSWB, KEEP);
    m.row("NP 0F 60 /r", "punpcklbw Pq,Qd", PUNPCKLBW, KEEP);
    m.row("NP 0F 61 /r", "punpcklwd Pq,Qd", PUNPCKLWD, KEEP);
    m.row("NP 0F 62 /r", "punpckldq Pq,Qd", PUNPCKLDQ, KEEP);
    m.row("NP 0F 68 /r", "punpckhbw Pq,Qq", PUNPCKHBW, KEEP);
    m.row("NP 0F 69 /r", "punpckhwd Pq,Qq", PUNPCKHWD, KEEP);
    m.row("NP 0F 6A /r", "punpckhdq Pq,Qq", PUNPCKHDQ, KEEP);
    m.row("NP 0F 70 /r", "pshufw Pq,Qq,Ib", PSHUFW, KEEP);
    m.row("NP 0F 38 00 /r", "pshufb Pq,Qq", PSHUFB, KEEP);
    m.row("NP 0F 3A 0F /r", "palignr Pq,Qq,Ib", PALIGNR, KEEP);
    for (int k = 0; k < 6; k++) {
      String code = "NP 0F 38 " + SseShuffle.HORIZONTAL_CODES[k] + " /r";
      m.row(code, SseShuffle.HORIZONTAL_NAMES[k] + " Pq,Qq", HORIZONTAL + k, KEEP);
    }
    m.row("NP 0F C4 /r reg", "pinsrw Pq,Ed,Ib", PINSRW, KEEP);
    m.row("NP 0F C4 /r mem", "pinsrw Pq,Mw,Ib", PINSRW, KEEP);
    m.row("NP 0F C5 /r reg", "pextrw Gd,Qq,Ib", PEXTRW, KEEP);
    m.row("NP 0F D7 /r reg", "pmovmskb Gd,Qq", PMOVMSKB, KEEP);
    m.row("NP 0F 6E /r", "movd Pq,Ey", MOVD_LOAD, KEEP);
    m.row("NP 0F 7E /r", "movd Ey,Pq", MOVD_STORE, KEEP);
    m.row("NP 0F 6F /r", "movq Pq,Qq", MOVQ_LOAD, KEEP);
    m.row("NP 0F 7F /r", "movq Qq,Pq", MOVQ_STORE, KEEP);
    m.row("NP 0F E7 /r mem", "movntq Mq,Pq", MOVQ_STORE, KEEP);
    m.row("NP 0F F7 /r reg", "maskmovq Pq,Qq", MASKMOVQ, KEEP);
    m.row("F3 0F D6 /r reg", "movq2dq Vx,Qq", MOVQ2DQ, KEEP);
    m.row("F2 0F D6 /r reg", "movdq2q Pq,Wx", MOVDQ2Q, KEEP);
    m.row("NP 0F 77", "emms", EMMS, KEEP);
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op >= PINSRW) {
      move(s, c, w0, w1, op);
      return;
    }
    long b = op <= PUNPCKLDQ && op >= PUNPCKLBW ? low(s, c, w0, w1) : Mmx.source(s, c, w0, w1);
    int d = Word.reg(w0);
    long a = Mmx.get(c, d);
    long r =
        switch (op) {
          case PACKSSWB -> Lanes.packSigned16(a, b);
          case PACKSSDW -> Lanes.packSigned32(a, b);
          case PACKUSWB -> Lanes.packUnsigned16(a, b);
          case PUNPCKLBW -> Lanes.interleave8(a, b);
          case PUNPCKLWD -> Lanes.interleave16(a, b);
          case PUNPCKLDQ -> Xmm.pair((int) a, (int) b);
          case PUNPCKHBW -> Lanes.interleave8(a >>> 32, b >>> 32);
          case PUNPCKHWD -> Lanes.interleave16(a >>> 32, b >>> 32);
          case PUNPCKHDQ -> Xmm.pair(Xmm.high(a), Xmm.high(b));
          case PSHUFW -> SseShuffle.shuffleWords(b, (int) w1);
          case PSHUFB -> shuffleBytes(a, b);
          case PALIGNR -> align(a, b, Xmm.immediate(w1));
          default -> SseShuffle.horizontal(op - HORIZONTAL, a, b);
        };
    Mmx.set(c, d, r);
  }

  /** The low 32 bits of Q: all that PUNPCKL reads of memory. */
  private static long low(X86State s, X86Cpu c, long w0, long w1) {
    if (!Word.isMemory(w0)) {
      return Mmx.source(s, c, w0, w1);
    }
    X87Control.check(c);
    long v = SoftTlb.load32(s, c, Operand.address(s, c, w0, w1, 4));
    Mmx.enter(c);
    return v;
  }

  @ExplodeLoop
  private static long shuffleBytes(long a, long control) {
    long r = 0;
    for (int i = 0; i < 64; i += 8) {
      int n = (int) (control >>> i);
      long b = (n & 0x80) != 0 ? 0 : a >>> (8 * (n & 7)) & 0xff;
      r |= b << i;
    }
    return r;
  }

  private static long align(long a, long b, int n) {
    return n < 8 ? SseShift.byteShifted(b, a, n) : SseShift.byteShifted(a, 0, n - 8);
  }

  private static void move(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case MOVQ_LOAD -> {
        long v = Mmx.source(s, c, w0, w1);
        Mmx.set(c, Word.reg(w0), v);
      }
      case MOVQ_STORE -> {
        X87Control.check(c);
        long v = Mmx.get(c, Word.reg(w0));
        if (Word.isMemory(w0)) {
          SoftTlb.store64(s, c, Operand.address(s, c, w0, w1, 8), v);
        } else {
          Mmx.set(c, Word.rm(w0), v);
        }
        Mmx.enter(c);
      }
      case MOVD_LOAD -> {
        X87Control.check(c);
        int size = Word.size(w0);
        long v = Operand.zext(Operand.e(s, c, w0, w1, size), size);
        Mmx.enter(c);
        Mmx.set(c, Word.reg(w0), v);
      }
      case MOVD_STORE -> {
        X87Control.check(c);
        Operand.setE(s, c, w0, w1, Word.size(w0), Mmx.get(c, Word.reg(w0)));
        Mmx.enter(c);
      }
      case PINSRW -> {
        X87Control.check(c);
        long v = Operand.e(s, c, w0, w1, 1);
        Mmx.enter(c);
        int shift = 16 * ((int) w1 & 3);
        int d = Word.reg(w0);
        Mmx.set(c, d, Mmx.get(c, d) & ~(0xffffL << shift) | (v & 0xffff) << shift);
      }
      case PEXTRW ->
          s.r[Word.reg(w0)] = Mmx.source(s, c, w0, w1) >>> (16 * ((int) w1 & 3)) & 0xffff;
      case PMOVMSKB -> s.r[Word.reg(w0)] = Lanes.signs8(Mmx.source(s, c, w0, w1));
      case MASKMOVQ -> {
        X87Control.check(c);
        long a = SseMove.stringDestination(s, c, w0);
        long v = Mmx.get(c, Word.reg(w0));
        SseMove.storeMasked(c, a, v, Mmx.get(c, Word.rm(w0)), 0, 0, 8);
        Mmx.enter(c);
      }
      case MOVQ2DQ -> {
        int d = Xmm.v(w0);
        s.x[d] = Mmx.source(s, c, w0, w1);
        s.x[d + 1] = 0;
      }
      case MOVDQ2Q -> {
        X87Control.check(c);
        Mmx.enter(c);
        Mmx.set(c, Word.reg(w0), s.x[Word.rm(w0) << 1]);
      }
      case EMMS -> {
        X87Control.check(c);
        c.fpu.valid = 0;
        c.fpu.top = 0;
      }
      default -> throw c.ud();
    }
  }
}
