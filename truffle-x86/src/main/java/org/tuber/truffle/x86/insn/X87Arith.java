package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.math.BigInteger;
import org.tuber.truffle.x86.insn.SoftFloat.Num;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X87State;

/**
 * x87 arithmetic, comparison and the operations on ST alone (SDM vol. 1, 8.3 and 8.5): exact in
 * value, precision control, rounding, flags and the responses to masked and unmasked exceptions.
 */
final class X87Arith {
  /** Source format: single precision. */
  static final int SINGLE = 2;

  /** Source format: double precision. */
  static final int DOUBLE = 3;

  /** Source format: integer, sign-extended. */
  static final int INTEGER = 4;

  static final int DEFAULT_NAN_EXPONENT = 0xffff;
  static final long DEFAULT_NAN = 0xc000_0000_0000_0000L;

  private static final int CONDITIONS = X87State.C0 | X87State.C1 | X87State.C2 | X87State.C3;
  private static final int UNORDERED = X87State.C0 | X87State.C2 | X87State.C3;
  private static final long QUIET = 0x4000_0000_0000_0000L;
  private static final int FCOM = 2;
  private static final int FCOMP = 3;
  private static final int PRE_COMPUTATION = SoftFloat.IE | SoftFloat.DE | SoftFloat.ZE;

  private X87Arith() {}

  // ---------------------------------------------------------------- operands

  static void unpack(Num n, int format, long raw) {
    switch (format) {
      case SINGLE -> SoftFloat.unpack32(n, (int) raw);
      case DOUBLE -> SoftFloat.unpack64(n, raw);
      default -> SoftFloat.unpackInteger(n, raw);
    }
  }

  /** Unpacks ST(i). */
  static void unpackSt(X87State f, Num n, int i) {
    int p = f.physical(i);
    SoftFloat.unpack80(n, f.signExponent[p], f.significand[p]);
  }

  /** Readies the unit for a result in a register. */
  static SoftFloat begin(X87State f, int precision) {
    SoftFloat u = f.arithmetic;
    u.begin80(precision, (f.control >> 10) & 3);
    u.wrapExponent((f.control & SoftFloat.UE) == 0, (f.control & SoftFloat.OE) == 0);
    return u;
  }

  /** Precision control: bits of significand. */
  private static int precision(X87State f) {
    return switch ((f.control >> 8) & 3) {
      case 0 -> 24;
      case 2 -> 53;
      default -> 64;
    };
  }

  static boolean isNaN(Num n) {
    return n.kind == SoftFloat.NAN;
  }

  static boolean isSignalling(Num n) {
    return n.kind == SoftFloat.NAN && (n.significand & QUIET) == 0;
  }

  /**
   * Handles operands that are NaNs or unsupported, SDM vol. 1, table 4-7.
   *
   * @return true when there was one, the result then is ready
   */
  static boolean special2(SoftFloat u) {
    Num a = u.a;
    Num b = u.b;
    if (a.kind == SoftFloat.UNSUPPORTED || b.kind == SoftFloat.UNSUPPORTED) {
      u.invalid();
      return true;
    }
    if (!isNaN(a) && !isNaN(b)) {
      return false;
    }
    boolean signallingA = isSignalling(a);
    boolean signallingB = isSignalling(b);
    if (signallingA || signallingB) {
      u.flags |= SoftFloat.IE;
    }
    Num chosen;
    if (!isNaN(b)) {
      chosen = a;
    } else if (!isNaN(a)) {
      chosen = b;
    } else if (signallingA != signallingB) {
      chosen = signallingA ? b : a;
    } else {
      int order = Long.compareUnsigned(a.significand, b.significand);
      chosen = order > 0 || (order == 0 && !a.negative) ? a : b;
    }
    u.result.set(SoftFloat.NAN, chosen.negative, 0, chosen.significand | QUIET);
    return true;
  }

  /** The same for the single operand a. */
  static boolean special1(SoftFloat u) {
    if (u.a.kind == SoftFloat.UNSUPPORTED) {
      u.invalid();
      return true;
    }
    if (!isNaN(u.a)) {
      return false;
    }
    u.flags |= isSignalling(u.a) ? SoftFloat.IE : 0;
    u.result.set(SoftFloat.NAN, u.a.negative, 0, u.a.significand | QUIET);
    return true;
  }

  // ---------------------------------------------------------------- results

