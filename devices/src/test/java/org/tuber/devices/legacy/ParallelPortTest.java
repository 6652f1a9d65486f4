package org.tuber.devices.legacy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.FakeCharBackend;
import org.tuber.devices.Rig;

class ParallelPortTest extends DeviceContract<ParallelPort> {
  private final Rig rig = new Rig();
  private final FakeCharBackend printer = new FakeCharBackend();
  private final ParallelPort port = new ParallelPort(rig.line("irq7"), printer);

  @Override
  protected ParallelPort create(Rig r) {
    return new ParallelPort(r.line("irq7"), new FakeCharBackend());
  }

  @Override
  protected List<Window> windows(ParallelPort device) {
    return List.of(new Window("lpt", device, ParallelPort.WINDOW_BYTES));
  }

  @Override
  protected void mutate(ParallelPort device, Rig r) {
    device.write(0, 0x55, 1);
    device.write(2, 0x14, 1);
  }

  private void print(int control) {
    port.write(0, 'A', 1);
    port.write(2, control | 1, 1);
    port.write(2, control, 1);
  }

  @Test
  void printerTakesOneByteForEachStrobe() {
    print(0x0c);
    print(0x0c);
    assertThat(printer.output).hasToString("AA");
    assertThat(rig.trace).isEmpty();
  }

  @Test
  void printerTakesNothingWhileItIsInitialised() {
    print(0x08);
    assertThat(printer.output).isEmpty();
  }

  @Test
  void acknowledgeInterruptsWhenEnabled() {
    print(0x1c);
    assertThat(rig.count("irq7=true")).isEqualTo(1);
    assertThat(rig.levels()).containsEntry("irq7", false);
  }

  @Test
  void dataLinesReadBackUnlessTurnedRound() {
    port.write(0, 0xaa, 1);
    assertThat(port.read(0, 1)).isEqualTo(0xaa);
    port.write(2, 0x2c, 1);
    assertThat(port.read(0, 1)).isEqualTo(0xff);
  }
}
