package org.tuber.core.reg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RegisterBankTest {
  private final RegisterBank bank = new RegisterBank("test", 16);

  @Test
  void masksDecideWhatAWriteChanges() {
    RegisterBank.Register r =
        bank.register("CTRL", 0, 4, 0xf000_0001L).writable(0x00ff).writeOneToClear(0xf000_0000L);
    bank.write(0, 0x1000_ff34L, 4);
    assertThat(r.value()).isEqualTo(0xe000_0034L);
  }

  @Test
  void anySizeAndAlignmentReachesTheRightLanes() {
    bank.register("A", 0, 2, 0x1122).writable(0xffff);
    bank.register("B", 2, 2, 0x3344).writable(0xffff);
    assertThat(bank.read(0, 4)).isEqualTo(0x33441122L);
    assertThat(bank.read(1, 2)).isEqualTo(0x4411);
    bank.write(1, 0xaabb, 2);
    assertThat(bank.read(0, 4)).isEqualTo(0x33aabb22L);
    assertThat(bank.read(3, 2)).as("nothing at 4").isEqualTo(0xff33);
    assertThat(bank.read(100, 1)).isEqualTo(0xff);
    bank.write(-1, 5, 8);
  }

  @Test
  void aByteWriteClearsOnlyBitsOfItsLane() {
    RegisterBank.Register r = bank.register("STS", 0, 2, 0x0101).writeOneToClear(0xffff);
    bank.write(1, 0xff, 1);
    assertThat(r.value()).isEqualTo(0x0001);
  }

  @Test
  void hooksSeeOldValueAndWrittenBits() {
    List<String> seen = new ArrayList<>();
    bank.register("X", 4, 4, 9)
        .writable(0xff)
        .onRead(v -> v + 1)
        .onWrite((old, written) -> seen.add(old + " " + written));
    bank.write(4, 0x1234, 2);
    assertThat(seen).containsExactly("9 4660");
    assertThat(bank.read(4, 4)).isEqualTo(0x35);
  }

  @Test
  void resetKeepsStickyRegistersOnly() {
    RegisterBank.Register normal = bank.register("N", 0, 1, 3).writable(0xff);
    RegisterBank.Register sticky = bank.register("S", 1, 1, 3).writable(0xff).sticky();
    bank.write(0, 0x0707, 2);
    bank.reset();
    assertThat(normal.value()).isEqualTo(3);
    assertThat(sticky.value()).isEqualTo(7);
  }

  @Test
  void saveAndLoadCoverUndecodedRegistersToo() {
    RegisterBank.Register hidden = bank.register("H", RegisterBank.UNDECODED, 1, 0).writable(0xff);
    hidden.guestWrite(0x5a);
    RegisterBank.State state = bank.save();
    bank.reset();
    bank.load(state);
    assertThat(hidden.value()).isEqualTo(0x5a);
    assertThat(bank.dump()).isEqualTo("H = 0x5a\n");
  }

  @Test
  void aForeignStateIsRefusedByName() {
    bank.register("A", 0, 1, 0);
    assertThatThrownBy(() -> bank.load(new RegisterBank.State(List.of("B"), new long[1])))
        .hasMessageContaining("expected A, found B");
    assertThatThrownBy(() -> bank.load(new RegisterBank.State(List.of("A"), new long[] {256})))
        .hasMessageContaining("A is too wide");
  }

  @Test
  void overlapIsAProgrammingError() {
    bank.register("A", 0, 2, 0);
    assertThatThrownBy(() -> bank.register("B", 1, 1, 0)).hasMessageContaining("overlaps A");
  }
}