  /**
   * Stack underflow: the default NaN goes to ST(i) when masked.
   *
   * @return true when unmasked
   */
  static boolean underflow(X87State f, int i) {
    f.status &= ~X87State.C1;
    if (f.raise(SoftFloat.IE | X87State.SF)) {
      return true;
    }
    f.set(i, DEFAULT_NAN_EXPONENT, DEFAULT_NAN);
    return false;
  }

  /** Stack overflow: the default NaN is pushed when masked. */
  static void overflow(X87State f) {
    f.status |= X87State.C1;
    if (!f.raise(SoftFloat.IE | X87State.SF)) {
      f.push(DEFAULT_NAN_EXPONENT, DEFAULT_NAN);
    }
  }

  /**
   * Stores the unit's result in ST(i), unless an unmasked exception forbids it.
   *
   * @return true when stored
   */
  static boolean commit(X87State f, SoftFloat u, int i) {
    f.status &= ~X87State.C1;
    boolean refused = (u.flags & ~f.control & PRE_COMPUTATION) != 0;
    if (refused) {
      f.raise(u.flags & PRE_COMPUTATION);
      return false;
    }
    f.raise(u.flags);
    if (u.roundedUp) {
      f.status |= X87State.C1;
    }
    f.set(i, u.signExponent80(), u.significand80());
    return true;
  }

  // ---------------------------------------------------------------- two operands

  /** FADD ... FDIVR of ST and a memory operand; also FCOM, FCOMP. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void memory(X86Cpu c, int kind, int format, long raw) {
    X87State f = c.fpu;
    if (kind == FCOM || kind == FCOMP) {
      SoftFloat u = begin(f, 64);
      unpack(u.b, format, raw);
      int order = f.isEmpty(0) ? stackFault(f) : compare(f, u, false);
      if (setConditions(f, order) && kind == FCOMP) {
        f.pop();
      }
      return;
    }
    if (f.isEmpty(0)) {
      underflow(f, 0);
      return;
    }
    SoftFloat u = begin(f, precision(f));
    unpackSt(f, u.a, 0);
    unpack(u.b, format, raw);
    operate(u, kind);
    commit(f, u, 0);
  }

  /** The same of ST and ST(i), into ST(destination). */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void registers(X86Cpu c, int kind, int i, int destination, boolean pop) {
    X87State f = c.fpu;
    if (kind == FCOM || kind == FCOMP) {
      compareRegisters(f, i, false, kind == FCOMP ? 1 : 0);
      return;
    }
    if (f.isEmpty(0) || f.isEmpty(i)) {
      if (!underflow(f, destination) && pop) {
        f.pop();
      }
      return;
    }
    SoftFloat u = begin(f, precision(f));
    unpackSt(f, u.a, 0);
    unpackSt(f, u.b, i);
    operate(u, kind);
    if (commit(f, u, destination) && pop) {
      f.pop();
    }
  }

  private static void operate(SoftFloat u, int kind) {
    if (special2(u)) {
      return;
    }
    if (kind == 5 || kind == 7) {
      u.swap();
    }
    switch (kind) {
      case 0 -> u.add(false);
      case 1 -> u.multiply();
      case 4, 5 -> u.add(true);
      default -> u.divide();
    }
  }

  // ---------------------------------------------------------------- comparison

  /**
   * Order codes: 0 greater, 1 less, 2 equal, 3 unordered; plus 4 where an unmasked exception
   * forbids the pop.
   */
  private static int compare(X87State f, SoftFloat u, boolean quietAllowed) {
    unpackSt(f, u.a, 0);
    boolean unsupported = u.a.kind == SoftFloat.UNSUPPORTED || u.b.kind == SoftFloat.UNSUPPORTED;
    int order;
    if (unsupported || isNaN(u.a) || isNaN(u.b)) {
      boolean invalid = unsupported || !quietAllowed || isSignalling(u.a) || isSignalling(u.b);
      u.flags |= invalid ? SoftFloat.IE : 0;
      order = 3;
    } else {
      int sign = u.compare();
      order = sign > 0 ? 0 : sign < 0 ? 1 : 2;
    }
    return f.raise(u.flags) ? order | 4 : order;
  }

  private static int stackFault(X87State f) {
    f.status &= ~X87State.C1;
    return f.raise(SoftFloat.IE | X87State.SF) ? 7 : 3;
  }

