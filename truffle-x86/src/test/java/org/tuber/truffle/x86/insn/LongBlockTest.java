package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.sys.BareMachine;

/** Straight code that is too long for one host class is cut into several. */
class LongBlockTest {
  private static final long CODE = 0x10_0000;
  private static final int ROUNDS = 200;

  /** sha256rnds2 xmm1,xmm2; sha256rnds2 xmm2,xmm1; sha256msg1 xmm3,xmm1; sha256msg2 xmm3,xmm2. */
  private static final String PIECE = "0f38cbca 0f38cbd1 0f38ccd9 0f38cdda";

  /** dec rcx; jnz back; hlt. */
  private static String loop(int pieces) {
    int back = -(16 * pieces + 9);
    return PIECE.repeat(pieces).replace(" ", "")
        + "48ffc9 0f85".replace(" ", "")
        + HexFormat.of().toHexDigits(Integer.reverseBytes(back))
        + "f4";
  }

  private static String run(BareMachine m, int pieces) {
    byte[] code = HexFormat.of().parseHex(loop(pieces));
    m.ram.write(CODE, code, 0, code.length);
    Random random = new Random(pieces);
    Arrays.setAll(m.s.x, i -> random.nextLong());
    m.s.r[1] = ROUNDS;
    m.s.pc = CODE;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
    return Arrays.toString(m.s.x);
  }

  @Test
  void isCutIntoClasses() {
    try (BareMachine one = new BareMachine("max").longMode();
        BareMachine other =
            new BareMachine(Map.of("model", "max"), new Engine.Options(true, 100_000, 2, 32, 300))
                .longMode()) {
      String expected = run(one, 15);
      for (int i = 0; i < 3; i++) {
        assertThat(run(other, 15)).isEqualTo(expected);
      }
      assertThat(other.cpu.statistics()).containsPattern("engine: [2-9] classes built");
      assertThat(other.cpu.statistics())
          .containsPattern(" [5-9][0-9][.][0-9] % of them in regions");
    }
  }
}
