package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ArmPlatform;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.time.ManualClock;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.sys.CpuModel;
import org.tuber.truffle.engine.Engine;

/** Bare-metal programs, whose sources lie beside them, in every tier. */
class ProgramTest {
  private static final int RAM_BYTES = 4 << 20;
  private static final int LOG = 0x38000;
  private static final int ENTRY_BYTES = 32;

  private static byte[] program(String name) throws IOException {
    try (InputStream in =
        new GZIPInputStream(ProgramTest.class.getResourceAsStream("programs/" + name))) {
      return in.readAllBytes();
    }
  }

  /** The log of exceptions that the program leaves: ESR, FAR, ELR, SPSR each. */
  private static String log(Engine.Options tier) throws IOException {
    byte[] program = program("exceptions.bin.gz");
    StringBuilder log = new StringBuilder();
    try (GuestRam ram = new GuestRam(RAM_BYTES)) {
      ram.write(0, program, 0, program.length);
      AddressSpace memory = new AddressSpace("memory", 1L << 40, new ReentrantLock());
      memory.mapRam(0, RAM_BYTES, ram, 0);
      Engine engine = new Engine(new A64Isa(), null, tier);
      CpuModel model = CpuModel.of(Map.of("model", "cortex-a57"));
      ArmCpu c =
          new ArmCpu(engine, 0, memory, new ManualClock(0), ArmPlatform.NONE, model, false, false);
      assertThat(c.run(10_000_000)).isEqualTo(ExitReason.HALTED);
      assertThat(c.readRegister("x19")).isEqualTo(0x600d);
      for (int at = LOG; ram.load64(at + 24) != 0 || ram.load64(at) != 0; at += ENTRY_BYTES) {
        log.append(
            String.format(
                "%x %x %x %x%n",
                ram.load64(at), ram.load64(at + 8), ram.load64(at + 16), ram.load64(at + 24)));
      }
      log.append(String.format("%x %x", c.readRegister("x21"), c.readRegister("x22")));
      c.close();
    }
    return log.toString();
  }

  @Test
  void syndromesAreThoseOfTheManual() throws IOException {
    assertThat(log(Engine.Options.INTERPRETER).lines())
        .startsWith(
            // Write to a read-only page, level 3; translation, level 3; access flag, level 3.
            "9600004f 33000 c0 600003c5",
            "96000007 34008 c8 600003c5",
            "9600000b 35000 d0 600003c5",
            // Translation at level 1 and, beyond T0SZ, at level 0.
            "96000005 40000000 d8 600003c5",
            "96000044 2000000000000000 e0 600003c5",
            // UDF, BRK and SVC leave FAR alone.
            "2000000 2000000000000000 e4 600003c5",
            "f2000042 2000000000000000 e8 600003c5",
            "56000007 2000000000000000 f0 600003c5",
            "96000007 34000 128 400003c5")
        // From EL0: permission, MRS of an EL1 register, SVC.
        .contains("9200000f 30000 20004 0", "2000000 30000 20008 0", "56000003 30000 2001c 0");
  }

  @Test
  void allTiersAgree() throws IOException {
    String interpreted = log(Engine.Options.INTERPRETER);
    assertThat(log(new Engine.Options(true, 1000, 0, 64, 500))).isEqualTo(interpreted);
    assertThat(log(Engine.Options.DEFAULT)).isEqualTo(interpreted);
    assertThat(log(Engine.Options.IMMEDIATE_CLASSES)).isEqualTo(interpreted);
    assertThat(log(new Engine.Options(true, 2, 2, 1, 300))).isEqualTo(interpreted);
    assertThat(log(Engine.Options.IMMEDIATE)).isEqualTo(interpreted);
  }
}
