package org.tuber.truffle.arm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;

/** Code that each process has somewhere else: what it computes of its own address follows. */
class MovingCodeTest {
  private static final int ROUNDS = 300;
  private static final int PLACES = 4;

  /** Adds up addresses of code, of a literal's page, literals, and return addresses. */
  private static final int[] PROGRAM = {
    0xd2800000, // mov x0, #0
    0xd2802581, // mov x1, #300
    0x10000002, // l: adr x2, l
    0x8b020000, // add x0, x0, x2
    0x90000003, // adrp x3, l
    0x8b030000, // add x0, x0, x3
    0x58000204, // ldr x4, lit
    0x8b040000, // add x0, x0, x4
    0x980001c5, // ldrsw x5, lit
    0x8b050000, // add x0, x0, x5
    0x94000004, // bl f
    0xf1000421, // subs x1, x1, #1
    0x54fffec1, // b.ne l
    0xd503207f, // wfi
    0x8b1e0000, // f: add x0, x0, x30
    0x36000041, // tbz x1, #0, g
    0x91000400, // add x0, x0, #1
    0x5c0000a0, // g: ldr d0, lit
    0x9e660006, // fmov x6, d0
    0x8b060000, // add x0, x0, x6
    0xd65f03c0, // ret
    0xd503201f, // nop
    12345, // lit
    0
  };

  private static void runAt(BareArm m, int place) {
    long base = m.mapCode(place);
    m.state.pc = base;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(10_000_000)).isEqualTo(ExitReason.HALTED);
    long each = base + 8 + base + 3 * 12345 + base + 0x2c;
    assertThat(m.state.r[0]).as("at %x", base).isEqualTo(ROUNDS * each + ROUNDS / 2);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 2})
  void addressesFollow(int classThreshold) {
    Engine.Options options =
        classThreshold < 0
            ? Engine.Options.INTERPRETER
            : new Engine.Options(true, 2, classThreshold, 32, 300);
    try (BareArm m = new BareArm(options, "max")) {
      for (int i = 0; i < PROGRAM.length; i++) {
        m.code.store32(BareArm.CODE + 4L * i, PROGRAM[i]);
      }
      for (int i = 0; i < 10 * PLACES; i++) {
        m.unmapCode();
        runAt(m, i % PLACES);
        if (i % 3 == 0) {
          // Twice in one address space.
          runAt(m, (i + 1) % PLACES);
          runAt(m, i % PLACES);
        }
      }
    }
  }
}
