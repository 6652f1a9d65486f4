package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;

import com.oracle.truffle.api.Truffle;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Value;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.language.Programs.Tier;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.sys.BareMachine;

/**
 * What compiled regions must keep exact: code that changes under them, faults in their midst,
 * requests from outside. Every program runs in all tiers and must leave the same registers.
 */
class RegionTierTest {
  private static final int PF = 14;
  private static final int DE = 0;

  /**
   * Twenty thousand rounds; with 5000 left, a store turns the immediate of the next ADD from 1 into
   * 2. The store goes to ESI in all other rounds.
   *
   * <pre>
   *   mov ecx,20000; xor eax,eax; mov esi,SCRATCH; lea rbx,[patch+2]
   *   l: mov rdi,rsi; cmp ecx,5000; cmove rdi,rbx; mov byte [rdi],2
   *   patch: add eax,1; dec ecx; jnz l; hlt
   * </pre>
   */
  private static String selfModifying(String scratch) {
    return "b9204e0000 31c0 be"
        + scratch
        + "488d1d12000000 4889f7 81f988130000 480f44fb c60702 83c001 ffc9 75e9 f4";
  }

  private static boolean isOptimizing() {
    return !Truffle.getRuntime().getClass().getSimpleName().equals("DefaultTruffleRuntime");
  }

  /** Runs in every tier; {@code check} sees each machine, all must have equal registers. */
  private static void inAllTiers(
      int mode, Map<String, String> options, String hex, boolean compiles, Consumer<Value> check) {
    Map<Tier, String> outcomes = new EnumMap<>(Tier.class);
    for (Tier tier : Tier.values()) {
      try (Context c = Programs.context(tier, mode, options)) {
        Value m = c.eval(Programs.source(hex));
        check.accept(m);
        outcomes.put(tier, Programs.registers(m));
        String statistics = m.getMember("statistics").asString();
        if (compiles && Programs.makesCodeAtOnce(tier, isOptimizing())) {
          assertThat(statistics).as("%s", tier).doesNotContain(Programs.nothingMade(tier));
        }
      }
    }
    assertThat(outcomes.get(Tier.DEFAULT)).isEqualTo(outcomes.get(Tier.INTERP));
    assertThat(outcomes.get(Tier.IMMEDIATE)).isEqualTo(outcomes.get(Tier.INTERP));
    assertThat(outcomes.get(Tier.CLASSES)).isEqualTo(outcomes.get(Tier.INTERP));
  }

  private static void halted(Value m, long rax) {
    assertThat(m.getMember("exit").getMember("kind").asString()).isEqualTo("halted");
    assertThat(Long.toHexString(m.getMember("rax").asLong())).isEqualTo(Long.toHexString(rax));
  }

  private static void fault(Value m, int vector, long rip) {
    assertThat(m.getMember("exit").getMember("vector").asInt()).isEqualTo(vector);
    assertThat(m.getMember("rip").asLong()).isEqualTo(rip);
  }

  // ---------------------------------------------------------------- self-modifying code

  /** inc byte [patch+2]; patch: add eax,imm8: both in one block, at every round. */
  @Test
  void aStoreToTheNextInstructionCountsAtOnce() {
    inAllTiers(
        64,
        Map.of(),
        "b9c8000000 31c0 fe0502000000 83c000 ffc9 75f3 f4",
        false,
        m -> halted(m, 1412));
  }

  @Test
  void aRegionOverwritesItself() {
    inAllTiers(64, Map.of(), selfModifying("00800000"), true, m -> halted(m, 25_000));
  }

  @Test
  void dataBesideTheCodeOfARegionMayBeWritten() {
    inAllTiers(64, Map.of(), selfModifying("00180000"), true, m -> halted(m, 25_000));
  }

  /** The same with the store in a function, the ADD in one that it calls. */
  @Test
  void anInlinedCalleeIsOverwritten() {
    String hex =
        "b9204e0000 31c0 be00800000 488d1da3000000 e845000000 ffc9 75f7 f4"
            + "90".repeat(64)
            + "4889f7 81f988130000 480f44fb c60702 e841000000 c3"
            + "90".repeat(65)
            + "83c001 c3";
    inAllTiers(64, Map.of(), hex, true, m -> halted(m, 25_000));
  }

