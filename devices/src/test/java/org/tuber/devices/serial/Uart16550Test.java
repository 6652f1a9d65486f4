package org.tuber.devices.serial;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.FakeCharBackend;
import org.tuber.devices.Rig;

class Uart16550Test extends DeviceContract<Uart16550> {
  private final Rig rig = new Rig();
  private final FakeCharBackend line = new FakeCharBackend();
  private final Uart16550 uart = new Uart16550(rig.clock, rig.line("irq"), line);
  private final Map<Uart16550, FakeCharBackend> lines = new HashMap<>();

  @Override
  protected Uart16550 create(Rig r) {
    FakeCharBackend backend = new FakeCharBackend();
    Uart16550 device = new Uart16550(r.clock, r.line("irq"), backend);
    lines.put(device, backend);
    return device;
  }

  @Override
  protected List<Window> windows(Uart16550 device) {
    return List.of(new Window("uart", device, 8));
  }

  @Override
  protected void mutate(Uart16550 device, Rig r) {
    device.write(2, 0x01, 1);
    device.write(1, 0x07, 1);
    lines.get(device).type("abc");
    device.read(0, 1);
  }

  @Override
  protected void stimulate(Uart16550 device, Rig r, Random random) {
    // Only what fits: bytes that wait in the backend are not the device's state.
    device.write(4, 0, 1);
    device.write(2, 7, 1);
    lines.get(device).type("x".repeat(random.nextInt(17)));
  }

  private int iir() {
    return (int) uart.read(2, 1);
  }

  private boolean irq() {
    return rig.levels().get("irq");
  }

  @Test
  void writtenCharactersGoOut() {
    String text = "login: ";
    for (int i = 0; i < text.length(); i++) {
      assertThat(uart.read(5, 1) & 0x60).isEqualTo(0x60);
      uart.write(0, text.charAt(i), 1);
    }
    assertThat(line.output).hasToString("login: ");
  }

  @Test
  void enablingTheTransmitterInterruptRaisesItAndReadingIirClearsIt() {
    uart.write(1, 0x02, 1);
    assertThat(irq()).isTrue();
    assertThat(iir()).isEqualTo(0x02);
    assertThat(irq()).isFalse();
    assertThat(iir()).isEqualTo(0x01);
    uart.write(0, 'x', 1);
    assertThat(iir()).isEqualTo(0x02);
    uart.write(1, 0x00, 1);
    uart.write(1, 0x02, 1);
    assertThat(iir()).as("again when enabled again").isEqualTo(0x02);
  }

  @Test
  void receivedDataInterruptClearsByReading() {
    uart.write(1, 0x01, 1);
    line.type("A");
    assertThat(irq()).isTrue();
    assertThat(iir()).isEqualTo(0x04);
    assertThat(uart.read(5, 1)).isEqualTo(0x61);
    assertThat(uart.read(0, 1)).isEqualTo('A');
    assertThat(irq()).isFalse();
    assertThat(uart.read(5, 1)).isEqualTo(0x60);
  }

  @Test
  void fifoInterruptsAtItsTriggerAndTimesOutBelowIt() {
    uart.write(2, 0x81, 1);
    uart.write(1, 0x01, 1);
    line.type("1234567");
    assertThat(irq()).isFalse();
    line.type("8");
    assertThat(iir()).isEqualTo(0xc4);
    for (int i = 0; i < 5; i++) {
      uart.read(0, 1);
    }
    assertThat(irq()).isFalse();
    rig.clock.advance(10_000_000);
    assertThat(iir()).as("character time-out").isEqualTo(0xcc);
    assertThat(uart.read(0, 1)).isEqualTo('6');
    assertThat(irq()).isFalse();
  }

  @Test
  void characterTimeoutTakesFourCharacterTimes() {
    uart.write(2, 0xc1, 1);
    uart.write(3, 0x83, 1);
    uart.write(0, 1, 1);
    uart.write(1, 0, 1);
    uart.write(3, 0x03, 1);
    uart.write(1, 0x01, 1);
    line.type("x");
    rig.clock.advance(347_200);
    assertThat(irq()).isFalse();
    rig.clock.advance(100);
    assertThat(irq()).isTrue();
  }

  @Test
  void senderWaitsWhileTheFifoIsFull() {
    uart.write(2, 0x01, 1);
    line.type("0123456789abcdefGHIJ");
    StringBuilder got = new StringBuilder();
    while ((uart.read(5, 1) & 1) != 0) {
      got.append((char) uart.read(0, 1));
    }
    assertThat(got).hasToString("0123456789abcdefGHIJ");
    assertThat(uart.read(5, 1) & 0x02).as("no overrun").isZero();
  }

  @Test
  void loopbackTestOfAutoconfiguration() {
    uart.write(4, 0x1a, 1);
    assertThat(uart.read(6, 1) & 0xf0).isEqualTo(0x90);
    uart.write(4, 0x10, 1);
    assertThat(uart.read(6, 1) & 0xf0).isZero();
    uart.write(4, 0x00, 1);
    assertThat(uart.read(6, 1) & 0xf0).isEqualTo(0xb0);
  }

  @Test
  void fifoEnableShowsInIirAndNoOtherChipIsMistaken() {
    uart.write(2, 0x01, 1);
    assertThat(iir() >> 6).as("16550A").isEqualTo(3);
    uart.write(2, 0x00, 1);
    assertThat(iir() >> 6).isZero();
    uart.write(3, 0x80, 1);
    uart.write(2, 0x21, 1);
    assertThat(iir() & 0x20).as("not a 16750").isZero();
    uart.write(3, 0x00, 1);
    uart.write(1, 0xff, 1);
    assertThat(uart.read(1, 1)).isEqualTo(0x0f);
    uart.write(7, 0xa5, 1);
    assertThat(uart.read(7, 1)).isEqualTo(0xa5);
  }

  @Test
  void loopbackReceivesWhatIsSentAndOverruns() {
    uart.write(2, 0x01, 1);
    uart.write(4, 0x10, 1);
    for (int i = 0; i < 17; i++) {
      uart.write(0, i, 1);
    }
    assertThat(uart.read(5, 1) & 0x03).isEqualTo(0x03);
    assertThat(uart.read(5, 1) & 0x02).as("cleared by reading").isZero();
    for (int i = 0; i < 16; i++) {
      assertThat(uart.read(0, 1)).isEqualTo(i);
    }
    assertThat(line.output).isEmpty();
  }

  @Test
  void lineStatusInterruptComesFirst() {
    uart.write(2, 0x01, 1);
    uart.write(4, 0x10, 1);
    uart.write(1, 0x0f, 1);
    for (int i = 0; i < 17; i++) {
      uart.write(0, i, 1);
    }
    assertThat(iir() & 0x0f).isEqualTo(0x06);
    uart.read(5, 1);
    assertThat(iir() & 0x0f).isEqualTo(0x04);
    uart.write(2, 0x03, 1);
    assertThat(iir() & 0x0f).isEqualTo(0x02);
    assertThat(iir() & 0x0f).isEqualTo(0x00);
    uart.read(6, 1);
    assertThat(iir() & 0x0f).isEqualTo(0x01);
  }

  @Test
  void divisorLatchIsBehindDlab() {
    uart.write(3, 0x83, 1);
    uart.write(0, 0x34, 1);
    uart.write(1, 0x12, 1);
    assertThat(uart.read(0, 1)).isEqualTo(0x34);
    assertThat(uart.read(1, 1)).isEqualTo(0x12);
    uart.write(3, 0x03, 1);
    assertThat(uart.read(1, 1)).isZero();
  }
}
