package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.snapshot.StateCodec;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.sys.CpuSnapshot;

/** The contract of a device's state, for a CPU. */
final class CpuSnapshotTest {
  private static final int WFI = 0xd503207f;

  /** Something of everything: integer, flags, FP, an open exclusive, a system register, a timer. */
  private static final int[] PROGRAM = {
    0xd2824680, // mov x0, #0x1234
    0xf1000c1f, // cmp x0, #3
    0x9e670001, // fmov d1, x0
    0x1e612822, // fadd d2, d1, d1
    0xd2b00005, // mov x5, #0x80000000 (an address nothing maps)
    0xd2a20004, // mov x4, #0x10000000
    0xc85f7c83, // ldxr x3, [x4]
    0xd51bd040, // msr tpidr_el0, x0
    0xd51be340, // msr cntv_cval_el0, x0
    0xd5184100, // msr sp_el0, x0
    WFI
  };

  private static byte[] state(ArmCpu cpu) {
    return StateCodec.encode(cpu.save());
  }

  private static CpuSnapshot.State decoded(byte[] bytes) {
    return StateCodec.decode(CpuSnapshot.State.class, bytes);
  }

  @Test
  void aStateComesBackWholeAndMutationShows() {
    try (BareArm bare = new BareArm()) {
      byte[] before = state(bare.cpu);
      assertThat(bare.run(PROGRAM)).isEqualTo(ExitReason.HALTED);
      byte[] after = state(bare.cpu);
      assertThat(after).isNotEqualTo(before);
      bare.cpu.load(decoded(before));
      assertThat(state(bare.cpu)).isEqualTo(before);
      bare.cpu.load(decoded(after));
      assertThat(state(bare.cpu)).isEqualTo(after);
      assertThat(bare.cpu.isHalted()).isTrue();
      assertThat(bare.cpu.readRegister("tpidr_el0")).isEqualTo(0x1234);
      assertThat(bare.cpu.readRegister("v2.low"))
          .isEqualTo(Double.doubleToRawLongBits(2 * Double.longBitsToDouble(0x1234)));
      assertThat(bare.cpu.exclusiveGva).isEqualTo(BareArm.DATA);
    }
  }

  /** Every prefix of the program on one CPU, the rest on another, gives what one alone does. */
  @Test
  void anotherCpuGoesOn() {
    byte[] expected;
    try (BareArm bare = new BareArm()) {
      bare.run(PROGRAM);
      expected = state(bare.cpu);
    }
    for (int cut = 1; cut < PROGRAM.length; cut++) {
      try (BareArm first = new BareArm();
          BareArm second = new BareArm()) {
        second.cpu.writeRegister("x7", 5);
        second.cpu.writeRegister("vbar_el1", 0x800);
        int[] head = Arrays.copyOf(PROGRAM, cut + 1);
        head[cut] = WFI;
        first.run(head);
        first.cpu.clearHalt();
        first.cpu.writeRegister("pc", BareArm.CODE);
        byte[] moved = state(first.cpu);
        second.cpu.load(decoded(moved));
        assertThat(second.run(Arrays.copyOfRange(PROGRAM, cut, PROGRAM.length)))
            .isEqualTo(ExitReason.HALTED);
        CpuSnapshot.State got = second.cpu.save();
        CpuSnapshot.State want = decoded(expected);
        assertThat(got.x()).as("cut %s", cut).isEqualTo(want.x());
        assertThat(got.v()).isEqualTo(want.v());
        assertThat(got.system()).isEqualTo(want.system());
        assertThat(got.pstate()).isEqualTo(want.pstate());
        assertThat(got.timers()).isEqualTo(want.timers());
        assertThat(got.sp()).isEqualTo(want.sp());
        assertThat(got.exclusiveGva()).isEqualTo(want.exclusiveGva());
      }
    }
  }

  @Test
  void aDamagedStateIsRefusedOrHarmless() {
    Random random = new Random(9);
    byte[] good;
    try (BareArm bare = new BareArm()) {
      bare.run(PROGRAM);
      good = state(bare.cpu);
    }
    int loaded = 0;
    for (int i = 0; i < 400; i++) {
      byte[] bad = good.clone();
      for (int n = random.nextInt(3); n >= 0; n--) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      }
      try (BareArm victim = new BareArm()) {
        if (!load(victim.cpu, bad)) {
          continue;
        }
        loaded++;
        victim.cpu.clearHalt();
        // Where its vectors are not mapped, it takes exceptions for ever without executing
        // anything.
        CompletableFuture<Void> kick =
            CompletableFuture.runAsync(
                victim.cpu::kick, CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS));
        victim.cpu.run(1000);
        kick.join();
      }
    }
    assertThat(loaded).isPositive();
  }

  private static boolean load(ArmCpu cpu, byte[] bytes) {
    try {
      cpu.load(decoded(bytes));
      return true;
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageMatching("(?s).+");
      return false;
    }
  }

  @Test
  void whatNoCpuCanBeInIsNamed() {
    try (BareArm bare = new BareArm()) {
      CpuSnapshot.State s = bare.cpu.save();
      CpuSnapshot.State el3 =
          new CpuSnapshot.State(
              s.x(),
              s.pc(),
              s.v(),
              s.fpcr(),
              s.fpsr(),
              0x3cd,
              s.sp(),
              s.elr(),
              s.spsr(),
              s.system(),
              s.timers(),
              s.exclusiveGva(),
              s.exclusiveLow(),
              s.exclusiveHigh(),
              s.exclusiveSize(),
              s.event(),
              s.halted(),
              s.instructions());
      assertThatThrownBy(() -> bare.cpu.load(el3)).hasMessageContaining("pstate");
    }
  }
}
