package org.tuber.truffle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.GuestRam;

class CodePageTest {
  private static final int MAPPINGS = 5000;
  private static final int MOST_IN_A_BUCKET = 16;

  /** One page of a library in many processes, each with another address for it. */
  @Test
  void translationsOfManyMappingsOfOnePageAreFoundAtOnce() {
    GuestRam ram = new GuestRam(GuestRam.PAGE_SIZE);
    CodePage page = new CodePage(ram, 0, false);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < MAPPINGS; i++) {
      long pc = 0x7f00_0000_0120L + (long) i * 37 * GuestRam.PAGE_SIZE;
      Block b = new Block(pc, i & 1, new long[2], Block.FALL, 0, 0, 4);
      page.add(b);
      blocks.add(b);
    }
    int longest = 0;
    for (Block bucket : page.buckets) {
      int length = 0;
      for (Block b = bucket; b != null; b = b.nextInBucket) {
        length++;
      }
      longest = Math.max(longest, length);
    }
    assertThat(longest).isLessThan(MOST_IN_A_BUCKET);
    for (int i = 0; i < MAPPINGS; i++) {
      Block b = blocks.get(i);
      assertThat(page.find(b.pc, b.mode)).isSameAs(b);
      assertThat(page.find(b.pc, b.mode ^ 1)).isNull();
      if (i % 3 == 0) {
        page.remove(b);
      }
    }
    for (int i = 0; i < MAPPINGS; i++) {
      Block b = blocks.get(i);
      assertThat(page.find(b.pc, b.mode) == b).isEqualTo(i % 3 != 0);
      page.remove(b);
    }
    assertThat(page.isEmpty()).isTrue();
    ram.close();
  }

  @Test
  void blocksMoveWhereTheyAreNotInUse() {
    GuestRam ram = new GuestRam(GuestRam.PAGE_SIZE);
    CodePage page = new CodePage(ram, 0, true);
    Block b = new Block(0x7000_0120, 1, new long[2], Block.BRANCH, 0x7000_0010, 0x7000_0124, 4, -1);
    b.epoch = 5;
    page.add(b);
    assertThat(page.findElsewhere(0x8000_0120, 1, 5)).as("in use").isNull();
    assertThat(page.findElsewhere(0x8000_0121, 1, 6)).as("other bytes").isNull();
    assertThat(page.findElsewhere(0x8000_0120, 2, 6)).as("another mode").isNull();
    assertThat(page.findElsewhere(0x8000_0120, 1, 6)).isSameAs(b);
    b.moveTo(0x8000_0120);
    assertThat(page.find(0x8000_0120, 1)).isSameAs(b);
    assertThat(page.find(0x7000_0120, 1)).isNull();
    assertThat(b.takenPc).isEqualTo(0x8000_0010);
    assertThat(b.fallPc).isEqualTo(0x8000_0124);
    page.remove(b);
    assertThat(page.isEmpty()).isTrue();
    ram.close();
  }
}
