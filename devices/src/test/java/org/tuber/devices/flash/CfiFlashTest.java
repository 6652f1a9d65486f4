package org.tuber.devices.flash;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class CfiFlashTest extends DeviceContract<CfiFlash> {
  private static final int SIZE = 0x8_0000;
  private static final long READY = 0x0080_0080;

  private final Rig rig = new Rig();

  @Override
  protected CfiFlash create(Rig r) {
    CfiFlash device =
        new CfiFlash(
            CfiFlash.Chips.TWO_OF_16_BITS, r.memory, 0, SIZE, null, (ram, offset, length) -> {});
    device.fill(new byte[] {1, 2, 3, 4});
    return device;
  }

  @Override
  protected List<Window> windows(CfiFlash device) {
    return List.of(new Window("flash", device, SIZE));
  }

  @Override
  protected void mutate(CfiFlash device, Rig r) {
    device.write(0x100, 0x0040_0040, 4);
    device.write(0x100, 0x1234_5678, 4);
  }

  @BeforeEach
  void mapOne() {
    create(rig);
  }

  private long read(long gpa) {
    return rig.memory.read(gpa, 4);
  }

  private void write(long gpa, long value) {
    rig.memory.write(gpa, value, 4);
  }

  @Test
  void showsItsContentsAndErasedBytesBehind() {
    assertThat(read(0)).isEqualTo(0x0403_0201);
    assertThat(read(4)).isEqualTo(0xffff_ffffL);
  }

  @Test
  void answersTheQuery() {
    write(0x154, 0x0098_0098);
    assertThat(read(0x10 << 2)).isEqualTo(0x0051_0051);
    assertThat(read(0x11 << 2)).isEqualTo(0x0052_0052);
    assertThat(read(0x27 << 2)).as("bytes of a chip").isEqualTo(0x0012_0012);
    assertThat(read(0x2d << 2)).as("blocks").isEqualTo(0x0001_0001);
    assertThat(read(0x30 << 2)).as("bytes of a block").isEqualTo(0x0002_0002);
    write(0, 0x00ff_00ff);
    assertThat(read(0)).isEqualTo(0x0403_0201);
  }

  @Test
  void programmingClearsBitsOnlyAndErasingSetsThem() {
    write(0x8, 0x0040_0040);
    write(0x8, 0x00ff_ff00);
    assertThat(read(0)).isEqualTo(READY);
    write(0x8, 0x0040_0040);
    write(0x8, 0xf0ff_0fff);
    write(0, 0x00ff_00ff);
    assertThat(read(0x8)).isEqualTo(0x00ff_0f00);
    write(0x8, 0x0020_0020);
    write(0x8, 0x00d0_00d0);
    write(0, 0x00ff_00ff);
    assertThat(read(0x8)).isEqualTo(0xffff_ffffL);
    assertThat(read(0)).isEqualTo(0xffff_ffffL);
  }

  @Test
  void bufferIsProgrammedWhenConfirmed() {
    write(0x4_0000, 0x00e8_00e8);
    assertThat(read(0x4_0000)).isEqualTo(READY);
    write(0x4_0000, 0x0001_0001);
    write(0x4_0000, 0x1111_1111);
    write(0x4_0004, 0x2222_2222);
    write(0x4_0000, 0x00d0_00d0);
    write(0x4_0000, 0x00ff_00ff);
    assertThat(read(0x4_0000)).isEqualTo(0x1111_1111);
    assertThat(read(0x4_0004)).isEqualTo(0x2222_2222);
  }

  /** What UEFI firmware does to tell flash memory from ROM and RAM, and to write a byte. */
  @Test
  void byteWideChipAnswersAsFirmwareExpects() {
    Rig other = new Rig();
    CfiFlash chip =
        new CfiFlash(
            CfiFlash.Chips.ONE_OF_8_BITS, other.memory, 0x1000, 0x3000, null, (m, o, n) -> {});
    chip.fill(new byte[] {1, 2, 3});
    other.memory.write(0x1002, 0x50, 1);
    assertThat(other.memory.read(0x1002, 1)).isEqualTo(3);
    other.memory.write(0x1002, 0x70, 1);
    assertThat(other.memory.read(0x1002, 1)).isZero();
    other.memory.write(0x2fff, 0x10, 1);
    other.memory.write(0x2fff, 0x5a, 1);
    assertThat(other.memory.read(0x2fff, 1)).isEqualTo(0x80);
    other.memory.write(0x1000, 0x20, 1);
    other.memory.write(0x1000, 0xd0, 1);
    other.memory.write(0x1000, 0xff, 1);
    assertThat(other.memory.read(0x1000, 4)).isEqualTo(0xffff_ffffL);
    assertThat(other.memory.read(0x2fff, 1)).as("another sector").isEqualTo(0x5a);
  }
}
