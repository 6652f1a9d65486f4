package org.tuber.devices.dma;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class I8237DmaTest extends DeviceContract<I8237Dma> {
  private final GuestRam ram = new GuestRam(1 << 20);
  private final I8237Dma dma = create(new Rig());

  @Override
  protected I8237Dma create(Rig rig) {
    rig.memory.mapRam(0, ram.sizeBytes(), ram, 0);
    return new I8237Dma(new DmaView(rig.memory, (r, offset, length) -> {}));
  }

  @Override
  protected List<Window> windows(I8237Dma device) {
    return List.of(
        new Window("first", device.first(), 16),
        new Window("second", device.second(), 32),
        new Window("pages", device.pages(), 15));
  }

  @Override
  protected void mutate(I8237Dma device, Rig rig) {
    program(device, 2, 0x45, 0x1000, 0x1ff);
  }

  @Override
  protected void stimulate(I8237Dma device, Rig rig, Random random) {
    byte[] bytes = new byte[random.nextInt(600)];
    int channel = random.nextInt(8);
    rig.trace.add("moved " + device.toMemory(channel, bytes, 0, bytes.length));
  }

  private static void program(I8237Dma device, int mode, int value, int address, int count) {
    device.first().write(12, 0, 1);
    device.first().write(11, value | mode, 1);
    device.first().write(2 * mode, address & 0xff, 1);
    device.first().write(2 * mode, address >> 8, 1);
    device.first().write(2 * mode + 1, count & 0xff, 1);
    device.first().write(2 * mode + 1, count >> 8, 1);
    device.first().write(10, mode, 1);
  }

  @Test
  void floppyStyleTransferEndsAtTerminalCountAndMasksItself() {
    dma.pages().write(0, 0x02, 1);
    program(dma, 2, 0x44, 0x3456, 511);
    byte[] sector = new byte[600];
    for (int i = 0; i < sector.length; i++) {
      sector[i] = (byte) i;
    }
    assertThat(dma.toMemory(2, sector, 0, 600)).isEqualTo(512);
    assertThat(ram.load8(0x23456)).isZero();
    assertThat(ram.load8(0x23457)).isEqualTo(1);
    assertThat(ram.load8(0x23456 + 511)).isEqualTo(511 & 0xff);
    assertThat(dma.isReady(2)).isFalse();
    assertThat(dma.first().read(8, 1)).as("terminal count of channel 2").isEqualTo(0x04);
    assertThat(dma.first().read(8, 1)).as("cleared by reading").isZero();
  }

  @Test
  void addressWrapsInsideThe64KiBPage() {
    dma.pages().write(0, 0x01, 1);
    program(dma, 2, 0x44, 0xfffe, 3);
    assertThat(dma.toMemory(2, new byte[] {1, 2, 3, 4}, 0, 4)).isEqualTo(4);
    assertThat(ram.load8(0x1ffff)).isEqualTo(2);
    assertThat(ram.load8(0x10000)).isEqualTo(3);
    assertThat(ram.load8(0x20000)).isZero();
  }

  @Test
  void autoInitialiseStartsAgain() {
    program(dma, 1, 0x58, 0x2000, 3);
    ram.store32(0x2000, 0x04030201);
    byte[] got = new byte[10];
    assertThat(dma.fromMemory(1, got, 0, 10)).isEqualTo(10);
    assertThat(got).containsExactly(1, 2, 3, 4, 1, 2, 3, 4, 1, 2);
    assertThat(dma.isReady(1)).isTrue();
  }

  @Test
  void wordChannelsMoveWordsWithin128KiB() {
    dma.pages().write(10, 0x03, 1);
    dma.second().write(24, 0, 1);
    dma.second().write(22, 0x45, 1);
    dma.second().write(4, 0x00, 1);
    dma.second().write(4, 0x80, 1);
    dma.second().write(6, 0x01, 1);
    dma.second().write(6, 0x00, 1);
    dma.second().write(20, 0x01, 1);
    assertThat(dma.remainingBytes(5)).isEqualTo(4);
    assertThat(dma.toMemory(5, new byte[] {1, 2, 3, 4, 5, 6}, 0, 6)).isEqualTo(4);
    assertThat(ram.load32(0x30000)).isEqualTo(0x04030201);
  }

  @Test
  void decrementingTransferRunsBackwards() {
    program(dma, 3, 0x64, 0x1003, 3);
    assertThat(dma.toMemory(3, new byte[] {1, 2, 3, 4}, 0, 4)).isEqualTo(4);
    assertThat(ram.load32(0x1000)).isEqualTo(0x01020304);
  }

  @Test
  void maskedChannelMovesNothing() {
    program(dma, 2, 0x44, 0, 511);
    dma.first().write(10, 6, 1);
    assertThat(dma.toMemory(2, new byte[4], 0, 4)).isZero();
    dma.first().write(14, 0, 1);
    dma.first().write(8, 4, 1);
    assertThat(dma.isReady(2)).as("controller off").isFalse();
  }
}
