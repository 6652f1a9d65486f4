package org.tuber.devices.input;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Ps2MouseTest extends DeviceContract<Ps2Mouse> {
  @Override
  protected Ps2Mouse create(Rig rig) {
    return new Ps2Mouse();
  }

  @Override
  protected List<Window> windows(Ps2Mouse device) {
    return List.of(new Window("mouse", new PortWindow(device), 1));
  }

  @Override
  protected void mutate(Ps2Mouse device, Rig rig) {
    device.receive(0xf4);
    device.pointer(3, 4, 0, 2);
  }

  @Override
  protected void stimulate(Ps2Mouse device, Rig rig, Random random) {
    device.pointer(
        random.nextInt(600) - 300,
        random.nextInt(60) - 30,
        random.nextInt(3) - 1,
        random.nextInt(8));
  }

  @Test
  void statusRequestShowsButtonsResolutionAndRate() {
    Ps2Mouse mouse = new Ps2Mouse();
    mouse.receive(0xf4);
    mouse.receive(0xe9);
    int[] got = {mouse.next(), mouse.next(), mouse.next(), mouse.next()};
    assertThat(got).containsExactly(0xfa, 0x20, 2, 100);
  }

  @Test
  void remoteModeReportsOnRequestOnly() {
    Ps2Mouse mouse = new Ps2Mouse();
    mouse.receive(0xf0);
    mouse.next();
    mouse.pointer(1, 0, 0, 0);
    assertThat(mouse.hasOutput()).isFalse();
    mouse.receive(0xeb);
    assertThat(mouse.next()).isEqualTo(0xfa);
    assertThat(mouse.next()).isEqualTo(0x08);
    assertThat(mouse.next()).isEqualTo(1);
  }
}
