package org.tuber.devices.input;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.backend.KeyCode;
import org.tuber.core.mem.MmioDevice;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;

class I8042Test extends DeviceContract<I8042> {
  private final Rig rig = new Rig();
  private final Ps2Keyboard keyboard = new Ps2Keyboard();
  private final Ps2Mouse mouse = new Ps2Mouse();
  private final I8042 i8042 =
      new I8042(
          rig.line("irq1"),
          rig.line("irq12"),
          rig.line("a20"),
          rig.event("reset"),
          keyboard,
          mouse);

  @Override
  protected I8042 create(Rig r) {
    return new I8042(
        r.line("irq1"),
        r.line("irq12"),
        r.line("a20"),
        r.event("reset"),
        new Ps2Keyboard(),
        new Ps2Mouse());
  }

  /** Commands only: what devices keep is their own state, not the controller's. */
  @Override
  protected List<Window> windows(I8042 device) {
    return List.of(new Window("64", new CommandsForTheController(device), 5));
  }

  private record CommandsForTheController(I8042 device) implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return device.read(offset, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      if (offset == I8042.COMMAND && (value & 0xff) != 0xd4) {
        device.write(offset, value, size);
      } else if (offset == I8042.DATA) {
        device.write(I8042.COMMAND, 0xd1 + value % 3, 1);
        device.write(offset, value, size);
      }
    }

    @Override
    public int maxAccessSize() {
      return 1;
    }
  }

  @Override
  protected void mutate(I8042 device, Rig r) {
    device.write(4, 0x60, 1);
    device.write(0, 0x47, 1);
    device.write(4, 0xaa, 1);
  }

  private void command(int value) {
    i8042.write(4, value, 1);
  }

  private List<Integer> drain() {
    List<Integer> bytes = new ArrayList<>();
    while ((i8042.read(4, 1) & 1) != 0) {
      bytes.add((int) i8042.read(0, 1));
    }
    return bytes;
  }

  @Test
  void selfTestAndPortTests() {
    command(0xaa);
    assertThat(drain()).containsExactly(0x55);
    assertThat(i8042.read(4, 1) & 0x04).as("system flag").isEqualTo(4);
    command(0xab);
    assertThat(drain()).containsExactly(0);
    command(0xa9);
    assertThat(drain()).containsExactly(0);
  }

  @Test
  void commandByteReadsBack() {
    command(0x60);
    i8042.write(0, 0x47, 1);
    command(0x20);
    assertThat(drain()).containsExactly(0x47);
  }

  @Test
  void auxiliaryLoopBackShowsTheAuxiliaryBit() {
    command(0xd3);
    i8042.write(0, 0x5a, 1);
    assertThat(i8042.read(4, 1) & 0x21).isEqualTo(0x21);
    assertThat(rig.levels()).containsEntry("irq12", true).containsEntry("irq1", false);
    assertThat(i8042.read(0, 1)).isEqualTo(0x5a);
    assertThat(rig.levels()).containsEntry("irq12", false);
  }

  @Test
  void keyPressArrivesTranslatedWithAnEdgePerByte() {
    i8042.enterFirmwareState();
    keyboard.key(KeyCode.A, true);
    keyboard.key(KeyCode.A, false);
    assertThat(rig.count("irq1=true")).isEqualTo(1);
    assertThat(i8042.read(0, 1)).isEqualTo(0x1e);
    assertThat(rig.count("irq1=true")).isEqualTo(2);
    assertThat(i8042.read(0, 1)).isEqualTo(0x9e);
    assertThat(rig.levels()).containsEntry("irq1", false);
  }

  @Test
  void everyKeyTranslatesToItsSet1Code() {
    i8042.enterFirmwareState();
    for (KeyCode key : KeyCode.values()) {
      if (key == KeyCode.PAUSE || key == KeyCode.PRINT) {
        continue;
      }
      List<Integer> expected = new ArrayList<>();
      if (key.set1() >>> 8 != 0) {
        expected.add(key.set1() >>> 8);
      }
      expected.add(key.set1() & 0xff);
      keyboard.key(key, true);
      assertThat(drain()).as(key.qcode()).isEqualTo(expected);
      expected.set(expected.size() - 1, key.set1() & 0xff | 0x80);
      keyboard.key(key, false);
      assertThat(drain()).as(key.qcode()).isEqualTo(expected);
    }
    keyboard.key(KeyCode.PAUSE, true);
    assertThat(drain()).containsExactly(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
  }

  @Test
  void withoutTranslationSet2Arrives() {
    command(0x60);
    i8042.write(0, 0x01, 1);
    keyboard.key(KeyCode.UP, false);
    assertThat(drain()).containsExactly(0xe0, 0xf0, 0x75);
  }

  @Test
  void keyboardInitialisationOfLinux() {
    command(0x60);
    i8042.write(0, 0x01, 1);
    i8042.write(0, 0xf2, 1);
    assertThat(drain()).containsExactly(0xfa, 0xab, 0x83);
    i8042.write(0, 0xed, 1);
    assertThat(drain()).containsExactly(0xfa);
    i8042.write(0, 0x02, 1);
    assertThat(drain()).containsExactly(0xfa);
    assertThat(keyboard.leds()).isEqualTo(2);
    i8042.write(0, 0xf0, 1);
    i8042.write(0, 0x00, 1);
    assertThat(drain()).containsExactly(0xfa, 0xfa, 0x02);
    i8042.write(0, 0xff, 1);
    assertThat(drain()).containsExactly(0xfa, 0xaa);
    i8042.write(0, 0xee, 1);
    assertThat(drain()).containsExactly(0xee);
  }

  @Test
  void mouseBecomesAWheelMouseByItsKnock() {
    mouseCommand(0xff);
    assertThat(drain()).containsExactly(0xfa, 0xaa, 0x00);
    for (int rate : new int[] {200, 100, 80}) {
      mouseCommand(0xf3);
      mouseCommand(rate);
    }
    drain();
    mouseCommand(0xf2);
    assertThat(drain()).containsExactly(0xfa, 0x03);
    mouseCommand(0xf4);
    drain();
    mouse.pointer(5, 3, 1, 1);
    assertThat(drain()).containsExactly(0x29, 5, 0xfd, 0xff);
    mouse.pointer(-300, 0, 0, 0);
    assertThat(drain()).containsExactly(0x18, 0x01, 0, 0, 0x18, 0xd3, 0, 0);
  }

  private void mouseCommand(int value) {
    command(0xd4);
    i8042.write(0, value, 1);
  }

  @Test
  void disabledClockHoldsKeysBack() {
    command(0xad);
    keyboard.key(KeyCode.B, true);
    assertThat(drain()).isEmpty();
    command(0xae);
    assertThat(drain()).hasSize(1);
  }

  @Test
  void a20AndResetThroughTheOutputPort() {
    command(0xd1);
    i8042.write(0, 0xdd, 1);
    assertThat(rig.levels()).containsEntry("a20", false);
    command(0xdf);
    assertThat(rig.levels()).containsEntry("a20", true);
    command(0xfe);
    assertThat(rig.count("reset")).isEqualTo(1);
  }
}
