package org.tuber.devices.timer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.time.TickRate;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class I8254PitTest extends DeviceContract<I8254Pit> {
  private static final TickRate RATE = new TickRate(I8254Pit.CLOCK_HZ);
  private final Rig rig = new Rig();
  private final I8254Pit pit = create(rig);

  @Override
  protected I8254Pit create(Rig r) {
    return new I8254Pit(r.clock, r.line("irq0"));
  }

  @Override
  protected List<Window> windows(I8254Pit device) {
    return List.of(new Window("pit", device, 4));
  }

  @Override
  protected void mutate(I8254Pit device, Rig r) {
    device.write(3, 0x34, 1);
    device.write(0, 0x9c, 1);
    device.write(0, 0x2e, 1);
    r.clock.advance(3_000_000);
  }

  @Override
  protected void stimulate(I8254Pit device, Rig r, Random random) {
    device.setGate2(random.nextBoolean());
    r.trace.add("out2 " + device.out2());
  }

  private void advanceToTick(long tick) {
    rig.clock.advance(RATE.nanos(tick) - rig.clock.nanos());
  }

  private int latched(int counter) {
    pit.write(3, counter << 6, 1);
    int low = (int) pit.read(counter, 1);
    return low | (int) pit.read(counter, 1) << 8;
  }

  @Test
  void mode2InterruptsOncePerPeriodWithoutDrift() {
    pit.write(3, 0x34, 1);
    pit.write(0, 0xa9, 1);
    pit.write(0, 0x04, 1);
    rig.trace.clear();
    rig.clock.advance(10_000_000_000L);
    // 1193182 Hz / 1193 ticks, for ten seconds.
    assertThat(rig.count("irq0=true")).isEqualTo(11_931_820 / 1193);
  }

  @Test
  void mode0CountsDownAndRaisesOutAtZero() {
    pit.write(3, 0x30, 1);
    assertThat(rig.levels()).containsEntry("irq0", false);
    pit.write(0, 100, 1);
    pit.write(0, 0, 1);
    advanceToTick(40);
    assertThat(latched(0)).isEqualTo(60);
    advanceToTick(99);
    assertThat(rig.levels()).containsEntry("irq0", false);
    advanceToTick(100);
    assertThat(rig.levels()).containsEntry("irq0", true);
    advanceToTick(103);
    assertThat(latched(0)).as("wraps and goes on").isEqualTo(0xfffd);
  }

  @Test
  void latchHoldsTheCountUntilItIsRead() {
    pit.write(3, 0x34, 1);
    pit.write(0, 0, 1);
    pit.write(0, 0, 1);
    advanceToTick(0x100);
    pit.write(3, 0x00, 1);
    advanceToTick(0x500);
    int low = (int) pit.read(0, 1);
    assertThat(low | pit.read(0, 1) << 8).isEqualTo(0xff00);
    assertThat(latched(0)).isEqualTo(0xfb00);
  }

  @Test
  void readBackShowsStatusThenCount() {
    pit.write(3, 0x36, 1);
    pit.write(3, 0xe2, 1);
    assertThat(pit.read(0, 1)).as("OUT high, null count, both bytes, mode 3").isEqualTo(0xf6);
    pit.write(0, 0x10, 1);
    pit.write(0, 0x00, 1);
    pit.write(3, 0xc2, 1);
    assertThat(pit.read(0, 1)).isEqualTo(0xb6);
    assertThat(pit.read(0, 1)).isEqualTo(0x10);
    assertThat(pit.read(0, 1)).isZero();
  }

  @Test
  void squareWaveIsHighForHalfThePeriod() {
    pit.setGate2(true);
    pit.write(3, 0xb6, 1);
    pit.write(2, 100, 1);
    pit.write(2, 0, 1);
    assertThat(pit.out2()).isTrue();
    advanceToTick(50);
    assertThat(pit.out2()).isFalse();
    advanceToTick(100);
    assertThat(pit.out2()).isTrue();
    assertThat(pit.toneHz()).isEqualTo(11931);
  }

  @Test
  void gateStopsCounter2InMode0AsCalibrationLoopsUseIt() {
    SpeakerPort port = new SpeakerPort(pit);
    port.write(0, 0x00, 1);
    pit.write(3, 0xb0, 1);
    pit.write(2, 0xe8, 1);
    pit.write(2, 0x03, 1);
    advanceToTick(500);
    assertThat(port.read(0, 1) & 0x20).isZero();
    port.write(0, 0x01, 1);
    advanceToTick(1499);
    assertThat(port.read(0, 1) & 0x20).isZero();
    advanceToTick(1501);
    assertThat(port.read(0, 1) & 0x20).isEqualTo(0x20);
  }

  @Test
  void hardwareStrobeWaitsForItsTrigger() {
    pit.write(3, 0xba, 1);
    pit.write(2, 10, 1);
    pit.write(2, 0, 1);
    advanceToTick(50);
    assertThat(pit.out2()).isTrue();
    pit.setGate2(true);
    advanceToTick(60);
    assertThat(pit.out2()).as("one clock low at the end").isFalse();
    advanceToTick(61);
    assertThat(pit.out2()).isTrue();
  }

  @Test
  void decimalCountersCountInDecimal() {
    pit.write(3, 0x31, 1);
    pit.write(0, 0x00, 1);
    pit.write(0, 0x10, 1);
    advanceToTick(1);
    assertThat(latched(0)).isEqualTo(0x0999);
  }
}
