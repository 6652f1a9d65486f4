package org.tuber.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;
import org.tuber.devices.pci.ConfigWindow;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PciFunction;

class Piix3IdeTest extends DeviceContract<Piix3IdeTest.WithDrives> {
  private static final int SECTORS = 4096;
  private static final int TABLE = 0x1000;
  private static final int BUFFER = 0x2000;
  private static final int BUS_MASTER = 0xc000;

  /** State of the whole. */
  record State(Piix3Ide.State ide, AtaDisk.State disk, AtapiCdrom.State cdrom) {}

  /** The controller with a disk on place 0 and a CD-ROM drive on place 2. */
  static final class WithDrives implements Snapshottable<State> {
    final Rig rig;
    final MemoryDisk image = new MemoryDisk(SECTORS);
    final MemoryDisk medium = new MemoryDisk(400);
    final Piix3Ide ide;
    final AtaDisk disk = new AtaDisk(image, "QM00001", Runnable::run);
    final MmcDrive tray = new MmcDrive(medium, "QM00003");
    final AtapiCdrom cdrom = new AtapiCdrom(tray, Runnable::run);
    final List<String> changed = new ArrayList<>();
    final DmaView memory;

    WithDrives(Rig rig) {
      this.rig = rig;
      rig.memory.mapRam(0, 0x80000, new GuestRam(0x80000), 0);
      memory = new DmaView(rig.memory, (ram, offset, length) -> changed.add(offset + "+" + length));
      ide = new Piix3Ide(rig.io, memory, rig.line("14"), rig.line("15"));
      ide.attach(0, disk);
      ide.attach(2, cdrom);
      new PciBus(rig.memory, rig.io, (slot, pin) -> rig.line("pin"), (address, data) -> {})
          .attach(1, 1, ide.pci());
    }

    @Override
    public State save() {
      return new State(ide.save(), disk.save(), cdrom.save());
    }

    @Override
    public void load(State s) {
      ide.load(s.ide);
      disk.load(s.disk);
      cdrom.load(s.cdrom);
    }

    @Override
    public void reset() {
      ide.reset();
      disk.reset();
      cdrom.reset();
    }

    int in(int port) {
      return (int) rig.io.read(port, 1) & 0xff;
    }

    void out(int port, int value) {
      rig.io.write(port, value, 1);
    }

    void command(int lba, int count, int command) {
      out(0x1f2, count);
      out(0x1f3, lba & 0xff);
      out(0x1f4, lba >>> 8 & 0xff);
      out(0x1f5, lba >>> 16 & 0xff);
      out(0x1f6, 0xe0 | lba >>> 24);
      out(0x1f7, command);
    }

    byte[] readData(int base, int bytes) {
      byte[] data = new byte[bytes];
      for (int i = 0; i < bytes; i += 2) {
        int w = (int) rig.io.read(base, 2);
        data[i] = (byte) w;
        data[i + 1] = (byte) (w >>> 8);
      }
      return data;
    }

    void enableBusMaster() {
      ide.pci().writeConfig(0x20, BUS_MASTER, 4);
      ide.pci().writeConfig(PciFunction.COMMAND, 5, 2);
    }

    /** One region of the descriptor table. */
    void region(int index, int address, int bytes, boolean last) {
      memory.writeValue(TABLE + 8L * index, address, 4);
      memory.writeValue(TABLE + 8L * index + 4, bytes & 0xffff | (last ? 0x8000_0000L : 0), 4);
    }

    void startBusMaster(int command) {
      rig.io.write(BUS_MASTER + 4, TABLE, 4);
      out(BUS_MASTER + 2, 6);
      out(BUS_MASTER, command);
    }

    byte[] packet(int... cdb) {
      out(0x176, 0xa0);
      out(0x171, 0);
      out(0x174, 0xfe);
      out(0x175, 0xff);
      out(0x177, 0xa0);
      assertThat(in(0x177) & 8).as("asks for the packet").isEqualTo(8);
      for (int i = 0; i < 12; i += 2) {
        int low = i < cdb.length ? cdb[i] : 0;
        int high = i + 1 < cdb.length ? cdb[i + 1] : 0;
        rig.io.write(0x170, low & 0xff | (high & 0xff) << 8, 2);
      }
      byte[] all = {};
      while ((in(0x376) & 8) != 0) {
        int n = in(0x174) | in(0x175) << 8;
        byte[] block = readData(0x170, n);
        byte[] joined = java.util.Arrays.copyOf(all, all.length + n);
        System.arraycopy(block, 0, joined, all.length, n);
        all = joined;
      }
      return all;
    }
  }

