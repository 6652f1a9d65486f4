package org.tuber.devices.gpio;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Pl061GpioTest extends DeviceContract<Pl061Gpio> {
  private static final int POWER_PIN = 3;

  private final Rig rig = new Rig();
  private final Pl061Gpio gpio = create(rig);

  @Override
  protected Pl061Gpio create(Rig r) {
    return new Pl061Gpio(r.line("irq"));
  }

  @Override
  protected List<Window> windows(Pl061Gpio device) {
    return List.of(new Window("gpio", device, Pl061Gpio.WINDOW_BYTES));
  }

  @Override
  protected void mutate(Pl061Gpio device, Rig r) {
    device.write(0x400, 0x81, 4);
    device.write(0x3fc, 0xff, 4);
    device.write(0x410, 0x08, 4);
  }

  @Override
  protected void stimulate(Pl061Gpio device, Rig r, Random random) {
    device.input(random.nextInt(Pl061Gpio.PINS)).set(random.nextBoolean());
  }

  @Override
  protected void driveInputsLike(Pl061Gpio original, Pl061Gpio copy) {
    for (int i = 0; i < Pl061Gpio.PINS; i++) {
      copy.input(i).set(original.input(i).level());
    }
  }

  @Test
  void identifiesItself() {
    assertThat(gpio.read(0xfe0, 4)).isEqualTo(0x61);
    assertThat(gpio.read(0xffc, 4)).isEqualTo(0xb1);
  }

  @Test
  void addressBitsChooseThePins() {
    gpio.write(0x400, 0x0f, 4);
    gpio.write(0x05 << 2, 0xff, 4);
    assertThat(gpio.read(0x3fc, 4)).isEqualTo(0x05);
    assertThat(gpio.read(0x04 << 2, 4)).isEqualTo(0x04);
  }

  @Test
  void risingEdgeOfThePowerPinInterruptsUntilCleared() {
    gpio.write(0x40c, 1 << POWER_PIN, 4);
    gpio.write(0x410, 1 << POWER_PIN, 4);
    gpio.input(POWER_PIN).pulse();
    assertThat(rig.levels()).containsEntry("irq", true);
    assertThat(gpio.read(0x418, 4)).isEqualTo(1 << POWER_PIN);
    gpio.write(0x41c, 1 << POWER_PIN, 4);
    assertThat(rig.levels()).containsEntry("irq", false);
  }

  @Test
  void levelInterruptFollowsThePin() {
    gpio.write(0x404, 1, 4);
    gpio.write(0x40c, 1, 4);
    gpio.write(0x410, 1, 4);
    gpio.input(0).set(true);
    assertThat(rig.levels()).containsEntry("irq", true);
    gpio.input(0).set(false);
    assertThat(rig.levels()).containsEntry("irq", false);
  }
}
