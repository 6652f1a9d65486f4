package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.SLOWPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.math.BigInteger;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * MUL, IMUL, DIV, IDIV (SDM vol. 2). CF = OF = the product does not fit; SF, ZF, PF follow the low
 * half (undefined by the manual). Division leaves the flags alone and raises #DE on a zero divisor
 * or a quotient that does not fit.
 */
final class MulDiv {
  private static final int RAX = 0;
  private static final int RDX = 2;

  private MulDiv() {}

  static void mul(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long b = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    long a = Operand.zext(s.r[RAX], size);
    long low = a * b;
    long high;
    if (size == 3) {
      high = Math.unsignedMultiplyHigh(a, b);
      s.r[RDX] = high;
      s.r[RAX] = low;
    } else {
      high = low >>> (8 << size);
      setPair(s, size, low, high);
    }
    Flags.result(s, Operand.sext(low, size), high != 0, high != 0);
  }

  static void imul1(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long b = Operand.e(s, c, w0, w1, size);
    long a = Operand.register(s, RAX, size);
    long low = a * b;
    boolean overflow;
    if (size == 3) {
      long high = Math.multiplyHigh(a, b);
      s.r[RDX] = high;
      s.r[RAX] = low;
      overflow = high != low >> 63;
    } else {
      setPair(s, size, low, low >> (8 << size));
      overflow = Operand.sext(low, size) != low;
    }
    Flags.result(s, Operand.sext(low, size), overflow, overflow);
  }

  /** AX, DX:AX or EDX:EAX. */
  private static void setPair(X86State s, int size, long low, long high) {
    if (size == 0) {
      Operand.setRegister(s, RAX, 1, (low & 0xff) | (high & 0xff) << 8);
    } else {
      Operand.setRegister(s, RAX, size, low);
      Operand.setRegister(s, RDX, size, high);
    }
  }

  static void imul2(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    signedProduct(s, w0, size, Operand.g(s, w0, size), Operand.e(s, c, w0, w1, size));
  }

  static void imul3(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    signedProduct(s, w0, size, Operand.e(s, c, w0, w1, size), Word.immediate(w1));
  }

  private static void signedProduct(X86State s, long w0, int size, long a, long b) {
    long product = a * b;
    long r = Operand.sext(product, size);
    boolean overflow = size == 3 ? Math.multiplyHigh(a, b) != product >> 63 : r != product;
    Flags.result(s, r, overflow, overflow);
    Operand.setG(s, w0, size, r);
  }

  static void div(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long divisor = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    if (injectBranchProbability(SLOWPATH_PROBABILITY, divisor == 0)) {
      throw c.exception(X86Cpu.DE);
    }
    if (size == 3) {
      long high = s.r[RDX];
      long low = s.r[RAX];
      if (high == 0) {
        s.r[RAX] = Long.divideUnsigned(low, divisor);
        s.r[RDX] = Long.remainderUnsigned(low, divisor);
        return;
      }
      if (injectBranchProbability(SLOWPATH_PROBABILITY, Long.compareUnsigned(high, divisor) >= 0)) {
        throw c.exception(X86Cpu.DE);
      }
      long quotient = wideQuotient(high, low, divisor);
      s.r[RAX] = quotient;
      s.r[RDX] = low - quotient * divisor;
      return;
    }
    long dividend = dividend(s, size);
    long quotient = Long.divideUnsigned(dividend, divisor);
    if (injectBranchProbability(SLOWPATH_PROBABILITY, quotient >>> (8 << size) != 0)) {
      throw c.exception(X86Cpu.DE);
    }
    setPair(s, size, quotient, dividend - quotient * divisor);
  }

  /** AX, DX:AX or EDX:EAX, zero-extended. */
  private static long dividend(X86State s, int size) {
    return switch (size) {
      case 0 -> s.r[RAX] & 0xffff;
      case 1 -> (s.r[RDX] & 0xffff) << 16 | (s.r[RAX] & 0xffff);
      default -> s.r[RDX] << 32 | (s.r[RAX] & 0xffff_ffffL);
    };
  }

  static void idiv(X86State s, X86Cpu c, long w0, long w1) {
    int size = Word.size(w0);
    long divisor = Operand.e(s, c, w0, w1, size);
    if (injectBranchProbability(SLOWPATH_PROBABILITY, divisor == 0)) {
      throw c.exception(X86Cpu.DE);
    }
    long dividend;
    if (size == 3) {
      long low = s.r[RAX];
      if (s.r[RDX] != low >> 63) {
        wideSigned(s, c, s.r[RDX], low, divisor);
        return;
      }
      dividend = low;
    } else {
      dividend = size == 0 ? (short) s.r[RAX] : Operand.sext(dividend(s, size), size + 1);
    }
    if (divisor == -1) {
      // The one quotient that Java's division would wrap.
      long quotient = -dividend;
      if (dividend == Long.MIN_VALUE || Operand.sext(quotient, size) != quotient) {
        throw c.exception(X86Cpu.DE);
      }
      setQuotient(s, size, quotient, 0);
      return;
    }
    long quotient = dividend / divisor;
    if (injectBranchProbability(SLOWPATH_PROBABILITY, Operand.sext(quotient, size) != quotient)) {
      throw c.exception(X86Cpu.DE);
    }
    setQuotient(s, size, quotient, dividend - quotient * divisor);
  }

  private static void setQuotient(X86State s, int size, long quotient, long remainder) {
    if (size == 3) {
      s.r[RAX] = quotient;
      s.r[RDX] = remainder;
    } else {
      setPair(s, size, quotient, remainder);
    }
  }

  private static void wideSigned(X86State s, X86Cpu c, long high, long low, long divisor) {
    boolean negative = high < 0;
    long h = negative ? ~high + (low == 0 ? 1 : 0) : high;
    long l = negative ? -low : low;
    long d = divisor < 0 ? -divisor : divisor;
    if (Long.compareUnsigned(h, d) >= 0) {
      throw c.exception(X86Cpu.DE);
    }
    long q = wideQuotient(h, l, d);
    boolean negativeQuotient = negative != (divisor < 0);
    if (negativeQuotient ? Long.compareUnsigned(q, Long.MIN_VALUE) > 0 : q < 0) {
      throw c.exception(X86Cpu.DE);
    }
    long remainder = l - q * d;
    s.r[RAX] = negativeQuotient ? -q : q;
    s.r[RDX] = negative ? -remainder : remainder;
  }

  /** 128 by 64 bits, unsigned; the caller knows that the quotient fits. */
  @TruffleBoundary
  private static long wideQuotient(long high, long low, long divisor) {
    BigInteger n = unsigned(high).shiftLeft(64).or(unsigned(low));
    return n.divide(unsigned(divisor)).longValue();
  }

  private static BigInteger unsigned(long v) {
    BigInteger b = BigInteger.valueOf(v & Long.MAX_VALUE);
    return v < 0 ? b.setBit(63) : b;
  }
}
