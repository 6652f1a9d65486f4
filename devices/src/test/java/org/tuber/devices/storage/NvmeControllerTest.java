package org.tuber.devices.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.GuestRam;
import org.tuber.devices.DeviceContract;
import org.tuber.devices.Rig;
import org.tuber.devices.pci.ConfigWindow;
import org.tuber.devices.pci.PciBus;
import org.tuber.devices.pci.PciFunction;

class NvmeControllerTest extends DeviceContract<NvmeController> {
  private static final int RAM_BYTES = 0x80000;
  private static final int SQ = 0x1000;
  private static final int CQ = 0x2000;
  private static final int DATA = 0x3000;
  private static final int IO_SQ = 0x5000;
  private static final int IO_CQ = 0x6000;

  private final Map<NvmeController, GuestRam> rams = new HashMap<>();
  private final Map<NvmeController, MemoryDisk> disks = new HashMap<>();
  private final List<Runnable> posted = new ArrayList<>();
  private MemoryDisk disk;
  private boolean isLoopBusy;
  private DmaView memory;
  private int adminTail;
  private int adminHead;

  private void post(Runnable task) {
    if (isLoopBusy) {
      posted.add(task);
    } else {
      task.run();
    }
  }

  @Override
  protected NvmeController create(Rig rig) {
    GuestRam ram = new GuestRam(RAM_BYTES);
    rig.memory.mapRam(0, RAM_BYTES, ram, 0);
    memory = new DmaView(rig.memory, (written, offset, length) -> {});
    disk = new MemoryDisk(4096);
    NvmeController nvme = new NvmeController(disk, "deadbeef", memory, this::post);
    new PciBus(rig.memory, rig.io, (slot, pin) -> rig.line("inta"), (address, data) -> {})
        .attach(4, 0, nvme.pci());
    nvme.reset();
    rams.put(nvme, ram);
    disks.put(nvme, disk);
    adminTail = 0;
    adminHead = 0;
    return nvme;
  }

  @Override
  protected List<Window> windows(NvmeController d) {
    return List.of(
        new Window("bar0", d, 0x1100),
        new Window("bar0", d, 0x4000),
        new Window("config", new ConfigWindow(d.pci()), 256));
  }

  /** Queues lie in memory: a copy of the device needs a copy of that, and of its disk. */
  @Override
  protected void driveInputsLike(NvmeController original, NvmeController copy) {
    byte[] all = new byte[RAM_BYTES];
    rams.get(original).read(0, all, 0, RAM_BYTES);
    rams.get(copy).write(0, all, 0, RAM_BYTES);
    byte[] from = disks.get(original).bytes;
    System.arraycopy(from, 0, disks.get(copy).bytes, 0, from.length);
  }

  private void enable(NvmeController d) {
    d.pci().writeConfig(PciFunction.COMMAND, 6, 2);
    d.write(0x24, 0x0007_0007, 4);
    d.write(0x28, SQ, 8);
    d.write(0x30, CQ, 8);
    d.write(0x14, 0x0046_0001, 4);
  }

  @Override
  protected void mutate(NvmeController d, Rig rig) {
    enable(d);
  }

  @Override
  protected void stimulate(NvmeController d, Rig rig, Random random) {
    DmaView ram = new DmaView(rig.memory, (written, offset, length) -> {});
    byte[] queue = new byte[512];
    random.nextBytes(queue);
    for (int i = 0; i < 8; i++) {
      queue[64 * i] &= 0xf;
    }
    ram.write(SQ, queue, 0, queue.length);
    enable(d);
    d.write(0x1000, random.nextInt(8), 4);
    ram.write(IO_SQ, queue, 0, queue.length);
    d.write(0x1008, random.nextInt(8), 4);
  }

  /** Puts a command into a submission queue. */
  private void put(int queue, int index, int opcode, int namespace, long prp1, int... words) {
    long at = queue + 64L * index;
    memory.write(at, new byte[64], 0, 64);
    memory.writeValue(at, opcode | (0x40 + index) << 16, 4);
    memory.writeValue(at + 4, namespace, 4);
    memory.writeValue(at + 24, prp1, 8);
    for (int i = 0; i < words.length; i++) {
      memory.writeValue(at + 40 + 4L * i, words[i], 4);
    }
  }

