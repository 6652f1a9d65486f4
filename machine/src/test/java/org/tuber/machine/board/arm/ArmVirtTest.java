package org.tuber.machine.board.arm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.ArmPlatform.Conduit;
import org.tuber.core.cpu.ArmPlatform.TimerKind;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.snapshot.StateCodec;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineRun;
import org.tuber.machine.ScriptedVcpu;

@Timeout(60)
final class ArmVirtTest {
  private static final long RAM = 0x4000_0000L;
  private static final int FDT_MAGIC = 0xd00d_feed;

  /** Makes scripted CPUs and keeps them. */
  private static final class ScriptedCpus implements VcpuFactory {
    final List<ScriptedVcpu> cpus = new ArrayList<>();
    final List<Config> configs = new ArrayList<>();
    ScriptedVcpu.Script script = cpu -> ExitReason.HALTED;

    @Override
    public Vcpu create(Config config) {
      configs.add(config);
      ScriptedVcpu cpu = new ScriptedVcpu(c -> script.step(c));
      cpus.add(cpu);
      return cpu;
    }

    ArmPlatform platform(int cpu) {
      return (ArmPlatform) configs.get(cpu).platform();
    }

    @Override
    public RamObserver ramObserver() {
      return (ram, offset, length) -> {};
    }

    @Override
    public void close() {
      cpus.forEach(ScriptedVcpu::close);
    }
  }

  @TempDir Path dir;
  private final ScriptedCpus cpus = new ScriptedCpus();
  private MachineConfig.Builder config;
  private ArmVirt board;

  @BeforeEach
  void prepare() throws IOException {
    ByteBuffer image = ByteBuffer.allocate(0x1000).order(ByteOrder.LITTLE_ENDIAN);
    image.putInt(0, 0x1400_0000).putLong(16, 0x10_0000).putInt(56, 0x644d_5241);
    Path kernel = Files.write(dir.resolve("Image"), image.array());
    config =
        MachineConfig.builder()
            .machineType("virt")
            .cpuModel("cortex-a57")
            .memoryBytes(64L << 20)
            .cpus(2)
            .append("console=ttyAMA0")
            .kernel(kernel);
  }

  @AfterEach
  void close() {
    if (board != null) {
      board.control().close();
    }
  }

