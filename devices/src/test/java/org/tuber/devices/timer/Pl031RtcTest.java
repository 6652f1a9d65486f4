package org.tuber.devices.timer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Pl031RtcTest extends DeviceContract<Pl031Rtc> {
  private static final long SECOND = 1_000_000_000L;

  private final Rig rig = new Rig();
  private final Pl031Rtc rtc = create(rig);

  @Override
  protected Pl031Rtc create(Rig r) {
    return new Pl031Rtc(r.clock, r.line("irq"));
  }

  @Override
  protected List<Window> windows(Pl031Rtc device) {
    return List.of(new Window("rtc", device, Pl031Rtc.WINDOW_BYTES));
  }

  @Override
  protected void mutate(Pl031Rtc device, Rig r) {
    device.write(0x08, 1000, 4);
    device.write(0x10, 1, 4);
  }

  @Test
  void showsWallTimeInSeconds() {
    assertThat(rtc.read(0, 4)).isEqualTo(Rig.START_SECONDS);
    rig.clock.advance(3 * SECOND);
    assertThat(rtc.read(0, 4)).isEqualTo(Rig.START_SECONDS + 3);
  }

  @Test
  void goesOnFromWhatItIsSetTo() {
    rtc.write(0x08, 100, 4);
    rig.clock.advance(5 * SECOND);
    assertThat(rtc.read(0, 4)).isEqualTo(105);
    assertThat(rtc.read(0x08, 4)).isEqualTo(100);
    rtc.reset();
    assertThat(rtc.read(0, 4)).as("a battery keeps it").isEqualTo(105);
  }

  @Test
  void alarmRaisesIrqWhenTheCounterEqualsMatch() {
    rtc.write(0x10, 1, 4);
    rtc.write(0x04, Rig.START_SECONDS + 2, 4);
    rig.clock.advance(2 * SECOND - 1);
    assertThat(rig.levels()).containsEntry("irq", false);
    rig.clock.advance(1);
    assertThat(rig.levels()).containsEntry("irq", true);
    assertThat(rtc.read(0x18, 4)).isEqualTo(1);
    rtc.write(0x1c, 1, 4);
    assertThat(rig.levels()).containsEntry("irq", false);
  }
}
