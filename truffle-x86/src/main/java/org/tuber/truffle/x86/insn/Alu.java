package org.tuber.truffle.x86.insn;

import static com.oracle.truffle.api.CompilerDirectives.FASTPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NOT, NEG (SDM vol. 2).
 *
 * <p>Flags: all six by {@link Flags#add}, {@link Flags#sub}, {@link Flags#logic}; INC and DEC keep
 * CF; NOT keeps all. A memory destination is looked up once for reading and writing; registers and
 * flags change only after the store can no longer fault.
 */
public final class Alu {
  public static final int ADD = 0;
  public static final int OR = 1;
  public static final int ADC = 2;
  public static final int SBB = 3;
  public static final int AND = 4;
  public static final int SUB = 5;
  public static final int XOR = 6;
  public static final int CMP = 7;
  public static final int TEST = 8;

  /** 0 - operand. */
  private static final int NEG = 9;

  private static final int NOT = 10;

  private Alu() {}

  /** Any form and size, taken from the word. */
  static void generic(X86State s, X86Cpu c, long w0, long w1, int kind) {
    alu(s, c, w0, w1, kind, Word.form(w0), Word.size(w0), Word.isMemory(w0));
  }

  /** {@code kind}, {@code form}, {@code size}, {@code memory} are constants at hot call sites. */
  static void alu(
      X86State s, X86Cpu c, long w0, long w1, int kind, int form, int size, boolean memory) {
    if (form == Word.GE) {
      long b = memory ? Operand.load(s, c, Operand.address(s, c, w0, w1), size) : rm(s, w0, size);
      long a = Operand.g(s, w0, size);
      long r = result(s, kind, a, b, size);
      flags(s, kind, a, b, r);
      if (kind != CMP && kind != TEST) {
        Operand.setG(s, w0, size, r);
      }
      return;
    }
    long b = form == Word.EI ? Word.immediate(w1) : Operand.g(s, w0, size);
    if (!memory) {
      long a = rm(s, w0, size);
      long r = result(s, kind, a, b, size);
      flags(s, kind, a, b, r);
      if (kind != CMP && kind != TEST) {
        Operand.setRegister(s, Word.rm(w0), size, r);
      }
    } else if (kind == CMP || kind == TEST) {
      long a = Operand.load(s, c, Operand.address(s, c, w0, w1), size);
      flags(s, kind, a, b, result(s, kind, a, b, size));
    } else {
      modify(s, c, w0, Operand.address(s, c, w0, w1), kind, size, b);
    }
  }

  private static long rm(X86State s, long w0, int size) {
    return Operand.register(s, Word.rm(w0), size);
  }

  private static void modify(X86State s, X86Cpu c, long w0, long gva, int kind, int size, long b) {
    long host = SoftTlb.writableHost(s, c, gva, 1 << size);
    long a;
    long r;
    if (host != 0 && Atomic.isWanted(c, w0)) {
      do {
        a = hostLoad(host, size);
        r = result(s, kind, a, b, size);
      } while (!Atomic.swap(host, size, a, r));
    } else if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
      a = hostLoad(host, size);
      r = result(s, kind, a, b, size);
      hostStore(host, size, r);
    } else {
      a = Operand.load(s, c, gva, size);
      r = result(s, kind, a, b, size);
      Operand.store(s, c, gva, size, r);
    }
    flags(s, kind, a, b, r);
  }

  static long hostLoad(long host, int size) {
    return switch (size) {
      case 0 -> (byte) GuestRam.hostLoad8(host);
      case 1 -> (short) GuestRam.hostLoad16(host);
      case 2 -> GuestRam.hostLoad32(host);
      default -> GuestRam.hostLoad64(host);
    };
  }

  static void hostStore(long host, int size, long v) {
    switch (size) {
      case 0 -> GuestRam.hostStore8(host, (int) v);
      case 1 -> GuestRam.hostStore16(host, (int) v);
      case 2 -> GuestRam.hostStore32(host, (int) v);
      default -> GuestRam.hostStore64(host, v);
    }
  }

  private static long result(X86State s, int kind, long a, long b, int size) {
    return size == 2
        ? result32(s, kind, (int) a, (int) b)
        : Operand.sext(result64(s, kind, a, b), size);
  }

  /** In {@code int}: the compiler would not see that the upper halves of the sum are unused. */
  private static int result32(X86State s, int kind, int a, int b) {
    return switch (kind) {
      case ADD -> a + b;
      case OR -> a | b;
      case AND, TEST -> a & b;
      case SUB, CMP -> a - b;
      case XOR -> a ^ b;
      default -> (int) rareResult(s, kind, a, b);
    };
  }

  private static long result64(X86State s, int kind, long a, long b) {
    return switch (kind) {
      case ADD -> a + b;
      case OR -> a | b;
      case AND, TEST -> a & b;
      case SUB, CMP -> a - b;
      case XOR -> a ^ b;
      default -> rareResult(s, kind, a, b);
    };
  }

  private static long rareResult(X86State s, int kind, long a, long b) {
    return switch (kind) {
      case ADC -> a + b + (Flags.cf(s) ? 1 : 0);
      case SBB -> a - b - (Flags.cf(s) ? 1 : 0);
      case NEG -> -a;
      default -> ~a;
    };
  }

  private static void flags(X86State s, int kind, long a, long b, long r) {
    if (kind == ADD || kind == ADC) {
      Flags.add(s, a, b, r);
    } else if (kind == SUB || kind == CMP || kind == SBB) {
      Flags.sub(s, a, b, r);
    } else if (kind == NEG) {
      Flags.sub(s, 0, a, r);
    } else if (kind != NOT) {
      Flags.logic(s, r);
    }
  }

  /** INC ({@code step} 1) and DEC (-1). */
  static void incDec(X86State s, X86Cpu c, long w0, long w1, int step) {
    int size = Word.size(w0);
    long a;
    long r;
    if (Word.isMemory(w0)) {
      long gva = Operand.address(s, c, w0, w1);
      long host = SoftTlb.writableHost(s, c, gva, 1 << size);
      if (host != 0 && Atomic.isWanted(c, w0)) {
        a = Atomic.add(host, size, step);
        r = Operand.sext(a + step, size);
      } else if (injectBranchProbability(FASTPATH_PROBABILITY, host != 0)) {
        a = hostLoad(host, size);
        r = Operand.sext(a + step, size);
        hostStore(host, size, r);
      } else {
        a = Operand.load(s, c, gva, size);
        r = Operand.sext(a + step, size);
        Operand.store(s, c, gva, size, r);
      }
    } else {
      a = rm(s, w0, size);
      r = size == 2 ? (int) a + step : Operand.sext(a + step, size);
      Operand.setRegister(s, Word.rm(w0), size, r);
    }
    long least = Long.MIN_VALUE >> (64 - (8 << size));
    Flags.incDec(s, a, r, step > 0 ? r == least : a == least);
  }

  static void neg(X86State s, X86Cpu c, long w0, long w1) {
    unary(s, c, w0, w1, NEG);
  }

  static void not(X86State s, X86Cpu c, long w0, long w1) {
    unary(s, c, w0, w1, NOT);
  }

  private static void unary(X86State s, X86Cpu c, long w0, long w1, int kind) {
    int size = Word.size(w0);
    if (Word.isMemory(w0)) {
      modify(s, c, w0, Operand.address(s, c, w0, w1), kind, size, 0);
    } else {
      long a = rm(s, w0, size);
      long r = result(s, kind, a, 0, size);
      flags(s, kind, a, 0, r);
      Operand.setRegister(s, Word.rm(w0), size, r);
    }
  }

  /** ADCX (carry chain through CF) and ADOX (through OF): the other flags stay. */
  static void adx(X86State s, X86Cpu c, long w0, long w1, boolean overflowChain) {
    int size = Word.size(w0);
    long b = Operand.zext(Operand.e(s, c, w0, w1, size), size);
    long a = Operand.zext(Operand.g(s, w0, size), size);
    boolean carryIn = overflowChain ? Flags.of(s) : Flags.cf(s);
    long r = a + b + (carryIn ? 1 : 0);
    boolean carry = size == 3 ? ((a & b) | ((a | b) & ~r)) < 0 : r >>> 32 != 0;
    boolean cf = overflowChain ? Flags.cf(s) : carry;
    boolean of = overflowChain ? carry : Flags.of(s);
    Flags.carryOverflow(s, cf, of);
    Operand.setG(s, w0, size, r);
  }
}
