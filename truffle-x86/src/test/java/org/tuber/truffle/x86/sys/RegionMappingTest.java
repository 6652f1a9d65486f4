package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;

/** A region over several pages, when some of them are not mapped any more. */
class RegionMappingTest {
  private static final long CODE = 0x10_0000;
  private static final long NEAR = 0x18_0000;
  private static final long FRAME = 0x30_0000;

  /** In a page of its own. */
  private static final long FAR = 0x4000_0000;

  private static final long DIRECTORY = 0x1_0000;
  private static final long TABLE = 0x1_1000;

  private static void put(BareMachine m, long at, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(at, code, 0, code.length);
  }

  /** The loop calls {@code target} until its count has run out; nobody takes exceptions. */
  private static long run(BareMachine m, long target, int rounds) {
    m.s.r[0] = target;
    m.s.r[1] = rounds;
    m.s.r[3] = 0;
    m.s.r[4] = BareMachine.STACK;
    m.s.pc = CODE;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
    return m.s.r[3];
  }

  /** Where the loop has called before, and now does not, need not be there: no fault. */
  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void whatIsNotExecutedNeedNotBeMapped(int classThreshold) {
    Engine.Options options = new Engine.Options(true, 2, classThreshold, 32, 300);
    try (BareMachine m = new BareMachine(Map.of("model", "max"), options).longMode()) {
      m.ram.store64(0x2000 + 8, DIRECTORY | 7);
      m.ram.store64(DIRECTORY, TABLE | 7);
      m.ram.store64(TABLE, FRAME | 7);
      // l: call rax; dec rcx; jnz l; hlt
      put(m, CODE, "ffd0 48ffc9 75f9 f4");
      // inc rbx; ret
      put(m, FRAME, "48ffc3 c3");
      // add rbx,2; ret
      put(m, NEAR, "4883c302 c3");
      assertThat(run(m, FAR, 50_000)).isEqualTo(50_000);
      m.ram.store64(TABLE, 0);
      m.cpu.flushTlb();
      assertThat(run(m, NEAR, 50_000)).isEqualTo(100_000);
      m.ram.store64(TABLE, FRAME | 7);
      m.cpu.flushTlb();
      assertThat(run(m, FAR, 50_000)).isEqualTo(50_000);
    }
  }
}