  /** Sets C3 C2 C0; returns whether a pop may follow. */
  private static boolean setConditions(X87State f, int order) {
    int bits =
        switch (order & 3) {
          case 0 -> 0;
          case 1 -> X87State.C0;
          case 2 -> X87State.C3;
          default -> UNORDERED;
        };
    f.status = f.status & ~CONDITIONS | bits;
    return order < 4;
  }

  private static void compareRegisters(X87State f, int i, boolean quietAllowed, int pops) {
    int order;
    if (f.isEmpty(0) || f.isEmpty(i)) {
      order = stackFault(f);
    } else {
      SoftFloat u = begin(f, 64);
      unpackSt(f, u.b, i);
      order = compare(f, u, quietAllowed);
    }
    if (setConditions(f, order)) {
      for (int n = 0; n < pops; n++) {
        f.pop();
      }
    }
  }

  /** FCOMI family; returns the order code. C1 stays but for a stack fault, as AMD has it. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static int compareToFlags(X86Cpu c, int i, boolean quietAllowed, boolean pop) {
    X87State f = c.fpu;
    int order;
    if (f.isEmpty(0) || f.isEmpty(i)) {
      order = stackFault(f);
    } else {
      SoftFloat u = begin(f, 64);
      unpackSt(f, u.b, i);
      order = compare(f, u, quietAllowed);
    }
    if (order < 4 && pop) {
      f.pop();
    }
    return order & 3;
  }

  // ---------------------------------------------------------------- ST alone and stack control

  /** Everything without a memory operand that is not arithmetic of two registers. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  static void simple(X86Cpu c, int op, int i) {
    X87State f = c.fpu;
    switch (op) {
      case X87Rows.FXCH -> exchange(f, i);
      case X87Rows.FFREE -> {
        f.status &= ~X87State.C1;
        f.free(i);
      }
      case X87Rows.FFREEP -> {
        f.status &= ~X87State.C1;
        f.free(i);
        f.pop();
      }
      case X87Rows.FUCOM -> compareRegisters(f, i, true, 0);
      case X87Rows.FUCOMP -> compareRegisters(f, i, true, 1);
      case X87Rows.FUCOMPP -> compareRegisters(f, 1, true, 2);
      case X87Rows.FCOMPP -> compareRegisters(f, 1, false, 2);
      case X87Rows.FXAM -> examine(f);
      case X87Rows.FDECSTP -> {
        f.status &= ~X87State.C1;
        f.top = (f.top - 1) & 7;
      }
      case X87Rows.FINCSTP -> {
        f.status &= ~X87State.C1;
        f.top = (f.top + 1) & 7;
      }
      default -> {
        if (op >= X87Rows.CONSTANT && op < X87Rows.F2XM1) {
          constant(f, op - X87Rows.CONSTANT);
        } else if (op == X87Rows.FTST && f.isEmpty(0)) {
          setConditions(f, stackFault(f));
        } else if (f.isEmpty(0)) {
          X87Transcendental.emptyOperand(f, op);
        } else {
          unary(f, op);
        }
      }
    }
  }

  private static void unary(X87State f, int op) {
    int p = f.physical(0);
    switch (op) {
      case X87Rows.FCHS -> {
        f.status &= ~X87State.C1;
        f.signExponent[p] ^= 0x8000;
      }
      case X87Rows.FABS -> {
        f.status &= ~X87State.C1;
        f.signExponent[p] &= 0x7fff;
      }
      case X87Rows.FTST -> {
        SoftFloat u = begin(f, 64);
        u.b.set(SoftFloat.ZERO, false, 0, 0);
        setConditions(f, compare(f, u, false));
      }
      case X87Rows.FSQRT -> {
        SoftFloat u = begin(f, precision(f));
        unpackSt(f, u.a, 0);
        if (!special1(u)) {
          u.sqrt();
        }
        commit(f, u, 0);
      }
      case X87Rows.FRNDINT -> {
        SoftFloat u = begin(f, 64);
        unpackSt(f, u.a, 0);
        if (!special1(u)) {
          u.roundToIntegral();
        }
        commit(f, u, 0);
      }
      case X87Rows.FPREM, X87Rows.FPREM1 -> remainder(f, op == X87Rows.FPREM1);
      case X87Rows.FSCALE -> scale(f);
      case X87Rows.FXTRACT -> extract(f);
      default -> X87Transcendental.run(f, op);
    }
  }

  private static void exchange(X87State f, int i) {
    f.status &= ~X87State.C1;
    if (f.isEmpty(0) || f.isEmpty(i)) {
      if (f.raise(SoftFloat.IE | X87State.SF)) {
        return;
      }
      for (int n = 0; n <= i; n += Math.max(i, 1)) {
        if (f.isEmpty(n)) {
          f.set(n, DEFAULT_NAN_EXPONENT, DEFAULT_NAN);
        }
      }
    }
    int p = f.physical(0);
    int q = f.physical(i);
    int e = f.signExponent[p];
    long v = f.significand[p];
    f.signExponent[p] = f.signExponent[q];
    f.significand[p] = f.significand[q];
    f.signExponent[q] = e;
    f.significand[q] = v;
  }

  private static void examine(X87State f) {
    int p = f.physical(0);
    int bits = (f.signExponent[p] & 0x8000) != 0 ? X87State.C1 : 0;
    if (f.isEmpty(0)) {
      bits |= X87State.C3 | X87State.C0;
    } else {
      Num n = f.arithmetic.a;
      unpackSt(f, n, 0);
      bits |=
          switch (n.kind) {
            case SoftFloat.UNSUPPORTED -> 0;
            case SoftFloat.NAN -> X87State.C0;
            case SoftFloat.INFINITE -> X87State.C2 | X87State.C0;
            case SoftFloat.ZERO -> X87State.C3;
            default -> n.subnormal ? X87State.C3 | X87State.C2 : X87State.C2;
          };
    }
    f.status = f.status & ~CONDITIONS | bits;
  }

  private static final int[] CONSTANT_EXPONENTS = {
    0x3fff, 0x4000, 0x3fff, 0x4000, 0x3ffd, 0x3ffe, 0
  };

  /** Significands rounded toward zero. */
  private static final long[] CONSTANTS = {
    0x8000_0000_0000_0000L,
    0xd49a_784b_cd1b_8afeL,
    0xb8aa_3b29_5c17_f0bbL,
    0xc90f_daa2_2168_c234L,
    0x9a20_9a84_fbcf_f798L,
    0xb172_17f7_d1cf_79abL,
    0
  };

