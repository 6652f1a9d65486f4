package org.tuber.truffle.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.sys.BareMachine;

/** Host classes that ask the TLB once for several accesses: same effects as one by one. */
class NearbyTest {
  private static final long CODE = 0x10_0000;

  /** Linear address of pages that lie apart from each other; more follow that are not there. */
  private static final long PAGES = 0x4000_0000;

  private static final long DIRECTORY = 0x1_0000;
  private static final long TABLE = 0x1_1000;
  private static final long[] FRAMES = {0x30_0000, 0x50_0000, 0x20_0000, 0x60_0000};
  private static final long BYTES = 4096L * FRAMES.length;

  /** Takes page faults. */
  private static final long HANDLER = 0x11_0000;

  /**
   * l: mov rax,[rsi]; add rbx,rax; add rbx,[rsi+8]; mov [rsi+0x20],rax; add rbx,[rsi+0x28]; inc
   * qword [rsi+0x10]; add rsi,rdx; dec rcx; jnz l; hlt.
   */
  private static final String FIELDS =
      "488b06 4801c3 48035e08 48894620 48035e28 48ff4610 4801d6 48ffc9 75e2 f4";

  /**
   * l: mov rsp,rsi; push rcx; push rdx; push rbx; mov rax,[rsp+16]; add rax,[rsp+8]; pop rbx; add
   * rbx,rax; add rsi,rdx; dec rcx; jnz l; hlt.
   */
  private static final String STACK =
      "4889f4 51 52 53 488b442410 4803442408 5b 4801c3 4801d6 48ffc9 75e4 f4";

  /**
   * l: mov rax,[rsi]; test al,1; jz a; add rbx,[rsi+8]; mov [rsi+24],rbx; jmp b; a: sub
   * rbx,[rsi+8]; mov [rsi+16],rbx; add rbx,[rsi+16]; b: add rsi,rdx; dec rcx; jnz l; hlt.
   */
  private static final String PATHS =
      "488b06 a801 740a 48035e08 48895e18 eb0c 482b5e08 48895e10 48035e10"
          + " 4801d6 48ffc9 75db f4";

  /**
   * Addresses of 32 bits that are near each other, of values that are half the range apart.
   *
   * <p>l: mov rbx,7702db1a40000000h; mov rdi,eed408ba40000010h; mov rax,[ebx]; add rax,[edi]; mov
   * [ebx+0x20],rax; dec rcx; jnz l; hlt.
   */
  private static final String FAR =
      "48bb000000401adb0277 48bf10000040ba08d4ee 67488b03 67480307 6748894320 48ffc9 75da f4";

  private static BareMachine machine(Engine.Options options) {
    BareMachine m = new BareMachine(Map.of("model", "max"), options).longMode();
    m.ram.store64(0x2000 + 8, DIRECTORY | 7);
    m.ram.store64(DIRECTORY, TABLE | 7);
    for (int i = 0; i < FRAMES.length; i++) {
      m.ram.store64(TABLE + 8 * i, FRAMES[i] | 7);
    }
    // #PF: hlt.
    m.ram.store64(BareMachine.IDT + 14 * 16, gate(HANDLER));
    m.ram.store64(BareMachine.IDT + 14 * 16 + 8, 0);
    m.ram.store8(HANDLER, 0xf4);
    return m;
  }

  private static long gate(long to) {
    return to & 0xffff | (long) BareMachine.KERNEL_CS << 16 | 0x8e01L << 32 | (to >>> 16) << 48;
  }

  /** Everything the program could have changed. */
  private static String run(
      BareMachine m, String hex, int step, int rounds, long address, int seed) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(CODE, code, 0, code.length);
    byte[] bytes = new byte[(int) BYTES];
    new Random(seed).nextBytes(bytes);
    for (int i = 0; i < FRAMES.length; i++) {
      m.ram.write(FRAMES[i], bytes, 4096 * i, 4096);
    }
    Arrays.fill(m.s.r, 0);
    m.s.r[1] = rounds;
    m.s.r[2] = step;
    m.s.r[4] = BareMachine.STACK;
    m.s.r[6] = address;
    m.s.pc = CODE;
    m.cpu.cr2 = 0;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
    for (int i = 0; i < FRAMES.length; i++) {
      m.ram.read(FRAMES[i], bytes, 4096 * i, 4096);
    }
    return "cr2 %x pc %x r %s memory %x"
        .formatted(m.cpu.cr2, m.s.pc, Arrays.toString(m.s.r), Arrays.hashCode(bytes));
  }

  static Stream<Arguments> programs() {
    return Stream.of(FIELDS, STACK, PATHS, FAR)
        .flatMap(p -> Stream.of(1, 3, 8, 20, 48, 4089, 4097).map(step -> Arguments.of(p, step)));
  }

  /** Runs of bytes that lie on one page, that cross into another, and that are not all there. */
  @ParameterizedTest
  @MethodSource("programs")
  void doesTheSameAsOneByOne(String program, int step) {
    try (BareMachine one = machine(Engine.Options.INTERPRETER);
        BareMachine other = machine(new Engine.Options(true, 100_000, 2, 32, 300))) {
      int inside = (int) (BYTES - 200) / step;
      for (int i = 0; i < 4; i++) {
        int rounds = i < 2 ? inside : inside + 300;
        assertThat(run(other, program, step, rounds, PAGES + 64, i))
            .isEqualTo(run(one, program, step, rounds, PAGES + 64, i));
      }
      assertThat(other.cpu.statistics()).doesNotContain("engine: 0 classes built");
    }
  }

  /** A structure on two pages that is used again and again gets code that asks for each field. */
  @Test
  void whatLiesOnTwoPagesIsNotLeftForForever() {
    try (BareMachine m = machine(new Engine.Options(true, 100_000, 2, 32, 300))) {
      run(m, FIELDS, 0, 100_000, PAGES + 64, 1);
      assertThat(m.cpu.statistics()).contains("engine: 1 classes built");
      run(m, FIELDS, 0, 100_000, PAGES + 0xfd8, 1);
      assertThat(m.cpu.statistics()).containsPattern("engine: [2-9] classes built");
    }
  }
}
