package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * SSE floating point in full: NaNs, every rounding mode, DAZ and FTZ, all sticky flags, unmasked
 * exceptions (SDM vol. 1, 11.5 and table 4-7).
 *
 * <p>Which flags an instruction sets depends on all its lanes when exceptions are unmasked: see
 * {@link SseExceptions}.
 */
final class SseSlow {
  static final long DEFAULT_NAN64 = 0xfff8_0000_0000_0000L;
  static final int DEFAULT_NAN32 = 0xffc0_0000;

  static final long QUIET64 = 0x0008_0000_0000_0000L;
  static final int QUIET32 = 0x0040_0000;

  private SseSlow() {}

  static boolean isNaN64(long v) {
    return (v & Long.MAX_VALUE) > 0x7ff0_0000_0000_0000L;
  }

  static boolean isNaN32(int v) {
    return (v & Integer.MAX_VALUE) > 0x7f80_0000;
  }

  static boolean isSignalling64(long v) {
    return isNaN64(v) && (v & QUIET64) == 0;
  }

  static boolean isSignalling32(int v) {
    return isNaN32(v) && (v & QUIET32) == 0;
  }

  private static boolean isSubnormal64(long v) {
    return (v & 0x7ff0_0000_0000_0000L) == 0 && v << 1 != 0;
  }

  private static boolean isSubnormal32(int v) {
    return (v & 0x7f80_0000) == 0 && v << 1 != 0;
  }

  static int roundingMode(X86Cpu c) {
    return (c.mxcsr >> 13) & 3;
  }

  /** Adds one lane's flags to MXCSR; raises #XM where they may be unmasked ones. */
  static void raise(X86Cpu c, int flags) {
    SseExceptions.raise(c, flags);
  }

  static long daz64(X86Cpu c, long v) {
    return (c.mxcsr & SseArith.DAZ) != 0 && isSubnormal64(v) ? v & Long.MIN_VALUE : v;
  }

  static int daz32(X86Cpu c, int v) {
    return (c.mxcsr & SseArith.DAZ) != 0 && isSubnormal32(v) ? v & Integer.MIN_VALUE : v;
  }

  /** Rounding and underflow handling as MXCSR says. */
  static SoftFloat begin64(X86Cpu c) {
    SoftFloat f = c.fpu.arithmetic;
    f.begin64(roundingMode(c));
    underflow(c, f);
    return f;
  }

  static SoftFloat begin32(X86Cpu c) {
    SoftFloat f = c.fpu.arithmetic;
    f.begin32(roundingMode(c));
    underflow(c, f);
    return f;
  }

  private static void underflow(X86Cpu c, SoftFloat f) {
    boolean masked = (c.mxcsr & SoftFloat.UE << 7) != 0;
    if (masked && (c.mxcsr & SseArith.FTZ) != 0) {
      f.flushToZero();
    }
    f.wrapExponent(!masked, (c.mxcsr & SoftFloat.OE << 7) == 0);
  }

  private static void operate(SoftFloat f, int kind) {
    switch (kind) {
      case SseArith.ADD -> f.add(false);
      case SseArith.SUB -> f.add(true);
      case SseArith.MUL -> f.multiply();
      default -> f.divide();
    }
  }

  /** What Java's operator gives in single precision. */
  static float plain(int kind, float a, float b) {
    // Rounded twice, to the same: a double's significand has more than twice as many digits and
    // two.
    return (float) plain(kind, (double) a, (double) b);
  }

  /** What Java's operator gives. */
  private static double plain(int kind, double a, double b) {
    return switch (kind) {
      case SseArith.ADD -> a + b;
      case SseArith.SUB -> a - b;
      case SseArith.MUL -> a * b;
      default -> a / b;
    };
  }

