package org.tuber.devices.timer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class Mc146818RtcTest extends DeviceContract<Mc146818Rtc> {
  private final Rig rig = new Rig();
  private final Mc146818Rtc rtc = create(rig);

  @Override
  protected Mc146818Rtc create(Rig r) {
    return new Mc146818Rtc(r.clock, r.line("irq8"));
  }

  @Override
  protected List<Window> windows(Mc146818Rtc device) {
    return List.of(new Window("rtc", device, 2));
  }

  @Override
  protected void mutate(Mc146818Rtc device, Rig r) {
    set(device, 0x0b, 0x42);
    set(device, 0x40, 0x5a);
    r.clock.advance(1_000_000);
  }

  private static void set(Mc146818Rtc device, int index, int value) {
    device.write(0, index, 1);
    device.write(1, value, 1);
  }

  private int get(int index) {
    rtc.write(0, index, 1);
    return (int) rtc.read(1, 1);
  }

  @Test
  void showsWallTimeInDecimal() {
    assertThat(get(0)).isEqualTo(0x56);
    assertThat(get(2)).isEqualTo(0x34);
    assertThat(get(4)).isEqualTo(0x12);
    assertThat(get(6)).as("Sunday is 1").isEqualTo(1);
    assertThat(get(7)).isEqualTo(0x01);
    assertThat(get(8)).isEqualTo(0x03);
    assertThat(get(9)).isEqualTo(0x26);
    assertThat(get(0x32)).isEqualTo(0x20);
    assertThat(get(0x0d)).isEqualTo(0x80);
    rig.clock.advance(5_000_000_000L);
    assertThat(get(0)).isEqualTo(0x01);
    assertThat(get(2)).isEqualTo(0x35);
  }

  @Test
  void binaryAndTwelveHourFormats() {
    set(rtc, 0x0b, 0x04);
    assertThat(get(0)).isEqualTo(56);
    assertThat(get(4)).as("noon is 12 PM").isEqualTo(0x8c);
  }

  @Test
  void yearsWrapRoundBelowZero() {
    set(rtc, 0x32, 0x00);
    set(rtc, 9, 0x00);
    set(rtc, 8, 0x00);
    assertThat(get(0x32)).isEqualTo(0x99);
    assertThat(get(9)).isEqualTo(0x99);
    assertThat(get(8)).isEqualTo(0x12);
  }

  @Test
  void updateInProgressShowsBeforeTheSecondEnds() {
    rig.clock.advance(999_700_000);
    assertThat(get(0x0a)).isEqualTo(0x26);
    rig.clock.advance(100_000);
    assertThat(get(0x0a)).isEqualTo(0xa6);
    rig.clock.advance(200_000);
    assertThat(get(0x0a)).isEqualTo(0x26);
  }

  @Test
  void periodicInterruptAt1024Hertz() {
    set(rtc, 0x0b, 0x42);
    for (int i = 0; i < 10; i++) {
      rig.clock.advance(976_563);
      assertThat(rig.levels()).containsEntry("irq8", true);
      assertThat(get(0x0c)).isEqualTo(0xc0);
      assertThat(rig.levels()).containsEntry("irq8", false);
    }
    assertThat(get(0x0c)).isZero();
  }

  @Test
  void alarmRaisesIrqWhenTheTimeMatches() {
    set(rtc, 1, 0x10);
    set(rtc, 3, 0x35);
    set(rtc, 5, 0xff);
    set(rtc, 0x0b, 0x22);
    rig.clock.advance(13_999_999_999L);
    assertThat(rig.levels()).containsEntry("irq8", false);
    rig.clock.advance(1);
    assertThat(rig.levels()).containsEntry("irq8", true);
    assertThat(get(0x0c) & 0xa0).isEqualTo(0xa0);
  }

  @Test
  void updateEndedInterruptComesEachSecond() {
    set(rtc, 0x0b, 0x12);
    rig.clock.advance(1_000_000_000L);
    assertThat(get(0x0c) & 0x90).isEqualTo(0x90);
    rig.clock.advance(1_000_000_000L);
    assertThat(get(0x0c) & 0x90).isEqualTo(0x90);
  }

  @Test
  void flagsAreSetWithoutTheirInterrupts() {
    rig.clock.advance(2_000_000_000L);
    assertThat(get(0x0c)).isEqualTo(0x50);
    assertThat(rig.levels()).containsEntry("irq8", false);
  }

  @Test
  void timeIsSetWhileUpdatesAreStopped() {
    set(rtc, 0x0b, 0x82);
    set(rtc, 0, 0x00);
    set(rtc, 2, 0x59);
    set(rtc, 4, 0x23);
    set(rtc, 7, 0x31);
    set(rtc, 8, 0x12);
    set(rtc, 9, 0x99);
    set(rtc, 0x32, 0x19);
    rig.clock.advance(10_000_000_000L);
    assertThat(get(0)).as("stopped").isZero();
    set(rtc, 0x0b, 0x02);
    rig.clock.advance(60_000_000_000L);
    assertThat(get(0x32)).isEqualTo(0x20);
    assertThat(get(9)).isZero();
    assertThat(get(7)).isEqualTo(1);
    assertThat(get(6)).as("Saturday").isEqualTo(7);
  }

  @Test
  void releasedDividerUpdatesAfterHalfASecond() {
    rig.clock.advance(123_456_789);
    set(rtc, 0x0a, 0x76);
    set(rtc, 0, 0x10);
    set(rtc, 0x0a, 0x26);
    rig.clock.advance(499_999_999);
    assertThat(get(0)).isEqualTo(0x10);
    rig.clock.advance(1);
    assertThat(get(0)).isEqualTo(0x11);
  }

  @Test
  void describesTheMachineForFirmware() {
    rtc.describeMachine(512L << 20, 2L << 30, 4);
    assertThat(get(0x16) << 8 | get(0x15)).isEqualTo(640);
    assertThat(get(0x31) << 8 | get(0x30)).isEqualTo(0xffff);
    assertThat(get(0x35) << 8 | get(0x34)).isEqualTo((512 - 16) * 16);
    assertThat(get(0x5d) << 16 | get(0x5c) << 8 | get(0x5b)).isEqualTo(0x8000);
    assertThat(get(0x5f)).isEqualTo(3);
  }

  @Test
  void resetKeepsTimeAndRam() {
    set(rtc, 0x40, 0x77);
    set(rtc, 0x0b, 0x72);
    rig.clock.advance(3_000_000_000L);
    rtc.reset();
    assertThat(get(0x40)).isEqualTo(0x77);
    assertThat(get(0x0b)).isEqualTo(0x02);
    assertThat(get(0)).isEqualTo(0x59);
    assertThat(rig.levels()).containsEntry("irq8", false);
  }
}
