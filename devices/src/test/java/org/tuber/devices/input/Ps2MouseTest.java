package org.tuber.devices.input;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
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
  void aClickThatIsOverBeforeItIsReadIsNotLost() {
    Ps2Mouse mouse = new Ps2Mouse();
    mouse.receive(0xf4);
    assertThat(mouse.next()).isEqualTo(0xfa);
    mouse.pointer(5, 0, 0, 0); // the host is slow from here on
    mouse.pointer(300, 0, 0, 0);
    mouse.pointer(0, 0, 0, 1);
    mouse.pointer(0, 0, 0, 0);
    List<Integer> buttons = new ArrayList<>();
    int moved = 0;
    while (mouse.hasOutput()) {
      int head = mouse.next();
      moved += mouse.next() - ((head & 0x10) != 0 ? 256 : 0);
      assertThat(mouse.next()).isZero();
      boolean pressed = (head & 1) != 0;
      assertThat(moved).as("moved before it clicked").isGreaterThanOrEqualTo(pressed ? 305 : 0);
      buttons.add(head & 7);
    }
    assertThat(moved).isEqualTo(305);
    assertThat(buttons).containsSubsequence(0, 1, 0).endsWith(0);
  }

  @Test
  void clicksWithoutEndDoNotOverrunTheQueue() {
    Ps2Mouse mouse = new Ps2Mouse();
    mouse.receive(0xf4);
    mouse.next();
    for (int i = 0; i < 1000; i++) {
      mouse.pointer(1, 0, 0, i & 1);
    }
    int bytes = 0;
    int last = -1;
    for (; mouse.hasOutput(); bytes++) {
      int value = mouse.next();
      last = bytes % 3 == 0 ? value : last;
    }
    assertThat(bytes % 3).as("whole packets").isZero();
    assertThat(last & 1).as("the button as it is now").isEqualTo(1);
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
