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

class Pl011Test extends DeviceContract<Pl011> {
  private static final int INT_RX = 0x10;
  private static final int INT_TX = 0x20;
  private static final int INT_RT = 0x40;

  private final Rig rig = new Rig();
  private final FakeCharBackend line = new FakeCharBackend();
  private final Pl011 uart = new Pl011(rig.clock, rig.line("irq"), line);
  private final Map<Pl011, FakeCharBackend> lines = new HashMap<>();

  @Override
  protected Pl011 create(Rig r) {
    FakeCharBackend backend = new FakeCharBackend();
    Pl011 device = new Pl011(r.clock, r.line("irq"), backend);
    lines.put(device, backend);
    return device;
  }

  @Override
  protected List<Window> windows(Pl011 device) {
    return List.of(new Window("uart", device, Pl011.WINDOW_BYTES));
  }

  @Override
  protected void mutate(Pl011 device, Rig r) {
    device.write(0x2c, 0x70, 4);
    device.write(0x38, 0x50, 4);
    lines.get(device).type("abc");
    device.read(0, 4);
  }

  @Override
  protected void stimulate(Pl011 device, Rig r, Random random) {
    // Only what fits: bytes that wait in the backend are not the device's state.
    device.write(0x30, 0x301, 4);
    device.write(0x2c, 0x60, 4);
    device.write(0x2c, 0x70, 4);
    lines.get(device).type("x".repeat(random.nextInt(17)));
  }

  private boolean irq() {
    return rig.levels().get("irq");
  }

  @Test
  void identifiesItself() {
    assertThat(uart.read(0xfe0, 4)).isEqualTo(0x11);
    assertThat(uart.read(0xfe8, 4)).isEqualTo(0x14);
    assertThat(uart.read(0xff0, 4)).isEqualTo(0x0d);
    assertThat(uart.read(0xffc, 4)).isEqualTo(0xb1);
  }

  @Test
  void writtenCharactersGoOutAndTheTransmitterInterrupts() {
    assertThat(uart.read(0x18, 4)).isEqualTo(0x90);
    uart.write(0x38, INT_TX, 4);
    assertThat(irq()).isFalse();
    for (char c : "login: ".toCharArray()) {
      uart.write(0, c, 4);
    }
    assertThat(line.output).hasToString("login: ");
    assertThat(irq()).isTrue();
    uart.write(0x44, INT_TX, 4);
    assertThat(irq()).isFalse();
  }

  @Test
  void receiveInterruptAtTheTriggerLevelAndTimeOutBelow() {
    uart.write(0x2c, 0x70, 4);
    uart.write(0x38, INT_RX | INT_RT, 4);
    line.type("1234567");
    assertThat(uart.read(0x3c, 4) & INT_RX).isZero();
    rig.clock.advance(1_000_000);
    assertThat(uart.read(0x40, 4)).isEqualTo(INT_RT);
    line.type("8");
    assertThat(uart.read(0x40, 4)).isEqualTo(INT_RX | INT_RT);
    StringBuilder text = new StringBuilder();
    while ((uart.read(0x18, 4) & 0x10) == 0) {
      text.append((char) uart.read(0, 4));
    }
    assertThat(text).hasToString("12345678");
    assertThat(irq()).isFalse();
  }

  @Test
  void withoutFifoOneCharacterFillsTheReceiver() {
    line.type("ab");
    assertThat(uart.read(0x18, 4) & 0x50).isEqualTo(0x40);
    assertThat(uart.read(0, 4)).isEqualTo('a');
    assertThat(uart.read(0, 4)).isEqualTo('b');
    assertThat(uart.read(0x18, 4) & 0x50).isEqualTo(0x10);
  }

  @Test
  void loopbackReturnsCharactersAndShowsOverruns() {
    uart.write(0x30, 0x381, 4);
    uart.write(0, 'a', 4);
    uart.write(0, 'b', 4);
    assertThat(uart.read(0x3c, 4) & 0x400).isEqualTo(0x400);
    assertThat(uart.read(0, 4)).isEqualTo('a' | 0x800);
    assertThat(line.output).isEmpty();
  }
}
