package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X87State;

/**
 * x87 loads, stores and moves (SDM vol. 1, 8.3.3 and 4.7 for packed BCD).
 *
 * <p>A store is two calls around the memory write: the first converts and stages the exceptions,
 * the second, when the write did not fault, reports them and pops.
 */
final class X87Transfer {
  private static final long MAX_BCD = 999_999_999_999_999_999L;

  private X87Transfer() {}

  // ---------------------------------------------------------------- loads

  /** FLD m32, FLD m64, FILD: exact but for signalling NaNs. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void load(X86Cpu c, int format, long raw) {
    X87State f = c.fpu;
    if (!f.isEmpty(7)) {
      X87Arith.overflow(f);
      return;
    }
    SoftFloat u = X87Arith.begin(f, 64);
    X87Arith.unpack(u.a, format, raw);
    u.flags |= u.a.subnormal ? SoftFloat.DE : 0;
    if (!X87Arith.special1(u)) {
      u.round(u.a);
    }
    f.status &= ~X87State.C1;
    // An unmasked denormal operand is reported and loaded all the same.
    boolean refused = (u.flags & ~f.control & SoftFloat.IE) != 0;
    f.raise(u.flags);
    if (!refused) {
      f.push(u.signExponent80(), u.significand80());
    }
  }

  /** FLD m80: as it is. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void load80(X86Cpu c, int signExponent, long significand) {
    X87State f = c.fpu;
    if (!f.isEmpty(7)) {
      X87Arith.overflow(f);
      return;
    }
    f.status &= ~X87State.C1;
    f.push(signExponent, significand);
  }

  /** FLD ST(i). */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void loadRegister(X86Cpu c, int i) {
    X87State f = c.fpu;
    if (!f.isEmpty(7) && !f.isEmpty(i)) {
      X87Arith.overflow(f);
      return;
    }
    f.status &= ~X87State.C1;
    if (f.isEmpty(i)) {
      if (!f.raise(SoftFloat.IE | X87State.SF)) {
        f.push(X87Arith.DEFAULT_NAN_EXPONENT, X87Arith.DEFAULT_NAN);
      }
      return;
    }
    int p = f.physical(i);
    f.push(f.signExponent[p], f.significand[p]);
  }

  @TruffleBoundary(transferToInterpreterOnException = false)
  static void loadBcd(X86Cpu c, int high, long low) {
    X87State f = c.fpu;
    if (!f.isEmpty(7)) {
      X87Arith.overflow(f);
      return;
    }
    long v = 0;
    for (int i = 17; i >= 0; i--) {
      long digit = (i >= 16 ? high >>> (4 * (i - 16)) : low >>> (4 * i)) & 15;
      v = v * 10 + digit;
    }
    SoftFloat u = X87Arith.begin(f, 64);
    SoftFloat.unpackInteger(u.a, v);
    u.a.negative = (high & 0x8000) != 0;
    u.round(u.a);
    f.status &= ~X87State.C1;
    f.push(u.signExponent80(), u.significand80());
  }

  // ---------------------------------------------------------------- register moves

  /** FST ST(i), FSTP ST(i). */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void storeRegister(X86Cpu c, int i, boolean pop) {
    X87State f = c.fpu;
    f.status &= ~X87State.C1;
    if (f.isEmpty(0)) {
      if (X87Arith.underflow(f, i)) {
        return;
      }
    } else {
      int p = f.physical(0);
      f.set(i, f.signExponent[p], f.significand[p]);
    }
    if (pop) {
      f.pop();
    }
  }

  /** FCMOVcc. C1 stays, as AMD has it. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void conditionalMove(X86Cpu c, int i, boolean holds) {
    X87State f = c.fpu;
    if (f.isEmpty(0) || f.isEmpty(i)) {
      X87Arith.underflow(f, 0);
    } else if (holds) {
      int p = f.physical(i);
      f.set(0, f.signExponent[p], f.significand[p]);
    }
  }

  // ---------------------------------------------------------------- stores

  /** Stages the exceptions of a store and tells whether the store may happen. */
  private static void stage(X87State f, int flags) {
    f.stagedFlags = flags;
    int fatal = SoftFloat.IE | SoftFloat.OE | SoftFloat.UE;
    f.suppressed = (flags & ~f.control & fatal) != 0;
  }

