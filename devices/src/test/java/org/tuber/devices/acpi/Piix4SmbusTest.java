package org.tuber.devices.acpi;

import java.util.List;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Piix4SmbusTest extends DeviceContract<Piix4Smbus> {
  @Override
  protected Piix4Smbus create(Rig rig) {
    return new Piix4Smbus();
  }

  @Override
  protected List<Window> windows(Piix4Smbus device) {
    return List.of(new Window("smbus", device, 16));
  }

  @Override
  protected void mutate(Piix4Smbus device, Rig rig) {
    device.write(3, 0x12, 1);
  }
}
