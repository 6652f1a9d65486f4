package org.tuber.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class PcieHostTest extends DeviceContract<PcieHost> {
  private final Rig rig = new Rig();
  private final PcieHost host = create(rig);
  private final MmioDevice ecam = host.ecam();

  @Override
  protected PcieHost create(Rig r) {
    PcieHost device =
        new PcieHost(r.io, r.line("wire0"), r.line("wire1"), r.line("wire2"), r.line("wire3"));
    PciBus bus = new PciBus(r.memory, r.io, device, (address, data) -> {});
    device.connect(bus);
    return device;
  }

  @Override
  protected List<Window> windows(PcieHost device) {
    return List.of(
        new Window("ecam", device.ecam(), 0x1_0000), new Window("io", device.ports(), 0x1_0000));
  }

  @Override
  protected void mutate(PcieHost device, Rig r) {
    device.ecam().write(4, 7, 2);
  }

  @Test
  void bridgeIsFunctionZeroAndOthersAreAbsent() {
    assertThat(ecam.read(0, 4)).isEqualTo(0x0008_1b36);
    assertThat(ecam.read(8, 4) >>> 8).isEqualTo(0x06_0000);
    assertThat(ecam.read(1 << 15, 4)).isEqualTo(-1);
    assertThat(ecam.read(1 << 20, 4)).as("another bus").isEqualTo(-1);
  }

  @Test
  void pinsAreSpreadOverTheWires() {
    host.source(1, 0).set(true);
    assertThat(rig.levels()).containsEntry("wire1", true);
    host.source(3, 2).set(true);
    assertThat(rig.levels()).containsEntry("wire1", true).containsEntry("wire0", false);
  }
}
