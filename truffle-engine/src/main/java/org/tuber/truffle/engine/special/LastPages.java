package org.tuber.truffle.engine.special;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Opcode;
import java.util.HashMap;
import java.util.Map;

/**
 * Variables of a written method that remember, for each base register or place of a load, the page
 * it went to last and what leads from its addresses to the host's.
 *
 * <p>A load from the same page again asks neither for the TLB's entry nor waits for it. They hold
 * until something is called, which could change the mapping; a method ends where others change it.
 */
public final class LastPages {
  /**
   * Each is two long variables, and the host has not many registers. A loop with more loads is
   * slower with some of them remembered than with none.
   */
  private static final int MOST = 4;

  /** Variables it takes, in slots. */
  public static final int SLOTS = 4 * MOST;

  private static final long PAGE_MASK = -4096L;

  /** Equal to no page. */
  private static final long NONE = -1;

  private final int firstLocal;
  private final Map<Object, Integer> numbers = new HashMap<>();
  private boolean isFull;

  /** None yet; {@link #SLOTS} variables from {@code firstLocal} on are for them. */
  public LastPages(int firstLocal) {
    this.firstLocal = firstLocal;
  }

  /** The number for loads at {@code address}, or -1 where there are enough. */
  int of(Value address) {
    Object key = baseOf(address);
    Integer known = numbers.get(key);
    if (known != null) {
      return known;
    }
    if (numbers.size() == MOST) {
      isFull = true;
      return -1;
    }
    numbers.put(key, numbers.size());
    return numbers.size() - 1;
  }

  /** More were wanted than there are. */
  public boolean isFull() {
    return isFull;
  }

  private static Object baseOf(Value address) {
    if (address instanceof Value.Register r) {
      return r.number();
    }
    return address instanceof Value.Operator o
            && o.opcode() == Opcode.LADD
            && o.a() instanceof Value.Register r
            && o.b() instanceof Value.Constant
        ? (Object) r.number()
        : new Object();
  }

  /** What an aligned address of {@code bytes} has in common with its page. */
  static Value pageOf(Value address, int bytes) {
    return Folding.operator(Opcode.LAND, address, new Value.Constant('J', PAGE_MASK | (bytes - 1)));
  }

  /** Pushes the page. */
  void pushPage(CodeBuilder b, int number) {
    b.lload(firstLocal + 4 * number);
  }

  /** Pushes what is to be added to an address. */
  void pushAddend(CodeBuilder b, int number) {
    b.lload(firstLocal + 4 * number + 2);
  }

  /** Pops what is to be added, and below it the page. */
  void popBoth(CodeBuilder b, int number) {
    b.lstore(firstLocal + 4 * number + 2).lstore(firstLocal + 4 * number);
  }

  /** At the start, and after whatever may have changed the mapping. */
  public void forget(CodeBuilder b) {
    for (int i = 0; i < numbers.size(); i++) {
      b.loadConstant(NONE).lconst_0();
      popBoth(b, i);
    }
  }
}
