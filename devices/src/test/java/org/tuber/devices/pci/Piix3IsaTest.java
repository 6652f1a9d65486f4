package org.tuber.devices.pci;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.irq.IrqLine;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;
import org.tuber.devices.irqchip.ApicBus;
import org.tuber.devices.irqchip.I8259Pic;
import org.tuber.devices.irqchip.IoApic;
import org.tuber.devices.irqchip.IsaIrqLines;

class Piix3IsaTest extends DeviceContract<Piix3Isa> {
  private final Map<Piix3Isa, List<IrqLine>> pins = new HashMap<>();

  static Piix3Isa bridge(Rig rig) {
    return new Piix3Isa(
        new IsaIrqLines(new I8259Pic(IrqLine.unconnected()), new IoApic(new ApicBus())),
        rig.event("reset"));
  }

  @Override
  protected Piix3Isa create(Rig rig) {
    Piix3Isa device = bridge(rig);
    List<IrqLine> wires = new ArrayList<>();
    for (int pin = 0; pin < 4; pin++) {
      wires.add(device.source(1, pin));
    }
    pins.put(device, wires);
    return device;
  }

  @Override
  protected List<Window> windows(Piix3Isa device) {
    return List.of(
        new Window("config", new ConfigWindow(device.pci()), 256),
        new Window("rcr", device.resetControl(), 1));
  }

  @Override
  protected void mutate(Piix3Isa device, Rig rig) {
    device.routeLikeFirmware();
  }

  @Override
  protected void stimulate(Piix3Isa device, Rig rig, Random random) {
    pins.get(device).get(random.nextInt(4)).set(random.nextBoolean());
  }

  @Override
  protected void driveInputsLike(Piix3Isa original, Piix3Isa copy) {
    for (int i = 0; i < 4; i++) {
      pins.get(copy).get(i).set(pins.get(original).get(i).level());
    }
  }

  @Test
  void pirqRoutingMovesTheInterrupt() {
    Rig rig = new Rig();
    I8259Pic pic = new I8259Pic(rig.line("intr"));
    Piix3Isa piix3 =
        new Piix3Isa(new IsaIrqLines(pic, new IoApic(new ApicBus())), rig.event("reset"));
    IrqLine nic = piix3.source(3, 0);
    nic.set(true);
    assertThat(pic.input(11).level()).as("off after reset").isFalse();
    piix3.routeLikeFirmware();
    assertThat(pic.input(11).level()).as("slot 3 INTA is PIRQC").isTrue();
    piix3.pci().writeConfig(0x62, 5, 1);
    assertThat(pic.input(11).level()).isFalse();
    assertThat(pic.input(5).level()).isTrue();
    nic.set(false);
    assertThat(pic.input(5).level()).isFalse();
  }

  @Test
  void identifiesAsMultifunctionIsaBridge() {
    Piix3Isa piix3 = create(new Rig());
    assertThat(piix3.pci().readConfig(0, 4)).isEqualTo(0x70008086L);
    assertThat(piix3.pci().readConfig(8, 4)).isEqualTo(0x06010000L);
    assertThat(piix3.pci().readConfig(0x0e, 1)).isEqualTo(0x80);
    assertThat(piix3.pci().readConfig(0x60, 4)).isEqualTo(0x80808080L);
  }
}