  private int admin(NvmeController d, int opcode, int namespace, long prp1, int... words) {
    put(SQ, adminTail, opcode, namespace, prp1, words);
    adminTail = (adminTail + 1) % 8;
    d.write(0x1000, adminTail, 4);
    int status = (int) memory.readValue(CQ + 16L * adminHead + 12, 4) >>> 17;
    adminHead = (adminHead + 1) % 8;
    d.write(0x1004, adminHead, 4);
    return status;
  }

  private void createIoQueues(NvmeController d) {
    assertThat(admin(d, 5, 0, IO_CQ, 1 | 7 << 16, 3)).isZero();
    assertThat(admin(d, 1, 0, IO_SQ, 1 | 7 << 16, 1 | 1 << 16)).isZero();
  }

  @Test
  void becomesReadyAndIdentifiesItself() {
    NvmeController d = create(new Rig());
    enable(d);
    assertThat(d.read(0x1c, 4)).isEqualTo(1);
    assertThat(admin(d, 6, 0, DATA, 1)).isZero();
    assertThat(memory.readValue(DATA, 2)).isEqualTo(0x1b36);
    assertThat(admin(d, 6, 1, DATA, 0)).isZero();
    assertThat(memory.readValue(DATA, 8)).isEqualTo(4096);
    assertThat(admin(d, 6, 7, DATA, 0)).isEqualTo(0x400b);
  }

