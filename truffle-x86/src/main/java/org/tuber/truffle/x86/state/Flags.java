package org.tuber.truffle.x86.state;

/**
 * EFLAGS: positions (SDM vol. 1, 3.4.3) and the arithmetic flags' lazy form, see {@link X86State}.
 */
public final class Flags {
  public static final int CF = 1;
  public static final int FIXED = 2;
  public static final int PF = 4;
  public static final int AF = 0x10;
  public static final int ZF = 0x40;
  public static final int SF = 0x80;
  public static final int TF = 0x100;
  public static final int IF = 0x200;
  public static final int DF = 0x400;
  public static final int OF = 0x800;
  public static final int IOPL = 0x3000;
  public static final int NT = 0x4000;
  public static final int RF = 0x1_0000;
  public static final int VM = 0x2_0000;
  public static final int AC = 0x4_0000;
  public static final int VIF = 0x8_0000;
  public static final int VIP = 0x10_0000;
  public static final int ID = 0x20_0000;

  /** The six flags that {@link X86State} keeps; the others are in the CPU's {@code eflagsHigh}. */
  public static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

  /** What set the flags last, when the decoder knows: nothing known. */
  public static final int PRODUCER_UNKNOWN = 0;

  /** The flags come from CMP, SUB or NEG in the same block. */
  public static final int PRODUCER_SUB = 1;

  /** The flags come from AND, OR, XOR or TEST in the same block: CF = OF = 0. */
  public static final int PRODUCER_LOGIC = 2;

  private Flags() {}

  /** After {@code a + b (+ carry) = r}; all sign-extended from the operand size. */
  public static void add(X86State s, long a, long b, long r) {
    s.fx = a;
    s.fy = b;
    s.fz = r;
    s.fr = r;
    s.fd = 0;
  }

  /** After {@code a - b (- borrow) = r}; all sign-extended from the operand size. */
  public static void sub(X86State s, long a, long b, long r) {
    s.fx = r;
    s.fy = b;
    s.fz = a;
    s.fr = r;
    s.fd = 0;
  }

  /** After a logical operation with sign-extended result {@code r}: CF = OF = AF = 0. */
  public static void logic(X86State s, long r) {
    s.fx = 0;
    s.fy = 0;
    s.fz = 0;
    s.fr = r;
    s.fd = 0;
  }

  /** Sets ZF, SF, PF from {@code r} and CF, OF as given, AF = 0 (shifts, multiplications). */
  public static void result(X86State s, long r, boolean cf, boolean of) {
    long c = cf ? Long.MIN_VALUE : 0;
    s.fx = c;
    s.fy = c;
    s.fz = cf != of ? Long.MIN_VALUE : 0;
    s.fr = r;
    s.fd = 0;
  }

  /** Sets CF and OF only (rotates). */
  public static void carryOverflow(X86State s, boolean cf, boolean of) {
    long af = (s.fx ^ s.fy ^ s.fz) & AF;
    long c = cf ? Long.MIN_VALUE : 0;
    s.fx = c;
    s.fy = c;
    s.fz = (cf != of ? Long.MIN_VALUE : 0) | af;
  }

  /** Sets CF only (CLC, STC, CMC, BT). */
  public static void carry(X86State s, boolean cf) {
    carryOverflow(s, cf, of(s));
  }

  /**
   * After INC ({@code of} from {@code r} at its least value) or DEC: all but CF.
   *
   * @param a operand before, {@code b} 1, {@code r} result, for AF
   */
  public static void incDec(X86State s, long a, long r, boolean of) {
    boolean cf = cf(s);
    long c = cf ? Long.MIN_VALUE : 0;
    s.fx = c;
    s.fy = c;
    s.fz = (cf != of ? Long.MIN_VALUE : 0) | ((a ^ 1 ^ r) & AF);
    s.fr = r;
    s.fd = 0;
  }

  /** Carry flag. */
  public static boolean cf(X86State s) {
    return ((s.fx & s.fy) | ((s.fx | s.fy) & ~s.fz)) < 0;
  }

  /** Overflow flag. */
  public static boolean of(X86State s) {
    return ((s.fx ^ s.fz) & (s.fy ^ s.fz)) < 0;
  }

  /** Auxiliary carry flag. */
  public static boolean af(X86State s) {
    return ((s.fx ^ s.fy ^ s.fz) & AF) != 0;
  }

  /** Zero flag. */
  public static boolean zf(X86State s) {
    return s.fr == 0;
  }

  /** Sign flag. */
  public static boolean sf(X86State s) {
    return (s.fr ^ s.fd) < 0;
  }

  /** Parity flag. */
  public static boolean pf(X86State s) {
    int v = (int) (s.fr ^ s.fd) & 0xff;
    v ^= v >>> 4;
    return ((0x6996 >>> (v & 15)) & 1) == 0;
  }

  /** The six arithmetic flags at their EFLAGS positions. */
  public static int arithmetic(X86State s) {
    return (cf(s) ? CF : 0)
        | (pf(s) ? PF : 0)
        | (af(s) ? AF : 0)
        | (zf(s) ? ZF : 0)
        | (sf(s) ? SF : 0)
        | (of(s) ? OF : 0);
  }

  /** Sets the six arithmetic flags from an EFLAGS value. */
  public static void setArithmetic(X86State s, long eflags) {
    boolean cf = (eflags & CF) != 0;
    boolean of = (eflags & OF) != 0;
    long c = cf ? Long.MIN_VALUE : 0;
    s.fx = c;
    s.fy = c;
    s.fz = (cf != of ? Long.MIN_VALUE : 0) | (eflags & AF);
    long oddByte = (eflags & PF) != 0 ? 0 : 1;
    long sign = (eflags & SF) != 0 ? Long.MIN_VALUE : 0;
    boolean zero = (eflags & ZF) != 0;
    s.fr = zero ? 0 : 0x100;
    s.fd = sign | oddByte;
  }

  /**
   * Evaluates condition code {@code cc} (0-15 as in Jcc/SETcc/CMOVcc, SDM vol. 1 appendix B).
   *
   * <p>{@code cc} and {@code producer} are constants under partial evaluation, so a compare
   * followed by a branch becomes one compare of the original operands.
   */
  public static boolean condition(X86State s, int cc, int producer) {
    boolean positive;
    switch (cc >> 1) {
      case 0 -> positive = producer != PRODUCER_LOGIC && of(s);
      case 1 ->
          positive =
              switch (producer) {
                case PRODUCER_SUB -> Long.compareUnsigned(s.fz, s.fy) < 0;
                case PRODUCER_LOGIC -> false;
                default -> cf(s);
              };
      case 2 -> positive = producer == PRODUCER_SUB ? s.fz == s.fy : zf(s);
      case 3 ->
          positive =
              switch (producer) {
                case PRODUCER_SUB -> Long.compareUnsigned(s.fz, s.fy) <= 0;
                case PRODUCER_LOGIC -> zf(s);
                default -> cf(s) || zf(s);
              };
      case 4 -> positive = producer == PRODUCER_UNKNOWN ? sf(s) : s.fr < 0;
      case 5 -> positive = pf(s);
      case 6 ->
          positive =
              switch (producer) {
                case PRODUCER_SUB -> s.fz < s.fy;
                case PRODUCER_LOGIC -> s.fr < 0;
                default -> sf(s) != of(s);
              };
      default ->
          positive =
              switch (producer) {
                case PRODUCER_SUB -> s.fz <= s.fy;
                case PRODUCER_LOGIC -> s.fr <= 0;
                default -> zf(s) || sf(s) != of(s);
              };
    }
    return positive != ((cc & 1) != 0);
  }
}
