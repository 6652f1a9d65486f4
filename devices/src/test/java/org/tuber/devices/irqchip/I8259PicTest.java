package org.tuber.devices.irqchip;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class I8259PicTest extends DeviceContract<I8259Pic> {
  private final Rig rig = new Rig();
  private final I8259Pic pic = create(rig);

  @Override
  protected I8259Pic create(Rig r) {
    return new I8259Pic(r.line("intr"));
  }

  @Override
  protected List<Window> windows(I8259Pic device) {
    return List.of(
        new Window("master", device.master(), 2),
        new Window("slave", device.slave(), 2),
        new Window("elcr", device.elcr(), 2));
  }

  @Override
  protected void mutate(I8259Pic device, Rig r) {
    initialise(device);
    device.input(3).set(true);
  }

  @Override
  protected void stimulate(I8259Pic device, Rig r, Random random) {
    if (random.nextInt(3) == 0) {
      r.trace.add("ack " + device.acknowledge());
    } else {
      device.input(random.nextInt(16)).set(random.nextBoolean());
    }
  }

  @Override
  protected void driveInputsLike(I8259Pic original, I8259Pic copy) {
    for (int i = 0; i < 16; i++) {
      copy.input(i).set(original.input(i).level());
    }
  }

  private static void initialise(I8259Pic device) {
    device.master().write(0, 0x11, 1);
    device.master().write(1, 0x20, 1);
    device.master().write(1, 0x04, 1);
    device.master().write(1, 0x01, 1);
    device.slave().write(0, 0x11, 1);
    device.slave().write(1, 0x28, 1);
    device.slave().write(1, 0x02, 1);
    device.slave().write(1, 0x01, 1);
    device.master().write(1, 0x00, 1);
    device.slave().write(1, 0x00, 1);
  }

  private boolean intr() {
    return rig.levels().get("intr");
  }

  @Test
  void anEdgeIsAcknowledgedWithItsVector() {
    initialise(pic);
    pic.input(4).set(true);
    assertThat(intr()).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x24);
    assertThat(intr()).isFalse();
  }

  @Test
  void slaveInterruptsCarryTheSlaveVector() {
    initialise(pic);
    pic.input(8).set(true);
    assertThat(pic.acknowledge()).isEqualTo(0x28);
    pic.master().write(0, 0x0b, 1);
    assertThat(pic.master().read(0, 1)).isEqualTo(0x04);
    pic.slave().write(0, 0x0b, 1);
    assertThat(pic.slave().read(0, 1)).isEqualTo(0x01);
  }

  @Test
  void lowerPriorityWaitsForEndOfInterrupt() {
    initialise(pic);
    pic.input(1).set(true);
    assertThat(pic.acknowledge()).isEqualTo(0x21);
    pic.input(5).set(true);
    assertThat(intr()).isFalse();
    pic.input(0).set(true);
    assertThat(intr()).as("higher priority nests").isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x20);
    pic.master().write(0, 0x20, 1);
    assertThat(intr()).isFalse();
    pic.master().write(0, 0x61, 1);
    assertThat(intr()).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x25);
  }

  @Test
  void requestThatWentAwayIsSpurious7() {
    initialise(pic);
    pic.elcr().write(0, 0x20, 1);
    pic.input(5).set(true);
    assertThat(intr()).isTrue();
    pic.input(5).set(false);
    assertThat(intr()).isFalse();
    assertThat(pic.acknowledge()).isEqualTo(0x27);
    pic.master().write(0, 0x0b, 1);
    assertThat(pic.master().read(0, 1)).as("no in-service bit").isZero();
  }

  @Test
  void levelInputRequestsAgainAfterEndOfInterrupt() {
    initialise(pic);
    pic.elcr().write(1, 0x08, 1);
    pic.input(11).set(true);
    assertThat(pic.acknowledge()).isEqualTo(0x2b);
    pic.slave().write(0, 0x63, 1);
    pic.master().write(0, 0x62, 1);
    assertThat(intr()).isTrue();
    pic.input(11).set(false);
    assertThat(intr()).isFalse();
  }

  @Test
  void automaticEoiLeavesNothingInService() {
    initialise(pic);
    pic.master().write(0, 0x11, 1);
    pic.master().write(1, 0x30, 1);
    pic.master().write(1, 0x04, 1);
    pic.master().write(1, 0x03, 1);
    pic.input(1).set(true);
    assertThat(pic.acknowledge()).isEqualTo(0x31);
    pic.master().write(0, 0x0b, 1);
    assertThat(pic.master().read(0, 1)).isZero();
  }

  @Test
  void pollAcknowledges() {
    initialise(pic);
    pic.input(6).set(true);
    pic.master().write(0, 0x0c, 1);
    assertThat(pic.master().read(0, 1)).isEqualTo(0x86);
    assertThat(intr()).isFalse();
    pic.master().write(0, 0x0c, 1);
    assertThat(pic.master().read(0, 1)).isZero();
  }

  @Test
  void specialMaskModeLetsLowerPrioritiesThrough() {
    initialise(pic);
    pic.input(1).set(true);
    assertThat(pic.acknowledge()).isEqualTo(0x21);
    pic.input(5).set(true);
    pic.master().write(0, 0x68, 1);
    pic.master().write(1, 0x02, 1);
    assertThat(intr()).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x25);
  }

  @Test
  void maskRegisterReadsBack() {
    initialise(pic);
    pic.master().write(1, 0xfb, 1);
    assertThat(pic.master().read(1, 1)).isEqualTo(0xfb);
    pic.input(3).set(true);
    assertThat(intr()).isFalse();
    pic.master().write(0, 0x0a, 1);
    assertThat(pic.master().read(0, 1)).as("IRR shows masked requests").isEqualTo(0x08);
  }
}
