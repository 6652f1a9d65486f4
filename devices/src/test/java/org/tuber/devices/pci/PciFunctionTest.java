package org.tuber.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class PciFunctionTest extends DeviceContract<PciFunction> {
  private final Rig rig = new Rig();
  private final PciFunction pci = create(rig);

  private static final MmioDevice REGISTERS =
      new MmioDevice() {
        @Override
        public long read(long offset, int size) {
          return 0x1000 + offset;
        }

        @Override
        public void write(long offset, long value, int size) {}
      };

  @Override
  protected PciFunction create(Rig r) {
    PciFunction f = new PciFunction("test", new PciFunction.Identity(0x1234, 0x5678, 9, 0x020000));
    f.addBar(0, PciFunction.Space.MEMORY_32, 0x20000, REGISTERS);
    f.addBar(1, PciFunction.Space.IO, 64, REGISTERS);
    f.addBar(2, PciFunction.Space.MEMORY_64_PREFETCHABLE, 0x1000, REGISTERS);
    f.interruptPin(1);
    new MsiCapability(f, 4);
    PciBus bus =
        new PciBus(
            r.memory,
            r.io,
            (slot, pin) -> r.line("int" + slot + pin),
            (address, data) -> r.trace.add("msi " + address + " " + data));
    bus.attach(3, 0, f);
    return f;
  }

  @Override
  protected List<Window> windows(PciFunction device) {
    return List.of(new Window("config", new ConfigWindow(device), 256));
  }

  @Override
  protected void mutate(PciFunction device, Rig r) {
    device.writeConfig(0x10, 0xfeb00000L, 4);
    device.writeConfig(0x04, 7, 2);
  }

  @Override
  protected void stimulate(PciFunction device, Rig r, Random random) {
    device.intx().set(random.nextBoolean());
  }

  @Override
  protected void driveInputsLike(PciFunction original, PciFunction copy) {
    copy.intx().set(original.intx().level());
  }

  @Test
  void barSizingShowsTheSize() {
    pci.writeConfig(0x10, 0xffffffffL, 4);
    assertThat(pci.readConfig(0x10, 4)).isEqualTo(0xfffe0000L);
    pci.writeConfig(0x14, 0xffffffffL, 4);
    assertThat(pci.readConfig(0x14, 4)).isEqualTo(0xffffffc1L);
    pci.writeConfig(0x18, 0xffffffffL, 4);
    pci.writeConfig(0x1c, 0xffffffffL, 4);
    assertThat(pci.readConfig(0x18, 4)).isEqualTo(0xfffff00cL);
    assertThat(pci.readConfig(0x1c, 4)).isEqualTo(0xffffffffL);
    assertThat(pci.readConfig(0x20, 4)).isZero();
  }

  @Test
  void windowsFollowTheBarAndTheDecodeBits() {
    pci.writeConfig(0x10, 0xfeb00000L, 4);
    assertThat(rig.memory.find(0xfeb00010L)).isNull();
    pci.writeConfig(0x04, 2, 2);
    assertThat(rig.memory.read(0xfeb00010L, 4)).isEqualTo(0x1010);
    pci.writeConfig(0x10, 0xfea00000L, 4);
    assertThat(rig.memory.find(0xfeb00010L)).isNull();
    assertThat(rig.memory.read(0xfea00000L, 4)).isEqualTo(0x1000);
    pci.writeConfig(0x14, 0xc001, 4);
    assertThat(rig.io.find(0xc000)).isNull();
    pci.writeConfig(0x04, 1, 2);
    assertThat(rig.io.read(0xc004, 4)).isEqualTo(0x1004);
    assertThat(rig.memory.find(0xfea00000L)).isNull();
  }

  @Test
  void wideBarReachesAbove4GiB() {
    pci.writeConfig(0x1c, 0x12, 4);
    pci.writeConfig(0x18, 0x3000, 4);
    pci.writeConfig(0x04, 2, 2);
    assertThat(rig.memory.read(0x12_0000_3008L, 4)).isEqualTo(0x1008);
  }

  @Test
  void interruptDisableSilencesThePinButNotTheStatus() {
    pci.intx().set(true);
    assertThat(rig.levels()).containsEntry("int30", true);
    assertThat(pci.readConfig(6, 2) & 8).isEqualTo(8);
    pci.writeConfig(4, 0x400, 2);
    assertThat(rig.levels()).containsEntry("int30", false);
    assertThat(pci.readConfig(6, 2) & 8).isEqualTo(8);
  }

  @Test
  void identityIsReadOnly() {
    pci.writeConfig(0, 0, 4);
    pci.writeConfig(8, 0, 4);
    assertThat(pci.readConfig(0, 4)).isEqualTo(0x56781234L);
    assertThat(pci.readConfig(8, 4)).isEqualTo(0x02000009L);
    assertThat(pci.readConfig(0x2c, 4)).isEqualTo(0x11001af4L);
    assertThat(pci.readConfig(0x34, 1)).as("capabilities").isEqualTo(0x40);
    assertThat(pci.readConfig(0x40, 1)).isEqualTo(5);
  }
}
