package org.tuber.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class MsixTableTest extends DeviceContract<MsixTable> {
  private final Rig rig = new Rig();
  private PciFunction pci;
  private final MsixTable msix = create(rig);

  @Override
  protected MsixTable create(Rig r) {
    pci = new PciFunction("test", new PciFunction.Identity(0x1234, 0x5678, 9, 0x020000));
    MsixTable table = new MsixTable(pci, 4, 1);
    PciBus bus =
        new PciBus(
            r.memory,
            r.io,
            (slot, pin) -> r.line("int" + slot + pin),
            (address, data) -> r.trace.add("msi " + Long.toHexString(address) + " " + data));
    bus.attach(3, 0, pci);
    pci.writeConfig(4, 6, 2);
    pci.writeConfig(0x42, 0x8000, 2);
    return table;
  }

  @Override
  protected List<Window> windows(MsixTable device) {
    return List.of(new Window("msix", device, 0x1000));
  }

  @Override
  protected void mutate(MsixTable device, Rig r) {
    device.write(0x10, 0xfee01000L, 4);
    device.notify(2);
  }

  @Override
  protected void stimulate(MsixTable device, Rig r, Random random) {
    device.notify(random.nextInt(4));
  }

  @Test
  void capabilityNamesTableAndPendingBits() {
    assertThat(pci.readConfig(0x40, 1)).isEqualTo(0x11);
    assertThat(pci.readConfig(0x42, 2) & 0x7ff).isEqualTo(3);
    assertThat(pci.readConfig(0x44, 4)).isEqualTo(1);
    assertThat(pci.readConfig(0x48, 4)).isEqualTo(0x801);
  }

  @Test
  void vectorSendsItsMessage() {
    msix.write(0x10, 0xfee01000L, 4);
    msix.write(0x18, 0x41, 4);
    msix.write(0x1c, 0, 4);
    msix.notify(1);
    assertThat(rig.trace).containsExactly("msi fee01000 65");
  }

  @Test
  void maskedVectorPendsAndIsSentWhenUnmasked() {
    msix.write(0x10, 0xfee01000L, 4);
    msix.notify(1);
    assertThat(rig.trace).isEmpty();
    assertThat(msix.read(0x800, 4)).isEqualTo(2);
    msix.write(0x1c, 0, 4);
    assertThat(rig.trace).hasSize(1);
    assertThat(msix.read(0x800, 4)).isZero();
  }

  @Test
  void functionMaskHoldsAllVectorsBack() {
    msix.write(0x0c, 0, 4);
    pci.writeConfig(0x42, 0xc000, 2);
    msix.notify(0);
    assertThat(rig.trace).isEmpty();
    pci.writeConfig(0x42, 0x8000, 2);
    assertThat(rig.trace).hasSize(1);
  }
}
