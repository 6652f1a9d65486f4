package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * VEX forms of SSE instructions (SDM vol. 1, chapter 14): the SSE operation runs on a staged copy
 * of its first source, once or (256 bits) twice, and the results are committed at the end, so that
 * neither a fault nor #XM leaves half a result behind. VEX.128 clears the upper half.
 *
 * <p>Under partial evaluation word and staging registers are constants and virtual: the copies do
 * not exist.
 */
final class Avx {
  private static final long OPERANDS =
      0x3ff | 31L << Word.REG_SHIFT | 31L << Word.RM_SHIFT | Word.MEMORY;
  private static final long STAGE_REG = (long) (X86State.X_STAGE >> 1) << Word.REG_SHIFT;
  private static final long STAGE_RM = (long) (X86State.X_STAGE >> 1) << Word.RM_SHIFT;
  private static final long MEMORY_RM = (long) (X86State.X_MEMORY >> 1) << Word.RM_SHIFT;

  private Avx() {}

  static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case Op.AVX_PACKED -> packed(s, c, w0, w1, false);
      case Op.AVX_SCALAR -> scalar(s, c, w0, w1);
      case Op.AVX_COUNT -> packed(s, c, w0, w1, true);
      case Op.AVX_SHIFT -> shift(s, c, w0, w1);
      case Op.AVX_PLAIN -> plain(s, c, w0, w1);
      case Op.AVX_CLEAR -> {
        plain(s, c, w0, w1);
        clearUpper(s, Word.reg(w0) << 1);
      }
      case Op.AVX_WIDEN -> widen(s, c, w0, w1);
      case Op.AVX_NARROW -> narrow(s, c, w0, w1);
      default -> throw c.ud();
    }
  }

  /** Index of the H operand. */
  static int h(long w1) {
    return Word.vvvv(w1) << 1;
  }

  /** Index of the W operand of 16 or 32 bytes, from memory at any address. */
  static int source(X86State s, X86Cpu c, long w0, long w1, boolean wide) {
    if (!Word.isMemory(w0)) {
      return Word.rm(w0) << 1;
    }
    long a = Operand.address(s, c, w0, w1, wide ? 32 : 16);
    if (wide) {
      load256(s, c, a);
    } else {
      Xmm.load128(s, c, a);
    }
    return X86State.X_MEMORY;
  }

  private static void load256(X86State s, X86Cpu c, long a) {
    long host = SoftTlb.readableHost(s, a, 32);
    if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
      set(s, X86State.X_MEMORY, GuestRam.hostLoad64(host), GuestRam.hostLoad64(host + 8));
      setUpper(
          s, X86State.X_MEMORY, GuestRam.hostLoad64(host + 16), GuestRam.hostLoad64(host + 24));
    } else {
      set(s, X86State.X_MEMORY, c.loadSlow(a, 8), c.loadSlow(a + 8, 8));
      setUpper(s, X86State.X_MEMORY, c.loadSlow(a + 16, 8), c.loadSlow(a + 24, 8));
    }
  }

  static void clearUpper(X86State s, int d) {
    s.y[d] = 0;
    s.y[d + 1] = 0;
  }

  static void set(X86State s, int d, long r0, long r1) {
    s.x[d] = r0;
    s.x[d + 1] = r1;
  }

  static void setUpper(X86State s, int d, long r0, long r1) {
    s.y[d] = r0;
    s.y[d + 1] = r1;
  }

  private static void stage(X86State s, long low, long high) {
    s.x[X86State.X_STAGE] = low;
    s.x[X86State.X_STAGE + 1] = high;
  }

  /** The word of the SSE operation, without operands. */
  private static long bare(long w0, int sub) {
    return w0 & ~OPERANDS | sub;
  }

  private static long rm(int index) {
    return (long) (index >> 1) << Word.RM_SHIFT;
  }

  private static void plain(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    SseRows.run(s, c, w0 & ~0x3ffL | sub, w1, sub);
  }

  /** Where both halves share an immediate, the upper half's part of it comes down. */
  private static long upperImmediate(long w1, int sub) {
    int shift =
        switch (sub) {
          case Sse41.BLENDPS -> 4;
          case Sse41.BLENDPD, SseShuffle.SHUFPD -> 2;
          case Sse41.MPSADBW -> 3;
          default -> 0;
        };
    return w1 & ~0xffL | (w1 & 0xff) >> shift;
  }

  private static void packed(X86State s, X86Cpu c, long w0, long w1, boolean count) {
    int sub = Word.sub(w1);
    int d = Word.reg(w0) << 1;
    int h = h(w1);
    boolean wide = Word.is256(w1);
    int w = source(s, c, w0, w1, wide && !count);
    long word = bare(w0, sub) | STAGE_REG;
    stage(s, s.x[h], s.x[h + 1]);
    SseRows.run(s, c, word | rm(w), w1, sub);
    long r0 = s.x[X86State.X_STAGE];
    long r1 = s.x[X86State.X_STAGE + 1];
    if (wide) {
      stage(s, s.y[h], s.y[h + 1]);
      if (count) {
        SseRows.run(s, c, word | rm(w), w1, sub);
      } else {
        set(s, X86State.X_MEMORY, s.y[w], s.y[w + 1]);
        SseRows.run(s, c, word | MEMORY_RM, upperImmediate(w1, sub), sub);
      }
    }
    if (wide) {
      setUpper(s, d, s.x[X86State.X_STAGE], s.x[X86State.X_STAGE + 1]);
    } else {
      clearUpper(s, d);
    }
    set(s, d, r0, r1);
  }

  private static void scalar(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    int d = Word.reg(w0) << 1;
    int h = h(w1);
    stage(s, s.x[h], s.x[h + 1]);
    long word = w0 & ~(0x3ffL | 31L << Word.REG_SHIFT) | sub | STAGE_REG;
    SseRows.run(s, c, word, w1, sub);
    set(s, d, s.x[X86State.X_STAGE], s.x[X86State.X_STAGE + 1]);
    clearUpper(s, d);
  }

  /** Hx,Wx,Ib: the SSE operation changes its r/m in place. */
  private static void shift(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    int d = h(w1);
    int w = Word.rm(w0) << 1;
    long word = bare(w0, sub) | STAGE_RM;
    stage(s, s.x[w], s.x[w + 1]);
    SseRows.run(s, c, word, w1, sub);
    long r0 = s.x[X86State.X_STAGE];
    long r1 = s.x[X86State.X_STAGE + 1];
    if (Word.is256(w1)) {
      stage(s, s.y[w], s.y[w + 1]);
      SseRows.run(s, c, word, w1, sub);
      setUpper(s, d, s.x[X86State.X_STAGE], s.x[X86State.X_STAGE + 1]);
    } else {
      clearUpper(s, d);
    }
    set(s, d, r0, r1);
  }

  /** Bits of W that make 128 bits of the result. */
  private static int sourceBits(int sub) {
    int kind = sub >= Sse41.PMOVZX ? sub - Sse41.PMOVZX : sub - Sse41.PMOVSX;
    if (sub < Sse41.PMOVSX || kind == 0 || kind == 3 || kind == 5) {
      return 64;
    }
    return kind == 2 ? 16 : 32;
  }

  private static void widen(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    int bits = sourceBits(sub);
    int d = Word.reg(w0) << 1;
    long first;
    long second;
    if (Word.isMemory(w0)) {
      long a = Operand.address(s, c, w0, w1, bits / 4);
      first = bits == 16 ? SoftTlb.load32(s, c, a) : SoftTlb.load64(s, c, a);
      second = bits == 64 ? SoftTlb.load64(s, c, a + 8) : 0;
    } else {
      int w = Word.rm(w0) << 1;
      first = s.x[w];
      second = s.x[w + 1];
    }
    long word = bare(w0, sub) | STAGE_REG | MEMORY_RM;
    s.x[X86State.X_MEMORY] = first;
    SseRows.run(s, c, word, w1, sub);
    long r0 = s.x[X86State.X_STAGE];
    long r1 = s.x[X86State.X_STAGE + 1];
    s.x[X86State.X_MEMORY] = bits == 64 ? second : first >>> bits;
    SseRows.run(s, c, word, w1, sub);
    setUpper(s, d, s.x[X86State.X_STAGE], s.x[X86State.X_STAGE + 1]);
    set(s, d, r0, r1);
  }

  private static void narrow(X86State s, X86Cpu c, long w0, long w1) {
    int sub = Word.sub(w1);
    int d = Word.reg(w0) << 1;
    int w = source(s, c, w0, w1, true);
    long word = bare(w0, sub) | STAGE_REG;
    SseRows.run(s, c, word | rm(w), w1, sub);
    long r0 = s.x[X86State.X_STAGE];
    set(s, X86State.X_MEMORY, s.y[w], s.y[w + 1]);
    SseRows.run(s, c, word | MEMORY_RM, w1, sub);
    set(s, d, r0, s.x[X86State.X_STAGE]);
    clearUpper(s, d);
  }
}
