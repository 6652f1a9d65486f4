package org.tuber.machine.board.pc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.MmioDevice;
import org.tuber.core.mem.RamObserver;
import org.tuber.machine.CharBackendSource;
import org.tuber.machine.DriveOption;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineRun;
import org.tuber.machine.ScriptedVcpu;

/**
 * Random programs against a whole PC with every device it can have: ports, memory windows, PCI
 * configuration, and descriptors for DMA that point anywhere. Nothing may throw, hang or grow.
 */
final class PcFuzz {
  private static final long RAM_BYTES = 16L << 20;
  private static final long DISK_BYTES = 2L << 20;
  private static final long MOST_GROWTH_BYTES = 96L << 20;
  private static final long LEAST_STEPS = 4000;
  private static final int STEPS_PER_TURN = 200;
  private static final int MOST_CHARS = 3000;

  /** The classes behind the windows of a PC with every device. */
  static final List<String> DEVICES =
      List.of(
          "AhciController",
          "ApicBus",
          "CirrusVga",
          "DebugConsole",
          "FwCfg",
          "Hpet",
          "I440fxHost",
          "I8042",
          "I8237Dma",
          "I8254Pit",
          "I8259Pic",
          "I82077Fdc",
          "IdeChannel",
          "IoApic",
          "Mc146818Rtc",
          "NvmeController",
          "ParallelPort",
          "Piix3Ide",
          "Piix4Pm",
          "Piix4Smbus",
          "Port92",
          "PostCodePort",
          "SpeakerPort",
          "StdVga",
          "Uart16550",
          "VgaCore");

  /** Values that mean something to some device: commands, enable bits, queue sizes. */
  private static final long[] MEANINGFUL = {
    0x0046_0001,
    0x001f_001f,
    0x8000_0003L,
    0x11,
    0x17,
    0x20,
    0x25,
    0x30,
    0x35,
    0xa0,
    0xa1,
    0xb0,
    0xc4,
    0xc5,
    0xc6,
    0xc8,
    0xca,
    0xe7,
    0xea,
    0xec,
    0xef,
    0x06,
    0x08,
    0x09,
    0x0f,
    0x4a,
    0x4d,
    0x46,
    0xc,
    0x13,
    0x05,
    0x07,
    0x90,
    0xd0,
    0xe8,
    0x40,
    0x70,
    0x98,
    0xff,
    0x00,
    0x01,
    0x10,
    0x2000,
    0x80
  };

  private final Path dir;
  private final long seed;
  private final String wanted;
  private final Random random;
  private PcI440fx board;
  private List<AddressSpace.Range> memoryWindows;
  private List<AddressSpace.Range> portWindows;
  private long steps;

  /**
   * A machine to come.
   *
   * @param dir takes its images
   * @param seed of the programs
   * @param wanted one of {@link #DEVICES}, or null for all together
   */
  PcFuzz(Path dir, long seed, String wanted) {
    this.dir = dir;
    this.seed = seed;
    this.wanted = wanted;
    random = new Random(seed);
  }

  /** Accesses and descriptors so far. */
  long steps() {
    return steps;
  }

  private DriveOption drive(String id, String file, DriveOption.Bus bus, DriveOption.Media media)
      throws IOException {
    Path image = dir.resolve(file);
    Files.write(image, new byte[(int) (bus == DriveOption.Bus.FLOPPY ? 1_474_560 : DISK_BYTES)]);
    boolean readOnly = media == DriveOption.Media.CDROM;
    return new DriveOption(
        id, image.toString(), "raw", bus, -1, media, false, readOnly, "writeback");
  }

