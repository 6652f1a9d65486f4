package org.tuber.machine.board.pc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.tuber.core.backend.CharBackend;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.cpu.Vcpu;
import org.tuber.core.cpu.VcpuFactory;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.RamObserver;
import org.tuber.core.snapshot.Snapshottable;
import org.tuber.core.snapshot.StateCodec;
import org.tuber.machine.MachineConfig;
import org.tuber.machine.MachineException;
import org.tuber.machine.MachineFactory;
import org.tuber.machine.MachineRun;
import org.tuber.machine.ScriptedVcpu;

@Timeout(60)
final class PcI440fxTest {
  /** Makes scripted CPUs and keeps them. */
  private static final class ScriptedCpus implements VcpuFactory {
    final List<ScriptedVcpu> cpus = new ArrayList<>();
    final List<Config> configs = new ArrayList<>();
    ScriptedVcpu.Script script = cpu -> ExitReason.HALTED;
    boolean closed;

    @Override
    public Vcpu create(Config config) {
      configs.add(config);
      ScriptedVcpu cpu = new ScriptedVcpu(c -> script.step(c));
      cpus.add(cpu);
      return cpu;
    }

    @Override
    public RamObserver ramObserver() {
      return (ram, offset, length) -> {};
    }

    @Override
    public void close() {
      closed = true;
      for (ScriptedVcpu cpu : cpus) {
        assertThat(cpu.closed).as("closed once").isFalse();
        cpu.close();
      }
      cpus.clear();
    }
  }

  /** A serial line that keeps what was sent. */
  private static final class KeptLine implements CharBackend {
    final ByteArrayOutputStream sent = new ByteArrayOutputStream();
    Receiver receiver;
    boolean flushed;
    boolean closed;

    @Override
    public synchronized void write(byte value) {
      sent.write(value);
    }

    @Override
    public void setReceiver(Receiver newReceiver) {
      receiver = newReceiver;
    }

    @Override
    public void acceptInput() {}

