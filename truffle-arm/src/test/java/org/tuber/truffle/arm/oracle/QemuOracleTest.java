package org.tuber.truffle.arm.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.arm.A64Isa;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.Engine;

/**
 * Random streams of instructions beside user-mode emulation by qemu-aarch64: registers are compared
 * after each instruction. Skipped where that program is not installed; {@code -Psoak} runs more
 * streams, {@code -Dtuber.streams} any number, {@code -Dtuber.seed} begins elsewhere.
 */
class QemuOracleTest {
  private static final int INSTRUCTIONS = 4000;

  /** Streams of each kind that take about an hour on two cores. */
  private static final int SOAK = 24_000;

  private static final boolean SOAKS = Boolean.getBoolean("tuber.soak");
  private static final int CLASS_SOAK = 300;
  private static final int CLASS_INSTRUCTIONS = 800;

  /** The first finds the blocks, the second has classes made of them, the third uses them. */
  private static final int CLASS_RUNS = 3;

  private static final String QEMU = "qemu-aarch64";

  @TempDir Path folder;

  private static boolean exists() {
    for (String path : System.getenv().getOrDefault("PATH", "").split(":")) {
      if (Files.isExecutable(Path.of(path, QEMU))) {
        return true;
      }
    }
    return false;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void randomStreamsAgree(boolean vectors) throws Exception {
    int streams = Integer.getInteger("tuber.streams", SOAKS ? SOAK : 1);
    streamsAgree(vectors, streams, INSTRUCTIONS, Engine.Options.INTERPRETER);
  }

  /** Every instruction has come through a class when the last of several runs is over. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void randomStreamsAgreeAsHostClasses(boolean vectors) throws Exception {
    int streams = Integer.getInteger("tuber.streams", SOAKS ? CLASS_SOAK : 1);
    streamsAgree(vectors, streams, CLASS_INSTRUCTIONS, Engine.Options.IMMEDIATE_CLASSES);
  }

  private void streamsAgree(boolean vectors, int streams, int instructions, Engine.Options tier)
      throws Exception {
    assertThat(exists() || System.getenv("CI") == null).as("%s is installed", QEMU).isTrue();
    assumeTrue(exists(), QEMU + " is not installed");
    long seed = Long.getLong("tuber.seed", 1);
    List<String> differences = new ArrayList<>();
    for (int i = 0; i < streams; i++) {
      Random random = new Random(seed + i);
      StreamGenerator generator = new StreamGenerator(random, vectors);
      StreamProgram program = new StreamProgram(generator, random, instructions, vectors);
      compare(program, oracle(program), ours(program, tier), differences);
    }
    System.out.println(streams + " streams of " + instructions + " instructions, " + tier);
    assertThat(differences).isEmpty();
  }

  private byte[] oracle(StreamProgram program) throws IOException, InterruptedException {
    Path elf = folder.resolve("stream");
    Path out = folder.resolve("record");
    Files.write(elf, program.elf());
    elf.toFile().setExecutable(true);
    Process p =
        new ProcessBuilder(QEMU, "-cpu", "max", elf.toString())
            .redirectOutput(out.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(p.waitFor()).as("exit of %s", QEMU).isZero();
    return Files.readAllBytes(out);
  }

  private static GuestRam ram(long bytes) {
    return new GuestRam((bytes + 2 * GuestRam.PAGE_SIZE) & -GuestRam.PAGE_SIZE);
  }

  private static byte[] ours(StreamProgram program, Engine.Options tier) {
    byte[] text = program.bare();
    int recordBytes = program.totalRecordBytes();
    try (GuestRam code = ram(text.length);
        GuestRam data = ram(StreamProgram.DATA_BYTES);
        GuestRam pool = ram(program.pool().length);
        GuestRam record = ram(recordBytes)) {
      code.write(0, text, 0, text.length);
      pool.write(0, program.pool(), 0, program.pool().length);
      AddressSpace memory = new AddressSpace("memory", 1L << 40, new ReentrantLock());
      memory.mapRam(StreamProgram.CODE, code.sizeBytes(), code, 0);
      memory.mapRam(StreamProgram.DATA, data.sizeBytes(), data, 0);
      memory.mapRam(StreamProgram.POOL, pool.sizeBytes(), pool, 0);
      memory.mapRam(StreamProgram.RECORD, record.sizeBytes(), record, 0);
      // An identity map of 1 GiB blocks, above the rest.
      GuestRam table = new GuestRam(4096);
      memory.mapRam(0x3000_0000L, 4096, table, 0);
      table.store64(0, 1 | 1 << 6 | 3 << 8 | 1 << 10);
      Engine engine = new Engine(new A64Isa(), null, tier);
      CpuModel model = CpuModel.of(Map.of("model", "max"));
      ArmCpu c =
          new ArmCpu(engine, 0, memory, new ManualClock(0), ArmPlatform.NONE, model, false, false);
      c.sys[Reg.CPACR_EL1] = 3 << 20;
      c.sys[Reg.MAIR_EL1] = 0xff;
      c.sys[Reg.TCR_EL1] = 25 | 1 << 23;
      c.sys[Reg.TTBR0_EL1] = 0x3000_0000L;
      c.sys[Reg.SCTLR_EL1] = Sctlr.M | Sctlr.NTWI;
      // An exception ends the run, too: WFI at its vector.
      c.sys[Reg.VBAR_EL1] = 0x3000_0800L;
      table.store32(0xa00, 0xd503_207f);
      c.setPstate(0);
      c.regimeChanged();
      for (int run = 0; run < (tier.compile() ? CLASS_RUNS : 1); run++) {
        data.clear(0, data.sizeBytes());
        record.clear(0, record.sizeBytes());
        c.clearHalt();
        c.home.pc = StreamProgram.CODE;
        ExitReason exit = c.run(100_000_000);
        assertThat(exit).isEqualTo(ExitReason.HALTED);
        assertThat(c.sys[Reg.ESR_EL1]).as("exception at %x", c.elr[1]).isZero();
      }
      assertThat(engine.classSizes().isEmpty()).isEqualTo(!tier.compile());
      byte[] bytes = new byte[recordBytes];
      record.read(0, bytes, 0, recordBytes);
      c.close();
      table.close();
      return bytes;
    }
  }

  private static void compare(
      StreamProgram program, byte[] theirs, byte[] ours, List<String> differences) {
    assertThat(theirs).hasSameSizeAs(ours);
    ByteBuffer t = ByteBuffer.wrap(theirs).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer o = ByteBuffer.wrap(ours).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < program.tests.size(); i++) {
      for (int at = 0; at < program.recordBytes; at += 8) {
        int where = i * program.recordBytes + at;
        if (t.getLong(where) != o.getLong(where)) {
          differences.add(
              String.format(
                  "%d: %08x, offset %d is %x, not %x (before %x)",
                  i,
                  program.tests.get(i),
                  at,
                  o.getLong(where),
                  t.getLong(where),
                  i == 0 ? 0 : o.getLong(where - program.recordBytes)));
          return;
        }
      }
    }
  }
}
