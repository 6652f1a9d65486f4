package org.tuber.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;
import org.tuber.devices.dma.I8237Dma;

class I82077FdcTest extends DeviceContract<I82077FdcTest.WithDrive> {
  private static final int BUFFER = 0x4000;

  /** State of the whole. */
  record State(I82077Fdc.State fdc, FloppyDrive.State drive, I8237Dma.State dma) {}

  /** The controller with a 1.44 MB disk in its first drive. */
  static final class WithDrive implements Snapshottable<State> {
    final MemoryDisk image = new MemoryDisk(2880);
    final FloppyDrive drive = new FloppyDrive(image);
    final DmaView memory;
    final I8237Dma dma;
    final I82077Fdc fdc;

    WithDrive(Rig rig) {
      rig.memory.mapRam(0, 0x10000, new GuestRam(0x10000), 0);
      memory = new DmaView(rig.memory, (ram, offset, length) -> {});
      dma = new I8237Dma(memory);
      fdc = new I82077Fdc(rig.line("6"), dma, Runnable::run);
      fdc.attach(0, drive);
    }

    @Override
    public State save() {
      return new State(fdc.save(), drive.save(), dma.save());
    }

    @Override
    public void load(State s) {
      dma.load(s.dma);
      drive.load(s.drive);
      fdc.load(s.fdc);
    }

    @Override
    public void reset() {
      dma.reset();
      drive.reset();
      fdc.reset();
    }

    void command(int... bytes) {
      for (int b : bytes) {
        fdc.ports().write(5, b, 1);
      }
    }

    List<Integer> result() {
      List<Integer> bytes = new ArrayList<>();
      while ((fdc.ports().read(4, 1) & 0xd0) == 0xd0) {
        bytes.add((int) fdc.ports().read(5, 1));
      }
      return bytes;
    }

    /** Programs channel 2: 44H reads the disk, 48H writes it. */
    void channel(int mode, int bytes) {
      dma.first().write(12, 0, 1);
      dma.first().write(11, mode | 2, 1);
      dma.first().write(4, 0, 1);
      dma.first().write(4, BUFFER >>> 8, 1);
      dma.first().write(5, (bytes - 1) & 0xff, 1);
      dma.first().write(5, (bytes - 1) >>> 8, 1);
      dma.pages().write(0, 0, 1);
      dma.first().write(10, 2, 1);
    }

    void seek(int track) {
      command(0x0f, 0, track);
      command(8);
      assertThat(result()).containsExactly(0x20, track);
    }
  }

  @Override
  protected WithDrive create(Rig rig) {
    WithDrive d = new WithDrive(rig);
    d.reset();
    return d;
  }

  @Override
  protected List<Window> windows(WithDrive d) {
    return List.of(
        new Window("3f0", d.fdc.ports(), I82077Fdc.PORTS_BYTES),
        new Window("3f7", d.fdc.ratePort(), 1));
  }

  @Override
  protected void mutate(WithDrive d, Rig rig) {
    d.command(0x0f, 0, 5);
  }

  @Override
  protected void stimulate(WithDrive d, Rig rig, Random random) {
    d.fdc.ports().write(2, 0x08, 1);
    d.fdc.ports().write(2, 0x1c, 1);
    d.channel(random.nextBoolean() ? 0x44 : 0x48, 1 + random.nextInt(0x4000));
    int[] opcodes = {0xe6, 0xc5, 0x46, 0x4d, 0x4a, 0x0e, 0x16, 0x02};
    int track = random.nextInt(3);
    d.command(0x0f, 0, track);
    d.command(opcodes[random.nextInt(8)], random.nextInt(8), track, random.nextInt(2));
    d.command(1 + random.nextInt(20), 2, 18, 0x1b, 0xff);
  }

  @Test
  void fourSensesFollowAReset() {
    Rig rig = new Rig();
    WithDrive d = create(rig);
    d.fdc.ports().write(2, 0x08, 1);
    d.fdc.ports().write(2, 0x0c, 1);
    assertThat(rig.levels()).containsEntry("6", true);
    for (int i = 0; i < 4; i++) {
      d.command(8);
      assertThat(d.result()).containsExactly(0xc0 | i, 0);
    }
    d.command(8);
    assertThat(d.result()).containsExactly(0x80);
  }

  @Test
  void aReadCrossesTheHeadsAndEndsAtTheTerminalCount() {
    Rig rig = new Rig();
    WithDrive d = create(rig);
    d.seek(1);
    d.channel(0x44, 3 * 512);
    d.command(0xe6, 0, 1, 0, 18, 2, 18, 0x1b, 0xff);
    assertThat(rig.levels()).containsEntry("6", true);
    assertThat(d.result()).containsExactly(4, 0, 0, 1, 1, 3, 2);
    assertThat(rig.levels()).containsEntry("6", false);
    int first = 36 + 17;
    assertThat(d.memory.readValue(BUFFER, 1)).isEqualTo((first * 7 + 1) & 0xff);
    assertThat(d.memory.readValue(BUFFER + 1024, 1)).isEqualTo(((first + 2) * 7 + 1) & 0xff);
  }

  @Test
  void aWriteReachesTheDiskUnlessItIsProtected() {
    WithDrive d = create(new Rig());
    d.memory.writeValue(BUFFER, 0xabcd, 2);
    d.channel(0x48, 512);
    d.command(0xc5, 0, 0, 0, 3, 2, 18, 0x1b, 0xff);
    assertThat(d.result()).startsWith(0, 0);
    assertThat(d.image.bytes[1025]).isEqualTo((byte) 0xab);
    d.image.readOnly = true;
    d.channel(0x48, 512);
    d.command(0xc5, 0, 0, 0, 3, 2, 18, 0x1b, 0xff);
    assertThat(d.result()).startsWith(0x40, 2);
  }

  @Test
  void programmedTransfersGoThroughTheDataRegister() {
    WithDrive d = create(new Rig());
    d.command(3, 0xdf, 3);
    d.command(0x46, 0, 0, 0, 2, 2, 2, 0x1b, 0xff);
    for (int i = 0; i < 512; i++) {
      assertThat(d.fdc.ports().read(4, 1)).isEqualTo(0xf0);
      assertThat(d.fdc.ports().read(5, 1)).isEqualTo(8);
    }
    assertThat(d.result()).startsWith(0, 0);
  }

  @Test
  void anEmptyDriveHasNoMarkAndShowsTheChange() {
    WithDrive d = create(new Rig());
    assertThat(d.fdc.ratePort().read(0, 1)).isZero();
    d.drive.removeMedium();
    d.channel(0x44, 512);
    d.command(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assertThat(d.result()).startsWith(0x40, 1);
    assertThat(d.fdc.ratePort().read(0, 1)).isEqualTo(0x80);
    d.drive.insertMedium(new MemoryDisk(1440));
    d.seek(1);
    assertThat(d.fdc.ratePort().read(0, 1)).isZero();
  }

  @Test
  void formatFillsTheTrack() {
    WithDrive d = create(new Rig());
    d.channel(0x48, 72);
    d.command(0x4d, 0, 2, 18, 0x54, 0xf6);
    assertThat(d.result()).startsWith(0, 0);
    assertThat(d.image.bytes[17 * 512]).isEqualTo((byte) 0xf6);
    assertThat(d.image.bytes[18 * 512]).isNotEqualTo((byte) 0xf6);
  }
}
