package org.tuber.truffle.arm.decode;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The rows as a whole: none hides another, none stands for two instructions. */
class A64RowsTest {
  private final List<Row> rows = A64Rows.INSTANCE.rows();

  @Test
  void noTwoRowsClaimTheSameEncodingUnlessOneIsPartOfTheOther() {
    List<String> ambiguous = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      for (int j = 0; j < i; j++) {
        Row a = rows.get(i);
        Row b = rows.get(j);
        if (a.overlaps(b) && a.includes(b) == b.includes(a) && isShared(a, b)) {
          ambiguous.add(a + "\n" + b);
        }
      }
    }
    assertThat(ambiguous).isEmpty();
  }

  /** Conditions may keep two rows apart whose diagrams overlap. */
  private static boolean isShared(Row a, Row b) {
    Random random = new Random(1);
    int mask = a.fixedMask() | b.fixedMask();
    int value = a.fixedValue() | b.fixedValue();
    for (int i = 0; i < 2000; i++) {
      int insn = value | random.nextInt() & ~mask;
      if (a.isAllocated(insn) && b.isAllocated(insn)) {
        return true;
      }
    }
    return false;
  }

  @Test
  void everyRowIsReachable() {
    for (Row r : rows) {
      boolean found = false;
      for (int variant = 0; variant < 4096 && !found; variant++) {
        // Spread the number over the free bits.
        int insn = r.fixedValue();
        int rest = variant * 0x9e37_79b1;
        insn |= rest & ~r.fixedMask();
        found = A64Rows.INSTANCE.find(insn) == r;
      }
      assertThat(found).as("%s can be reached", r).isTrue();
    }
  }
}