  /** A range of ports as a window. */
  private record Ports(Rig rig, int base) implements MmioDevice {
    @Override
    public long read(long offset, int size) {
      return rig.io.read(base + offset, size);
    }

    @Override
    public void write(long offset, long value, int size) {
      rig.io.write(base + offset, value, size);
    }

    @Override
    public int maxAccessSize() {
      return 4;
    }
  }

  @Override
  protected WithDrives create(Rig rig) {
    WithDrives device = new WithDrives(rig);
    device.reset();
    return device;
  }

  @Override
  protected List<Window> windows(WithDrives d) {
    return List.of(
        new Window("1f0", new Ports(d.rig, 0x1f0), 8),
        new Window("3f6", new Ports(d.rig, 0x3f6), 1),
        new Window("170", new Ports(d.rig, 0x170), 8),
        new Window("376", new Ports(d.rig, 0x376), 1),
        new Window("bm", new Ports(d.rig, BUS_MASTER), 16),
        new Window("config", new ConfigWindow(d.ide.pci()), 256));
  }

  @Override
  protected void mutate(WithDrives d, Rig rig) {
    d.command(3, 2, 0x20);
    d.readData(0x1f0, 100);
    d.out(0x171, 1);
  }

  @Override
  protected void stimulate(WithDrives d, Rig rig, Random random) {
    // Random bytes seldom make a command: begin one now and then.
    int[] commands = {0x20, 0x30, 0xc4, 0xc5, 0xc8, 0xca, 0x25, 0x35, 0xec, 0x06, 0xe7};
    if (random.nextBoolean()) {
      d.enableBusMaster();
      d.command(random.nextInt(SECTORS), 1 + random.nextInt(20), commands[random.nextInt(11)]);
    } else {
      d.region(0, random.nextInt(0x80000), random.nextInt(0x10000), random.nextBoolean());
      d.startBusMaster(random.nextInt(16));
    }
  }

  @Test
  void aDiskThatHasGrownIsIdentifiedWithItsNewLengthAndReadToItsNewEnd() {
    WithDrives d = create(new Rig());
    d.command(SECTORS, 1, 0x20);
    assertThat(d.in(0x1f7) & 1).as("beyond the old end").isEqualTo(1);
    d.image.resize(2 * SECTORS);
    d.command(0, 0, 0xec);
    byte[] identity = d.readData(0x1f0, 512);
    assertThat(word(identity, 60) | word(identity, 61) << 16).isEqualTo(2 * SECTORS);
    assertThat(word(identity, 100) | word(identity, 101) << 16).isEqualTo(2 * SECTORS);
    d.image.bytes[(2 * SECTORS - 1) * 512] = 0x5a;
    d.command(2 * SECTORS - 1, 1, 0x20);
    assertThat(d.in(0x1f7) & 1).isZero();
    assertThat(d.readData(0x1f0, 512)[0]).isEqualTo((byte) 0x5a);
    d.command(2 * SECTORS, 1, 0x20);
    assertThat(d.in(0x1f7) & 1).as("beyond the new end").isEqualTo(1);
  }

  private static int word(byte[] d, int index) {
    return d[2 * index] & 0xff | (d[2 * index + 1] & 0xff) << 8;
  }

  @Test
  void identifyTellsTheSizeAndItsOwnChecksum() {
    WithDrives d = create(new Rig());
    d.command(0, 0, 0xec);
    assertThat(d.rig.levels()).containsEntry("14", true);
    assertThat(d.in(0x1f7)).isEqualTo(0x58);
    assertThat(d.rig.levels()).containsEntry("14", false);
    byte[] id = d.readData(0x1f0, 512);
    assertThat(d.in(0x1f7)).isEqualTo(0x50);
    assertThat((id[120] & 0xff) | (id[121] & 0xff) << 8).isEqualTo(SECTORS);
    int sum = 0;
    for (byte b : id) {
      sum += b;
    }
    assertThat(sum & 0xff).isZero();
  }