    @Override
    public void flush() {
      flushed = true;
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  @TempDir Path dir;
  private final ScriptedCpus cpus = new ScriptedCpus();
  private final KeptLine line = new KeptLine();
  private MachineConfig.Builder config;
  private PcI440fx board;

  @BeforeEach
  void defaults() {
    config =
        MachineConfig.builder()
            .memoryBytes(64L << 20)
            .rtcBase(new MachineConfig.RtcBase.Fixed(1_700_000_000L))
            .serial(loop -> line);
  }

  @AfterEach
  void close() {
    if (board != null) {
      board.control().close();
    }
  }

  /** Firmware that no CPU here executes. */
  private String rom() {
    try {
      return Files.write(dir.resolve("rom"), new byte[0x2_0000]).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private PcI440fx build() throws MachineException {
    if (config.build().kernel() == null) {
      config.bios(rom());
    }
    board = PcI440fx.build(config.build(), cpus);
    return board;
  }

  /** An ELF file with a PVH entry at 2 MiB. */
  private Path kernel() throws Exception {
    ByteBuffer b = ByteBuffer.allocate(0x300).order(ByteOrder.LITTLE_ENDIAN);
    b.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).putShort(16, (short) 2);
    b.putShort(18, (short) 62).putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 2);
    b.putInt(64, 1).putLong(72, 0x200).putLong(88, 0x20_0000).putLong(96, 16).putLong(104, 16);
    b.putInt(120, 4).putLong(128, 0x280).putLong(152, 20).putLong(160, 20);
    b.put(0x200, "kernel text here".getBytes(StandardCharsets.US_ASCII));
    b.putInt(0x280, 4).putInt(0x284, 4).putInt(0x288, 18);
    b.put(0x28c, "Xen\0".getBytes(StandardCharsets.US_ASCII)).putInt(0x290, 0x20_0004);
    byte[] bytes = new byte[b.capacity()];
    b.get(0, bytes);
    return Files.write(dir.resolve("kernel"), bytes);
  }

  private long config(int device, int function, int register, int size) {
    AddressSpace io = board.ports();
    io.write(0xcf8, 0x8000_0000L | device << 11 | function << 8 | register & 0xfc, 4);
    return io.read(0xcfc + (register & 3), size);
  }

  private int cmos(int index) {
    board.ports().write(0x70, index, 1);
    return (int) board.ports().read(0x71, 1);
  }

  @Test
  void pciFunctionsAreWhereGuestsKnowThem() throws Exception {
    build();
    assertThat(config(0, 0, 0, 4)).isEqualTo(0x1237_8086L);
    assertThat(config(0, 0, 8, 4)).isEqualTo(0x0600_0002L);
    assertThat(config(1, 0, 0, 4)).isEqualTo(0x7000_8086L);
    assertThat(config(1, 0, 0xe, 1)).isEqualTo(0x80);
    assertThat(config(1, 3, 0, 4)).isEqualTo(0x7113_8086L);
    assertThat(config(1, 3, 8, 4)).isEqualTo(0x0680_0003L);
    assertThat(config(1, 3, 0x2c, 4)).isEqualTo(0x1100_1af4L);
    assertThat(config(2, 0, 0, 4)).isEqualTo(0xffff_ffffL);
  }

  @Test
  void holesReadAllOnesAndRamIsSplitAtThreeGigabytes() throws Exception {
    build();
    AddressSpace m = board.memory();
    assertThat(m.read(0xa_0000, 4)).as("no VGA").isEqualTo(0xffff_ffffL);
    assertThat(m.read(0xf_fff0, 4)).as("the firmware ROM is empty here").isZero();
    assertThat(m.read(0x400_0000, 8)).as("behind RAM").isEqualTo(-1L);
    assertThat(board.ports().read(0x1234, 2)).isEqualTo(0xffff);
    m.write(0x9_fff8, 0x1122_3344_5566_7788L, 8);
    assertThat(m.read(0x9_fff8, 8)).isEqualTo(0x1122_3344_5566_7788L);
    board.control().close();

    config.memoryBytes(4L << 30);
    build();
    m = board.memory();
    assertThat(m.find(0xbfff_ffffL).ram).isNotNull();
    assertThat(m.find(0xc000_0000L)).isNull();
    assertThat(m.find(0x1_3fff_ffffL).ram).isNotNull();
    assertThat(m.find(0x1_4000_0000L)).isNull();
    m.write(0x1_0000_0000L, 0x42, 1);
    assertThat(m.read(0x1_0000_0000L, 1)).isEqualTo(0x42);
    assertThat(m.find(0x1_0000_0000L).offset).isEqualTo(0xc000_0000L);
    assertThat(cmos(0x5b) | cmos(0x5c) << 8).isEqualTo(0x4000);
    assertThat(cmos(0x34) | cmos(0x35) << 8).isEqualTo(0xbf00);
  }

  /** The keyboard controller and port 92H each hold the gate open. */
  @Test
  void theA20GateReachesTheCpus() throws Exception {
    config.cpus(2);
    build();
    AddressSpace io = board.ports();
    io.write(0x64, 0xdf, 1);
    assertThat(cpus.cpus).allMatch(cpu -> cpu.a20);
    io.write(0x64, 0xdd, 1);
    assertThat(cpus.cpus).hasSize(2).noneMatch(cpu -> cpu.a20);
    io.write(0x92, 2, 1);
    assertThat(cpus.cpus).allMatch(cpu -> cpu.a20);
    io.write(0x92, 0, 1);
    assertThat(cpus.cpus).noneMatch(cpu -> cpu.a20);
  }

  @Test
  void apicsAndHpetAnswer() throws Exception {
    build();
    AddressSpace m = board.memory();
    m.write(0xfec0_0000L, 1, 4);
    assertThat(m.read(0xfec0_0010L, 4)).isEqualTo(0x0017_0020);
    assertThat(m.read(0xfee0_0030L, 4)).isEqualTo(0x0005_0014);
    assertThat(m.read(0xfed0_0000L, 4)).isEqualTo(0x8086_a201L);
    board.control().close();
    config.machineProperty("hpet", "off");
    build();
    assertThat(board.memory().find(0xfed0_0000L)).isNull();
  }

  @Test
  void kernelFindsWhatFirmwareLeavesBehind() throws Exception {
    config.kernel(kernel()).append("quiet").cpus(2);
    build();
    AddressSpace m = board.memory();
    ScriptedVcpu cpu = cpus.cpus.get(0);
    assertThat(cpu.readRegister("rip")).isEqualTo(0x20_0004);
    assertThat(cpus.cpus.get(1).written()).doesNotContainKey("rip");
    assertThat(m.read(0x20_0000, 8)).isEqualTo(0x7420_6c65_6e72_656bL);
    assertThat(m.read(0xf_5a00, 8)).as("RSD PTR").isEqualTo(0x2052_5450_2044_5352L);
    assertThat(m.read(0x40e, 2)).isEqualTo(0x9fc0);
    assertThat(m.read(0x400, 2)).isEqualTo(0x3f8);
    assertThat(config(1, 0, 0x60, 4)).isEqualTo(0x0b0b_0a0aL);
    assertThat(config(1, 3, 0x40, 4)).isEqualTo(0x601);
    assertThat(board.ports().read(0x4d1, 1)).isEqualTo(0x0c);
    long ticks = board.ports().read(0x608, 4);
    assertThat(ticks).isLessThan(0x100_0000);
    assertThat(m.read(0xfee0_0350L, 4)).as("LINT0 takes the 8259").isEqualTo(0x8700);
    assertThat(cpus.configs.get(0).properties()).containsEntry("model", "qemu64");
  }

  @Test
  void resetPutsTheKernelBackAndClearsDevices() throws Exception {
    config.kernel(kernel());
    cpus.script =
        cpu -> {
          if (cpu.resets.get() == 1) {
            board.memory().write(0x20_0000, 0, 8);
            board.ports().write(0x3ff, 0x55, 1);
            board.ports().write(0xcf9, 2, 1);
            board.ports().write(0xcf9, 6, 1);
            return ExitReason.KICKED;
          }
          board.ports().write(0x604, 0x2000, 2);
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isZero();
    assertThat(cpus.cpus.get(0).resets).hasValue(2);
    assertThat(board.memory().read(0x20_0000, 8)).isEqualTo(0x7420_6c65_6e72_656bL);
    assertThat(board.ports().read(0x3ff, 1)).isZero();
  }

  private int run() throws Exception {
    return CompletableFuture.supplyAsync(board.control()::run).get(20, TimeUnit.SECONDS);
  }

  @Test
  void softOffThroughAcpiEndsTheRunAndFlushesTheLine() throws Exception {
    config.kernel(kernel());
    cpus.script =
        cpu -> {
          AddressSpace io = board.ports();
          for (byte b : "bye".getBytes(StandardCharsets.US_ASCII)) {
            while ((io.read(0x3fd, 1) & 0x20) == 0) {
              Thread.onSpinWait();
            }
            io.write(0x3f8, b, 1);
          }
          io.write(0x604, 0x2000, 2);
          return ExitReason.HALTED;
        };
    build();
    ScriptedVcpu cpu0 = cpus.cpus.get(0);
    assertThat(run()).isZero();
    assertThat(line.sent.toString(StandardCharsets.US_ASCII)).isEqualTo("bye");
    assertThat(line.flushed).isTrue();
    board.control().close();
    board = null;
    assertThat(line.closed).isTrue();
    assertThat(cpus.closed).isTrue();
    assertThat(cpu0.closed).isTrue();
  }

  /** Timer 0 → 8259 → LINT0 → CPU, and through the IOAPIC's pin 2. */
  @Test
  void timerInterruptReachesAHaltedCpuByBothControllers() throws Exception {
    config.kernel(kernel());
    List<Integer> vectors = new ArrayList<>();
    cpus.script =
        cpu -> {
          AddressSpace io = board.ports();
          if (vectors.isEmpty() && !cpu.interrupt()) {
            io.write(0x21, 0xfe, 1);
            io.write(0x43, 0x34, 1);
            io.write(0x40, 0x00, 1);
            io.write(0x40, 0x10, 1);
          } else if (cpu.interrupt()) {
            vectors.add(cpus.configs.get(0).platform().acknowledgeInterrupt());
            if (vectors.size() == 1) {
              io.write(0x20, 0x20, 1);
              io.write(0x21, 0xff, 1);
              board.memory().write(0xfec0_0000L, 0x14, 4);
              board.memory().write(0xfec0_0010L, 0x31, 4);
            } else {
              io.write(0x604, 0x2000, 2);
            }
          }
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isZero();
    assertThat(vectors).startsWith(0x08, 0x31);
  }

  /** INIT and SIPI from the boot processor's interrupt command register start the second CPU. */
  @Test
  void secondCpuStartsByInterProcessorMessages() throws Exception {
    config.kernel(kernel()).cpus(2);
    List<String> seen = new ArrayList<>();
    cpus.script =
        cpu -> {
          AddressSpace m = board.memory();
          if (cpu == cpus.cpus.get(0)) {
            if (cpu.readRegister("test.sent") == 0) {
              cpu.writeRegister("test.sent", 1);
              m.write(0xfee0_0310L, 1L << 24, 4);
              m.write(0xfee0_0300L, 0xc500, 4);
              m.write(0xfee0_0300L, 0xc600 | 0x9a, 4);
              m.write(0xfee0_0300L, 0xc600 | 0x9a, 4);
            }
          } else {
            seen.add(Thread.currentThread().getName());
            seen.add(Long.toHexString(cpu.readRegister("cs.base")));
            seen.add(Long.toHexString(m.read(0xfee0_0020L, 4)));
            board.ports().write(0x604, 0x2000, 2);
          }
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isZero();
    assertThat(seen).startsWith("tuber-cpu1", "9a000", "1000000");
  }

  @Test
  void inputReachesTheGuestAndRaisesInterruptFour() throws Exception {
    config.kernel(kernel());
    List<Integer> got = new ArrayList<>();
    cpus.script =
        cpu -> {
          AddressSpace io = board.ports();
          if (cpu.interrupt()) {
            got.add(cpus.configs.get(0).platform().acknowledgeInterrupt());
            got.add((int) io.read(0x3f8, 1));
            io.write(0x604, 0x2000, 2);
          } else {
            io.write(0x21, 0xef, 1);
            io.write(0x3f9, 1, 1);
            io.write(0x3fc, 0x0b, 1);
            byte[] key = {'k'};
            line.receiver.receive(key, 0, 1);
          }
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isZero();
    assertThat(got).containsExactly(0x0c, (int) 'k');
  }

  @Test
  void keyboardControllerPassesItsSelfTestBesideTheSpeakerPort() throws Exception {
    build();
    AddressSpace io = board.ports();
    io.write(0x64, 0xaa, 1);
    assertThat(io.read(0x64, 1) & 1).isEqualTo(1);
    assertThat(io.read(0x60, 1)).isEqualTo(0x55);
    long first = io.read(0x61, 1) & 0x10;
    assertThat(io.read(0x61, 1) & 0x10).as("refresh toggles").isNotEqualTo(first);
    io.write(0x80, 0x42, 1);
    io.write(0xed, 0, 1);
    assertThat(io.read(0x80, 1)).isEqualTo(0x42);
  }

  @Test
  void debugDevicesAppearWhereTheyWereAskedFor() throws Exception {
    KeptLine debug = new KeptLine();
    config
        .device(
            new MachineConfig.DeviceOption(
                "isa-debugcon", Map.of("iobase", "0x402"), loop -> debug))
        .device(
            new MachineConfig.DeviceOption(
                "isa-debug-exit", Map.of("iobase", "0xf4", "iosize", "4"), null));
    cpus.script =
        cpu -> {
          assertThat(board.ports().read(0x402, 1)).isEqualTo(0xe9);
          board.ports().write(0x402, '!', 1);
          board.ports().write(0xf4, 0x10, 4);
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isEqualTo(0x21);
    assertThat(debug.sent.toString(StandardCharsets.US_ASCII)).startsWith("!");
    assertThat(debug.flushed).isTrue();
    config.device(new MachineConfig.DeviceOption("flux-capacitor", Map.of(), null));
    assertThatThrownBy(() -> PcI440fx.build(config.build(), cpus))
        .hasMessageContaining("flux-capacitor");
  }

  @Test
  void serialDevicesTakeTheNextPlaceOrTheirOwn() throws Exception {
    KeptLine other = new KeptLine();
    config
        .device(new MachineConfig.DeviceOption("isa-serial", Map.of(), loop -> other))
        .device(
            new MachineConfig.DeviceOption(
                "isa-serial", Map.of("iobase", "0x2e8", "irq", "5"), loop -> other))
        .device(new MachineConfig.DeviceOption("isa-debug-exit", Map.of("iobase", "0xf4"), null));
    cpus.script =
        cpu -> {
          for (int port : new int[] {0x3f8, 0x2f8, 0x2e8}) {
            board.ports().write(port + 7, port & 0xff, 1);
            assertThat(board.ports().read(port + 7, 1)).as("scratch").isEqualTo(port & 0xff);
          }
          board.ports().write(0xf4, 0, 2);
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isEqualTo(1);
    assertThat(board.devices()).containsKeys("serial0", "serial1", "serial2");
    board.control().close();
    config.device(
        new MachineConfig.DeviceOption("isa-serial", Map.of("index", "0"), loop -> other));
    assertThatThrownBy(() -> PcI440fx.build(config.build(), cpus))
        .hasMessageContaining("at this place");
  }

  @Test
  void portNinetyTwoAndTheKeyboardControllerPullTheResetLine() throws Exception {
    config.noReboot(true);
    cpus.script =
        cpu -> {
          board.ports().write(0x64, 0xfe, 1);
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isZero();
    board.control().close();
    cpus.script =
        cpu -> {
          board.ports().write(0x92, 1, 1);
          return ExitReason.HALTED;
        };
    build();
    assertThat(run()).isZero();
  }

  @Test
  void everyDeviceSavesAndLoadsThroughTheCodec() throws Exception {
    config.kernel(kernel());
    build();
    cpus.cpus.get(0).writeRegister("rip", 0x1234);
    Map<String, byte[]> first = states();
    assertThat(first)
        .containsKeys("i8259", "ioapic", "lapic0", "i8254", "rtc", "serial0", "piix4-pm")
        .containsKeys("cpu0", "cpu0-power");
    scramble(new Random(11), 20_000);
    cpus.cpus.get(0).writeRegister("rip", 0x4321);
    for (Map.Entry<String, Snapshottable<?>> e : board.states().entrySet()) {
      restore(e.getValue(), first.get(e.getKey()));
    }
    Map<String, byte[]> second = states();
    second.forEach((name, state) -> assertThat(state).as(name).isEqualTo(first.get(name)));
    assertThat(cpus.cpus.get(0).readRegister("rip")).isEqualTo(0x1234);
  }

  private <S extends Record> void restore(Snapshottable<S> device, byte[] bytes) {
    @SuppressWarnings("unchecked")
    Class<S> type = (Class<S>) device.save().getClass();
    device.load(StateCodec.decode(type, bytes));
  }

  /** Random accesses over all of the port space and every memory window: nothing throws. */
  private void scramble(Random random, int count) {
    List<AddressSpace.Range> windows = new ArrayList<>();
    for (AddressSpace.Range r : board.memory().ranges()) {
      if (r.device != null) {
        windows.add(r);
      }
    }
    int[] busy = {0x20, 0x40, 0x60, 0x70, 0x80, 0x92, 0xa0, 0xb2, 0x3f8, 0x4d0, 0x600, 0xcf8};
    for (int i = 0; i < count; i++) {
      int size = 1 << random.nextInt(4);
      if (random.nextBoolean()) {
        size = Math.min(size, 4);
        long port =
            random.nextInt(4) == 0
                ? random.nextInt(0x1_0000)
                : busy[random.nextInt(busy.length)] + random.nextInt(0x10);
        access(board.ports(), random, port, size);
      } else {
        AddressSpace.Range r = windows.get(random.nextInt(windows.size()));
        long length = Math.min(r.last - r.start + 1, 0x1000);
        access(board.memory(), random, r.start + (random.nextLong() & length - 1), size);
      }
    }
  }

  private static void access(AddressSpace space, Random random, long address, int size) {
    if (random.nextBoolean()) {
      space.read(address, size);
    } else {
      space.write(address, random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(256), size);
    }
  }

  @Test
  void randomAccessesNeverThrow() throws Exception {
    for (int seed = 0; seed < 4; seed++) {
      config.kernel(kernel());
      build();
      scramble(new Random(seed), 50_000);
      board.deviceLock().lock();
      try {
        board.reset();
      } finally {
        board.deviceLock().unlock();
      }
      assertThat(config(0, 0, 0, 4)).isEqualTo(0x1237_8086L);
      board.control().close();
      board = null;
    }
  }

  @Test
  void resetBringsEveryDeviceBackToTheSameState() throws Exception {
    build();
    Map<String, byte[]> first = states();
    scramble(new Random(5), 20_000);
    board.deviceLock().lock();
    try {
      board.reset();
    } finally {
      board.deviceLock().unlock();
    }
    Map<String, byte[]> second = states();
    // The clock's memory outlives a reset, and the wires of serial lines keep their levels.
    for (String name : List.of("i440fx", "piix3", "lapic0")) {
      assertThat(second.get(name)).as(name).isEqualTo(first.get(name));
    }
  }

  private Map<String, byte[]> states() {
    Map<String, byte[]> states = new LinkedHashMap<>();
    board.states().forEach((name, d) -> states.put(name, StateCodec.encode(d.save())));
    return states;
  }

  @Test
  void wrongConfigurationsAreRefusedInOneLine() {
    assertThatThrownBy(() -> MachineFactory.create(config.machineType("pdp11").build(), cpus))
        .isInstanceOf(MachineException.class)
        .hasMessageContaining("pdp11");
    config.machineType("pc");
    assertThatThrownBy(() -> MachineFactory.create(config.cpus(0).build(), cpus))
        .hasMessageContaining("CPUs");
    config.cpus(1);
    assertThatThrownBy(() -> MachineFactory.create(config.memoryBytes(4096).build(), cpus))
        .hasMessageContaining("RAM");
    config.memoryBytes(16L << 20);
    Path none = dir.resolve("none");
    assertThatThrownBy(() -> MachineFactory.create(config.kernel(none).build(), cpus))
        .hasMessageContaining(none.toString());
  }

  @Test
  void machineRunStartsAndQuits() throws Exception {
    try (MachineRun run = MachineFactory.create(config.bios(rom()).build(), cpus)) {
      CompletableFuture<Integer> status = CompletableFuture.supplyAsync(run::run);
      run.quit(3);
      assertThat(status.get(10, TimeUnit.SECONDS)).isEqualTo(3);
    }
    assertThat(line.closed).isTrue();
  }
}