  private static boolean stageEmpty(X87State f) {
    if (!f.isEmpty(0)) {
      return false;
    }
    f.arithmetic.roundedUp = false;
    stage(f, SoftFloat.IE | X87State.SF);
    return true;
  }

  /** Second half of a store. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void stored(X86Cpu c, boolean pop) {
    X87State f = c.fpu;
    f.status &= ~X87State.C1;
    int flags = f.stagedFlags;
    if (f.suppressed) {
      flags &= ~SoftFloat.PE;
    } else if (f.arithmetic.roundedUp) {
      f.status |= X87State.C1;
    }
    f.raise(flags);
    if (pop && !f.suppressed) {
      f.pop();
    }
  }

  /** ST as single ({@code size} 2) or double precision. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toFloat(X86Cpu c, int size) {
    X87State f = c.fpu;
    SoftFloat u = f.arithmetic;
    if (stageEmpty(f)) {
      return size == 2 ? SseSlow.DEFAULT_NAN32 : SseSlow.DEFAULT_NAN64;
    }
    int rounding = (f.control >> 10) & 3;
    if (size == 2) {
      u.begin32(rounding);
    } else {
      u.begin64(rounding);
    }
    // Only to have underflow reported when tiny but exact: then nothing is stored.
    u.wrapExponent((f.control & SoftFloat.UE) == 0, false);
    X87Arith.unpackSt(f, u.a, 0);
    if (!X87Arith.special1(u)) {
      u.round(u.a);
    }
    stage(f, u.flags);
    if (f.suppressed) {
      return 0;
    }
    return size == 2 ? u.pack32() : u.pack64();
  }

  /** ST as a signed integer of {@code bits}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toInteger(X86Cpu c, int bits, boolean truncate) {
    X87State f = c.fpu;
    if (stageEmpty(f)) {
      return -1L << (bits - 1);
    }
    SoftFloat u = f.arithmetic;
    u.begin64(truncate ? SoftFloat.TRUNCATE : (f.control >> 10) & 3);
    X87Arith.unpackSt(f, u.a, 0);
    long v = u.toInteger(bits);
    stage(f, u.flags);
    return v;
  }

  /** ST as it is; bits 79:64 in {@code stagedHigh}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toExtended(X86Cpu c) {
    X87State f = c.fpu;
    if (stageEmpty(f)) {
      f.stagedHigh = X87Arith.DEFAULT_NAN_EXPONENT;
      return X87Arith.DEFAULT_NAN;
    }
    f.arithmetic.roundedUp = false;
    stage(f, 0);
    int p = f.physical(0);
    f.stagedHigh = f.signExponent[p];
    return f.significand[p];
  }

  /** ST as 18 packed decimal digits; bits 79:64 in {@code stagedHigh}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static long toBcd(X86Cpu c) {
    X87State f = c.fpu;
    f.stagedHigh = 0xffff;
    if (stageEmpty(f)) {
      return X87Arith.DEFAULT_NAN;
    }
    SoftFloat u = f.arithmetic;
    u.begin64((f.control >> 10) & 3);
    X87Arith.unpackSt(f, u.a, 0);
    long v = u.toInteger(64);
    if (!u.outOfRange && (v > MAX_BCD || v < -MAX_BCD)) {
      u.flags = SoftFloat.IE;
      u.roundedUp = false;
      u.outOfRange = true;
    }
    stage(f, u.flags);
    if (u.outOfRange) {
      return X87Arith.DEFAULT_NAN;
    }
    long magnitude = Math.abs(v);
    long low = 0;
    for (int i = 0; i < 16; i++) {
      low |= magnitude % 10 << (4 * i);
      magnitude /= 10;
    }
    f.stagedHigh = (int) (magnitude % 10 | magnitude / 10 << 4) | (u.a.negative ? 0x8000 : 0);
    return low;
  }
}