  @Test
  void multipleReadsGiveOneInterruptForEachBlock() {
    WithDrives d = create(new Rig());
    d.command(0, 4, 0xc6);
    d.in(0x1f7);
    d.rig.trace.clear();
    d.command(10, 10, 0xc4);
    for (int block = 0; block < 3; block++) {
      assertThat(d.in(0x1f7) & 8).isEqualTo(8);
      byte[] data = d.readData(0x1f0, block == 2 ? 1024 : 2048);
      assertThat(data[0]).isEqualTo((byte) ((10 + 4 * block) * 7 + 1));
    }
    assertThat(d.in(0x1f7)).isEqualTo(0x50);
    assertThat(d.rig.count("14=true")).isEqualTo(3);
  }

  @Test
  void writesReachTheDiskAndEndWithAnInterrupt() {
    WithDrives d = create(new Rig());
    d.command(5, 1, 0x30);
    assertThat(d.rig.levels()).containsEntry("14", false);
    for (int i = 0; i < 256; i++) {
      d.rig.io.write(0x1f0, 0x4241, 2);
    }
    assertThat(d.rig.levels()).containsEntry("14", true);
    assertThat(d.image.bytes[5 * 512 + 511]).isEqualTo((byte) 0x42);
    d.command(0, 0, 0xe7);
    assertThat(d.image.flushes).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void busMasterScattersAReadOverItsRegions(boolean immediate) {
    WithDrives d = create(new Rig());
    d.image.immediate = immediate;
    d.enableBusMaster();
    d.region(0, BUFFER, 512, false);
    d.region(1, BUFFER + 0x4000, 512, true);
    d.command(7, 2, 0xc8);
    d.startBusMaster(9);
    assertThat(d.in(BUS_MASTER + 2) & 7).isEqualTo(4);
    assertThat(d.rig.levels()).containsEntry("14", true);
    assertThat(d.memory.readValue(BUFFER, 1)).isEqualTo(50);
    assertThat(d.memory.readValue(BUFFER + 0x4000, 1)).isEqualTo(57);
    assertThat(d.changed).contains(BUFFER + "+512", BUFFER + 0x4000 + "+512");
    assertThat(d.image.readsAtOnce).isEqualTo(immediate ? 1 : 0);
  }

  @Test
  void aReadLongerThanOneThatMayHoldTheOthersUpComesInParts() {
    WithDrives d = create(new Rig());
    d.enableBusMaster();
    for (int i = 0; i < 2048 * 512 / 0x1_0000 + 1; i++) {
      d.region(i, BUFFER, 0x1_0000, i == 2048 * 512 / 0x1_0000);
    }
    d.command(0, 2048 + 128 >>> 8, 0xe0); // leaves the high halves behind
    d.command(0, 128, 0x25);
    d.startBusMaster(9);
    assertThat(d.in(BUS_MASTER + 2) & 7).isEqualTo(4);
    assertThat(d.image.readsAtOnce).isEqualTo(1);
    assertThat(d.memory.readValue(BUFFER, 1)).isEqualTo(2048 * 7 + 1 & 0xff);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void regionsShorterThanTheCommandEndWithoutInterrupt(boolean immediate) {
    WithDrives d = create(new Rig());
    d.image.immediate = immediate;
    d.enableBusMaster();
    d.region(0, BUFFER, 512, true);
    d.command(7, 2, 0xc8);
    d.in(0x1f7);
    d.startBusMaster(9);
    assertThat(d.in(BUS_MASTER + 2) & 7).isZero();
    assertThat(d.rig.levels()).containsEntry("14", false);
  }

  @Test
  void wideAddressesReachTheEndAndNoFurther() {
    WithDrives d = create(new Rig());
    d.out(0x1f2, 0);
    d.out(0x1f2, 1);
    for (int i = 3; i <= 5; i++) {
      d.out(0x1f0 + i, 0);
      d.out(0x1f0 + i, i == 3 ? (SECTORS - 1) & 0xff : i == 4 ? (SECTORS - 1) >>> 8 : 0);
    }
    d.out(0x1f6, 0xe0);
    d.out(0x1f7, 0x24);
    assertThat(d.readData(0x1f0, 2)[0]).isEqualTo((byte) ((SECTORS - 1) * 7 + 1));
    d.out(0x3f6, 4);
    d.out(0x3f6, 0);
    d.command(SECTORS - 1, 2, 0x20);
    assertThat(d.in(0x1f7) & 1).isEqualTo(1);
    assertThat(d.in(0x1f1) & 0x10).isEqualTo(0x10);
  }

  @Test
  void anUnreadableSectorIsReported() {
    WithDrives d = create(new Rig());
    d.image.failing = true;
    d.command(0, 1, 0x20);
    assertThat(d.in(0x1f7) & 0x89).isEqualTo(1);
    assertThat(d.in(0x1f1)).isEqualTo(0x40);
  }

  @Test
  void trimDiscardsItsRanges() {
    WithDrives d = create(new Rig());
    d.enableBusMaster();
    d.memory.write(BUFFER, new byte[512], 0, 512);
    d.memory.writeValue(BUFFER, 20 | 3L << 48, 8);
    d.region(0, BUFFER, 512, true);
    d.out(0x1f1, 1);
    d.out(0x1f2, 0); // the high byte of the count
    d.command(0, 1, 0x06);
    d.startBusMaster(1);
    assertThat(d.in(0x1f7)).isEqualTo(0x50);
    assertThat(d.image.discards).isEqualTo(1);
    assertThat(d.image.bytes[22 * 512]).isZero();
    assertThat(d.image.bytes[23 * 512]).isNotZero();
  }

  @Test
  void softwareResetShowsTheSignatures() {
    WithDrives d = create(new Rig());
    d.out(0x376, 4);
    d.out(0x376, 0);
    assertThat(d.in(0x174)).isEqualTo(0x14);
    assertThat(d.in(0x175)).isEqualTo(0xeb);
    d.out(0x3f6, 4);
    d.out(0x3f6, 0);
    assertThat(d.in(0x1f2)).isEqualTo(1);
    assertThat(d.in(0x1f4) | d.in(0x1f5)).isZero();
  }

  @Test
  void packetsReadBlocksAndTellTheCapacity() {
    WithDrives d = create(new Rig());
    assertThat(d.packet(0x25)).containsExactly(0, 0, 0, 99, 0, 0, 8, 0);
    byte[] blocks = d.packet(0x28, 0, 0, 0, 0, 2, 0, 0, 40);
    assertThat(blocks).hasSize(40 * 2048);
    assertThat(blocks[0]).isEqualTo((byte) 57);
    d.packet(0x28, 0, 0, 0, 0, 99, 0, 0, 2);
    assertThat(d.in(0x177) & 1).isEqualTo(1);
    byte[] sense = d.packet(0x03, 0, 0, 0, 18);
    assertThat(sense[2]).isEqualTo((byte) 5);
    assertThat(sense[12]).isEqualTo((byte) 0x21);
  }

  @Test
  void aNewMediumIsToldOnce() {
    WithDrives d = create(new Rig());
    d.tray.removeMedium();
    d.packet(0);
    assertThat(d.packet(0x03, 0, 0, 0, 18)[12]).isEqualTo((byte) 0x3a);
    d.tray.insertMedium(new MemoryDisk(8));
    assertThat(d.packet(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)[4]).isEqualTo((byte) 2);
    d.packet(0);
    assertThat(d.packet(0x03, 0, 0, 0, 18)[12]).isEqualTo((byte) 0x28);
    d.packet(0);
    assertThat(d.in(0x177)).isEqualTo(0x40);
  }

  @Test
  void theGuestEjectsUnlessItLockedTheTray() {
    WithDrives d = create(new Rig());
    d.packet(0x1e, 0, 0, 0, 1);
    d.packet(0x1b, 0, 0, 0, 2);
    assertThat(d.tray.isTrayOpen()).isFalse();
    d.packet(0x1e, 0, 0, 0, 0);
    d.packet(0x1b, 0, 0, 0, 2);
    assertThat(d.tray.isTrayOpen()).isTrue();
  }
}
