package org.tuber.devices.display;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

/** CL-GD5446 Technical Reference Manual. */
class CirrusVgaTest extends DeviceContract<CirrusVga> {
  private static final int VRAM_BYTES = 0x4_0000;
  private static final int COPY = 0x0d;
  private static final int XOR = 0x59;

  @Override
  protected CirrusVga create(Rig rig) {
    return new CirrusVga(VRAM_BYTES, null, rig.clock, (ram, offset, length) -> {});
  }

  @Override
  protected List<Window> windows(CirrusVga device) {
    return List.of(
        new Window("ports", device.vgaPorts(), VgaCore.PORTS_BYTES),
        new Window("window", device.window(), VgaCore.WINDOW_BYTES),
        new Window("aperture", device.aperture(), 32 << 20),
        new Window("registers", device.registers(), 0x1000));
  }

  @Override
  protected void mutate(CirrusVga device, Rig rig) {
    sequencer(device, 7, 1);
    graphics(device, 0x32, COPY);
    device.window().write(7, 0x55, 1);
    sequencer(device, 0x12, 3);
  }

  @Override
  protected void stimulate(CirrusVga device, Rig rig, java.util.Random random) {
    // Whatever the registers say can be drawn.
    device.render(new DisplaySurface());
    rig.trace.add("text " + device.text().hashCode());
  }

  private static void out(CirrusVga vga, int port, int value) {
    vga.vgaPorts().write(port - 0x3b0, value, 1);
  }

  private static int in(CirrusVga vga, int port) {
    return (int) vga.vgaPorts().read(port - 0x3b0, 1);
  }

  private static void sequencer(CirrusVga vga, int index, int value) {
    out(vga, 0x3c4, index);
    out(vga, 0x3c5, value);
  }

  private static void graphics(CirrusVga vga, int index, int value) {
    out(vga, 0x3ce, index);
    out(vga, 0x3cf, value);
  }

  private static void graphics(CirrusVga vga, int index, int bytes, int value) {
    for (int i = 0; i < bytes; i++) {
      graphics(vga, index + i, value >> 8 * i & 0xff);
    }
  }

  private static void blit(
      CirrusVga vga, int width, int height, int to, int from, int pitch, int mode, int operation) {
    graphics(vga, 0x20, 2, width - 1);
    graphics(vga, 0x22, 2, height - 1);
    graphics(vga, 0x24, 2, pitch);
    graphics(vga, 0x26, 2, pitch);
    graphics(vga, 0x28, 3, to);
    graphics(vga, 0x2c, 3, from);
    graphics(vga, 0x30, mode);
    graphics(vga, 0x32, operation);
    graphics(vga, 0x31, 0);
    graphics(vga, 0x31, CirrusBlitter.STATUS_START);
  }

  private static byte[] bytes(CirrusVga vga, int at, int length) {
    byte[] result = new byte[length];
    vga.vram().read(at, result, 0, length);
    return result;
  }

  private CirrusVga card() {
    CirrusVga vga = create(new Rig());
    out(vga, 0x3c2, 1);
    sequencer(vga, 6, 0x12);
    return vga;
  }

  @Test
  void identifiesItselfAndUnlocks() {
    CirrusVga vga = card();
    out(vga, 0x3c4, 6);
    assertThat(in(vga, 0x3c5)).isEqualTo(0x12);
    out(vga, 0x3c5, 0);
    assertThat(in(vga, 0x3c5)).isEqualTo(0x0f);
    out(vga, 0x3d4, 0x27);
    assertThat(in(vga, 0x3d5)).isEqualTo(0xb8);
    out(vga, 0x3c4, 0x1f);
    assertThat(in(vga, 0x3c5)).isEqualTo(0x2d);
    assertThat(vga.pci().config32(0)).isEqualTo(0x00b8_1013);
  }

  @Test
  void hiddenDacOpensAfterFourReads() {
    CirrusVga vga = card();
    for (int i = 0; i < 4; i++) {
      in(vga, 0x3c6);
    }
    out(vga, 0x3c6, 0xc1);
    assertThat(in(vga, 0x3c6)).isEqualTo(0xff);
    for (int i = 0; i < 3; i++) {
      in(vga, 0x3c6);
    }
    assertThat(in(vga, 0x3c6)).isEqualTo(0xc1);
  }

