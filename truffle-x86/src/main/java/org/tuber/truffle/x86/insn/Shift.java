package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * ROL, ROR, RCL, RCR, SHL, SHR, SAR, SHLD, SHRD (SDM vol. 2).
 *
 * <p>The count is masked to 5 bits (6 for 64-bit operands); a masked count of 0 changes no flag. OF
 * is defined for count 1 only; for others this is what the count-1 rule gives on the result. AF is
 * cleared by shifts.
 */
final class Shift {
  private static final int ROL = 0;
  private static final int ROR = 1;
  private static final int RCL = 2;
  private static final int RCR = 3;
  private static final int SHR = 5;
  private static final int SAR = 7;

  private Shift() {}

  /** Shift or rotate of E by {@code count}; the kind is ModRM's reg field. */
  static void shift(X86State s, X86Cpu c, long w0, long w1, int count) {
    int size = Word.size(w0);
    int n = count & (size == 3 ? 63 : 31);
    int kind = Word.reg(w0);
    if (!Word.isMemory(w0)) {
      long a = Operand.register(s, Word.rm(w0), size);
      long r = result(s, kind, a, n, size);
      if (n != 0) {
        flags(s, kind, a, r, n, size);
      }
      Operand.setRegister(s, Word.rm(w0), size, r);
      return;
    }
    long gva = Operand.address(s, c, w0, w1);
    long host = SoftTlb.writableHost(s, c, gva, 1 << size);
    long a = host != 0 ? Alu.hostLoad(host, size) : Operand.load(s, c, gva, size);
    long r = result(s, kind, a, n, size);
    if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
      Alu.hostStore(host, size, r);
    } else {
      Operand.store(s, c, gva, size, r);
    }
    if (n != 0) {
      flags(s, kind, a, r, n, size);
    }
  }

  private static long result(X86State s, int kind, long a, int n, int size) {
    if (size == 2 && kind != RCL && kind != RCR) {
      return result32(kind, (int) a, n);
    }
    int bits = 8 << size;
    long v = Operand.zext(a, size);
    switch (kind) {
      case ROL -> {
        int k = n & (bits - 1);
        return Operand.sext(size == 3 ? Long.rotateLeft(v, k) : v << k | v >>> (bits - k), size);
      }
      case ROR -> {
        int k = n & (bits - 1);
        return Operand.sext(size == 3 ? Long.rotateRight(v, k) : v >>> k | v << (bits - k), size);
      }
      case RCL -> {
        int k = size < 2 ? n % (bits + 1) : n;
        if (k == 0) {
          return a;
        }
        long carry = Flags.cf(s) ? 1 : 0;
        long high = k > 1 ? v >>> (bits + 1 - k) : 0;
        return Operand.sext((k == 64 ? 0 : v << k) | carry << (k - 1) | high, size);
      }
      case RCR -> {
        int k = size < 2 ? n % (bits + 1) : n;
        if (k == 0) {
          return a;
        }
        long carry = Flags.cf(s) ? 1 : 0;
        long high = k > 1 ? v << (bits + 1 - k) : 0;
        return Operand.sext(v >>> k | carry << (bits - k) | high, size);
      }
      case SHR -> {
        return Operand.sext(v >>> n, size);
      }
      case SAR -> {
        return a >> n;
      }
      default -> {
        return Operand.sext(v << n, size);
      }
    }
  }

  /** In {@code int}: the compiler recognizes rotates and drops the extensions. */
  private static int result32(int kind, int a, int n) {
    return switch (kind) {
      case ROL -> Integer.rotateLeft(a, n);
      case ROR -> Integer.rotateRight(a, n);
      case SHR -> a >>> n;
      case SAR -> a >> n;
      default -> a << n;
    };
  }

  private static void flags(X86State s, int kind, long a, long r, int n, int size) {
    int bits = 8 << size;
    long v = Operand.zext(a, size);
    switch (kind) {
      case ROL -> {
        boolean cf = (r & 1) != 0;
        Flags.carryOverflow(s, cf, (r < 0) != cf);
      }
      case ROR -> {
        boolean cf = r < 0;
        Flags.carryOverflow(s, cf, cf != ((r >>> (bits - 2) & 1) != 0));
      }
      case RCL -> {
        int k = size < 2 ? n % (bits + 1) : n;
        boolean cf = k == 0 ? Flags.cf(s) : (v >>> (bits - k) & 1) != 0;
        Flags.carryOverflow(s, cf, (r < 0) != cf);
      }
      case RCR -> {
        int k = size < 2 ? n % (bits + 1) : n;
        boolean cf = k == 0 ? Flags.cf(s) : (v >>> (k - 1) & 1) != 0;
        Flags.carryOverflow(s, cf, (r < 0) != ((r >>> (bits - 2) & 1) != 0));
      }
      case SHR -> Flags.result(s, r, (v >>> (n - 1) & 1) != 0, a < 0);
      case SAR -> Flags.result(s, r, (a >> (n - 1) & 1) != 0, false);
      default -> {
        boolean cf = size == 3 ? (v >>> (64 - n) & 1) != 0 : (v << n >>> bits & 1) != 0;
        Flags.result(s, r, cf, (r < 0) != cf);
      }
    }
  }

  /** SHLD ({@code left}) and SHRD of E by {@code count} bits from G. */
  static void doubleShift(X86State s, X86Cpu c, long w0, long w1, int count, boolean left) {
    int size = Word.size(w0);
    int bits = 8 << size;
    int n = count & (size == 3 ? 63 : 31);
    boolean memory = Word.isMemory(w0);
    long gva = memory ? Operand.address(s, c, w0, w1) : 0;
    long a = memory ? Operand.load(s, c, gva, size) : Operand.register(s, Word.rm(w0), size);
    if (n == 0) {
      if (!memory) {
        Operand.setRegister(s, Word.rm(w0), size, a);
      }
      return;
    }
    long v = Operand.zext(a, size);
    long g = Operand.zext(Operand.g(s, w0, size), size);
    long r;
    boolean cf;
    if (size == 1) {
      // Counts above 16 are undefined; hardware rotates the source in again.
      long wide = v << 32 | g << 16 | v;
      r = left ? wide << n >>> 32 : wide >>> n;
      cf = left ? (wide << n >>> 48 & 1) != 0 : (wide >>> (n - 1) & 1) != 0;
    } else if (left) {
      r = v << n | g >>> (bits - n);
      cf = (v >>> (bits - n) & 1) != 0;
    } else {
      r = v >>> n | g << (bits - n);
      cf = (v >>> (n - 1) & 1) != 0;
    }
    r = Operand.sext(r, size);
    if (memory) {
      Operand.store(s, c, gva, size, r);
    } else {
      Operand.setRegister(s, Word.rm(w0), size, r);
    }
    Flags.result(s, r, cf, (r ^ a) < 0);
  }
}
