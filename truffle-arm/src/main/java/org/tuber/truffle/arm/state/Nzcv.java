package org.tuber.truffle.arm.state;

/** The condition flags in their lazy form, see {@link ArmState}, and the conditions over them. */
public final class Nzcv {
  public static final int N = 8;
  public static final int Z = 4;
  public static final int C = 2;
  public static final int V = 1;

  /** Position of the flags in PSTATE and in the register NZCV. */
  public static final int SHIFT = 28;

  /** What set the flags last, when the decoder knows: nothing known. */
  public static final int PRODUCER_UNKNOWN = 0;

  /** {@link #sub} in the same block. */
  public static final int PRODUCER_SUB = 1;

  /** {@link #logic} in the same block: C = V = 0. */
  public static final int PRODUCER_LOGIC = 2;

  /** {@link #add}, also with carry, in the same block: {@code fe} is zero. */
  public static final int PRODUCER_ADD = 3;

  /** {@link #set} in the same block: only {@code fe} counts. */
  public static final int PRODUCER_EXPLICIT = 4;

  /** Number of kinds of producer. */
  public static final int PRODUCERS = 5;

  private Nzcv() {}

  /** After {@code a + b (+ carry) = r}; all sign-extended from the operand size. */
  public static void add(ArmState s, long a, long b, long r) {
    s.fx = a;
    s.fy = b;
    s.fz = r;
    s.fe = 0;
  }

  /** After {@code a - b (- borrow) = r}; all sign-extended from the operand size. */
  public static void sub(ArmState s, long a, long b, long r) {
    s.fx = a;
    s.fy = ~b;
    s.fz = r;
    s.fe = 0;
  }

  /** After a logical operation with sign-extended result {@code r}: C = V = 0. */
  public static void logic(ArmState s, long r) {
    s.fx = 0;
    s.fy = r;
    s.fz = r;
    s.fe = 0;
  }

  /** Sets the flags to {@code nzcv}, a value of 0 to 15. */
  public static void set(ArmState s, int nzcv) {
    s.fx = 0;
    s.fy = 1;
    s.fz = 1;
    s.fe = nzcv;
  }

  /** Negative flag. */
  public static boolean n(ArmState s) {
    return s.fz < 0 != ((s.fe & N) != 0);
  }

  /** Zero flag. */
  public static boolean z(ArmState s) {
    return s.fz == 0 != ((s.fe & Z) != 0);
  }

  /** Carry flag. */
  public static boolean c(ArmState s) {
    return ((s.fx & s.fy) | ((s.fx | s.fy) & ~s.fz)) < 0 != ((s.fe & C) != 0);
  }

  /** Overflow flag. */
  public static boolean v(ArmState s) {
    return ((s.fx ^ s.fz) & (s.fy ^ s.fz)) < 0 != ((s.fe & V) != 0);
  }

  /** The flags as a value of 0 to 15. */
  public static int get(ArmState s) {
    return (n(s) ? N : 0) | (z(s) ? Z : 0) | (c(s) ? C : 0) | (v(s) ? V : 0);
  }

  /**
   * Evaluates condition {@code cond} (0-15, Arm ARM C1.2.4).
   *
   * <p>{@code cond} and {@code producer} are constants under partial evaluation, so a compare
   * followed by a branch becomes one compare of the original operands.
   */
  public static boolean condition(ArmState s, int cond, int producer) {
    boolean positive;
    switch (producer) {
      case PRODUCER_SUB -> positive = afterSub(s, cond >> 1);
      case PRODUCER_LOGIC -> positive = afterLogic(s, cond >> 1);
      case PRODUCER_EXPLICIT -> positive = explicit(s.fe, cond >> 1);
      default -> positive = general(s, cond >> 1);
    }
    return positive != ((cond & 1) != 0 && cond != 15);
  }

  private static boolean afterSub(ArmState s, int pair) {
    return switch (pair) {
      case 0 -> s.fx == ~s.fy;
      case 1 -> Long.compareUnsigned(s.fx, ~s.fy) >= 0;
      case 2 -> s.fz < 0;
      case 3 -> ((s.fx ^ s.fz) & (s.fy ^ s.fz)) < 0;
      case 4 -> Long.compareUnsigned(s.fx, ~s.fy) > 0;
      case 5 -> s.fx >= ~s.fy;
      case 6 -> s.fx > ~s.fy;
      default -> true;
    };
  }

  private static boolean afterLogic(ArmState s, int pair) {
    return switch (pair) {
      case 0 -> s.fz == 0;
      case 1, 3, 4 -> false;
      case 2 -> s.fz < 0;
      case 5 -> s.fz >= 0;
      case 6 -> s.fz > 0;
      default -> true;
    };
  }

  private static boolean explicit(int nzcv, int pair) {
    return switch (pair) {
      case 0 -> (nzcv & Z) != 0;
      case 1 -> (nzcv & C) != 0;
      case 2 -> (nzcv & N) != 0;
      case 3 -> (nzcv & V) != 0;
      case 4 -> (nzcv & (C | Z)) == C;
      case 5 -> (nzcv & N) >> 3 == (nzcv & V);
      case 6 -> (nzcv & Z) == 0 && (nzcv & N) >> 3 == (nzcv & V);
      default -> true;
    };
  }

  private static boolean general(ArmState s, int pair) {
    return switch (pair) {
      case 0 -> z(s);
      case 1 -> c(s);
      case 2 -> n(s);
      case 3 -> v(s);
      case 4 -> c(s) && !z(s);
      case 5 -> n(s) == v(s);
      case 6 -> !z(s) && n(s) == v(s);
      default -> true;
    };
  }
}
