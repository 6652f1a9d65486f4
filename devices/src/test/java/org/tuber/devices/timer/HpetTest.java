package org.tuber.devices.timer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class HpetTest extends DeviceContract<Hpet> {
  private final Rig rig = new Rig();
  private final Hpet hpet = create(rig);

  @Override
  protected Hpet create(Rig r) {
    return new Hpet(r.clock, r.line("irq0"), r.line("irq8"), r.line("pin2"));
  }

  @Override
  protected List<Window> windows(Hpet device) {
    return List.of(new Window("hpet", device, 0x180));
  }

  @Override
  protected void mutate(Hpet device, Rig r) {
    device.write(0x10, 3, 4);
    device.write(0x100, 0x4c, 4);
    device.write(0x108, 1000, 8);
    r.clock.advance(12_345);
  }

  @Override
  protected void stimulate(Hpet device, Rig r, Random random) {
    (random.nextBoolean() ? device.pitInput() : device.rtcInput()).set(random.nextBoolean());
  }

  @Override
  protected void driveInputsLike(Hpet original, Hpet copy) {
    copy.pitInput().set(original.pitInput().level());
    copy.rtcInput().set(original.rtcInput().level());
  }

  @Test
  void capabilitiesNamePeriodAndComparators() {
    assertThat(hpet.read(0, 4) & 0xffffffffL).isEqualTo(0x8086a201L);
    assertThat(hpet.read(4, 4)).isEqualTo(10_000_000);
    assertThat(hpet.read(0x100, 4) & 0xffffffffL).isEqualTo(0x30);
    assertThat(hpet.read(0x104, 4)).isEqualTo(4);
  }

  @Test
  void counterRunsAt100MegahertzWhileEnabled() {
    rig.clock.advance(5000);
    assertThat(hpet.read(0xf0, 8)).isZero();
    hpet.write(0x10, 1, 4);
    rig.clock.advance(1000);
    assertThat(hpet.read(0xf0, 4)).isEqualTo(100);
    hpet.write(0x10, 0, 4);
    rig.clock.advance(1000);
    assertThat(hpet.read(0xf0, 8)).isEqualTo(100);
    hpet.write(0xf0, 0x1_0000_0000L, 8);
    assertThat(hpet.read(0xf4, 4)).isEqualTo(1);
  }

  @Test
  void oneShotInLegacyRoutingReplacesTheTimerInterrupt() {
    hpet.write(0x10, 3, 4);
    hpet.write(0x100, 0x104, 4);
    hpet.write(0x108, 500, 4);
    hpet.pitInput().pulse();
    assertThat(rig.trace).as("8254 is cut off").isEmpty();
    rig.clock.advance(4999);
    assertThat(rig.trace).isEmpty();
    rig.clock.advance(1);
    assertThat(rig.trace).containsExactly("5000 irq0=true", "5000 irq0=false");
  }

  @Test
  void periodicTimerSetUpAsLinuxDoesIt() {
    hpet.write(0x10, 3, 4);
    hpet.write(0x100, 0x14e & ~0x2L, 4);
    hpet.write(0x108, 10_000, 4);
    hpet.write(0x108, 100_000, 4);
    rig.clock.advance(100_000 + 3 * 1_000_000);
    assertThat(rig.count("irq0=true")).isEqualTo(4);
    assertThat(rig.trace.getFirst()).startsWith("100000 ");
  }

  @Test
  void levelInterruptHoldsUntilTheStatusBitIsCleared() {
    hpet.write(0x10, 1, 4);
    hpet.write(0x140, 2 << 9 | 6, 4);
    hpet.write(0x148, 100, 8);
    rig.clock.advance(2000);
    assertThat(rig.levels()).containsEntry("pin2", true);
    assertThat(hpet.read(0x20, 4)).isEqualTo(4);
    hpet.write(0x20, 4, 4);
    assertThat(rig.levels()).containsEntry("pin2", false);
  }

  @Test
  void withoutLegacyRoutingTheOldTimersPassThrough() {
    hpet.pitInput().set(true);
    assertThat(rig.levels()).containsEntry("irq0", true);
    hpet.write(0x10, 2, 4);
    assertThat(rig.levels()).containsEntry("irq0", false);
    hpet.write(0x10, 0, 4);
    assertThat(rig.levels()).containsEntry("irq0", true);
  }
}
