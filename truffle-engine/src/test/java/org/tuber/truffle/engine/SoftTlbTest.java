package org.tuber.truffle.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.mem.GuestRam;

/**
 * The table's look-ups, and that it forgets as much as it is told, however many fills there were.
 */
class SoftTlbTest {
  private static final long BASE = 0xffff_8880_0000_0000L;
  private static final long HOST = 0x7000_0000_0000L;
  private static final long PAGE = 4096;

  private final long tlb = SoftTlb.allocate();

  @AfterEach
  void free() {
    GuestRam.hostFree(tlb);
  }

  private void fill(int page) {
    long gva = BASE + page * PAGE;
    SoftTlb.fill(tlb, gva, gva, gva, gva, HOST + page * PAGE);
  }

  private boolean canRead(int page) {
    long gva = BASE + page * PAGE;
    return !SoftTlb.misses(tlb, gva, gva + 7);
  }

  private boolean canWrite(int page) {
    long gva = BASE + page * PAGE;
    return !SoftTlb.missesWrite(tlb, gva, gva + 7);
  }

  @Test
  void aFilledPageIsFoundWhereItIs() {
    fill(3);
    assertThat(SoftTlb.host(tlb, BASE + 3 * PAGE + 8)).isEqualTo(HOST + 3 * PAGE + 8);
    assertThat(canRead(3)).isTrue();
    assertThat(canRead(3 + SoftTlb.ENTRIES)).as("the same entry").isFalse();
  }

  @Test
  void anAccessAcrossTwoPagesMisses() {
    fill(3);
    fill(4);
    long gva = BASE + 4 * PAGE - 4;
    assertThat(SoftTlb.misses(tlb, gva, gva + 3)).isFalse();
    assertThat(SoftTlb.misses(tlb, gva, gva + 7)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 511, 512, 513, 5000})
  void aFlushForgetsAll(int pages) {
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < pages; i++) {
        fill(i);
      }
      assertThat(canRead(pages - 1)).isTrue();
      SoftTlb.flush(tlb);
      for (int i = 0; i < pages; i++) {
        assertThat(canRead(i) || canWrite(i)).as("page %d", i).isFalse();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 512, 513, 5000})
  void onlyThePageThatBecomesCodeLosesItsWritePath(int pages) {
    for (int i = 0; i < pages; i++) {
      fill(i);
    }
    int code = pages / 2;
    SoftTlb.closeWritePath(tlb, HOST + code * PAGE);
    for (int i = 0; i < pages; i++) {
      assertThat(canRead(i)).isTrue();
      assertThat(canWrite(i)).as("page %d", i).isEqualTo(i != code);
    }
  }

  @Test
  void aPageIsForgottenAlone() {
    fill(1);
    fill(2);
    SoftTlb.flushPage(tlb, BASE + PAGE);
    assertThat(canRead(1)).isFalse();
    assertThat(canRead(2)).isTrue();
  }
}
