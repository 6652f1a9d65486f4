package org.tuber.devices.timer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class SpeakerPortTest extends DeviceContract<SpeakerPort> {
  @Override
  protected SpeakerPort create(Rig rig) {
    return new SpeakerPort(new I8254Pit(rig.clock, rig.line("irq0")));
  }

  @Override
  protected List<Window> windows(SpeakerPort device) {
    return List.of(new Window("61", device, 1));
  }

  @Override
  protected void mutate(SpeakerPort device, Rig rig) {
    device.write(0, 3, 1);
  }

  @Test
  void refreshBitTogglesAtEachRead() {
    SpeakerPort port = create(new Rig());
    long first = port.read(0, 1) & 0x10;
    assertThat(port.read(0, 1) & 0x10).isNotEqualTo(first);
  }
}
