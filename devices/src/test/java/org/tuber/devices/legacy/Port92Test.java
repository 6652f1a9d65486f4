package org.tuber.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Port92Test extends DeviceContract<Port92> {
  @Override
  protected Port92 create(Rig rig) {
    return new Port92(rig.line("a20"), rig.event("reset"));
  }

  @Override
  protected List<Window> windows(Port92 device) {
    return List.of(new Window("92", device, 1));
  }

  @Override
  protected void mutate(Port92 device, Rig rig) {
    device.write(0, 2, 1);
  }

  @Test
  void bit0ResetsOnItsRisingEdge() {
    Rig rig = new Rig();
    Port92 port = create(rig);
    port.write(0, 3, 1);
    port.write(0, 3, 1);
    assertThat(rig.count("reset")).isEqualTo(1);
    assertThat(rig.levels()).containsEntry("a20", true);
  }
}
