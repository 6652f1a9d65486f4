package org.tuber.devices.irqchip;

import java.util.List;
import java.util.Random;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.RecordingVcpu;
import org.tuber.devices.Rig;

/** The contract; behaviour towards CPUs is in {@link LapicTest}. */
class IoApicTest extends DeviceContract<IoApic> {
  @Override
  protected IoApic create(Rig rig) {
    ApicBus bus = new ApicBus();
    Lapic lapic = new Lapic(0, true, bus, rig.clock, rig.lock, () -> 0, 1_000_000_000);
    lapic.attach(new RecordingVcpu());
    lapic.write(0xf0, 0x1ff, 4);
    return new IoApic(bus);
  }

  @Override
  protected List<Window> windows(IoApic device) {
    return List.of(new Window("ioapic", device, 0x50));
  }

  @Override
  protected void mutate(IoApic device, Rig rig) {
    device.write(0, 0x12, 4);
    device.write(0x10, 0x8031, 4);
    device.input(1).set(true);
  }

  @Override
  protected void stimulate(IoApic device, Rig rig, Random random) {
    if (random.nextInt(4) == 0) {
      device.endOfInterrupt(random.nextInt(256));
    } else {
      device.input(random.nextInt(IoApic.PINS)).set(random.nextBoolean());
    }
  }

  @Override
  protected void driveInputsLike(IoApic original, IoApic copy) {
    for (int i = 0; i < IoApic.PINS; i++) {
      copy.input(i).set(original.input(i).level());
    }
  }
}
