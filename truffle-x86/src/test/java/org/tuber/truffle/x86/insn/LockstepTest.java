package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.sys.BareMachine;

/**
 * Lockstep finds it when a region does something else than the interpreter: here by an operation
 * that is changed in the interpreter's table after the region was made.
 */
class LockstepTest {
  private static final long CODE = 0x10_0000;
  private static final long DATA = 0x20_0000;

  /** Regions as host classes, or as Truffle regions. */
  private static BareMachine machine(boolean classes) {
    Engine.Options options = new Engine.Options(true, 2, classes ? 2 : 0, 32, 300, true);
    return new BareMachine(Map.of("model", "max"), options).longMode();
  }

  private static void run(BareMachine m, String hex, long rounds) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(CODE, code, 0, code.length);
    m.s.r[1] = rounds;
    m.s.r[7] = DATA;
    m.s.pc = CODE;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
  }

  /** The number of the operation that an instruction of the loop below is. */
  private static int operation(BareMachine m, int number) {
    m.s.pc = CODE;
    Block block = m.cpu.engine.isa().decode(m.cpu, CODE, 64);
    return Word.op(block.code[2 * number]);
  }

  /** l: bswap rax; mov [rdi],rax; add rdi,8; dec rcx; jnz l; hlt. */
  private static final String LOOP = "480fc8 488907 4883c708 48ffc9 75f1 f4";

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nothingIsFoundWhereBothAreRight(boolean classes) {
    try (BareMachine m = machine(classes)) {
      m.s.r[0] = 0x0102_0304_0506_0708L;
      run(m, LOOP, 5000);
      assertThat(m.ram.load64(DATA + 8 * 4998)).isEqualTo(0x0807_0605_0403_0201L);
      assertThat(m.ram.load64(DATA + 8 * 4999)).isEqualTo(0x0102_0304_0506_0708L);
      assertThat(m.cpu.statistics()).containsPattern("lockstep: [1-9]\\d* runs .* [1-9]\\d+ ");
    }
  }

  /**
   * The address of the last instruction of the x87, which save areas show, too.
   *
   * <p>fninit; l: nop; fldz; fld1; faddp; fstp qword [rdi]; fild word [rdi]; fcomi st0, st0; fstp
   * st0; wait; fld qword [rdi]; fmul st0, st0; nop; fnclex; fstp st0; mov rax, rcx; dec rcx; jnz l;
   * hlt.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void placeOfTheLastX87InstructionIsRight(boolean classes) {
    String loop = "dbe390d9eed9e8dec1dd1fdf07dbf0ddd89bdd07dcc890dbe2ddd84889c848ffc975dff4";
    try (BareMachine m = machine(classes)) {
      m.cpu.writeRegister("cr0", m.cpu.cr0 | Cr.CR0_NE | Cr.CR0_MP);
      run(m, loop, 5000);
      assertThat(m.cpu.statistics()).containsPattern("lockstep: [1-9]\\d* runs .* [1-9]\\d+ ");
    }
  }

  /**
   * String instructions within a block.
   *
   * <p>lea rsi, [rdi+100h]; l: movsb; lodsb; stosb; cmpsb; scasb; setz al; dec rcx; jnz l; hlt.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void stringsAreOrdinaryInstructions(boolean classes) {
    try (BareMachine m = machine(classes)) {
      run(m, "488db700010000 a4 ac aa a6 ae 0f94c0 48ffc9 75f3 f4", 5000);
      assertThat(m.s.r[7]).isEqualTo(DATA + 4 * 5000);
      assertThat(m.s.r[6]).isEqualTo(DATA + 0x100 + 3 * 5000);
      assertThat(m.cpu.statistics()).containsPattern("lockstep: [1-9]\\d* runs .* [1-9]\\d+ ");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aWrongRegisterIsFound(boolean classes) {
    try (BareMachine m = machine(classes)) {
      run(m, LOOP, 1000);
      int op = operation(m, 0);
      Operations.Step right = Operations.STEPS[op];
      Operations.STEPS[op] = (s, c, w0, w1) -> s.r[0] += 5;
      try {
        assertThatThrownBy(() -> run(m, LOOP, 1000))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("lockstep: ")
            .hasMessageContaining("entered at 0x100000: general[0] 0x");
      } finally {
        Operations.STEPS[op] = right;
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aWrongStoreIsFound(boolean classes) {
    try (BareMachine m = machine(classes)) {
      run(m, LOOP, 1000);
      int op = operation(m, 1);
      Operations.Step right = Operations.STEPS[op];
      Operations.STEPS[op] =
          (s, c, w0, w1) -> {
            right.run(s, c, w0, w1);
            m.ram.store8(s.r[7] + 3, 0x77);
          };
      try {
        assertThatThrownBy(() -> run(m, LOOP, 1000))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("memory at 0x200003 0x00 and not 0x77");
      } finally {
        Operations.STEPS[op] = right;
      }
    }
  }
}
