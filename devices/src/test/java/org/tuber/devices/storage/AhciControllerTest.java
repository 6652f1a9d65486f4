package org.tuber.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;
import org.tuber.devices.pci.ConfigWindow;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PciFunction;

class AhciControllerTest extends DeviceContract<AhciControllerTest.WithDrives> {
  private static final int LIST = 0x1000;
  private static final int FIS_AREA = 0x2000;
  private static final int TABLE = 0x3000;
  private static final int BUFFER = 0x4000;
  private static final int PORT0 = 0x100;
  private static final int RAM_BYTES = 0x40000;

  /** State of the whole. */
  record State(AhciController.State ahci, AtaDisk.State disk, AtapiCdrom.State cdrom) {}

  /** The controller with a disk on port 0 and a CD-ROM drive on port 1. */
  static final class WithDrives implements Snapshottable<State> {
    final MemoryDisk image = new MemoryDisk(4096);
    final AtaDisk disk = new AtaDisk(image, "QM00005", Runnable::run);
    final AtapiCdrom cdrom =
        new AtapiCdrom(new MmcDrive(new MemoryDisk(400), "QM00006"), Runnable::run);
    final GuestRam ram = new GuestRam(RAM_BYTES);
    final DmaView memory;
    final AhciController ahci;

    WithDrives(Rig rig) {
      rig.memory.mapRam(0, RAM_BYTES, ram, 0);
      memory = new DmaView(rig.memory, (written, offset, length) -> {});
      ahci = new AhciController(memory);
      ahci.attach(0, disk);
      ahci.attach(1, cdrom);
      new PciBus(rig.memory, rig.io, (slot, pin) -> rig.line("inta"), (address, data) -> {})
          .attach(3, 0, ahci.pci());
      ahci.pci().writeConfig(PciFunction.COMMAND, 6, 2);
    }

    @Override
    public State save() {
      return new State(ahci.save(), disk.save(), cdrom.save());
    }

    @Override
    public void load(State s) {
      ahci.load(s.ahci);
      disk.load(s.disk);
      cdrom.load(s.cdrom);
    }

    @Override
    public void reset() {
      ahci.reset();
      disk.reset();
      cdrom.reset();
    }

    void start(int port) {
      int base = PORT0 + 0x80 * port;
      ahci.write(base, LIST, 4);
      ahci.write(base + 8, FIS_AREA, 4);
      ahci.write(base + 0x14, -1, 4);
      ahci.write(base + 0x18, 0x11, 4);
      ahci.write(4, 0x8000_0002L, 4);
    }

    /** Issues a command with one region in slot 0. */
    void issue(int port, int command, int feature, int lba, int count, int bytes) {
      memory.write(TABLE, new byte[0x90], 0, 0x90);
      memory.writeValue(TABLE, 0x8027 | command << 16 | (long) feature << 24, 4);
      memory.writeValue(TABLE + 4, lba & 0xff_ffff | 0x4000_0000, 4);
      memory.writeValue(TABLE + 12, count, 4);
      memory.writeValue(TABLE + 0x80, BUFFER, 8);
      memory.writeValue(TABLE + 0x8c, bytes - 1, 4);
      memory.writeValue(LIST, 5 | 1 << 16, 8);
      memory.writeValue(LIST + 8, TABLE, 8);
      ahci.write(PORT0 + 0x80 * port + 0x38, 1, 4);
    }
  }

  @Override
  protected WithDrives create(Rig rig) {
    WithDrives d = new WithDrives(rig);
    d.reset();
    return d;
  }

  @Override
  protected List<Window> windows(WithDrives d) {
    return List.of(
        new Window("bar5", d.ahci, 0x400),
        new Window("config", new ConfigWindow(d.ahci.pci()), 256));
  }

  @Override
  protected void mutate(WithDrives d, Rig rig) {
    d.start(0);
  }

  @Override
  protected void driveInputsLike(WithDrives original, WithDrives copy) {
    byte[] all = new byte[RAM_BYTES];
    original.ram.read(0, all, 0, RAM_BYTES);
    copy.ram.write(0, all, 0, RAM_BYTES);
    System.arraycopy(original.image.bytes, 0, copy.image.bytes, 0, copy.image.bytes.length);
  }

