package org.tuber.machine.board.pc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.tuber.machine.MachineException;
import org.tuber.machine.firmware.E820;

final class PcMemoryTest {
  private static List<String> map(long mebibytes) throws MachineException {
    try (PcMemory memory = new PcMemory(mebibytes << 20, new ReentrantLock())) {
      List<String> rows = new ArrayList<>();
      for (E820.Entry e : memory.e820().entries()) {
        rows.add("%x-%x %d".formatted(e.base(), e.end(), e.type().number()));
      }
      return rows;
    }
  }

  @Test
  void mapOfHalfAGigabyte() throws MachineException {
    assertThat(map(512))
        .containsExactly(
            "0-9fc00 1",
            "9fc00-a0000 2",
            "f0000-100000 2",
            "100000-1ffe0000 1",
            "1ffe0000-1ffff000 3",
            "1ffff000-20000000 4",
            "fffc0000-100000000 2",
            "fd00000000-10000000000 2");
  }

  @Test
  void mapOfSixGigabytesHasThreeBelowFour() throws MachineException {
    assertThat(map(6 << 10))
        .contains("100000-bffe0000 1", "100000000-1c0000000 1")
        .doesNotContain("100000-dffe0000 1");
  }

  @Test
  void justUnderThreeAndAHalfGigabytesStaysInOnePiece() throws MachineException {
    assertThat(map(3583)).contains("100000-dfee0000 1").hasSize(8);
    assertThat(map(3584)).contains("100000000-120000000 1");
  }

  @Test
  void sizesThatCannotBeAreRefused() {
    assertThatThrownBy(() -> map(1)).isInstanceOf(MachineException.class);
    assertThatThrownBy(() -> map(1L << 40))
        .isInstanceOf(MachineException.class)
        .hasMessageContaining("MiB of guest RAM");
  }

  @Test
  void rangesOfAMapMustNotOverlap() {
    E820 map = new E820().add(0x1000, 0x1000, E820.Type.RAM);
    assertThatThrownBy(() -> map.add(0x1fff, 2, E820.Type.RESERVED))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(map.isRam(0x1000, 0x1000)).isTrue();
    assertThat(map.isRam(0x1fff, 2)).isFalse();
    assertThat(map.isRam(0x1000, -1)).isFalse();
  }
}
