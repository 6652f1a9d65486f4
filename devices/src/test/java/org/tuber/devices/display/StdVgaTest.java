package org.tuber.devices.display;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class StdVgaTest extends DeviceContract<StdVga> {
  private static final int VRAM_BYTES = 0x4_0000;

  @Override
  protected StdVga create(Rig rig) {
    return new StdVga(VRAM_BYTES, null, rig.clock, (ram, offset, length) -> {});
  }

  @Override
  protected List<Window> windows(StdVga device) {
    return List.of(
        new Window("ports", device.vgaPorts(), VgaCore.PORTS_BYTES),
        new Window("dispi", device.dispiPorts(), 4),
        new Window("window", device.window(), VgaCore.WINDOW_BYTES),
        new Window("registers", device.registers(), 0x1000));
  }

  @Override
  protected void mutate(StdVga device, Rig rig) {
    out(device, 0x3c2, 1);
    register(device, 0x3c4, 2, 15);
    device.window().write(7, 0x55, 1);
  }

  @Override
  protected void stimulate(StdVga device, Rig rig, java.util.Random random) {
    // Whatever the registers say can be drawn.
    device.render(new DisplaySurface());
    rig.trace.add("text " + device.text().hashCode());
  }

  private static void out(StdVga vga, int port, int value) {
    vga.vgaPorts().write(port - 0x3b0, value, 1);
  }

  private static void register(StdVga vga, int port, int index, int value) {
    out(vga, port, index);
    out(vga, port + 1, value);
  }

  private static void dispi(StdVga vga, int index, int value) {
    vga.dispiPorts().write(0, index, 2);
    vga.dispiPorts().write(2, value, 2);
  }

  @Test
  void writeModeZeroRotatesSetsResetsAndMasks() {
    StdVga vga = create(new Rig());
    register(vga, 0x3c4, 2, 15);
    register(vga, 0x3ce, 8, 0xff);
    register(vga, 0x3ce, 3, 4);
    register(vga, 0x3ce, 1, 2);
    register(vga, 0x3ce, 0, 2);
    vga.window().write(3, 0x12, 1);
    assertThat(vga.vram().load32(12)).isEqualTo(0x2121_ff21);
    register(vga, 0x3ce, 3, 0);
    register(vga, 0x3ce, 1, 0);
    register(vga, 0x3ce, 8, 0x0f);
    vga.window().read(3, 1);
    vga.window().write(3, 0x00, 1);
    assertThat(vga.vram().load32(12)).isEqualTo(0x2020_f020);
  }

  @Test
  void readModeOneComparesColours() {
    StdVga vga = create(new Rig());
    vga.vram().store32(0, 0x00ff_0ff0);
    register(vga, 0x3ce, 5, 8);
    register(vga, 0x3ce, 2, 0x5);
    register(vga, 0x3ce, 7, 0x7);
    assertThat(vga.window().read(0, 1)).isEqualTo(0xf0);
  }

  @Test
  void vbeModeShowsItsFrameBuffer() {
    StdVga vga = create(new Rig());
    dispi(vga, 1, 64);
    dispi(vga, 2, 48);
    dispi(vga, 3, 32);
    dispi(vga, 4, 0x41);
    vga.vram().store32(4 * (64 * 2 + 5), 0x0012_3456);
    DisplaySurface picture = new DisplaySurface();
    vga.render(picture);
    assertThat(picture.width()).isEqualTo(64);
    assertThat(picture.height()).isEqualTo(48);
    assertThat(picture.pixels()[64 * 2 + 5]).isEqualTo(0x12_3456);
    dispi(vga, 9, 2);
    vga.render(picture);
    assertThat(picture.pixels()[5]).isEqualTo(0x12_3456);
  }

  @Test
  void depthsAreConvertedToEightBitsAColour() {
    StdVga vga = create(new Rig());
    dispi(vga, 3, 16);
    dispi(vga, 1, 16);
    dispi(vga, 2, 1);
    dispi(vga, 4, 0x41);
    vga.vram().store16(0, 0xf800);
    vga.vram().store16(2, 0x07e0);
    vga.vram().store16(4, 0x001f);
    DisplaySurface picture = new DisplaySurface();
    vga.render(picture);
    assertThat(picture.pixels()).startsWith(0xff_0000, 0x00_ff00, 0x00_00ff, 0);
  }

  @Test
  void capabilitiesShowTheLimits() {
    StdVga vga = create(new Rig());
    dispi(vga, 4, 2);
    vga.dispiPorts().write(0, 1, 2);
    assertThat(vga.dispiPorts().read(2, 2)).isEqualTo(16000);
    vga.dispiPorts().write(0, 10, 2);
    assertThat(vga.dispiPorts().read(2, 2)).isEqualTo(VRAM_BYTES >> 16);
  }

  @Test
  void edidHasItsSignatureAndChecksum() {
    StdVga vga = create(new Rig());
    assertThat(vga.registers().read(0, 4)).isEqualTo(0xffff_ff00L);
    int sum = 0;
    for (int i = 0; i < 128; i++) {
      sum += (int) vga.registers().read(i, 1);
    }
    assertThat(sum & 0xff).isZero();
  }
}