  private AddressSpace build() throws MachineException {
    board = ArmVirt.build(config.build(), cpus);
    return board.memory();
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  private long call(int cpu, long function, long... arguments) {
    long[] x = new long[18];
    x[0] = function;
    System.arraycopy(arguments, 0, x, 1, arguments.length);
    assertThat(cpus.platform(cpu).firmwareCall(Conduit.HVC, 0, x)).isTrue();
    return x[0];
  }

  @Test
  void kernelDiskAndTreeLieWhereLinuxWantsThem() throws Exception {
    byte[] disk = {1, 2, 3, 4};
    config.initrd(Files.write(dir.resolve("initrd"), disk));
    AddressSpace memory = build();
    ScriptedVcpu cpu = cpus.cpus.get(0);
    assertThat(cpu.readRegister("pc")).isEqualTo(RAM + 0x20_0000);
    assertThat(memory.read(RAM + 0x20_0000, 4)).isEqualTo(0x1400_0000);
    assertThat(memory.read(RAM + (32L << 20), 4)).isEqualTo(0x0403_0201);
    long tree = cpu.readRegister("x0");
    assertThat(tree).isEqualTo(RAM + (34L << 20));
    assertThat(Integer.reverseBytes((int) memory.read(tree, 4))).isEqualTo(FDT_MAGIC);
  }

  @Test
  void devicesAnswerAtTheirAddresses() throws Exception {
    config.rtcBase(new MachineConfig.RtcBase.Fixed(1234));
    AddressSpace memory = build();
    assertThat(memory.read(0x900_0fe0, 4)).as("PL011").isEqualTo(0x11);
    assertThat(memory.read(0x901_0000, 4)).as("PL031").isEqualTo(1234);
    assertThat(memory.read(0x903_0fe0, 4)).as("PL061").isEqualTo(0x61);
    assertThat(memory.read(0x800_0004, 4)).as("GICv2").isEqualTo(0x28);
    assertThat(memory.read(0x802_0008, 4)).as("GICv2m").isEqualTo(0x50_0040);
    assertThat(memory.read(0xa00_0000, 4)).as("virtio").isEqualTo(0x7472_6976);
    assertThat(memory.read(0xa00_3e08, 4)).as("empty slot").isZero();
    assertThat(memory.read(0x40_1000_0000L, 4)).as("host bridge").isEqualTo(0x0008_1b36);
    memory.write(0x902_0008, 0, 2);
    assertThat(memory.read(0x902_0000, 4)).as("fw_cfg").isEqualTo(0x554d_4551);
    assertThat(memory.read(0, 4)).as("erased flash").isEqualTo(0xffff_ffffL);
  }

  @Test
  void gicVersion3HasRedistributorsItsAndSystemRegisters() throws Exception {
    config.machineProperty("gic-version", "3");
    AddressSpace memory = build();
    assertThat(memory.read(0x80a_0008, 8)).isEqualTo(0x0100_0001);
    assertThat(memory.read(0x80c_0008, 8)).isEqualTo(0x1_0100_0111L);
    assertThat(memory.read(0x808_0008, 8)).isEqualTo(0x1f_0001_efb1L);
    int sre = 3 << 14 | 12 << 7 | 12 << 3 | 5;
    assertThat(cpus.platform(0).hasSystemRegister(sre)).isTrue();
    assertThat(cpus.platform(1).readSystemRegister(sre, 1)).isEqualTo(7);
  }

  @Test
  void timerInterruptReachesItsCpu() throws Exception {
    AddressSpace memory = build();
    memory.write(0x800_0000, 1, 4);
    memory.write(0x800_0100, 1 << 27, 4);
    memory.write(0x801_0004, 0xf0, 4);
    memory.write(0x801_0000, 1, 4);
    board.deviceLock().lock();
    try {
      cpus.platform(0).timerLine(TimerKind.VIRTUAL).set(true);
    } finally {
      board.deviceLock().unlock();
    }
    assertThat(cpus.cpus.get(0).interrupt()).isTrue();
    assertThat(cpus.cpus.get(1).interrupt()).isFalse();
    assertThat(memory.read(0x801_000c, 4)).isEqualTo(27);
  }

  @Test
  void psciStartsAndStopsTheSecondCpu() throws Exception {
    List<Long> entries = new ArrayList<>();
    cpus.script =
        cpu -> {
          if (cpu == cpus.cpus.get(1)) {
            synchronized (entries) {
              entries.add(cpu.readRegister("pc"));
              entries.add(cpu.readRegister("x0"));
            }
          }
          return ExitReason.HALTED;
        };
    build();
    CompletableFuture<Integer> run = CompletableFuture.supplyAsync(board.control()::run);
    await(() -> board.control().state() == MachineRun.State.RUNNING);
    assertThat(call(0, 0x8400_0000L)).as("PSCI_VERSION").isEqualTo(0x1_0001);
    assertThat(call(0, 0xc400_0004L, 1, 0)).as("off").isEqualTo(1);
    assertThat(call(0, 0xc400_0003L, 7, 0, 0)).as("no such CPU").isEqualTo(-2);
    assertThat(call(0, 0xc400_0003L, 0, 0, 0)).as("itself").isEqualTo(-4);
    assertThat(call(0, 0xc400_0003L, 1, 0x4100_0000, 42)).isZero();
    await(() -> call(0, 0xc400_0004L, 1, 0) == 0);
    await(
        () -> {
          synchronized (entries) {
            return entries.size() >= 2;
          }
        });
    assertThat(entries).startsWith(0x4100_0000L, 42L);
    assertThat(call(0, 0xc400_0003L, 1, 0, 0)).as("already on").isEqualTo(-4);
    assertThat(call(1, 0x8400_0002L)).isZero();
    await(() -> call(0, 0xc400_0004L, 1, 0) == 1);
    assertThat(call(0, 0x8400_0012L)).as("unknown").isEqualTo(-1);
    assertThat(call(0, 0x8400_0008L)).isZero();
    assertThat(run.get(10, TimeUnit.SECONDS)).isZero();
  }

  @Test
  void onlyTheConduitOfTheTreeIsAnswered() throws Exception {
    build();
    assertThat(cpus.platform(0).firmwareCall(Conduit.SMC, 0, new long[18])).isFalse();
    assertThat(cpus.platform(0).firmwareCall(Conduit.HVC, 1, new long[18])).isFalse();
  }

  @Test
  void powerButtonPullsItsPin() throws Exception {
    AddressSpace memory = build();
    board.deviceLock().lock();
    try {
      board.pressPowerButton();
    } finally {
      board.deviceLock().unlock();
    }
    assertThat(memory.read(0x903_0000 + (8 << 2), 4)).isEqualTo(8);
  }

  @Test
  void firmwareStartsAtZeroWithTheTreeInRam() throws Exception {
    Path firmware = Files.write(dir.resolve("fw"), new byte[] {0x1f, 0x20, 0x03, (byte) 0xd5});
    config.kernel(null).append("").bios(firmware.toString());
    AddressSpace memory = build();
    assertThat(memory.read(0, 4)).isEqualTo(0xd503_201fL);
    assertThat(cpus.cpus.get(0).readRegister("pc")).isZero();
    assertThat(Integer.reverseBytes((int) memory.read(RAM, 4))).isEqualTo(FDT_MAGIC);
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "3"})
  void everythingSavesAndLoadsThroughTheCodec(String gic) throws Exception {
    config.machineProperty("gic-version", gic);
    AddressSpace memory = build();
    Map<String, byte[]> first = states();
    assertThat(first).containsKeys("cpu0", "cpu1-power", "gic", "pl011", "pl031", "pcie", "fw_cfg");
    Random random = new Random(3);
    List<AddressSpace.Range> windows =
        memory.ranges().stream().filter(r -> r.device != null).toList();
    for (int i = 0; i < 20_000; i++) {
      AddressSpace.Range r = windows.get(random.nextInt(windows.size()));
      long length = Math.min(r.last - r.start + 1, 0x1000);
      int size = 1 << random.nextInt(4);
      long at = r.start + (random.nextLong() & length - 1 & -size);
      memory.write(at, random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(256), size);
      memory.read(at, size);
    }
    cpus.cpus.get(0).writeRegister("pc", 4);
    assertThat(states().get("cpu0")).isNotEqualTo(first.get("cpu0"));
    assertThat(states().get("gic")).isNotEqualTo(first.get("gic"));
    for (Map.Entry<String, Snapshottable<?>> e : board.states().entrySet()) {
      restore(e.getValue(), first.get(e.getKey()));
    }
    states().forEach((name, state) -> assertThat(state).as(name).isEqualTo(first.get(name)));
  }