  /** True when the operator's result is the instruction's; its flag is set then. */
  private static boolean decide(X86Cpu c, int verdict) {
    if (verdict == SseExact.INEXACT) {
      raise(c, SoftFloat.PE);
    }
    return verdict != SseExact.UNKNOWN;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long binary64(X86Cpu c, int kind, long a, long b) {
    if (SseExact.isPlain(c)) {
      double x = Double.longBitsToDouble(a);
      double y = Double.longBitsToDouble(b);
      double z = plain(kind, x, y);
      if (decide(c, SseExact.of64(kind, x, y, z))) {
        return Double.doubleToRawLongBits(z);
      }
    }
    if (isNaN64(a) || isNaN64(b)) {
      raise(c, isSignalling64(a) || isSignalling64(b) ? SoftFloat.IE : 0);
      return (isNaN64(a) ? a : b) | QUIET64;
    }
    SoftFloat f = begin64(c);
    SoftFloat.unpack64(f.a, daz64(c, a));
    SoftFloat.unpack64(f.b, daz64(c, b));
    operate(f, kind);
    raise(c, f.flags);
    return f.pack64();
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static int binary32(X86Cpu c, int kind, int a, int b) {
    if (SseExact.isPlain(c)) {
      float x = Float.intBitsToFloat(a);
      float y = Float.intBitsToFloat(b);
      float z = plain(kind, x, y);
      if (decide(c, SseExact.of32(kind, x, y, z))) {
        return Float.floatToRawIntBits(z);
      }
    }
    if (isNaN32(a) || isNaN32(b)) {
      raise(c, isSignalling32(a) || isSignalling32(b) ? SoftFloat.IE : 0);
      return (isNaN32(a) ? a : b) | QUIET32;
    }
    SoftFloat f = begin32(c);
    SoftFloat.unpack32(f.a, daz32(c, a));
    SoftFloat.unpack32(f.b, daz32(c, b));
    operate(f, kind);
    raise(c, f.flags);
    return f.pack32();
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long sqrt64(X86Cpu c, long b) {
    if (SseExact.isPlain(c)) {
      double x = Double.longBitsToDouble(b);
      double z = Math.sqrt(x);
      if (decide(c, SseExact.ofRoot64(x, z))) {
        return Double.doubleToRawLongBits(z);
      }
    }
    if (isNaN64(b)) {
      raise(c, isSignalling64(b) ? SoftFloat.IE : 0);
      return b | QUIET64;
    }
    SoftFloat f = begin64(c);
    SoftFloat.unpack64(f.a, daz64(c, b));
    f.sqrt();
    raise(c, f.flags);
    return f.pack64();
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static int sqrt32(X86Cpu c, int b) {
    if (SseExact.isPlain(c)) {
      float x = Float.intBitsToFloat(b);
      float z = (float) Math.sqrt(x);
      if (decide(c, SseExact.ofRoot32(x, z))) {
        return Float.floatToRawIntBits(z);
      }
    }
    if (isNaN32(b)) {
      raise(c, isSignalling32(b) ? SoftFloat.IE : 0);
      return b | QUIET32;
    }
    SoftFloat f = begin32(c);
    SoftFloat.unpack32(f.a, daz32(c, b));
    f.sqrt();
    raise(c, f.flags);
    return f.pack32();
  }

  /** MINSD and MAXSD where a NaN or DAZ is involved: any NaN is invalid and gives b as it is. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long minMax64(X86Cpu c, boolean max, long a, long b) {
    if (isNaN64(a) || isNaN64(b)) {
      raise(c, SoftFloat.IE);
      return isNaN64(b) ? b : daz64(c, b);
    }
    long x = daz64(c, a);
    long y = daz64(c, b);
    raise(c, isSubnormal64(x) || isSubnormal64(y) ? SoftFloat.DE : 0);
    double dx = Double.longBitsToDouble(x);
    double dy = Double.longBitsToDouble(y);
    return (max ? dx > dy : dx < dy) ? x : y;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static int minMax32(X86Cpu c, boolean max, int a, int b) {
    if (isNaN32(a) || isNaN32(b)) {
      raise(c, SoftFloat.IE);
      return isNaN32(b) ? b : daz32(c, b);
    }
    int x = daz32(c, a);
    int y = daz32(c, b);
    raise(c, isSubnormal32(x) || isSubnormal32(y) ? SoftFloat.DE : 0);
    float fx = Float.intBitsToFloat(x);
    float fy = Float.intBitsToFloat(y);
    return (max ? fx > fy : fx < fy) ? x : y;
  }

  /** The predicates LT, LE, NLT, NLE are invalid with any NaN, the others with a signalling one. */
  private static int comparisonFlags(
      int predicate, boolean unordered, boolean signalling, boolean subnormal) {
    boolean ordering = (predicate & 3) == 1 || (predicate & 3) == 2;
    if (unordered) {
      return ordering || signalling ? SoftFloat.IE : 0;
    }
    return subnormal ? SoftFloat.DE : 0;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static boolean compare64(X86Cpu c, long a, long b, int predicate) {
    long x = daz64(c, a);
    long y = daz64(c, b);
    boolean unordered = isNaN64(x) || isNaN64(y);
    raise(
        c,
        comparisonFlags(
            predicate,
            unordered,
            isSignalling64(x) || isSignalling64(y),
            isSubnormal64(x) || isSubnormal64(y)));
    return holds(predicate, unordered, Double.longBitsToDouble(x), Double.longBitsToDouble(y));
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static boolean compare32(X86Cpu c, int a, int b, int predicate) {
    int x = daz32(c, a);
    int y = daz32(c, b);
    boolean unordered = isNaN32(x) || isNaN32(y);
    raise(
        c,
        comparisonFlags(
            predicate,
            unordered,
            isSignalling32(x) || isSignalling32(y),
            isSubnormal32(x) || isSubnormal32(y)));
    return holds(predicate, unordered, Float.intBitsToFloat(x), Float.intBitsToFloat(y));
  }

  /** COMISD, or UCOMISD where quiet NaNs do not signal: -1, 0, 1, or 2 for unordered. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static int order64(X86Cpu c, long a, long b, boolean signalQuiet) {
    boolean unordered = compare64(c, a, b, signalQuiet ? 1 : 0) ? false : isNaN64(a) || isNaN64(b);
    return unordered
        ? 2
        : Double.compare(
            Double.longBitsToDouble(daz64(c, a)) + 0.0, Double.longBitsToDouble(daz64(c, b)) + 0.0);
  }

  /** COMISS, UCOMISS. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static int order32(X86Cpu c, int a, int b, boolean signalQuiet) {
    boolean unordered = compare32(c, a, b, signalQuiet ? 1 : 0) ? false : isNaN32(a) || isNaN32(b);
    return unordered
        ? 2
        : Float.compare(
            Float.intBitsToFloat(daz32(c, a)) + 0.0f, Float.intBitsToFloat(daz32(c, b)) + 0.0f);
  }

  private static boolean holds(int predicate, boolean unordered, double x, double y) {
    boolean positive =
        switch (predicate & 3) {
          case 0 -> x == y;
          case 1 -> x < y;
          case 2 -> x <= y;
          default -> unordered;
        };
    return positive != ((predicate & 4) != 0);
  }

  // ---------------------------------------------------------------- conversions

  @TruffleBoundary(transferToInterpreterOnException = false)
  static int toSingle(X86Cpu c, long v) {
    if (isNaN64(v)) {
      raise(c, isSignalling64(v) ? SoftFloat.IE : 0);
      return (int) (v >>> 32) & 0x8000_0000 | 0x7f80_0000 | QUIET32 | (int) (v >>> 29) & 0x7f_ffff;
    }
    SoftFloat f = begin32(c);
    SoftFloat.unpack64(f.a, daz64(c, v));
    f.flags |= f.a.subnormal ? SoftFloat.DE : 0;
    f.round(f.a);
    raise(c, f.flags);
    return f.pack32();
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toDouble(X86Cpu c, int v) {
    if (isNaN32(v)) {
      raise(c, isSignalling32(v) ? SoftFloat.IE : 0);
      return (long) (v & 0x8000_0000) << 32 | 0x7ff8_0000_0000_0000L | (v & 0x7f_ffffL) << 29;
    }
    int x = daz32(c, v);
    raise(c, isSubnormal32(x) ? SoftFloat.DE : 0);
    return Double.doubleToRawLongBits(Float.intBitsToFloat(x));
  }

  /** To a signed integer of {@code bits}; {@code mode} is a rounding mode. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toInteger64(X86Cpu c, long v, int bits, int mode) {
    SoftFloat f = c.fpu.arithmetic;
    f.begin64(mode);
    SoftFloat.unpack64(f.a, daz64(c, v));
    long r = f.toInteger(bits);
    raise(c, f.flags);
    return r;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toInteger32(X86Cpu c, int v, int bits, int mode) {
    SoftFloat f = c.fpu.arithmetic;
    f.begin64(mode);
    SoftFloat.unpack32(f.a, daz32(c, v));
    long r = f.toInteger(bits);
    raise(c, f.flags);
    return r;
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static long fromInteger64(X86Cpu c, long v) {
    SoftFloat f = c.fpu.arithmetic;
    f.begin64(roundingMode(c));
    SoftFloat.unpackInteger(f.a, v);
    f.round(f.a);
    raise(c, f.flags);
    return f.pack64();
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static int fromInteger32(X86Cpu c, long v) {
    SoftFloat f = c.fpu.arithmetic;
    f.begin32(roundingMode(c));
    SoftFloat.unpackInteger(f.a, v);
    f.round(f.a);
    raise(c, f.flags);
    return f.pack32();
  }

  /** ROUNDSD; {@code control} is the instruction's immediate. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long integral64(X86Cpu c, long v, int control) {
    if (isNaN64(v)) {
      raise(c, isSignalling64(v) ? SoftFloat.IE : 0);
      return v | QUIET64;
    }
    SoftFloat f = c.fpu.arithmetic;
    f.begin64((control & 4) != 0 ? roundingMode(c) : control & 3);
    SoftFloat.unpack64(f.a, daz64(c, v));
    f.roundToIntegral();
    raise(c, (control & 8) != 0 ? 0 : f.flags & SoftFloat.PE);
    return f.pack64();
  }

  /** ROUNDSS. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static int integral32(X86Cpu c, int v, int control) {
    if (isNaN32(v)) {
      raise(c, isSignalling32(v) ? SoftFloat.IE : 0);
      return v | QUIET32;
    }
    SoftFloat f = c.fpu.arithmetic;
    f.begin32((control & 4) != 0 ? roundingMode(c) : control & 3);
    SoftFloat.unpack32(f.a, daz32(c, v));
    f.roundToIntegral();
    raise(c, (control & 8) != 0 ? 0 : f.flags & SoftFloat.PE);
    return f.pack32();
  }

  /** Half of what {@link #twelveBits} drops. */
  private static final int DROPPED_HALF = 0x400;

  /**
   * A result of RCP or RSQRT to 12 bits of fraction, as processors' tables give them: within the
   * documented relative error of 1.5 * 2^-12, and no more exact than software may have been tuned
   * for.
   */
  private static int twelveBits(int v) {
    return (v & 0x7f80_0000) == 0x7f80_0000 ? v : v + DROPPED_HALF & -2 * DROPPED_HALF;
  }

  /** RCPSS; no flags. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static int reciprocal(int v) {
    if (isNaN32(v)) {
      return v | QUIET32;
    }
    if ((v & 0x7f80_0000) == 0) {
      return v & 0x8000_0000 | 0x7f80_0000;
    }
    int r = Float.floatToRawIntBits(1.0f / Float.intBitsToFloat(v));
    return isSubnormal32(r) ? r & 0x8000_0000 : twelveBits(r);
  }

  /** RSQRTSS; no flags. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static int reciprocalRoot(int v) {
    if (isNaN32(v)) {
      return v | QUIET32;
    }
    if ((v & 0x7f80_0000) == 0) {
      return v & 0x8000_0000 | 0x7f80_0000;
    }
    if (v < 0) {
      return DEFAULT_NAN32;
    }
    return twelveBits(Float.floatToRawIntBits((float) (1.0 / Math.sqrt(Float.intBitsToFloat(v)))));
  }
}