  /** ADD EAX,10001h lies across 2000h; the store changes its byte on the second page. */
  @Test
  void anInstructionAcrossTwoPagesIsOverwritten() {
    String hex =
        "b9204e0000 31c0 be00800000 bb00200000 e9d7000000"
            + "90".repeat(0xed - 0x16)
            + "4889f7 81f988130000 480f44fb c60702 0501000100 ffc9 75e7 f4";
    inAllTiers(
        64, Map.of("x86.LoadAddress", "0x1f00"), hex, true, m -> halted(m, 25_000L << 16 | 20_000));
  }

  @Test
  void codeChangedFromOutsideIsTranslatedAgain() {
    for (Tier tier : Tier.values()) {
      try (Context c = Programs.context(tier, 32, Map.of())) {
        // mov ecx,20000; xor eax,eax; l: push ecx; inc eax; pop edx; dec ecx; jnz l; hlt
        Value m = c.eval(Programs.source("b9204e0000 31c0 51 40 5a 49 75fa f4"));
        halted(m, 20_000);
        // dec eax
        m.getMember("memory").writeBufferByte(0x1008, (byte) 0x48);
        m.execute();
        halted(m, -20_000 & 0xffff_ffffL);
        m.getMember("memory").writeBufferShort(ByteOrder.LITTLE_ENDIAN, 0x1008, (short) 0x5a40);
        m.execute();
        halted(m, 20_000);
      }
    }
  }

  // ---------------------------------------------------------------- faults

  /** xor eax,eax; l: inc eax; mov rdx,[rdi]; add rdi,8; inc ebx; jmp l: to the end of memory. */
  @Test
  void aLoadFaultsInAHotLoop() {
    inAllTiers(
        64,
        Map.of("x86.MemorySize", "2M"),
        "bf00001000 31c0 ffc0 488b17 4883c708 ffc3 ebf3",
        true,
        m -> {
          fault(m, PF, 0x1009);
          assertThat(m.getMember("exit").getMember("address").asLong()).isEqualTo(0x20_0000);
          assertThat(m.getMember("rax").asLong()).isEqualTo(0x2_0001);
          assertThat(m.getMember("rbx").asLong()).isEqualTo(0x2_0000);
          assertThat(m.getMember("rdi").asLong()).isEqualTo(0x20_0000);
        });
  }

  /** l: add eax,3; mov [rdi+4],eax; add rdi,8; sub ebx,1; jmp l. */
  @Test
  void aStoreFaultsInAHotLoop() {
    inAllTiers(
        64,
        Map.of("x86.MemorySize", "2M"),
        "bf00001000 31c0 83c003 894704 4883c708 83eb01 ebf1",
        true,
        m -> {
          fault(m, PF, 0x100a);
          assertThat(m.getMember("exit").getMember("error").asLong()).isEqualTo(2);
          assertThat(m.getMember("rax").asLong()).isEqualTo(3 * 0x2_0001);
          assertThat(m.getMember("rbx").asLong()).isEqualTo(0xfffe_0000L);
        });
  }

  /** mov ecx,5000; l: mov eax,1000; xor edx,edx; div ecx; add ebx,eax; dec ecx; jmp l. */
  @Test
  void aDivisionFaultsInAHotLoop() {
    inAllTiers(
        64,
        Map.of(),
        "b988130000 b8e8030000 31d2 f7f1 01c3 ffc9 ebf1",
        true,
        m -> {
          fault(m, DE, 0x100c);
          assertThat(m.getMember("rax").asLong()).isEqualTo(1000);
          assertThat(m.getMember("rcx").asLong()).isZero();
        });
  }

