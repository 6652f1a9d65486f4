package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;
import static org.tuber.truffle.x86.decode.Row.SSE;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * XMM operations that move data between lanes (SDM vol. 2: PACKSSWB, PUNPCKLBW, PSHUFD, SHUFPS,
 * PINSRW, PEXTRW; of SSSE3: PSHUFB, PHADDW, PALIGNR). {@link MmxShuffle} has the MMX forms.
 */
final class SseShuffle {
  static final int PACKSSWB = SseRows.SHUFFLE;
  static final int PACKSSDW = PACKSSWB + 1;
  static final int PACKUSWB = PACKSSWB + 2;
  static final int PACKUSDW = PACKSSWB + 3;
  static final int PUNPCKLBW = PACKSSWB + 4;
  static final int PUNPCKLWD = PACKSSWB + 5;
  static final int PUNPCKLDQ = PACKSSWB + 6;
  static final int PUNPCKLQDQ = PACKSSWB + 7;
  static final int PUNPCKHBW = PACKSSWB + 8;
  static final int PUNPCKHWD = PACKSSWB + 9;
  static final int PUNPCKHDQ = PACKSSWB + 10;
  static final int PUNPCKHQDQ = PACKSSWB + 11;
  static final int PSHUFD = PACKSSWB + 12;
  static final int PSHUFLW = PACKSSWB + 13;
  static final int PSHUFHW = PACKSSWB + 14;
  static final int SHUFPS = PACKSSWB + 15;
  static final int SHUFPD = PACKSSWB + 16;
  static final int PINSRW = PACKSSWB + 17;
  static final int PEXTRW = PACKSSWB + 18;
  static final int PSHUFB = PACKSSWB + 19;
  static final int PALIGNR = PACKSSWB + 20;

  /** Six kinds: PHADDW PHADDD PHADDSW PHSUBW PHSUBD PHSUBSW. */
  static final int HORIZONTAL = PACKSSWB + 21;

  static final int END = PACKSSWB + 27;

  static final String[] HORIZONTAL_NAMES = {
    "phaddw", "phaddd", "phaddsw", "phsubw", "phsubd", "phsubsw"
  };
  static final String[] HORIZONTAL_CODES = {"01", "02", "03", "05", "06", "07"};

  private static final int KEEP = SSE | FLAGS_KEPT;

  private SseShuffle() {}