  @Test
  void copiesForwardsAndBackwards() {
    CirrusVga vga = card();
    for (int i = 0; i < 16; i++) {
      vga.vram().store8(i, i);
    }
    blit(vga, 4, 2, 100, 1, 8, 0, COPY);
    assertThat(bytes(vga, 100, 4)).containsExactly(1, 2, 3, 4);
    assertThat(bytes(vga, 108, 4)).containsExactly(9, 10, 11, 12);
    blit(vga, 8, 1, 9, 7, 8, 1, COPY);
    assertThat(bytes(vga, 0, 10)).containsExactly(0, 1, 0, 1, 2, 3, 4, 5, 6, 7);
    blit(vga, 4, 1, 100, 100, 8, 0, XOR);
    assertThat(bytes(vga, 100, 4)).containsOnly(0);
    assertThat(vga.registers().read(0x140, 1)).isZero();
  }

  @Test
  void fillsWithColourAndPattern() {
    CirrusVga vga = card();
    graphics(vga, 0x01, 0x11);
    graphics(vga, 0x11, 0x22);
    graphics(vga, 0x00, 0x33);
    graphics(vga, 0x10, 0x44);
    graphics(vga, 0x33, 4);
    blit(vga, 6, 2, 0x1000, 0, 16, 0xd0, COPY);
    assertThat(vga.vram().load32(0x1010)).isEqualTo(0x2211_2211);
    assertThat(vga.vram().load32(0x1016)).isZero();
    graphics(vga, 0x33, 0);
    vga.vram().store8(0x2000, 0xa0);
    blit(vga, 8, 1, 0x1000, 0x2000, 16, 0xd0, COPY);
    assertThat(vga.vram().load64(0x1000)).isEqualTo(0x4433_2211_4433_2211L);
    blit(vga, 8, 1, 0x1100, 0x2000, 16, 0xd8, COPY);
    assertThat(vga.vram().load64(0x1100)).isEqualTo(0x0000_2211_0000_2211L);
  }

  @Test
  void expandsWhatTheCpuWrites() {
    CirrusVga vga = card();
    sequencer(vga, 7, 1);
    graphics(vga, 0x01, 0x0f);
    graphics(vga, 0x00, 0xf0);
    blit(vga, 12, 2, 0x1000, 0, 16, 0x84, COPY);
    assertThat(vga.registers().read(0x140, 1) & 1).isEqualTo(1);
    for (int value : new int[] {0x80, 0x10, 0x01, 0x00}) {
      vga.aperture().write(0, value, 1);
    }
    assertThat(vga.registers().read(0x140, 1)).isZero();
    assertThat(bytes(vga, 0x1000, 12))
        .containsExactly(0x0f, -16, -16, -16, -16, -16, -16, -16, -16, -16, -16, 0x0f);
    assertThat(bytes(vga, 0x1017, 1)).containsExactly(0x0f);
  }

  @Test
  void banksOfTheWindow() {
    CirrusVga vga = card();
    sequencer(vga, 7, 1);
    graphics(vga, 9, 2);
    vga.window().write(3, 0x77, 1);
    assertThat(vga.vram().load8(0x2003)).isEqualTo(0x77);
    graphics(vga, 0x0b, 0x20);
    assertThat(vga.window().read(0, 1)).isZero();
    vga.vram().store8(0x8000, 9);
    assertThat(vga.window().read(0, 1)).isEqualTo(9);
  }

  @Test
  void cursorLiesOverThePicture() {
    CirrusVga vga = card();
    sequencer(vga, 7, 9);
    out(vga, 0x3c0, 0x20);
    out(vga, 0x3d4, 1);
    out(vga, 0x3d5, 7);
    out(vga, 0x3d4, 0x12);
    out(vga, 0x3d5, 31);
    sequencer(vga, 0x12, 3);
    out(vga, 0x3c8, 15);
    for (int i = 0; i < 3; i++) {
      out(vga, 0x3c9, 0x3f);
    }
    sequencer(vga, 0x12, 1);
    sequencer(vga, 0x10 | 5 << 5, 1);
    sequencer(vga, 0x11, 1);
    int pattern = VRAM_BYTES - 0x4000;
    vga.vram().store8(pattern, 0xc0);
    vga.vram().store8(pattern + 128, 0x80);
    DisplaySurface picture = new DisplaySurface();
    vga.render(picture);
    assertThat(picture.width()).isEqualTo(64);
    assertThat(picture.height()).isEqualTo(32);
    int at = 8 * 64 + 13;
    assertThat(picture.pixels()[at - 1]).isZero();
    assertThat(picture.pixels()[at]).isEqualTo(0xffffff);
    assertThat(picture.pixels()[at + 1]).isEqualTo(0xffffff);
    assertThat(picture.pixels()[at + 2]).isZero();
  }
}