  /** An SSE load in a called function faults: stack pointer and XMM registers are those of then. */
  @Test
  void aFaultInAnInlinedCallee() {
    inAllTiers(
        64,
        Map.of("x86.MemorySize", "2M", "x86.Stack", "0x8000"),
        "bf00001c00 e804000000 ffc3 ebf7 53 ffc0 f30f6f0f 660ffed1 4883c710 5b c3",
        true,
        m -> {
          fault(m, PF, 0x1011);
          assertThat(m.getMember("rax").asLong()).isEqualTo(0x4001);
          assertThat(m.getMember("rsp").asLong()).isEqualTo(0x8000 - 16);
        });
  }

  // ---------------------------------------------------------------- requests

  private static void load(BareMachine m, long address, String hex) {
    byte[] code = HexFormat.of().parseHex(hex);
    m.ram.write(address, code, 0, code.length);
  }

  private static Engine.Options options(Tier tier) {
    return switch (tier) {
      case INTERP -> Engine.Options.INTERPRETER;
      case DEFAULT -> Engine.Options.DEFAULT;
      case IMMEDIATE -> Engine.Options.IMMEDIATE;
      case CLASSES -> Engine.Options.IMMEDIATE_CLASSES;
    };
  }

  private static Thread later(Runnable action) {
    return Thread.ofPlatform()
        .start(
            () -> {
              try {
                TimeUnit.MILLISECONDS.sleep(1500);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              action.run();
            });
  }

  /** 5000h: inc rax; mov rbx,rax; jmp 5000h. */
  private static BareMachine endless(Tier tier) {
    BareMachine m = new BareMachine(Map.of("model", "max"), options(tier)).longMode();
    load(m, 0x5000, "48ffc04889c3ebf8");
    m.s.pc = 0x5000;
    return m;
  }

  @ParameterizedTest
  @EnumSource(Tier.class)
  void aKickLeavesAHotLoop(Tier tier) throws InterruptedException {
    try (BareMachine m = endless(tier)) {
      Thread kicker = later(m.cpu::kick);
      assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.KICKED);
      kicker.join();
      assertThat(m.s.pc).isEqualTo(0x5000);
      assertThat(m.s.r[0]).isPositive().isEqualTo(m.s.r[3]);
      assertThat(m.cpu.instructionCount()).isEqualTo(3 * m.s.r[0]);
    }
  }

  /**
   * Every round forgets all translations, so that each access misses: a class leaves for it, and
   * after some hundred times another takes over that does not. Nothing is done or counted twice.
   *
   * <pre>
   *   mov ecx,20000; mov esi,7000h
   *   l: mov rax,cr3; mov cr3,rax; mov rbx,[rsi]; inc rbx; mov [rsi],rbx; add [rsi+8],rbx
   *   dec ecx; jnz l; hlt
   * </pre>
   */
  @ParameterizedTest
  @EnumSource(Tier.class)
  void accessesThatMissAreDoneOnce(Tier tier) {
    try (BareMachine m =
        new BareMachine(Map.of("model", "max"), options(tier)).longMode()) {
      load(m, 0x5000, "b9204e0000be007000000f20d80f22d8488b1e48ffc348891e48015e08ffc975e9f4");
      m.s.pc = 0x5000;
      assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
      assertThat(m.ram.load64(0x7000)).isEqualTo(20_000);
      assertThat(m.ram.load64(0x7008)).isEqualTo(20_000L * 20_001 / 2);
      assertThat(m.cpu.instructionCount()).isEqualTo(3 + 8 * 20_000);
    }
  }

  /** The handler: inc ecx; hlt. */
  @ParameterizedTest
  @EnumSource(Tier.class)
  void anInterruptIsTakenInAHotLoop(Tier tier) throws InterruptedException {
    try (BareMachine m = endless(tier)) {
      load(m, 0x6000, "ffc1f4");
      m.gate64(0x40, 0x6000, 14, 0, 0);
      m.vector = 0x40;
      m.cpu.setEflags(Flags.IF);
      Thread device = later(() -> m.cpu.setInterrupt(true));
      assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
      device.join();
      assertThat(m.s.r[1]).isEqualTo(1);
      assertThat(m.s.r[0]).isPositive().isEqualTo(m.s.r[3]);
      assertThat(m.ram.load64(m.s.r[4])).as("return address").isEqualTo(0x5000);
    }
  }
}