  static void add(OpcodeMap m) {
    m.row("66 0F 63 /r", "packsswb Vx,Wx", PACKSSWB, KEEP);
    m.row("66 0F 6B /r", "packssdw Vx,Wx", PACKSSDW, KEEP);
    m.row("66 0F 67 /r", "packuswb Vx,Wx", PACKUSWB, KEEP);
    m.row("66 0F 38 2B /r", "packusdw Vx,Wx", PACKUSDW, KEEP);
    m.row("66 0F 60 /r", "punpcklbw Vx,Wx", PUNPCKLBW, KEEP);
    m.row("66 0F 61 /r", "punpcklwd Vx,Wx", PUNPCKLWD, KEEP);
    m.row("66 0F 62 /r", "punpckldq Vx,Wx", PUNPCKLDQ, KEEP);
    m.row("66 0F 6C /r", "punpcklqdq Vx,Wx", PUNPCKLQDQ, KEEP);
    m.row("66 0F 68 /r", "punpckhbw Vx,Wx", PUNPCKHBW, KEEP);
    m.row("66 0F 69 /r", "punpckhwd Vx,Wx", PUNPCKHWD, KEEP);
    m.row("66 0F 6A /r", "punpckhdq Vx,Wx", PUNPCKHDQ, KEEP);
    m.row("66 0F 6D /r", "punpckhqdq Vx,Wx", PUNPCKHQDQ, KEEP);
    m.row("NP 0F 14 /r", "unpcklps Vx,Wx", PUNPCKLDQ, KEEP);
    m.row("NP 0F 15 /r", "unpckhps Vx,Wx", PUNPCKHDQ, KEEP);
    m.row("66 0F 14 /r", "unpcklpd Vx,Wx", PUNPCKLQDQ, KEEP);
    m.row("66 0F 15 /r", "unpckhpd Vx,Wx", PUNPCKHQDQ, KEEP);
    m.row("66 0F 70 /r", "pshufd Vx,Wx,Ib", PSHUFD, KEEP);
    m.row("F2 0F 70 /r", "pshuflw Vx,Wx,Ib", PSHUFLW, KEEP);
    m.row("F3 0F 70 /r", "pshufhw Vx,Wx,Ib", PSHUFHW, KEEP);
    m.row("NP 0F C6 /r", "shufps Vx,Wx,Ib", SHUFPS, KEEP);
    m.row("66 0F C6 /r", "shufpd Vx,Wx,Ib", SHUFPD, KEEP);
    m.row("66 0F C4 /r reg", "pinsrw Vx,Ed,Ib", PINSRW, KEEP);
    m.row("66 0F C4 /r mem", "pinsrw Vx,Mw,Ib", PINSRW, KEEP);
    m.row("66 0F C5 /r reg", "pextrw Gd,Wx,Ib", PEXTRW, KEEP);
    m.row("66 0F 38 00 /r", "pshufb Vx,Wx", PSHUFB, KEEP);
    m.row("66 0F 3A 0F /r", "palignr Vx,Wx,Ib", PALIGNR, KEEP);
    for (int k = 0; k < 6; k++) {
      String code = "66 0F 38 " + HORIZONTAL_CODES[k] + " /r";
      m.row(code, HORIZONTAL_NAMES[k] + " Vx,Wx", HORIZONTAL + k, KEEP);
    }
  }

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op == PINSRW) {
      pinsrw(s, c, w0, w1);
      return;
    }
    if (op == PEXTRW) {
      int n = (int) w1 & 7;
      s.r[Word.reg(w0)] = s.x[(Word.rm(w0) << 1) + (n >> 2)] >>> (16 * (n & 3)) & 0xffff;
      return;
    }
    int w = Xmm.aligned(s, c, w0, w1);
    int d = Xmm.v(w0);
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    long b0 = s.x[w];
    long b1 = s.x[w + 1];
    switch (op) {
      case PUNPCKLBW ->
          set(s, d, Lanes.interleave8(a0, b0), Lanes.interleave8(a0 >>> 32, b0 >>> 32));
      case PUNPCKLWD ->
          set(s, d, Lanes.interleave16(a0, b0), Lanes.interleave16(a0 >>> 32, b0 >>> 32));
      case PUNPCKLDQ ->
          set(s, d, Xmm.pair((int) a0, (int) b0), Xmm.pair(Xmm.high(a0), Xmm.high(b0)));
      case PUNPCKLQDQ -> s.x[d + 1] = b0;
      case PUNPCKHBW ->
          set(s, d, Lanes.interleave8(a1, b1), Lanes.interleave8(a1 >>> 32, b1 >>> 32));
      case PUNPCKHWD ->
          set(s, d, Lanes.interleave16(a1, b1), Lanes.interleave16(a1 >>> 32, b1 >>> 32));
      case PUNPCKHDQ ->
          set(s, d, Xmm.pair((int) a1, (int) b1), Xmm.pair(Xmm.high(a1), Xmm.high(b1)));
      case PUNPCKHQDQ -> set(s, d, a1, b1);
      case PSHUFD -> pshufd(s, d, b0, b1, (int) w1);
      case PSHUFLW -> set(s, d, shuffleWords(b0, (int) w1), b1);
      case PSHUFHW -> set(s, d, b0, shuffleWords(b1, (int) w1));
      case SHUFPD -> set(s, d, (w1 & 1) == 0 ? a0 : a1, (w1 & 2) == 0 ? b0 : b1);
      case PACKSSWB -> set(s, d, Lanes.packSigned16(a0, a1), Lanes.packSigned16(b0, b1));
      case PACKSSDW -> set(s, d, Lanes.packSigned32(a0, a1), Lanes.packSigned32(b0, b1));
      case PACKUSWB -> set(s, d, Lanes.packUnsigned16(a0, a1), Lanes.packUnsigned16(b0, b1));
      case PACKUSDW -> set(s, d, Lanes.packUnsigned32(a0, a1), Lanes.packUnsigned32(b0, b1));
      case SHUFPS -> {
        int i = (int) w1;
        set(
            s,
            d,
            Xmm.pair(lane(a0, a1, i), lane(a0, a1, i >> 2)),
            Xmm.pair(lane(b0, b1, i >> 4), lane(b0, b1, i >> 6)));
      }
      case PSHUFB -> set(s, d, shuffleBytes(a0, a1, b0), shuffleBytes(a0, a1, b1));
      case PALIGNR -> palignr(s, d, b0, b1, Xmm.immediate(w1));
      default -> {
        int k = op - HORIZONTAL;
        set(s, d, horizontal(k, a0, a1), horizontal(k, b0, b1));
      }
    }
  }

  private static void set(X86State s, int d, long low, long high) {
    s.x[d] = low;
    s.x[d + 1] = high;
  }

  /** 32-bit lane {@code n & 3}. */
  static int lane(long low, long high, int n) {
    long half = (n & 2) == 0 ? low : high;
    return (n & 1) == 0 ? (int) half : Xmm.high(half);
  }

  private static void pshufd(X86State s, int d, long b0, long b1, int i) {
    set(
        s,
        d,
        Xmm.pair(lane(b0, b1, i), lane(b0, b1, i >> 2)),
        Xmm.pair(lane(b0, b1, i >> 4), lane(b0, b1, i >> 6)));
  }

  /** Four words chosen by two bits each. */
  @ExplodeLoop
  static long shuffleWords(long v, int control) {
    long r = 0;
    for (int i = 0; i < 4; i++) {
      r |= (v >>> (16 * (control >> (2 * i) & 3)) & 0xffff) << (16 * i);
    }
    return r;
  }

  @ExplodeLoop
  private static long shuffleBytes(long low, long high, long control) {
    long r = 0;
    for (int i = 0; i < 64; i += 8) {
      int n = (int) (control >>> i);
      long half = (n & 8) == 0 ? low : high;
      long b = (n & 0x80) != 0 ? 0 : half >>> (8 * (n & 7)) & 0xff;
      r |= b << i;
    }
    return r;
  }

  /** Bytes n to n + 15 of destination:source. */
  private static void palignr(X86State s, int d, long b0, long b1, int n) {
    long a0 = s.x[d];
    long a1 = s.x[d + 1];
    switch (n >> 3) {
      case 0 -> set(s, d, SseShift.byteShifted(b0, b1, n), SseShift.byteShifted(b1, a0, n));
      case 1 -> set(s, d, SseShift.byteShifted(b1, a0, n - 8), SseShift.byteShifted(a0, a1, n - 8));
      case 2 ->
          set(s, d, SseShift.byteShifted(a0, a1, n - 16), SseShift.byteShifted(a1, 0, n - 16));
      case 3 -> set(s, d, SseShift.byteShifted(a1, 0, n - 24), 0);
      default -> set(s, d, 0, 0);
    }
  }

  /** Adjacent lanes of low:high added or subtracted, as 64 bits. */
  static long horizontal(int kind, long low, long high) {
    if (kind == 1 || kind == 4) {
      return kind == 1
          ? Xmm.pair((int) low + Xmm.high(low), (int) high + Xmm.high(high))
          : Xmm.pair((int) low - Xmm.high(low), (int) high - Xmm.high(high));
    }
    long even = evenWords(low) | evenWords(high) << 32;
    long odd = evenWords(low >>> 16) | evenWords(high >>> 16) << 32;
    return switch (kind) {
      case 0 -> Lanes.add(even, odd, Lanes.H16);
      case 2 -> Lanes.addSigned(even, odd, Lanes.H16);
      case 3 -> Lanes.sub(even, odd, Lanes.H16);
      default -> Lanes.subSigned(even, odd, Lanes.H16);
    };
  }

  private static long evenWords(long v) {
    return v & 0xffff | v >>> 16 & 0xffff_0000L;
  }

  private static void pinsrw(X86State s, X86Cpu c, long w0, long w1) {
    long v = Operand.e(s, c, w0, w1, 1);
    int n = (int) w1 & 7;
    int d = Xmm.v(w0) + (n >> 2);
    int shift = 16 * (n & 3);
    s.x[d] = s.x[d] & ~(0xffffL << shift) | (v & 0xffff) << shift;
  }
}
