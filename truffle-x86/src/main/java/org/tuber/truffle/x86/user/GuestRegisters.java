package org.tuber.truffle.x86.user;

import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X87State;

/** Registers of a library's process between two runs of its code, for calling conventions. */
public final class GuestRegisters {
  private static final int BIAS_DIFFERENCE = 16383 - 1023;
  private static final long INTEGER_BIT = 1L << 63;

  private final X86Cpu cpu;

  GuestRegisters(X86Cpu cpu) {
    this.cpu = cpu;
  }

  /** A general register by its number in instructions: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi. */
  public long get(int number) {
    return cpu.home.r[number];
  }

  public void set(int number, long value) {
    cpu.home.r[number] = value;
  }

  /** Low half of an XMM register. */
  public long xmm(int number) {
    return cpu.home.x[2 * number];
  }

  /** Sets the low half of an XMM register; the rest becomes zero. */
  public void setXmm(int number, long value) {
    cpu.home.x[2 * number] = value;
    cpu.home.x[2 * number + 1] = 0;
    cpu.home.y[2 * number] = 0;
    cpu.home.y[2 * number + 1] = 0;
  }

  /** Takes the top of the x87 stack, rounded to nearest. */
  public double popFloat() {
    X87State f = cpu.fpu;
    int n = f.top;
    int exponent = f.signExponent[n] & 0x7fff;
    long significand = f.significand[n];
    f.valid &= ~(1 << n);
    f.top = n + 1 & 7;
    double magnitude;
    if (exponent == 0x7fff) {
      magnitude = significand << 1 == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else {
      // An odd last bit keeps what the shift loses for the rounding.
      double s = significand >= 0 ? significand : 2.0 * (significand >>> 1 | significand & 1);
      magnitude = Math.scalb(s, exponent - 16383 - 63);
    }
    return (f.signExponent[n] & 0x8000) != 0 ? -magnitude : magnitude;
  }

  /** Puts a value on the x87 stack. */
  public void pushFloat(double value) {
    X87State f = cpu.fpu;
    int n = f.top - 1 & 7;
    f.top = n;
    f.valid |= 1 << n;
    long bits = Double.doubleToRawLongBits(value);
    int exponent = (int) (bits >>> 52) & 0x7ff;
    long fraction = bits << 12 >>> 1;
    int sign = bits < 0 ? 0x8000 : 0;
    if (exponent == 0x7ff) {
      f.signExponent[n] = sign | 0x7fff;
      f.significand[n] = INTEGER_BIT | fraction;
    } else if (exponent != 0) {
      f.signExponent[n] = sign | exponent + BIAS_DIFFERENCE;
      f.significand[n] = INTEGER_BIT | fraction;
    } else if (fraction == 0) {
      f.signExponent[n] = sign;
      f.significand[n] = 0;
    } else {
      int shift = Long.numberOfLeadingZeros(fraction);
      f.signExponent[n] = sign | 1 + BIAS_DIFFERENCE - shift;
      f.significand[n] = fraction << shift;
    }
  }
}