  @Override
  protected void stimulate(WithDrives d, Rig rig, Random random) {
    int[] commands = {0x25, 0x35, 0xc8, 0xca, 0xec, 0x20, 0x30, 0xe7, 0xa0, 0xa1, 0x06};
    int port = random.nextInt(2);
    d.start(port);
    int bytes = 1 + random.nextInt(0x4000);
    int command = commands[random.nextInt(11)];
    d.issue(port, command, random.nextInt(4), random.nextInt(4200), random.nextInt(40), bytes);
  }

  @Test
  void identifyArrivesInMemoryWithAnInterrupt() {
    Rig rig = new Rig();
    WithDrives d = create(rig);
    d.ahci.pci().writeConfig(PciFunction.COMMAND, 6, 2);
    d.start(0);
    assertThat(d.ahci.read(PORT0 + 0x24, 4)).isEqualTo(0x101);
    d.issue(0, 0xec, 0, 0, 0, 512);
    assertThat(d.ahci.read(PORT0 + 0x38, 4)).isZero();
    assertThat(d.memory.readValue(BUFFER + 120, 4)).isEqualTo(4096);
    assertThat(d.memory.readValue(LIST + 4, 4)).isEqualTo(512);
    assertThat(rig.levels()).containsEntry("inta", true);
    d.ahci.write(PORT0 + 0x10, -1, 4);
    d.ahci.write(8, 1, 4);
    assertThat(rig.levels()).containsEntry("inta", false);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void dmaMovesSectorsBothWays(boolean immediate) {
    WithDrives d = create(new Rig());
    d.image.immediate = immediate;
    d.start(0);
    d.issue(0, 0x25, 0, 9, 2, 1024);
    assertThat(d.image.readsAtOnce).isEqualTo(immediate ? 1 : 0);
    assertThat(d.memory.readValue(LIST + 4, 4)).isEqualTo(1024);
    assertThat(d.memory.readValue(BUFFER, 1)).isEqualTo(64);
    assertThat(d.memory.readValue(BUFFER + 512, 1)).isEqualTo(71);
    assertThat(d.memory.readValue(FIS_AREA + 0x40, 3)).isEqualTo(0x50_4034);
    d.issue(0, 0x35, 0, 100, 2, 1024);
    assertThat(d.image.bytes[101 * 512]).isEqualTo((byte) 71);
  }

  @Test
  void errorsStopTheListUntilItIsRestarted() {
    WithDrives d = create(new Rig());
    d.start(0);
    d.issue(0, 0x25, 0, 5000, 1, 512);
    assertThat(d.ahci.read(PORT0 + 0x10, 4) & 0x4000_0000).isNotZero();
    assertThat(d.ahci.read(PORT0 + 0x38, 4)).isEqualTo(1);
    assertThat(d.ahci.read(PORT0 + 0x20, 4) & 1).isEqualTo(1);
    d.ahci.write(PORT0 + 0x18, 0x10, 4);
    d.ahci.write(PORT0 + 0x10, -1, 4);
    d.start(0);
    d.issue(0, 0x25, 0, 9, 1, 512);
    assertThat(d.ahci.read(PORT0 + 0x38, 4)).isZero();
  }

  @Test
  void packetsComeFromTheCommandTable() {
    WithDrives d = create(new Rig());
    d.start(1);
    assertThat(d.ahci.read(PORT0 + 0x80 + 0x24, 4)).isEqualTo(0xeb14_0101L);
    d.memory.write(TABLE, new byte[0x90], 0, 0x90);
    d.issue(1, 0xa1, 0, 0, 0, 512);
    assertThat(d.memory.readValue(BUFFER, 2)).isEqualTo(0x85c0);
    d.memory.writeValue(TABLE, 0x00a0_8027L, 4);
    d.memory.writeValue(TABLE + 0x40, 0x25, 1);
    d.ahci.write(PORT0 + 0x80 + 0x38, 1, 4);
    assertThat(d.memory.readValue(BUFFER, 8)).isEqualTo(0x0008_0000_6300_0000L);
  }
}
