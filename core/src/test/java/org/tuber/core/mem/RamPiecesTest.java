package org.tuber.core.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

class RamPiecesTest {
  private static final int RAM_BYTES = 0x4000;
  private static final long HIGH = 0x10_0000;

  private final AddressSpace space = new AddressSpace("memory", 1L << 32, new ReentrantLock());
  private final GuestRam low = new GuestRam(RAM_BYTES);
  private final GuestRam high = new GuestRam(RAM_BYTES);
  private final List<String> changed = new ArrayList<>();
  private final DmaView view =
      new DmaView(
          space,
          (ram, offset, length) ->
              changed.add((ram == low ? "low " : "high ") + offset + "+" + length));

  RamPiecesTest() {
    space.mapRam(0, RAM_BYTES, low, 0);
    space.mapRam(RAM_BYTES, RAM_BYTES, high, 0);
    space.mapRam(HIGH, RAM_BYTES, low, 0, true, 0);
  }

  @Test
  void neighboursBecomeOnePieceAndBordersPartThem() {
    RamPieces p = view.pieces();
    assertThat(p.add(0x1000, 0x800)).isTrue();
    assertThat(p.add(0x1800, 0x100)).isTrue();
    assertThat(p.add(0x3f00, 0x200)).isTrue();
    assertThat(p.count()).isEqualTo(3);
    assertThat(p.bytes()).isEqualTo(0xb00);
    assertThat(p.hostAddress(0)).isEqualTo(low.hostBase() + 0x1000);
    assertThat(p.lengthBytes(0)).isEqualTo(0x900);
    assertThat(p.lengthBytes(1)).isEqualTo(0x100);
    assertThat(p.hostAddress(2)).isEqualTo(high.hostBase());
  }

  @Test
  void moreThanTheFirstFewFit() {
    RamPieces p = view.pieces();
    for (int i = 0; i < 100; i++) {
      assertThat(p.add(2L * i, 1)).isTrue();
    }
    assertThat(p.count()).isEqualTo(100);
    assertThat(p.hostAddress(99)).isEqualTo(low.hostBase() + 198);
  }

  @Test
  void holesAndRomAreNoPlaceForData() {
    assertThat(view.pieces().add(2 * RAM_BYTES - 1, 2)).isFalse();
    assertThat(view.pieces().add(HIGH, 1)).isFalse();
    assertThat(view.pieces().add(-1L, 2)).isFalse();
  }

  @Test
  void whatHasChangedIsToldWhateverTheSourceDid() {
    RamPieces p = view.pieces();
    p.add(0x10, 4);
    p.add(RAM_BYTES, 2);
    assertThat(p.fill(target -> false)).isFalse();
    assertThat(changed).containsExactly("low 16+4", "high 0+2");
    changed.clear();
    assertThatThrownBy(
            () ->
                p.fill(
                    target -> {
                      throw new IllegalStateException("source");
                    }))
        .hasMessage("source");
    assertThat(changed).hasSize(2);
  }

  @Test
  void copiesKeepTheOrderOfThePieces() {
    RamPieces p = view.pieces();
    p.add(RAM_BYTES, 3);
    p.add(0x20, 2);
    low.store8(0x21, 5);
    high.store8(2, 3);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(6);
      host.set(ValueLayout.JAVA_BYTE, 5, (byte) 77);
      p.copyTo(host);
      assertThat(host.toArray(ValueLayout.JAVA_BYTE)).containsExactly(0, 0, 3, 0, 5, 77);
      host.set(ValueLayout.JAVA_BYTE, 0, (byte) 9);
      host.set(ValueLayout.JAVA_BYTE, 4, (byte) 8);
      assertThat(changed).isEmpty();
      p.copyFrom(host);
      assertThat(high.load8(0)).isEqualTo(9);
      assertThat(low.load8(0x21)).isEqualTo(8);
      assertThat(low.load8(0x22)).isZero();
      assertThat(changed).containsExactly("high 0+3", "low 32+2");
      MemorySegment small = host.asSlice(0, 4);
      assertThatThrownBy(() -> p.copyTo(small)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }
}
