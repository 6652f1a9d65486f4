package org.tuber.devices.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class FwCfgTest extends DeviceContract<FwCfg> {
  private int made;

  @Override
  protected FwCfg create(Rig rig) {
    rig.memory.mapRam(0, 0x10000, new GuestRam(0x10000), 0);
    FwCfg device = new FwCfg(new DmaView(rig.memory, (ram, offset, length) -> {}));
    device.addNumber(5, 3, 2);
    device.addFile("etc/b", new byte[] {7, 8, 9});
    device.addFile("etc/a", 8, () -> new byte[] {1, 2, (byte) ++made});
    device.reset();
    return device;
  }

  @Override
  protected List<Window> windows(FwCfg device) {
    // The DMA ports stay out: random addresses would let random lengths run for minutes.
    return List.of(new Window("510", device.ports(), FwCfg.PORTS_BYTES));
  }

  @Override
  protected void mutate(FwCfg device, Rig rig) {
    device.ports().write(0, 5, 2);
    device.ports().read(1, 1);
  }

  private static String text(FwCfg device, int key, int length) {
    device.ports().write(0, key, 2);
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < length; i++) {
      s.append((char) device.ports().read(1, 1));
    }
    return s.toString();
  }

  @Test
  void itSaysWhatItIs() {
    FwCfg device = create(new Rig());
    assertThat(text(device, 0, 4)).isEqualTo("QEMU");
    assertThat(text(device, 1, 1)).isEqualTo("\3");
    assertThat(device.dmaPorts().read(0, 4)).isEqualTo(Integer.reverseBytes(0x5145_4d55));
    assertThat(device.dmaPorts().read(4, 4)).isEqualTo(Integer.reverseBytes(0x2043_4647));
  }

  @Test
  void filesAreNumberedByName() {
    FwCfg device = create(new Rig());
    byte[] directory = text(device, 0x19, 4 + 2 * 64).getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer b = ByteBuffer.wrap(directory);
    assertThat(b.getInt()).isEqualTo(2);
    assertThat(b.getInt()).isEqualTo(8);
    assertThat(b.getShort()).isEqualTo((short) 0x20);
    assertThat(new String(directory, 12, 5, StandardCharsets.US_ASCII)).isEqualTo("etc/a");
    assertThat(text(device, 0x21, 4)).isEqualTo("\7\b\t\0");
  }

  @Test
  void suppliedFilesAreMadeOncePerReset() {
    FwCfg device = create(new Rig());
    assertThat(text(device, 0x20, 3)).isEqualTo("\1\2\1");
    assertThat(text(device, 0x20, 3)).isEqualTo("\1\2\1");
    device.reset();
    assertThat(text(device, 0x20, 3)).isEqualTo("\1\2\2");
  }

  @Test
  void dmaSelectsReadsAndZeroFillsPastTheEnd() {
    Rig rig = new Rig();
    FwCfg device = create(rig);
    DmaView memory = new DmaView(rig.memory, (ram, offset, length) -> {});
    byte[] request =
        ByteBuffer.allocate(16).putInt(0x21 << 16 | 0xa).putInt(4).putLong(0x2000).array();
    memory.write(0x1000, request, 0, 16);
    memory.writeValue(0x2000, -1, 8);
    device.dmaPorts().write(0, 0, 4);
    device.dmaPorts().write(4, Integer.reverseBytes(0x1000) & 0xffff_ffffL, 4);
    assertThat(memory.readValue(0x1000, 4)).isZero();
    assertThat(memory.readValue(0x2000, 8)).isEqualTo(0xffff_ffff_0009_0807L);
  }

  @Test
  void hostileDmaLengthsEnd() {
    Rig rig = new Rig();
    FwCfg device = create(rig);
    DmaView memory = new DmaView(rig.memory, (ram, offset, length) -> {});
    byte[] request =
        ByteBuffer.allocate(16).putInt(0x21 << 16 | 0xa).putInt(-1).putLong(0x2000).array();
    memory.write(0x1000, request, 0, 16);
    device.dmaPorts().write(0, Long.reverseBytes(0x1000), 8);
    assertThat(device.ports().read(1, 1)).isZero();
    device.dmaPorts().write(0, -1L, 8);
    assertThat(device.ports().read(1, 1)).isZero();
  }
}