  /** The constants are kept to 66 bits or more, and rounded as RC says. */
  private static void constant(X87State f, int k) {
    if (!f.isEmpty(7)) {
      overflow(f);
      return;
    }
    f.status &= ~X87State.C1;
    int rounding = (f.control >> 10) & 3;
    boolean inexact = k != 0 && k != 6;
    // Only log2 10 lies below the middle of its two neighbours.
    boolean up = inexact && (rounding == SoftFloat.UP || (rounding == SoftFloat.NEAREST && k != 1));
    f.push(CONSTANT_EXPONENTS[k], CONSTANTS[k] + (up ? 1 : 0));
  }

  // ---------------------------------------------------------------- remainder, scale, extract

  private static BigInteger big(long v) {
    return new BigInteger(Long.toUnsignedString(v));
  }

  /** FPREM (quotient truncated) and FPREM1 (nearest): up to 63 bits of quotient at a time. */
  private static void remainder(X87State f, boolean nearest) {
    f.status &= ~(X87State.C1 | X87State.C2);
    if (f.isEmpty(1)) {
      underflow(f, 0);
      return;
    }
    SoftFloat u = begin(f, 64);
    unpackSt(f, u.a, 0);
    unpackSt(f, u.b, 1);
    int quotientBits = 0;
    boolean partial = false;
    boolean special = special2(u);
    if (!special) {
      Num a = u.a;
      Num b = u.b;
      if (a.kind == SoftFloat.INFINITE || b.kind == SoftFloat.ZERO) {
        u.invalid();
        special = true;
      } else {
        u.flags |= a.subnormal || b.subnormal ? SoftFloat.DE : 0;
        int d = a.exponent - b.exponent;
        if (a.kind == SoftFloat.ZERO || b.kind == SoftFloat.INFINITE || d < -1) {
          u.round(a);
        } else {
          partial = d >= 64;
          int n = partial ? 32 + (d & 31) : d;
          BigInteger divisor = n < 0 ? big(b.significand).shiftLeft(1) : big(b.significand);
          BigInteger[] qr =
              big(a.significand).shiftLeft(Math.max(n, 0)).divideAndRemainder(divisor);
          BigInteger q = qr[0];
          BigInteger r = qr[1];
          boolean negative = a.negative;
          if (nearest && !partial) {
            int half = r.shiftLeft(1).compareTo(divisor);
            if (half > 0 || (half == 0 && q.testBit(0))) {
              q = q.add(BigInteger.ONE);
              r = divisor.subtract(r);
              negative = !negative;
            }
          }
          quotientBits = partial ? 0 : q.intValue() & 7;
          int scale = n < 0 ? a.exponent : b.exponent + d - n;
          if (r.signum() == 0) {
            u.result.set(SoftFloat.ZERO, a.negative, 0, 0);
          } else {
            int length = r.bitLength();
            u.round(negative, scale - 64 + length, r.shiftLeft(64 - length).longValue(), 0);
          }
        }
      }
    }
    if (commit(f, u, 0) && !special) {
      int bits = partial ? X87State.C2 : 0;
      bits |= (quotientBits & 4) != 0 ? X87State.C0 : 0;
      bits |= (quotientBits & 2) != 0 ? X87State.C3 : 0;
      bits |= (quotientBits & 1) != 0 ? X87State.C1 : 0;
      f.status = f.status & ~CONDITIONS | bits;
    }
  }

