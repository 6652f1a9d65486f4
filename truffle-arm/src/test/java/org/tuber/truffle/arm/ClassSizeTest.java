package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.golden.SizeLedger;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.engine.Engine;

/**
 * The bytecode that typical instructions become as host classes does not grow unseen: {@link
 * SizeLedger}.
 */
class ClassSizeTest {
  private static final int ROUNDS = 60;

  /** {@code sub w28, w28, #1; cbnz w28, .-n; wfi}: the loop around a row's instructions. */
  private static final int SUBTRACT = 0x5100079c;

  private static final int REPEAT = 0x3500001c;
  private static final int WAIT = 0xd503207f;

  /** All classes of a loop around {@code code} together. */
  private static SizeLedger.Size loop(String code) {
    int[] words = code.isEmpty() ? new int[0] : words(code);
    int[] program = new int[words.length + 3];
    System.arraycopy(words, 0, program, 0, words.length);
    program[words.length] = SUBTRACT;
    program[words.length + 1] = REPEAT | (-(words.length + 1) & 0x7ffff) << 5;
    program[words.length + 2] = WAIT;
    try (BareArm bare = new BareArm(Engine.Options.IMMEDIATE_CLASSES, "max")) {
      bare.state.r[28] = ROUNDS;
      bare.state.r[0] = BareArm.DATA + 0x1000;
      bare.state.r[1] = BareArm.DATA + 0x2000;
      // Results are inexact, as they are in most programs.
      bare.state.fpsr = 0x10;
      for (int i = 0; i < 64; i++) {
        bare.state.v[i] = Double.doubleToRawLongBits(1.0 + i);
      }
      assertThat(bare.run(program)).isEqualTo(ExitReason.HALTED);
      assertThat(bare.state.r[28]).isZero();
      int instructions = 0;
      int codeBytes = 0;
      for (Engine.ClassSize size : bare.cpu.engine.classSizes()) {
        instructions += size.instructions();
        codeBytes += size.codeBytes();
      }
      return new SizeLedger.Size(instructions, codeBytes);
    }
  }

  private static int[] words(String code) {
    return List.of(code.split(" ")).stream()
        .mapToInt(word -> Integer.parseUnsignedInt(word, 16))
        .toArray();
  }

  @Test
  void instructionsDoNotGrow() throws Exception {
    assertThat(ArmCpu.FPSR_MASK & 0x10).isNotZero();
    SizeLedger.check(ClassSizeTest.class, 20, ClassSizeTest::loop);
  }
}
