package org.tuber.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class I440fxHostTest extends DeviceContract<I440fxHost> {
  private final Rig rig = new Rig();
  private GuestRam ram;
  private final I440fxHost host = create(rig);

  @Override
  protected I440fxHost create(Rig r) {
    ram = new GuestRam(1 << 20);
    r.memory.mapRam(0, 0xa0000, ram, 0);
    Piix3Isa piix3 = Piix3IsaTest.bridge(r);
    PciBus bus = new PciBus(r.memory, r.io, piix3, (address, data) -> {});
    I440fxHost device = new I440fxHost(bus, r.memory, ram, piix3.resetControl());
    bus.attach(1, 0, piix3.pci());
    return device;
  }

  private record AllButResetControl(MmioDevice ports) implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return offset == 1 ? -1 : ports.read(offset, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset != 1) {
        ports.write(offset, value, size);
      }
    }

    @Override
    public int maxAccessSize() {
      return ports.maxAccessSize();
    }
  }

  @Override
  protected List<Window> windows(I440fxHost device) {
    return List.of(
        // CF9H inside the ports belongs to another device.
        new Window("cf8", new AllButResetControl(device.configPorts()), 8),
        new Window("config", new ConfigWindow(device.pci()), 256));
  }

  @Override
  protected void mutate(I440fxHost device, Rig r) {
    device.configPorts().write(0, 0x80000058L, 4);
    device.configPorts().write(5, 0x30, 1);
  }

  @Test
  void mechanism1ReadsFunctionsAtAnySize() {
    host.configPorts().write(0, 0x80000000L, 4);
    assertThat(host.configPorts().read(0, 4)).isEqualTo(0x80000000L);
    assertThat(host.configPorts().read(4, 4)).isEqualTo(0x12378086L);
    assertThat(host.configPorts().read(6, 2)).isEqualTo(0x1237);
    assertThat(host.configPorts().read(7, 1)).isEqualTo(0x12);
    host.configPorts().write(0, 0x80000800L, 4);
    assertThat(host.configPorts().read(4, 4)).isEqualTo(0x70008086L);
    host.configPorts().write(0, 0x80001000L, 4);
    assertThat(host.configPorts().read(4, 4)).as("nobody there").isEqualTo(-1);
    host.configPorts().write(0, 0x00000800L, 4);
    assertThat(host.configPorts().read(4, 4)).as("not enabled").isEqualTo(-1);
  }

  @Test
  void attributeMapSelectsRamPerSegment() {
    ram.store8(0xf0000, 0x5a);
    assertThat(rig.memory.find(0xf0000)).isNull();
    host.pci().writeConfig(0x59, 0x10, 1);
    assertThat(rig.memory.read(0xf0000, 1)).isEqualTo(0x5a);
    rig.memory.write(0xf0000, 1, 1);
    assertThat(ram.load8(0xf0000)).as("read only").isEqualTo(0x5a);
    host.pci().writeConfig(0x59, 0x30, 1);
    rig.memory.write(0xf0000, 1, 1);
    assertThat(ram.load8(0xf0000)).isEqualTo(1);
    host.pci().writeConfig(0x5a, 0x20, 1);
    rig.memory.write(0xc4000, 7, 1);
    assertThat(ram.load8(0xc4000)).as("write only").isEqualTo(7);
    assertThat(rig.memory.read(0xc4000, 1)).isEqualTo(0xff);
    assertThat(rig.memory.find(0xc0000)).isNull();
    assertThat(rig.memory.find(0xc8000)).isNull();
  }

  @Test
  void writeOnlySegmentReadsTheRomBelow4GiB() {
    GuestRam rom = new GuestRam(0x40000);
    rom.store8(0x3f123, 0x77);
    rig.memory.mapRam(0xfffc0000L, 0x40000, rom, 0, true, AddressSpace.PRIORITY_PCI);
    host.pci().writeConfig(0x59, 0x20, 1);
    assertThat(rig.memory.read(0xff123, 1)).isEqualTo(0x77);
    rig.memory.write(0xff123, 0x11, 1);
    assertThat(ram.load8(0xff123)).isEqualTo(0x11);
    assertThat(rig.memory.read(0xff123, 1)).isEqualTo(0x77);
  }

  @Test
  void openShadowRamLeavesTheRegistersOfFirmware() {
    host.openShadowRam();
    assertThat(host.pci().readConfig(0x59, 4)).isEqualTo(0x33333330L);
    assertThat(host.pci().readConfig(0x5d, 2)).isEqualTo(0x3333);
    rig.memory.write(0xe8000, 9, 1);
    assertThat(ram.load8(0xe8000)).isEqualTo(9);
  }

  @Test
  void smramOpensAndLocks() {
    assertThat(rig.memory.find(0xa0000)).isNull();
    host.pci().writeConfig(0x72, 0x4a, 1);
    rig.memory.write(0xa8000, 3, 1);
    assertThat(ram.load8(0xa8000)).isEqualTo(3);
    host.pci().writeConfig(0x72, 0x1a, 1);
    assertThat(rig.memory.find(0xa0000)).isNull();
    host.pci().writeConfig(0x72, 0x4a, 1);
    assertThat(rig.memory.find(0xa0000)).as("locked").isNull();
    host.reset();
    assertThat(host.pci().readConfig(0x72, 1)).isEqualTo(0x02);
  }

  @Test
  void resetControlSitsInsideTheConfigurationPorts() {
    rig.io.mapDevice(0xcf8, 8, host.configPorts(), 0);
    rig.io.write(0xcf9, 2, 1);
    assertThat(rig.count("reset")).isZero();
    assertThat(rig.io.read(0xcf9, 1)).isEqualTo(2);
    rig.io.write(0xcf9, 6, 1);
    assertThat(rig.count("reset")).isEqualTo(1);
  }
}