  private MachineConfig config(String vga) throws IOException {
    DriveOption.Media disk = DriveOption.Media.DISK;
    Path rom = Files.write(dir.resolve("rom"), new byte[0x2_0000]);
    for (String bios : List.of("vgabios-stdvga.bin", "vgabios-cirrus.bin")) {
      Files.write(dir.resolve(bios), new byte[0x8000]);
    }
    return MachineConfig.builder()
        .memoryBytes(RAM_BYTES)
        .cpus(2)
        .vga(vga)
        .firmwareDir(dir)
        .bios(rom.toString())
        .noShutdown(true)
        .serial(CharBackendSource.NULL)
        .serial(CharBackendSource.NULL)
        .drive(drive("", "ide.img", DriveOption.Bus.IDE, disk))
        .drive(drive("", "cd.iso", DriveOption.Bus.IDE, DriveOption.Media.CDROM))
        .drive(drive("", "floppy.img", DriveOption.Bus.FLOPPY, disk))
        .drive(drive("n", "nvme.img", DriveOption.Bus.NONE, disk))
        .drive(drive("s", "sata.img", DriveOption.Bus.NONE, disk))
        .drive(drive("c", "sata.iso", DriveOption.Bus.NONE, DriveOption.Media.CDROM))
        .device(device("nvme", Map.of("drive", "n", "serial", "1")))
        .device(device("ahci", Map.of("id", "sata")))
        .device(device("ide-hd", Map.of("drive", "s", "bus", "sata.0")))
        .device(device("ide-cd", Map.of("drive", "c", "bus", "sata.1")))
        .device(device("isa-parallel", Map.of()))
        .device(device("isa-debugcon", Map.of()))
        .build();
  }

  private static MachineConfig.DeviceOption device(String driver, Map<String, String> properties) {
    return new MachineConfig.DeviceOption(driver, properties, null);
  }

  /** CPUs that do random things instead of instructions. */
  private final class FuzzCpus implements VcpuFactory {
    @Override
    public Vcpu create(Config config) {
      boolean isFirst = config.index() == 0;
      return new ScriptedVcpu(cpu -> isFirst ? turn() : ExitReason.HALTED);
    }

    @Override
    public RamObserver ramObserver() {
      return (ram, offset, length) -> {};
    }

    @Override
    public void close() {}
  }

  private ExitReason turn() {
    memoryWindows = windowsIn(board.memory());
    portWindows = windowsIn(board.ports());
    if (memoryWindows.isEmpty() && portWindows.isEmpty()) {
      placeWindows(); // after a reset, or moved away
    }
    for (int i = 0; i < STEPS_PER_TURN; i++) {
      steps++;
      switch (random.nextInt(16)) {
        case 0 -> configure();
        case 1, 2 -> describe();
        case 3 -> queueNvmeCommand();
        case 4, 5, 6, 7, 8 -> touch(board.memory());
        default -> touch(board.ports());
      }
    }
    return ExitReason.BUDGET;
  }

  private long value() {
    return switch (random.nextInt(8)) {
      case 0 -> -1L;
      case 1 -> random.nextInt(16);
      case 2 -> 1L << random.nextInt(64);
      case 3 -> random.nextLong();
      case 4, 5 -> MEANINGFUL[random.nextInt(MEANINGFUL.length)];
      default -> address();
    };
  }

  /** Mostly in RAM and aligned; else somewhere, also in devices and in nothing. */
  private long address() {
    long ram = random.nextLong(RAM_BYTES) & -(1L << random.nextInt(13));
    return switch (random.nextInt(12)) {
      case 0 -> random.nextLong();
      case 1 -> 0xfee0_0000L | random.nextInt(0x1000);
      case 2 -> RAM_BYTES - random.nextInt(64);
      case 3 -> random.nextInt() & 0xffff_ffffL;
      default -> ram;
    };
  }

  /** A PCI configuration register of some function, mostly one that is there. */
  private void configure() {
    long slot = random.nextInt(8) == 0 ? random.nextInt(32) : random.nextInt(5);
    long function = slot == 1 ? random.nextInt(4) : 0;
    long register = random.nextInt(4) == 0 ? 4 : random.nextInt(256) & ~3;
    board.ports().write(0xcf8, 0x8000_0000L | slot << 11 | function << 8 | register, 4);
    if (random.nextInt(3) == 0) {
      board.ports().read(0xcfc, 4);
      return;
    }
    long value = register == 4 ? 7 : value();
    if (register >= 0x10 && register < 0x28 && random.nextBoolean()) {
      value = 0xe000_0000L + (long) random.nextInt(0x1000) * 0x1_0000;
    }
    board.ports().write(0xcfc, value, 4);
  }

  /** Words in RAM as a device might find them: pointers, lengths, flags, commands. */
  private void describe() {
    long at = address() & (RAM_BYTES - 1) & ~7L;
    for (int i = random.nextInt(32); i >= 0 && at + 8 <= RAM_BYTES; i--, at += 8) {
      long low = value() & 0xffff_ffffL;
      board.memory().write(at, low | value() << 32, 8);
    }
  }

