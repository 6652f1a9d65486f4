package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.state.X86Cpu;

/**
 * The 32 predicates of VCMPPS and its relatives (SDM vol. 2, table 3-1). A predicate is the set of
 * the four relations (less, equal, greater, unordered) that it holds for, and whether it signals a
 * quiet NaN.
 */
final class AvxCompare {
  /** Relations by the predicate's low four bits: bit 0 less, 1 equal, 2 greater, 3 unordered. */
  private static final long RELATIONS = 0xf465_0b9a_7ced_8312L;

  /**
   * Predicates among the first 16 that signal quiet NaNs; the second 16 are the other way round.
   */
  private static final int SIGNALLING =
      1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 9 | 1 << 10 | 3 << 13;

  private AvxCompare() {}

  private static boolean signals(int predicate) {
    return (SIGNALLING >> (predicate & 15) & 1) != predicate >> 4;
  }

  private static boolean holds(int predicate, int relation) {
    return (RELATIONS >>> (4 * (predicate & 15) + relation) & 1) != 0;
  }

  /** All ones when the predicate holds, else 0. */
  static long compare64(X86Cpu c, long a, long b, int predicate) {
    double x = Double.longBitsToDouble(a);
    double y = Double.longBitsToDouble(b);
    int relation = x < y ? 0 : x == y ? 1 : 2;
    if (Double.isNaN(x) || Double.isNaN(y) || SseArith.heedsDenormals(c) || SseArith.isTiny(a, b)) {
      relation = SseSlow.order64(c, a, b, signals(predicate)) + 1;
    }
    return holds(predicate, relation) ? -1 : 0;
  }

  /** All ones when the predicate holds, else 0. */
  static int compare32(X86Cpu c, int a, int b, int predicate) {
    float x = Float.intBitsToFloat(a);
    float y = Float.intBitsToFloat(b);
    int relation = x < y ? 0 : x == y ? 1 : 2;
    if (Float.isNaN(x) || Float.isNaN(y) || SseArith.heedsDenormals(c) || SseArith.isTiny(a, b)) {
      relation = SseSlow.order32(c, a, b, signals(predicate)) + 1;
    }
    return holds(predicate, relation) ? -1 : 0;
  }
}
