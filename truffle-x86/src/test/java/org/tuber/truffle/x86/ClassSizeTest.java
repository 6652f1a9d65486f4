package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.golden.SizeLedger;
import org.tuber.truffle.engine.Engine;

/**
 * The bytecode that typical sequences become as host classes does not grow unseen: {@link
 * SizeLedger}.
 */
class ClassSizeTest {
  private static final int ROUNDS = 60;
  private static final int RSP = 4;
  private static final int RSI = 6;
  private static final int RDI = 7;

  /** All classes of a loop around {@code code} together: branches make several that overlap. */
  private static SizeLedger.Size loop(String hex) {
    byte[] code = HexFormat.of().parseHex(hex);
    // dec r15; jnz to the start; hlt
    byte[] program = new byte[code.length + 6];
    System.arraycopy(code, 0, program, 0, code.length);
    program[code.length] = 0x49;
    program[code.length + 1] = (byte) 0xff;
    program[code.length + 2] = (byte) 0xcf;
    program[code.length + 3] = 0x75;
    program[code.length + 4] = (byte) -(code.length + 5);
    program[code.length + 5] = (byte) 0xf4;
    try (BareCpu bare = new BareCpu(true, Engine.Options.IMMEDIATE_CLASSES)) {
      bare.state.r[15] = ROUNDS;
      bare.state.r[RSI] = BareCpu.DATA;
      bare.state.r[RDI] = BareCpu.DATA + 0x1000;
      bare.state.r[14] = BareCpu.DATA + 0x1000;
      bare.state.r[RSP] = BareCpu.DATA + 0x8000;
      assertThat(bare.runProgram(program)).isEqualTo(ExitReason.HALTED);
      assertThat(bare.state.r[15]).isZero();
      int instructions = 0;
      int codeBytes = 0;
      for (Engine.ClassSize size : bare.cpu.engine.classSizes()) {
        instructions += size.instructions();
        codeBytes += size.codeBytes();
      }
      return new SizeLedger.Size(instructions, codeBytes);
    }
  }

  @Test
  void sequencesDoNotGrow() throws Exception {
    SizeLedger.check(ClassSizeTest.class, 30, ClassSizeTest::loop);
  }
}
