package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * F16C: VCVTPH2PS and VCVTPS2PH (SDM vol. 2; vol. 1, 14.4.1). Subnormal half-precision numbers are
 * converted whatever MXCSR.DAZ and FTZ say, and do not raise the denormal exception.
 */
final class Half {
  private static final int LEAST_EXPONENT = -14;
  private static final int GREATEST_EXPONENT = 15;

  private Half() {}

  static void toSingles(X86State s, X86Cpu c, long w0, long w1) {
    boolean wide = Word.is256(w1);
    long first;
    long second = 0;
    if (Word.isMemory(w0)) {
      long a = Operand.address(s, c, w0, w1, wide ? 16 : 8);
      first = SoftTlb.load64(s, c, a);
      second = wide ? SoftTlb.load64(s, c, a + 8) : 0;
    } else {
      int w = Word.rm(w0) << 1;
      first = s.x[w];
      second = s.x[w + 1];
    }
    int d = Word.reg(w0) << 1;
    long r0 = toSingles(c, (int) first);
    long r1 = toSingles(c, Xmm.high(first));
    long r2 = wide ? toSingles(c, (int) second) : 0;
    long r3 = wide ? toSingles(c, Xmm.high(second)) : 0;
    if (wide) {
      Avx.setUpper(s, d, r2, r3);
    } else {
      Avx.clearUpper(s, d);
    }
    Avx.set(s, d, r0, r1);
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  private static long toSingles(X86Cpu c, int two) {
    int low = toSingle(c, (short) two);
    return Xmm.pair(low, toSingle(c, (short) (two >> 16)));
  }

  private static int toSingle(X86Cpu c, short v) {
    if ((v & 0x7fff) > 0x7c00) {
      SseSlow.raise(c, (v & 0x200) == 0 ? SoftFloat.IE : 0);
      return (v & 0x8000) << 16 | 0x7fc0_0000 | (v & 0x3ff) << 13;
    }
    return Float.floatToRawIntBits(Float.float16ToFloat(v));
  }

  static void fromSingles(X86State s, X86Cpu c, long w0, long w1) {
    boolean wide = Word.is256(w1);
    int v = Word.reg(w0) << 1;
    int control = (int) w1 & 7;
    long a = Word.isMemory(w0) ? Operand.address(s, c, w0, w1, wide ? 16 : 8) : 0;
    if (Word.isMemory(w0)) {
      // MXCSR changes only when the store does not fault.
      SoftTlb.writableHost(s, c, a, 1);
      if ((a & 4095) > 4096 - (wide ? 16 : 8)) {
        SoftTlb.writableHost(s, c, (a | 4095) + 1, 1);
      }
    }
    long r0 = Xmm.pair(fromSingles(c, s.x[v], control), fromSingles(c, s.x[v + 1], control));
    long r1 = 0;
    if (wide) {
      r1 = Xmm.pair(fromSingles(c, s.y[v], control), fromSingles(c, s.y[v + 1], control));
    }
    SseExceptions.endStage(c);
    if (!Word.isMemory(w0)) {
      int w = Word.rm(w0) << 1;
      Avx.set(s, w, r0, r1);
      Avx.clearUpper(s, w);
    } else if (wide) {
      Xmm.store128(s, c, a, r0, r1);
    } else {
      SoftTlb.store64(s, c, a, r0);
    }
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  private static int fromSingles(X86Cpu c, long two, int control) {
    int low = fromSingle(c, (int) two, control) & 0xffff;
    return low | fromSingle(c, Xmm.high(two), control) << 16;
  }

  private static int fromSingle(X86Cpu c, int v, int control) {
    if (SseSlow.isNaN32(v)) {
      SseSlow.raise(c, SseSlow.isSignalling32(v) ? SoftFloat.IE : 0);
      return v >>> 16 & 0x8000 | 0x7e00 | v >>> 13 & 0x3ff;
    }
    SoftFloat f = c.fpu.arithmetic;
    f.begin16((control & 4) != 0 ? SseSlow.roundingMode(c) : control & 3);
    // Only for the flags: what is unmasked delivers nothing.
    f.wrapExponent((c.mxcsr & SoftFloat.UE << 7) == 0, (c.mxcsr & SoftFloat.OE << 7) == 0);
    SoftFloat.unpack32(f.a, SseSlow.daz32(c, v));
    f.flags |= f.a.subnormal ? SoftFloat.DE : 0;
    boolean tiny = f.a.exponent < LEAST_EXPONENT && (c.mxcsr & SoftFloat.UE << 7) == 0;
    boolean huge = f.a.exponent >= GREATEST_EXPONENT && (c.mxcsr & SoftFloat.OE << 7) == 0;
    if (f.a.kind == SoftFloat.FINITE && (tiny || huge)) {
      roundUnbounded(f);
    } else {
      f.round(f.a);
    }
    SseSlow.raise(c, f.flags);
    return f.pack16();
  }

  /**
   * Unmasked underflow is there when the result is tiny, inexact or not; with it and with unmasked
   * overflow, inexact means: for want of precision.
   */
  private static void roundUnbounded(SoftFloat f) {
    int exponent = f.a.exponent;
    f.a.exponent = 0;
    f.round(f.a);
    f.result.exponent += exponent;
    if (f.result.exponent < LEAST_EXPONENT) {
      f.flags |= SoftFloat.UE;
    } else if (f.result.exponent > GREATEST_EXPONENT) {
      f.flags |= SoftFloat.OE;
    }
  }
}