  @Test
  void aResizedNamespaceIsReportedOnceUntilTheLogIsRead() {
    NvmeController d = create(new Rig());
    enable(d);
    assertThat(admin(d, 6, 0, DATA, 1)).isZero();
    assertThat(memory.readValue(DATA + 92, 4)).isEqualTo(0x100);
    assertThat(admin(d, 9, 0, 0, 0x0b, 0x100)).isZero();
    // The request stays unanswered until something happens.
    put(SQ, adminTail, 0x0c, 0, 0);
    final int request = 0x40 + adminTail;
    adminTail = (adminTail + 1) % 8;
    d.write(0x1000, adminTail, 4);
    disk.resize(8192);
    long entry = CQ + 16L * adminHead;
    assertThat(memory.readValue(entry, 4)).isEqualTo(0x0004_0002);
    assertThat(memory.readValue(entry + 12, 2)).isEqualTo(request);
    adminHead = (adminHead + 1) % 8;
    d.write(0x1004, adminHead, 4);
    assertThat(admin(d, 6, 1, DATA, 0)).isZero();
    assertThat(memory.readValue(DATA, 8)).isEqualTo(8192);

    // The next change waits for the log to be read, and then for a request.
    put(SQ, adminTail, 0x0c, 0, 0);
    adminTail = (adminTail + 1) % 8;
    d.write(0x1000, adminTail, 4);
    disk.resize(6144);
    assertThat(memory.readValue(CQ + 16L * adminHead, 4)).isNotEqualTo(0x0004_0002);
    assertThat(admin(d, 2, 0, DATA, 4 | 1023 << 16)).isZero();
    assertThat(memory.readValue(DATA, 8)).isEqualTo(1);
    assertThat(admin(d, 2, 0, DATA, 4 | 1023 << 16)).isZero();
    assertThat(memory.readValue(DATA, 8)).isZero();
    disk.resize(4096);
    assertThat(memory.readValue(CQ + 16L * adminHead, 4)).isEqualTo(0x0004_0002);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void blocksComeAndGoThroughAnIoQueue(boolean immediate) {
    Rig rig = new Rig();
    NvmeController d = create(rig);
    disk.immediate = immediate;
    enable(d);
    createIoQueues(d);
    assertThat(rig.levels()).containsEntry("inta", false);
    put(IO_SQ, 0, 2, 1, DATA, 9, 0, 1);
    d.write(0x1008, 1, 4);
    assertThat(disk.readsAtOnce).isEqualTo(immediate ? 1 : 0);
    assertThat(memory.readValue(DATA, 1)).isEqualTo(64);
    assertThat(memory.readValue(DATA + 512, 1)).isEqualTo(71);
    assertThat(memory.readValue(IO_CQ + 12, 4)).isEqualTo(0x1_0040);
    assertThat(rig.levels()).containsEntry("inta", true);
    d.write(0x100c, 1, 4);
    assertThat(rig.levels()).containsEntry("inta", false);
    memory.writeValue(DATA, 0x1234, 2);
    put(IO_SQ, 1, 1, 1, DATA, 20, 0, 0);
    put(IO_SQ, 2, 0, 1, 0);
    d.write(0x1008, 3, 4);
    assertThat(disk.bytes[20 * 512 + 1]).isEqualTo((byte) 0x12);
    assertThat(disk.flushes).isEqualTo(1);
  }

  /** Scattered pages, the first of them cut; then the same again with memory missing. */
  @Test
  void longRequestsGoThroughBuffers() {
    NvmeController d = create(new Rig());
    disk.immediate = false;
    enable(d);
    createIoQueues(d);
    final int blocks = 96;
    final int cut = 512;
    for (int i = 0; i < 12; i++) {
      memory.writeValue(0x10000 + 8L * i, DATA + 0x2000L * (12 - i), 8);
    }
    put(IO_SQ, 0, 2, 1, DATA + cut, 9, 0, blocks - 1);
    memory.writeValue(IO_SQ + 32, 0x10000, 8);
    d.write(0x1008, 1, 4);
    byte[] seen = gathered(cut, blocks);
    for (int i = 0; i < blocks; i++) {
      assertThat(seen[i * 512]).as("block %d", i).isEqualTo((byte) ((9 + i) * 7 + 1));
      assertThat(seen[i * 512 + 511]).as("block %d", i).isEqualTo((byte) ((9 + i) * 7 + 1));
    }
    memory.writeValue(DATA + cut, 0xa1, 1);
    memory.writeValue(DATA + 0x2000L * 12 + 4095, 0xa2, 1);
    put(IO_SQ, 1, 1, 1, DATA + cut, 300, 0, blocks - 1);
    memory.writeValue(IO_SQ + 64 + 32, 0x10000, 8);
    d.write(0x1008, 2, 4);
    assertThat(Arrays.copyOfRange(disk.bytes, 300 * 512, (300 + blocks) * 512))
        .isEqualTo(gathered(cut, blocks));

    // What is not there reads as ones; what comes for it is lost, the rest is not.
    memory.writeValue(0x10000 + 8L * 3, RAM_BYTES, 8);
    put(IO_SQ, 2, 1, 1, DATA + cut, 500, 0, blocks - 1);
    memory.writeValue(IO_SQ + 128 + 32, 0x10000, 8);
    d.write(0x1008, 3, 4);
    int hole = 500 * 512 + 4096 - cut + 3 * 4096;
    assertThat(disk.bytes[hole - 1]).isNotEqualTo((byte) 0xff);
    assertThat(disk.bytes[hole]).isEqualTo((byte) 0xff);
    assertThat(disk.bytes[hole + 4095]).isEqualTo((byte) 0xff);
    assertThat(disk.bytes[hole + 4096]).isNotEqualTo((byte) 0xff);
    put(IO_SQ, 3, 2, 1, DATA + cut, 20, 0, blocks - 1);
    memory.writeValue(IO_SQ + 192 + 32, 0x10000, 8);
    d.write(0x1008, 4, 4);
    assertThat(memory.readValue(DATA + cut, 1)).isEqualTo(20 * 7 + 1);
    assertThat(memory.readValue(DATA + 0x2000L * 8, 1))
        .isEqualTo(((20 + (4096 * 5 - cut) / 512) * 7 + 1) & 0xff);
  }

  private byte[] gathered(int cut, int blocks) {
    byte[] all = new byte[blocks * 512];
    int done = 4096 - cut;
    memory.read(DATA + cut, all, 0, done);
    for (int i = 0; done < all.length; i++) {
      int n = Math.min(4096, all.length - done);
      memory.read(DATA + 0x2000L * (12 - i), all, done, n);
      done += n;
    }
    return all;
  }

  @Test
  void aDoorbellReadsOnlySoMuchAtOnce() {
    NvmeController d = create(new Rig());
    enable(d);
    createIoQueues(d);
    for (int i = 0; i < 127; i++) {
      memory.writeValue(0x10000 + 8L * i, DATA + 0x1000L, 8);
    }
    for (int i = 0; i < 5; i++) {
      put(IO_SQ, i, 2, 1, DATA, i, 0, 1023);
      memory.writeValue(IO_SQ + 64L * i + 32, 0x10000, 8);
    }
    isLoopBusy = true;
    d.write(0x1008, 5, 4);
    assertThat(disk.readsAtOnce).isEqualTo(2);
    assertThat(posted).hasSize(3);
    assertThat(memory.readValue(IO_CQ + 16 * 2 + 12, 4)).isZero();
    posted.forEach(Runnable::run);
    isLoopBusy = false;
    for (int i = 0; i < 5; i++) {
      assertThat(memory.readValue(IO_CQ + 16L * i + 12, 4)).isEqualTo(0x1_0040 + i);
    }
    assertThat(memory.readValue(DATA, 1)).isEqualTo(4 * 7 + 1);
    d.write(0x100c, 5, 4);
    put(IO_SQ, 5, 2, 1, DATA, 9, 0, 1);
    d.write(0x1008, 6, 4);
    assertThat(disk.readsAtOnce).isEqualTo(3);
  }

  @Test
  void dataForWhereNoMemoryIsGoesNowhere() {
    NvmeController d = create(new Rig());
    enable(d);
    createIoQueues(d);
    put(IO_SQ, 0, 2, 1, DATA, 9, 0, 15);
    memory.writeValue(IO_SQ + 32, RAM_BYTES, 8);
    d.write(0x1008, 1, 4);
    assertThat(memory.readValue(IO_CQ + 12, 4)).isEqualTo(0x1_0040);
    assertThat(memory.readValue(DATA, 1)).isEqualTo(64);
    assertThat(disk.readsAtOnce).isZero();
  }

  /** Memory may come after the devices. */
  @Test
  void aLoadedReadWaitsForTheEventLoop() {
    NvmeController d = create(new Rig());
    enable(d);
    createIoQueues(d);
    put(IO_SQ, 0, 2, 1, DATA, 9, 0, 0);
    byte[] read = new byte[64];
    memory.read(IO_SQ, read, 0, 64);
    isLoopBusy = true;
    NvmeController.State s = d.save();
    d.load(
        new NvmeController.State(
            s.pci(),
            s.msix(),
            s.configuration(),
            s.status(),
            s.adminSizes(),
            s.adminSubmission(),
            s.adminCompletion(),
            s.masks(),
            s.submissions(),
            s.completions(),
            s.features(),
            s.events(),
            new NvmeController.Waiting[] {new NvmeController.Waiting(1, read)}));
    assertThat(memory.readValue(DATA, 1)).isZero();
    posted.forEach(Runnable::run);
    isLoopBusy = false;
    assertThat(memory.readValue(DATA, 1)).isEqualTo(64);
    assertThat(disk.readsAtOnce).isZero();
  }

  @Test
  void rangesBeyondTheDiskAreRefused() {
    NvmeController d = create(new Rig());
    enable(d);
    createIoQueues(d);
    put(IO_SQ, 0, 2, 1, DATA, 4095, 0, 1);
    d.write(0x1008, 1, 4);
    assertThat(memory.readValue(IO_CQ + 12, 4) >>> 17).isEqualTo(0x4080);
  }

  @Test
  void aPrpListThatLeadsInCirclesEnds() {
    NvmeController d = create(new Rig());
    enable(d);
    createIoQueues(d);
    for (int i = 0; i < 512; i++) {
      memory.writeValue(0x10000 + 8L * i, 0x10000, 8);
    }
    put(IO_SQ, 0, 2, 1, DATA, 0, 0, 1023);
    memory.writeValue(IO_SQ + 32, 0x10ff8, 8);
    d.write(0x1008, 1, 4);
    assertThat(memory.readValue(IO_CQ + 12, 4) & 0x1_ffff).isEqualTo(0x1_0040);
  }
}
