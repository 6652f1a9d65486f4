package org.tuber.devices.input;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.backend.KeyCode;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Ps2KeyboardTest extends DeviceContract<Ps2Keyboard> {
  @Override
  protected Ps2Keyboard create(Rig rig) {
    return new Ps2Keyboard();
  }

  @Override
  protected List<Window> windows(Ps2Keyboard device) {
    return List.of(new Window("keyboard", new PortWindow(device), 1));
  }

  @Override
  protected void mutate(Ps2Keyboard device, Rig rig) {
    device.receive(0xed);
    device.receive(0x07);
  }

  @Override
  protected void stimulate(Ps2Keyboard device, Rig rig, Random random) {
    KeyCode[] keys = KeyCode.values();
    device.key(keys[random.nextInt(keys.length)], random.nextBoolean());
  }

  @Test
  void aFullBufferDropsWholeKeys() {
    Ps2Keyboard keyboard = new Ps2Keyboard();
    for (int i = 0; i < 100; i++) {
      keyboard.key(KeyCode.UP, false);
    }
    int bytes = 0;
    while (keyboard.hasOutput()) {
      keyboard.next();
      bytes++;
    }
    assertThat(bytes % 3).isZero();
    assertThat(bytes).isLessThan(22);
  }

  @Test
  void disabledKeyboardReportsNothing() {
    Ps2Keyboard keyboard = new Ps2Keyboard();
    keyboard.receive(0xf5);
    keyboard.next();
    keyboard.key(KeyCode.A, true);
    assertThat(keyboard.hasOutput()).isFalse();
  }

  @Test
  void keysAreFoundByTheirSendkeyName() {
    assertThat(KeyCode.ofQcode("ret")).isEqualTo(KeyCode.RET);
    assertThat(KeyCode.ofQcode("nonsense")).isNull();
  }
}
