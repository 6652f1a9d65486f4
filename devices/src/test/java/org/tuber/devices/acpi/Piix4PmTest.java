package org.tuber.devices.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;
import org.tuber.devices.pci.ConfigWindow;

class Piix4PmTest extends DeviceContract<Piix4Pm> {
  private final Rig rig = new Rig();
  private final Piix4Pm pm = create(rig);

  @Override
  protected Piix4Pm create(Rig r) {
    Piix4Pm device =
        new Piix4Pm(r.clock, r.line("sci"), r.io, s -> r.trace.add(r.clock.nanos() + " " + s));
    device.placeLikeFirmware(0x600, 0x700);
    return device;
  }

  @Override
  protected List<Window> windows(Piix4Pm device) {
    return List.of(
        new Window("config", new ConfigWindow(device.pci()), 256),
        new Window("gpe", device.gpe(), 4),
        new Window("apm", device.apm(), 2));
  }

  @Override
  protected void mutate(Piix4Pm device, Rig r) {
    r.io.write(0x602, 0x0100, 2);
    device.apm().write(0, 0xf1, 1);
    device.pressPowerButton();
  }

  @Override
  protected void stimulate(Piix4Pm device, Rig r, Random random) {
    long offset = random.nextInt(64);
    int size = 1 << random.nextInt(3);
    if (random.nextBoolean()) {
      r.io.write(0x600 + offset, random.nextLong(), size);
    } else {
      r.trace.add("pm@" + offset + " -> " + r.io.read(0x600 + offset, size));
    }
  }

  @Test
  void timerCounts3579545Hertz() {
    rig.clock.advance(1_000_000_000L);
    assertThat(rig.io.read(0x608, 4)).isEqualTo(3_579_545);
    rig.clock.advance(9_000_000_000L);
    assertThat(rig.io.read(0x608, 4)).as("24 bits").isEqualTo(35_795_450 & 0xffffff);
  }

  @Test
  void timerCarryRaisesSci() {
    rig.io.write(0x602, 1, 2);
    pm.apm().write(0, 0xf1, 1);
    rig.clock.advance(2_340_000_000L);
    assertThat(rig.levels()).containsEntry("sci", false);
    rig.clock.advance(10_000_000L);
    assertThat(rig.levels()).containsEntry("sci", true);
    assertThat(rig.io.read(0x600, 2)).isEqualTo(1);
    rig.io.write(0x600, 1, 2);
    assertThat(rig.levels()).containsEntry("sci", false);
  }

  @Test
  void acpiModeIsSwitchedThroughPortB2() {
    pm.apm().write(0, 0xf1, 1);
    assertThat(rig.io.read(0x604, 2)).isEqualTo(1);
    pm.apm().write(0, 0xf0, 1);
    assertThat(rig.io.read(0x604, 2)).isZero();
  }

  @Test
  void softOffIsSleepType0() {
    rig.io.write(0x604, 0x2001, 2);
    assertThat(rig.trace).containsExactly("0 S5");
    assertThat(rig.io.read(0x604, 2)).as("SLP_EN reads zero").isEqualTo(1);
    rig.io.write(0x604, 0x2401, 2);
    assertThat(rig.count("S3")).isEqualTo(1);
  }

  @Test
  void powerButtonRaisesSciWhenEnabled() {
    pm.pressPowerButton();
    assertThat(rig.levels()).containsEntry("sci", false);
    pm.apm().write(0, 0xf1, 1);
    rig.io.write(0x602, 0x100, 2);
    assertThat(rig.levels()).containsEntry("sci", true);
    rig.io.write(0x601, 1, 1);
    assertThat(rig.levels()).containsEntry("sci", false);
  }

  @Test
  void generalPurposeEventRaisesSci() {
    pm.apm().write(0, 0xf1, 1);
    pm.gpe().write(2, 0x02, 1);
    pm.raiseGpe(1);
    assertThat(pm.gpe().read(0, 1)).isEqualTo(2);
    assertThat(rig.levels()).containsEntry("sci", true);
    pm.gpe().write(0, 2, 1);
    assertThat(rig.levels()).containsEntry("sci", false);
  }

  @Test
  void blockMovesWithPmbase() {
    assertThat(pm.pci().readConfig(0x40, 4)).isEqualTo(0x601);
    pm.pci().writeConfig(0x40, 0xb000, 4);
    assertThat(rig.io.find(0x600)).isNull();
    rig.io.write(0xb002, 0x20, 2);
    assertThat(rig.io.read(0xb002, 2)).isEqualTo(0x20);
    pm.pci().writeConfig(0x80, 0, 1);
    assertThat(rig.io.find(0xb000)).isNull();
  }

  @Test
  void smbusTransactionEndsWithDeviceError() {
    MmioDevice bus = rig.io.find(0x700).device;
    bus.write(4, 0xa1, 1);
    bus.write(2, 0x48, 1);
    assertThat(bus.read(0, 1)).isEqualTo(0x04);
    bus.write(0, 0x04, 1);
    assertThat(bus.read(0, 1)).isZero();
  }
}