  private void queueNvmeCommand() {
    long at = address() & (RAM_BYTES - 1) & ~63L;
    board.memory().write(at, random.nextInt(16) | random.nextInt(1 << 16) << 16, 4);
    board.memory().write(at + 4, random.nextInt(3), 4);
    board.memory().write(at + 24, address(), 8);
    board.memory().write(at + 32, address(), 8);
    board.memory().write(at + 40, random.nextInt(64), 8);
    board.memory().write(at + 48, random.nextInt(256), 4);
  }

  /** An access to one of the device windows that are there now. */
  private void touch(AddressSpace space) {
    List<AddressSpace.Range> ranges = space == board.ports() ? portWindows : memoryWindows;
    if (ranges.isEmpty()) {
      return;
    }
    AddressSpace.Range range = ranges.get(random.nextInt(ranges.size()));
    long bytes = Math.min(range.last - range.start + 1, 0x2000);
    long at = range.start + random.nextLong(bytes);
    int size = 1 << random.nextInt(space == board.memory() ? 4 : 3);
    if (random.nextInt(8) != 0) {
      at &= -size;
    }
    boolean resets = space == board.ports() && (at == 0x92 || at == 0x64 || at == 0xcf9);
    if (random.nextInt(3) == 0 || resets && random.nextInt(500) != 0) {
      space.read(at, size);
    } else {
      space.write(at, value(), size);
    }
  }

  private List<AddressSpace.Range> windowsIn(AddressSpace space) {
    return space.ranges().stream()
        .filter(r -> r.device != null)
        .filter(r -> wanted == null || wanted.equals(name(r.device)))
        .toList();
  }

  /** The outermost class. */
  private static String name(MmioDevice device) {
    return device.getClass().getName().replaceFirst("^.*\\.", "").replaceFirst("\\$.*", "");
  }

  /** What firmware does first: windows for all functions, and all of them switched on. */
  private void placeWindows() {
    for (int slot = 1; slot < 5; slot++) {
      for (int function = 0; function < 4; function++) {
        int at = 0x8000_0000 | slot << 11 | function << 8;
        boolean isUpperHalf = false;
        for (int bar = 0; bar < 6; bar++) {
          board.ports().write(0xcf8, at | 0x10 + 4 * bar & 0xffff_ffffL, 4);
          long kind = board.ports().read(0xcfc, 4);
          if (isUpperHalf) {
            isUpperHalf = false;
            continue;
          }
          boolean isIo = (kind & 1) != 0;
          isUpperHalf = (kind & 7) == 4;
          long where = isIo ? 0xc000 + (slot << 8) : 0xe000_0000L + ((long) slot << 25);
          board.ports().write(0xcfc, where + ((long) bar << 16) * (isIo ? 0 : 1), 4);
        }
        board.ports().write(0xcf8, (at | 4) & 0xffff_ffffL, 4);
        board.ports().write(0xcfc, 7, 4);
      }
    }
    // Power management and SMBus are behind registers of their own.
    for (long[] register :
        new long[][] {{0x40, 0x601}, {0x80, 1}, {0x90, 0x701}, {0xd0, 0x090000}}) {
      board.ports().write(0xcf8, 0x8000_0b00L | register[0], 4);
      board.ports().write(0xcfc, register[1], 4);
    }
  }

  private static Set<String> devicesIn(AddressSpace space) {
    Set<String> names = new TreeSet<>();
    for (AddressSpace.Range range : space.ranges()) {
      if (range.device != null) {
        names.add(name(range.device));
      }
    }
    return names;
  }

