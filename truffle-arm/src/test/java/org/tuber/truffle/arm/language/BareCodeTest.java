package org.tuber.truffle.arm.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;
import org.graalvm.polyglot.proxy.ProxyObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Raw machine code in the language {@code arm}. */
class BareCodeTest {
  private static final int WFI = 0xd503207f;

  /** {@code mov x0, #0; mov x1, #n: add x0, x0, x1; subs x1, x1, #1; b.ne -8; wfi}. */
  private static final int[] SUM = {
    0xd2800000, 0xd2800c81, 0x8b010000, 0xf1000421, 0x54ffffc1, WFI
  };

  private static Context.Builder builder() {
    return Context.newBuilder("arm")
        .allowExperimentalOptions(true)
        .option("engine.WarnInterpreterOnly", "false")
        .option("arm.Tier", "interp");
  }

  private static Source code(int... words) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int word : words) {
      bytes.putInt(word);
    }
    return Source.newBuilder("arm", ByteSequence.create(bytes.array()), "code").buildLiteral();
  }

  @ParameterizedTest
  @ValueSource(strings = {"interp", "classes"})
  void codeRunsToItsEnd(String tier) {
    try (Context c = builder().option("arm.Tier", tier).build()) {
      Value machine = c.eval(code(SUM));
      assertThat(machine.getMember("x0").asLong()).isEqualTo(5050);
      assertThat(machine.getMember("exit").getMember("kind").asString()).isEqualTo("halted");
      assertThat(machine.getMember("sp").asLong()).isEqualTo(16 << 20);
      assertThat(machine.getMember("instructions").asLong()).isEqualTo(303);
      assertThat(machine.getMember("nzcv").asLong()).isEqualTo(0x6000_0000L);
    }
  }

  @Test
  void registersAndMemoryAreMembers() {
    try (Context c = builder().option("arm.Run", "false").build()) {
      // fadd v0.2d, v1.2d, v2.2d; str q0, [x3]; wfi
      Value machine = c.eval(code(0x4e62d420, 0x3d800060, WFI));
      machine.putMember("v1", "3ff00000000000004000000000000000");
      machine.putMember("v2", "40080000000000003fe0000000000000");
      machine.execute(ProxyObject.fromMap(Map.of("x3", 0x2000)));
      assertThat(machine.getMember("v0").asString()).isEqualTo("40100000000000004004000000000000");
      Value memory = machine.getMember("memory");
      assertThat(memory.readBufferDouble(ByteOrder.LITTLE_ENDIAN, 0x2000)).isEqualTo(2.5);
      assertThat(memory.readBufferDouble(ByteOrder.LITTLE_ENDIAN, 0x2008)).isEqualTo(4);
      machine.invokeMember("reset");
      assertThat(machine.getMember("x3").asLong()).isZero();
      assertThat(memory.readBufferLong(ByteOrder.LITTLE_ENDIAN, 0x2000)).isZero();
    }
  }

  @Test
  void exceptionsEndTheRun() {
    try (Context c = builder().build()) {
      // mov x1, #1 << 32; mov x0, #7; ldr x0, [x1]
      Value machine = c.eval(code(0xd2c00021, 0xd28000e0, 0xf9400020, WFI));
      Value exit = machine.getMember("exit");
      assertThat(exit.getMember("kind").asString()).isEqualTo("fault");
      // A data abort at the same level.
      assertThat(exit.getMember("vector").asInt()).isEqualTo(0x25);
      assertThat(exit.getMember("address").asLong()).isEqualTo(1L << 32);
      assertThat(machine.getMember("pc").asLong()).isEqualTo(0x1008);
      assertThat(machine.getMember("x0").asLong()).isEqualTo(7);
      machine.putMember("x1", 0x1000);
      machine.invokeMember("resume");
      assertThat(machine.getMember("exit").getMember("kind").asString()).isEqualTo("halted");
      assertThat(machine.getMember("x0").asLong()).isEqualTo(0xd28000e0_d2c00021L);
      // udf #0
      exit = c.eval(code(0)).getMember("exit");
      assertThat(exit.getMember("vector").asInt()).isZero();
      // svc #5
      machine = c.eval(code(0xd40000a1));
      exit = machine.getMember("exit");
      assertThat(exit.getMember("vector").asInt()).isEqualTo(0x15);
      assertThat(exit.getMember("error").asLong() & 0xffff).isEqualTo(5);
      assertThat(machine.getMember("pc").asLong()).isEqualTo(0x1004);
    }
  }

  @Test
  void budgetsAndOptions() {
    try (Context c =
        builder()
            .option("arm.InstructionBudget", "1000")
            .option("arm.LoadAddress", "0x4000")
            .option("arm.Stack", "0x8000")
            .option("arm.MemorySize", "2M")
            .build()) {
      // b .
      Value machine = c.eval(code(0x14000000));
      assertThat(machine.getMember("exit").getMember("kind").asString()).isEqualTo("budget");
      assertThat(machine.getMember("pc").asLong()).isEqualTo(0x4000);
      assertThat(machine.getMember("sp").asLong()).isEqualTo(0x8000);
      assertThat(machine.getMember("memory").getBufferSize()).isEqualTo(2 << 20);
      assertThatThrownBy(() -> machine.putMember("x77", 1))
          .isInstanceOf(UnsupportedOperationException.class);
    }
    try (Context c = builder().option("arm.LoadAddress", "3").build()) {
      assertThatThrownBy(() -> c.eval(code(WFI)))
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("arm.LoadAddress 0x3");
    }
  }
}