  /** FSCALE: ST * 2^trunc(ST(1)). */
  private static void scale(X87State f) {
    if (f.isEmpty(1)) {
      underflow(f, 0);
      return;
    }
    SoftFloat u = begin(f, 64);
    unpackSt(f, u.a, 0);
    unpackSt(f, u.b, 1);
    if (!special2(u)) {
      Num a = u.a;
      Num b = u.b;
      if (b.kind == SoftFloat.INFINITE) {
        boolean invalid = b.negative ? a.kind == SoftFloat.INFINITE : a.isZero();
        if (invalid) {
          u.invalid();
        } else {
          u.flags |= a.subnormal ? SoftFloat.DE : 0;
          u.result.set(b.negative ? SoftFloat.ZERO : SoftFloat.INFINITE, a.negative, 0, 0);
        }
      } else if (a.kind != SoftFloat.FINITE) {
        u.flags |= b.subnormal ? SoftFloat.DE : 0;
        u.round(a);
      } else {
        u.flags |= a.subnormal || b.subnormal ? SoftFloat.DE : 0;
        int n = 0;
        if (b.kind == SoftFloat.FINITE && b.exponent >= 0) {
          n = b.exponent > 16 ? 1 << 17 : (int) (b.significand >>> (63 - b.exponent));
        }
        u.round(a.negative, a.exponent + (b.negative ? -n : n), a.significand, 0);
      }
    }
    commit(f, u, 0);
  }

  /** FXTRACT: ST becomes its exponent, its significand is pushed. */
  private static void extract(X87State f) {
    if (!f.isEmpty(7)) {
      f.status |= X87State.C1;
      if (!f.raise(SoftFloat.IE | X87State.SF)) {
        f.set(0, DEFAULT_NAN_EXPONENT, DEFAULT_NAN);
        f.push(DEFAULT_NAN_EXPONENT, DEFAULT_NAN);
      }
      return;
    }
    SoftFloat u = begin(f, 64);
    unpackSt(f, u.a, 0);
    Num a = u.a;
    if (special1(u)) {
      if (commit(f, u, 0)) {
        f.push(u.signExponent80(), u.significand80());
      }
      return;
    }
    int sign = a.negative ? 0x8000 : 0;
    int pushedExponent = sign;
    long pushed = 0;
    if (a.isZero()) {
      u.flags |= SoftFloat.ZE;
      u.result.set(SoftFloat.INFINITE, true, 0, 0);
    } else if (a.kind == SoftFloat.INFINITE) {
      u.result.set(SoftFloat.INFINITE, false, 0, 0);
      pushedExponent = sign | 0x7fff;
      pushed = Long.MIN_VALUE;
    } else {
      u.flags |= a.subnormal ? SoftFloat.DE : 0;
      SoftFloat.unpackInteger(u.b, a.exponent);
      pushedExponent = sign | 0x3fff;
      pushed = a.significand;
      u.round(u.b);
    }
    if (commit(f, u, 0)) {
      f.push(pushedExponent, pushed);
    }
  }
}