  private Map<String, byte[]> states() {
    Map<String, byte[]> states = new LinkedHashMap<>();
    board.states().forEach((name, s) -> states.put(name, StateCodec.encode(s.save())));
    return states;
  }

  private static <S extends Record> void restore(Snapshottable<S> device, byte[] bytes) {
    @SuppressWarnings("unchecked")
    Class<S> type = (Class<S>) device.save().getClass();
    device.load(StateCodec.decode(type, bytes));
  }

  @Test
  void firmwareIsNotHandedHalfAnInitrd() throws Exception {
    Path firmware = Files.write(dir.resolve("fw"), new byte[] {0x1f, 0x20, 0x03, (byte) 0xd5});
    Path huge = dir.resolve("huge");
    try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
      file.setLength((1L << 30) + 1);
    }
    config.bios(firmware.toString()).initrd(huge);
    assertThatThrownBy(this::build)
        .isInstanceOf(MachineException.class)
        .hasMessageContaining("at most 1 GiB");
  }

  @Test
  void whatCannotBeBuiltIsSaidInOneLine() {
    config.machineProperty("gic-version", "5");
    assertThatThrownBy(this::build)
        .isInstanceOf(MachineException.class)
        .hasMessage("gic-version=5: virt has 2 and 3");
    config.machineProperty("gic-version", "2").memoryBytes(16L << 20);
    config.initrd(dir.resolve("none"));
    assertThatThrownBy(this::build)
        .isInstanceOf(MachineException.class)
        .hasMessageContaining("no such file");
    config.initrd(null).machineProperty("virtualization", "maybe");
    assertThatThrownBy(this::build).hasMessage("-M virtualization=maybe: say on or off");
    config.machineProperty("virtualization", "off").cpus(9);
    assertThatThrownBy(this::build).hasMessage("virt has 1 to 8 CPUs, not 9");
  }
}