  /** Bytes in use: of the heap, and of the whole process. */
  private record Memory(long heap, long resident) {
    static Memory now() throws IOException {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      long heap = runtime.totalMemory() - runtime.freeMemory();
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmRSS:")) {
          return new Memory(heap, Long.parseLong(line.replaceAll("\\D", "")) << 10);
        }
      }
      return new Memory(heap, 0);
    }
  }

  private void fuzz(String vga, long millis, boolean watchResident) throws Exception {
    board = PcI440fx.build(config(vga), new FuzzCpus());
    board.deviceLock().lock();
    try {
      placeWindows();
    } finally {
      board.deviceLock().unlock();
    }
    long nanos = TimeUnit.MILLISECONDS.toNanos(millis);
    Memory afterStart = null;
    try {
      CompletableFuture<Integer> run = CompletableFuture.supplyAsync(board.control()::run);
      long begin = System.nanoTime();
      long last = steps;
      long lastChange = begin;
      while (System.nanoTime() - begin < nanos || steps < LEAST_STEPS) {
        assertThat(run).as("the machine runs on").isNotDone();
        TimeUnit.MILLISECONDS.sleep(20);
        // Switched off or suspended by chance.
        if (board.control().state() == MachineRun.State.POWERED_OFF) {
          board.control().requestReset();
        }
        board.control().resume();
        if (steps != last) {
          last = steps;
          lastChange = System.nanoTime();
        }
        assertThat(System.nanoTime() - lastChange)
            .as("no access takes longer than 30 s")
            .isLessThan(TimeUnit.SECONDS.toNanos(30));
        if (afterStart == null && System.nanoTime() - begin > nanos / 3) {
          afterStart = Memory.now();
        }
      }
      Memory end = Memory.now();
      if (afterStart != null) {
        assertThat(end.heap - afterStart.heap).as("growth").isLessThan(MOST_GROWTH_BYTES);
        if (watchResident) {
          assertThat(end.resident - afterStart.resident)
              .as("growth of the process")
              .isLessThan(MOST_GROWTH_BYTES);
        }
      }
      board.control().quit(0);
      assertThat(run.get(60, TimeUnit.SECONDS)).isZero();
    } finally {
      board.control().close();
    }
  }

  /**
   * Runs it with the log kept. Nearly all accesses go to the wanted device, descriptors in RAM and
   * PCI registers besides.
   *
   * @param watchResident the process does nothing else: its memory is looked at as well
   */
  void run(long millis, boolean watchResident) throws Exception {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream usual = System.err;
    // Device warnings are many and wanted; what counts is that nothing internal went wrong.
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
    try {
      if (wanted == null) {
        fuzz("std", millis / 2, watchResident);
        fuzz("cirrus", millis / 2, watchResident);
      } else {
        fuzz(wanted.equals("CirrusVga") ? "cirrus" : "std", millis, watchResident);
      }
    } catch (Exception | AssertionError e) {
      throw new AssertionError("seed " + seed + ", step " + steps + ": " + internalError(log), e);
    } finally {
      System.setErr(usual);
    }
    System.out.printf(
        "PcFuzz: %s, %d s, %d steps, seed %d%n",
        wanted == null ? "all devices" : wanted, millis / 1000, steps, seed);
    if (wanted == null) {
      assertThat(log.toString(StandardCharsets.UTF_8)).as("the log is seen here").contains("ahci");
    }
    assertThat(internalError(log)).isEmpty();
    assertThat(steps).isPositive();
  }

  private static String internalError(ByteArrayOutputStream log) {
    String said = log.toString(StandardCharsets.UTF_8);
    int at = said.indexOf("internal error");
    return at < 0 ? "" : said.substring(at, Math.min(said.length(), at + MOST_CHARS));
  }

  /** The classes behind all windows of a PC with either video card. */
  static Set<String> devicesOfTheMachine(Path dir) throws Exception {
    Set<String> found = new TreeSet<>();
    for (String vga : List.of("std", "cirrus")) {
      PcFuzz fuzz = new PcFuzz(dir, 0, null);
      PcI440fx board = PcI440fx.build(fuzz.config(vga), fuzz.new FuzzCpus());
      fuzz.board = board;
      try {
        board.deviceLock().lock();
        try {
          fuzz.placeWindows();
          found.addAll(devicesIn(board.memory()));
          found.addAll(devicesIn(board.ports()));
        } finally {
          board.deviceLock().unlock();
        }
      } finally {
        board.control().close();
      }
    }
    return found;
  }

  /**
   * One run in a process of its own: folder, seed, seconds, and the device or {@code all}. Its
   * status says whether it went well.
   */
  public static void main(String[] arguments) throws Exception {
    // A machine that hangs has threads, which would keep the process.
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, e) -> {
          e.printStackTrace();
          System.exit(1);
        });
    String device = arguments[3].equals("all") ? null : arguments[3];
    PcFuzz fuzz = new PcFuzz(Path.of(arguments[0]), Long.parseLong(arguments[1]), device);
    fuzz.run(TimeUnit.SECONDS.toMillis(Long.parseLong(arguments[2])), true);
    System.exit(0);
  }
}
