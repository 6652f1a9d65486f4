package org.tuber.truffle.x86.decode;

import static com.oracle.truffle.api.CompilerDirectives.SLOWPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Operands by the words of an instruction. Values are always <em>sign-extended</em> to 64 bits from
 * their size; writing takes the low bits. A 32-bit register write clears bits 63:32, 8 and 16-bit
 * writes keep the rest (SDM vol. 1, 3.4.1.1).
 */
public final class Operand {
  private Operand() {}

  /** Sign-extends the low {@code 8 << size} bits. */
  public static long sext(long v, int size) {
    return size == 3 ? v : size == 2 ? (int) v : size == 1 ? (short) v : (byte) v;
  }

  /** Zero-extends the low {@code 8 << size} bits. */
  public static long zext(long v, int size) {
    return size == 3 ? v : size == 2 ? v & 0xffff_ffffL : size == 1 ? v & 0xffff : v & 0xff;
  }

  /** Register {@code n} as {@link Word} numbers it. */
  public static long register(X86State s, int n, int size) {
    return size == 3 ? s.r[n] : size == 2 ? (int) s.r[n] : narrow(s, n, size);
  }

  private static long narrow(X86State s, int n, int size) {
    if (size == 1) {
      return (short) s.r[n];
    }
    return (n & 16) == 0 ? (byte) s.r[n] : (byte) (s.r[n & 3] >> 8);
  }

  /** Writes register {@code n}. */
  public static void setRegister(X86State s, int n, int size, long v) {
    if (size == 3) {
      s.r[n] = v;
    } else if (size == 2) {
      s.r[n] = v & 0xffff_ffffL;
    } else {
      setNarrow(s, n, size, v);
    }
  }

  private static void setNarrow(X86State s, int n, int size, long v) {
    if (size == 1) {
      s.r[n] = (s.r[n] & ~0xffffL) | (v & 0xffff);
    } else if ((n & 16) == 0) {
      s.r[n] = (s.r[n] & ~0xffL) | (v & 0xff);
    } else {
      s.r[n & 3] = (s.r[n & 3] & ~0xff00L) | ((v & 0xff) << 8);
    }
  }

  /** The reg operand. */
  public static long g(X86State s, long w0, int size) {
    return register(s, Word.reg(w0), size);
  }

  /** Writes the reg operand. */
  public static void setG(X86State s, long w0, int size, long v) {
    setRegister(s, Word.reg(w0), size, v);
  }

  /** The r/m operand: register or memory. */
  public static long e(X86State s, X86Cpu c, long w0, long w1, int size) {
    return Word.isMemory(w0)
        ? load(s, c, address(s, c, w0, w1, 1 << size), size)
        : register(s, Word.rm(w0), size);
  }

  /** Writes the r/m operand. */
  public static void setE(X86State s, X86Cpu c, long w0, long w1, int size, long v) {
    if (Word.isMemory(w0)) {
      store(s, c, address(s, c, w0, w1, 1 << size), size, v);
    } else {
      setRegister(s, Word.rm(w0), size, v);
    }
  }

  /** Loads {@code 1 << size} bytes, sign-extended. */
  public static long load(X86State s, X86Cpu c, long gva, int size) {
    if (size == 3) {
      return SoftTlb.load64(s, c, gva);
    }
    if (size == 2) {
      return SoftTlb.load32(s, c, gva);
    }
    return size == 1 ? SoftTlb.load16(s, c, gva) : SoftTlb.load8(s, c, gva);
  }

  /** Stores {@code 1 << size} bytes. */
  public static void store(X86State s, X86Cpu c, long gva, int size, long v) {
    if (size == 3) {
      SoftTlb.store64(s, c, gva, v);
    } else if (size == 2) {
      SoftTlb.store32(s, c, gva, v);
    } else if (size == 1) {
      SoftTlb.store16(s, c, gva, v);
    } else {
      SoftTlb.store8(s, c, gva, v);
    }
  }

  /**
   * Effective address plus segment base: the linear address of a memory operand as wide as the word
   * says, for integer instructions.
   */
  public static long address(X86State s, X86Cpu c, long w0, long w1) {
    long a = offset(s, w0, w1);
    return (w0 & Word.COMPLEX_ADDRESS) == 0 ? a : segmented(c, w0, a, 1 << Word.size(w0));
  }

  /** The same for an operand of {@code bytes} bytes. */
  public static long address(X86State s, X86Cpu c, long w0, long w1, int bytes) {
    long a = offset(s, w0, w1);
    return (w0 & Word.COMPLEX_ADDRESS) == 0 ? a : segmented(c, w0, a, bytes);
  }

  /** The same for an operand {@code distance} bytes away from the effective address. */
  public static long address(X86State s, X86Cpu c, long w0, long w1, int bytes, long distance) {
    long a = offset(s, w0, w1) + distance;
    return (w0 & Word.COMPLEX_ADDRESS) == 0 ? a : segmented(c, w0, a, bytes);
  }

  /** The effective address itself, as LEA gives it (address size applied). */
  public static long effectiveAddress(X86State s, long w0, long w1) {
    long a = offset(s, w0, w1);
    if ((w0 & Word.ADDR32) != 0) {
      return a & 0xffff_ffffL;
    }
    return (w0 & Word.ADDR16) != 0 ? a & 0xffff : a;
  }

  private static long offset(X86State s, long w0, long w1) {
    return (w1 >> 32) + s.r[Word.base(w0)] + (s.r[Word.index(w0)] << Word.scale(w0));
  }

  private static long segmented(X86Cpu c, long w0, long a, int bytes) {
    if ((w0 & Word.ADDR32) != 0) {
      a &= 0xffff_ffffL;
    } else if ((w0 & Word.ADDR16) != 0) {
      a &= 0xffff;
    }
    int segment = Word.segment(w0);
    return segment < 0 ? a : linear(c, segment, a, bytes);
  }

  /** Linear address of {@code bytes} bytes at an offset in a segment; checks the limit. */
  public static long linear(X86Cpu c, int segment, long offset, int bytes) {
    if ((c.mode & X86Cpu.MODE_64) != 0) {
      return offset + c.segmentBase[segment];
    }
    Segment g = c.segments[segment];
    if (injectBranchProbability(
        SLOWPATH_PROBABILITY, offset + bytes - 1 > g.limit || !g.isPresentExpandUp())) {
      beyondPlainLimit(c, segment, offset, bytes);
    }
    return (offset + g.base) & 0xffff_ffffL;
  }

  /** What is not simply below the limit of an expand-up segment (SDM vol. 3, 5.3). */
  @TruffleBoundary(transferToInterpreterOnException = false)
  private static void beyondPlainLimit(X86Cpu c, int segment, long offset, int bytes) {
    if (!c.segments[segment].contains(offset, bytes)) {
      throw c.exception(segment == X86Cpu.SS ? X86Cpu.SS_FAULT : X86Cpu.GP, 0);
    }
  }
}
