package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.snapshot.StateCodec;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.BareCpu;
import org.tuber.truffle.x86.state.X86Cpu;

/** The contract of a device's state, for a CPU. */
final class CpuSnapshotTest {
  private static byte[] state(X86Cpu cpu) {
    return StateCodec.encode(cpu.save());
  }

  private static CpuSnapshot.State decoded(byte[] bytes) {
    return StateCodec.decode(CpuSnapshot.State.class, bytes);
  }

  /** One of each kind of register, with a value that differs from where a CPU starts. */
  private static Map<String, Long> registers() {
    Map<String, Long> r = new LinkedHashMap<>();
    r.put("rax", 0x1122_3344_5566_7788L);
    r.put("r15", -7L);
    r.put("rip", BareCpu.CODE + 5);
    r.put("eflags", 0x8d7L);
    r.put("cr2", 0x1234_5000L);
    r.put("dr1", 0x7777L);
    r.put("dr6", 0xffff_0ff1L);
    r.put("xcr0", 3L);
    r.put("pkru", 0x55L);
    r.put("mxcsr", 0x1f81L);
    r.put("fcw", 0x27fL);
    r.put("fsw", 0x3801L);
    r.put("ftw", 0x81L);
    r.put("fop", 0x123L);
    r.put("fip", 0x9999L);
    r.put("st0.significand", 0x8000_0000_0000_0001L);
    r.put("st0.exponent", 0x3fffL);
    r.put("xmm15.high", 77L);
    r.put("ymm3.low", 78L);
    r.put("fs.base", 0x7fff_1234L);
    r.put("ldtr", 0x28L);
    r.put("tr.limit", 0x67L);
    r.put("gdtr.base", 0xffff_8000_0000_0000L);
    r.put("idtr.limit", 0xfffL);
    r.put("msr.c0000082", 0xffff_8000_0000_1000L);
    r.put("msr.c0000102", 0x1234L);
    r.put("msr.176", 0x5678L);
    r.put("msr.277", 0x0007_0406_0007_0400L);
    r.put("msr.c0000103", 9L);
    r.put("msr.2ff", 0xc00L);
    return r;
  }

  @Test
  void everyKindOfRegisterShowsAndComesBack() {
    try (BareCpu bare = new BareCpu(true);
        BareCpu other = new BareCpu(true)) {
      byte[] before = state(bare.cpu);
      registers()
          .forEach(
              (name, value) -> {
                byte[] last = state(bare.cpu);
                bare.cpu.writeRegister(name, value);
                assertThat(state(bare.cpu)).as(name).isNotEqualTo(last);
              });
      byte[] after = state(bare.cpu);
      other.cpu.load(decoded(after));
      assertThat(state(other.cpu)).isEqualTo(after);
      registers()
          .forEach(
              (name, value) -> assertThat(other.cpu.readRegister(name)).as(name).isEqualTo(value));
      bare.cpu.load(decoded(before));
      assertThat(state(bare.cpu)).isEqualTo(before);
    }
  }

  @Test
  void haltAndPendingNmiAreKept() {
    try (BareCpu bare = new BareCpu(true);
        BareCpu other = new BareCpu(true)) {
      assertThat(bare.runProgram(HexFormat.of().parseHex("b805000000f4")))
          .isEqualTo(ExitReason.HALTED);
      other.cpu.load(decoded(state(bare.cpu)));
      assertThat(other.cpu.isHalted()).isTrue();
      assertThat(other.cpu.readRegister("rax")).isEqualTo(5);
      bare.cpu.nmi();
      other.cpu.load(decoded(state(bare.cpu)));
      assertThat(other.cpu.isHalted()).isFalse();
      assertThat(other.cpu.isNmiPending()).isTrue();
    }
  }

  @Test
  void aLevelOfIntrIsNotPartOfIt() {
    try (BareCpu bare = new BareCpu(true)) {
      byte[] low = state(bare.cpu);
      bare.cpu.setInterrupt(true);
      assertThat(state(bare.cpu)).isEqualTo(low);
    }
  }

  @Test
  void aDamagedStateIsRefusedOrHarmless() {
    Random random = new Random(9);
    byte[] good;
    try (BareCpu bare = new BareCpu(true)) {
      registers().forEach(bare.cpu::writeRegister);
      good = state(bare.cpu);
    }
    int loaded = 0;
    for (int i = 0; i < 100; i++) {
      byte[] bad = good.clone();
      for (int n = random.nextInt(3); n >= 0; n--) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      }
      try (BareCpu victim = new BareCpu(true)) {
        if (load(victim.cpu, bad)) {
          loaded++;
          CompletableFuture<Void> kick =
              CompletableFuture.runAsync(
                  victim.cpu::kick, CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS));
          victim.cpu.run(1000);
          kick.join();
        }
      }
    }
    assertThat(loaded).isPositive();
  }

  private static boolean load(X86Cpu cpu, byte[] bytes) {
    try {
      cpu.load(decoded(bytes));
      return true;
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageMatching("(?s).+");
      return false;
    }
  }

  @Test
  void longModeNeedsAModelThatHasIt() {
    try (BareCpu bare = new BareCpu(true);
        BareCpu old = new BareCpu(false, Engine.Options.INTERPRETER, "pentium3")) {
      assertThatThrownBy(() -> old.cpu.load(bare.cpu.save())).hasMessageContaining("efer");
    }
  }
}
