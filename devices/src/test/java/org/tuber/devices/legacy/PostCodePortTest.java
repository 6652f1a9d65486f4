package org.tuber.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class PostCodePortTest extends DeviceContract<PostCodePort> {
  @Override
  protected PostCodePort create(Rig rig) {
    return new PostCodePort();
  }

  @Override
  protected List<Window> windows(PostCodePort device) {
    return List.of(new Window("80", device, 1));
  }

  @Override
  protected void mutate(PostCodePort device, Rig rig) {
    device.write(0, 0x42, 1);
  }

  @Test
  void keepsTheLastCode() {
    PostCodePort port = new PostCodePort();
    port.write(0, 0x55, 1);
    assertThat(port.code()).isEqualTo(0x55);
    assertThat(port.read(0, 1)).isEqualTo(0x55);
  }
}
