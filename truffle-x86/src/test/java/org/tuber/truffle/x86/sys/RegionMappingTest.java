package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.state.Cr;

/** A region over several pages, when some of them are not mapped any more. */
class RegionMappingTest {
  private static final long CODE = 0x10_0000;
  private static final long NEAR = 0x18_0000;
  private static final long STACK_BOTTOM = BareMachine.STACK - 0x1000;
  private static final long FRAME = 0x30_0000;

  /** In a page of its own. */
  private static final long FAR = 0x4000_0000;

  private static final long DIRECTORY = 0x1_0000;
  private static final long TABLE = 0x1_1000;
  private static final long POINTERS = 0x1_2000;

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

  private static final int PAGES = 3;
  private static final int PLACES = 5;

  private static BareMachine bare(int classThreshold) {
    Engine.Options options =
        classThreshold < 0
            ? Engine.Options.INTERPRETER
            : new Engine.Options(true, 2, classThreshold, 32, 300);
    BareMachine m = new BareMachine(Map.of("model", "max"), options);
    m.ram.store64(DIRECTORY, TABLE | 7);
    return m;
  }

  private static BareMachine machine(int classThreshold) {
    BareMachine m = bare(classThreshold).longMode();
    m.ram.store64(0x2000 + 8, DIRECTORY | 7);
    return m;
  }

  /** With physical address extension, the same places. */
  private static BareMachine machine32(int classThreshold) {
    BareMachine m = bare(classThreshold).protectedMode();
    m.ram.store64(0x3000, 0x83);
    m.ram.store64(POINTERS, 0x3000 | 1);
    m.ram.store64(POINTERS + 8, DIRECTORY | 1);
    m.ram.store64(0x3000 + 8, 2 << 20 | 0x83);
    m.cpu.writeRegister("cr4", Cr.CR4_PAE);
    m.cpu.writeRegister("cr3", POINTERS);
    m.cpu.writeRegister("cr0", m.cpu.cr0 | Cr.CR0_PG);
    return m;
  }

  /** Maps the library's pages at one of its places, or takes them away. */
  private static long map(BareMachine m, int place, boolean isThere) {
    for (int i = 0; i < PAGES; i++) {
      int page = PAGES * place + i;
      m.ram.store64(TABLE + 8L * page, isThere ? FRAME + 4096L * i | 7 : 0);
    }
    m.cpu.flushTlb();
    return FAR + 4096L * PAGES * place;
  }

  /** Calls the function at {@code place} and expects what it computes of its own address. */
  private static void call(BareMachine m, long place, int rounds) {
    m.s.r[12] = place;
    m.s.r[7] = STACK_BOTTOM;
    long sum = run(m, place, rounds);
    // Its address, and three times the distance from g to the return address of its call.
    assertThat(sum).isEqualTo(rounds * (place + 3 * (0x17 - 0x1000L)));
  }

  /**
   * INVLPG of a page with code and of one without, in turn: either is seen at once. Only the first
   * makes the engine look at the code's mappings again.
   */
  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 2})
  void onePageIsInvalidated(int classThreshold) {
    try (BareMachine m = machine(classThreshold)) {
      // l: call r12; mov [rdi],rsi; invlpg [r12]; call r12; mov [rdi],r8; invlpg [r12]
      put(m, CODE, "41ffd4 488937 410f013c24 41ffd4 4c8907 410f013c24");
      // mov [rdi+8],r9; invlpg [r13]; add rbx,[r13]
      put(m, CODE + 0x16, "4c894f08 410f017d00 49035d00");
      // mov [rdi+8],r10; invlpg [r13]; add rbx,[r13]
      put(m, CODE + 0x23, "4c895708 410f017d00 49035d00");
      // dec rcx; jnz l; hlt
      put(m, CODE + 0x30, "48ffc9 75cb f4");
      // add rbx,1; ret and add rbx,100; ret
      put(m, FRAME, "4883c301 c3");
      put(m, FRAME + 0x1000, "4883c364 c3");
      m.ram.store64(FRAME + 0x2000, 1000);
      m.ram.store64(FRAME + 0x3000, 5000);
      m.ram.store64(TABLE, FRAME | 7);
      m.cpu.flushTlb();
      m.s.r[6] = FRAME + 0x1000 | 7;
      m.s.r[7] = TABLE;
      m.s.r[8] = FRAME | 7;
      m.s.r[9] = FRAME + 0x2000 | 7;
      m.s.r[10] = FRAME + 0x3000 | 7;
      m.s.r[12] = FAR;
      m.s.r[13] = FAR + 0x1000;
      assertThat(run(m, FAR, 2000)).isEqualTo(2000 * (1 + 100 + 1000 + 5000));
    }
  }

  /**
   * Each process has the code of a library somewhere else: its blocks and regions move, and
   * addresses of code, data and return follow, also in faults. One process may have it twice.
   */
  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 2})
  void codeMayBeMappedElsewhereAndTwice(int classThreshold) {
    try (BareMachine m = machine(classThreshold)) {
      // l: call r12; dec rcx; jnz l; hlt
      put(m, CODE, "41ffd4 48ffc9 75f8 f4");
      // The page fault's handler: pop r8; pop r9; hlt
      put(m, NEAR, "4158 4159 f4");
      m.gate64(14, NEAR, 14, 0, 0);
      // f: lea rdx,[f]; add rbx,rdx; mov rsi,[rdi]; mov esi,3
      put(m, FRAME, "488d15f9ffffff 4801d3 488b37 be03000000");
      // l: call g; dec esi; jnz l; inc qword [count]; lea rdx,[h]; jmp rdx
      put(m, FRAME + 0x12, "e8e90f0000 ffce 75f7 48ff05de1f0000 488d1517000000 ffe2");
      // h: ret
      put(m, FRAME + 0x40, "c3");
      // g: add rbx,[rsp]; lea rdx,[g]; sub rbx,rdx; ret
      put(m, FRAME + 0x1000, "48031c24 488d15f5ffffff 4829d3 c3");
      long calls = 0;
      for (int i = 0; i < 8 * PLACES; i++) {
        long place = map(m, i % PLACES, true);
        call(m, place, 400);
        calls += 400;
        if (i % 3 == 0) {
          long other = map(m, (i + 1) % PLACES, true);
          for (int j = 0; j < 4; j++) {
            call(m, other, 100);
            call(m, place, 100);
          }
          calls += 800;
          map(m, (i + 1) % PLACES, false);
        }
        assertThat(m.ram.load64(FRAME + 0x2000)).as("its data, round %d", i).isEqualTo(calls);
        m.s.r[7] = FAR - 8;
        m.s.r[12] = place;
        run(m, place, 1);
        assertThat(m.s.r[9]).as("address of the fault, round %d", i).isEqualTo(place + 0xa);
        map(m, i % PLACES, false);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 2})
  void codeOf32BitsMoves(int classThreshold) {
    try (BareMachine m = machine32(classThreshold)) {
      // l: call eax; dec ecx; jnz l; hlt
      put(m, CODE, "ffd0 49 75fb f4");
      // f: call n; n: pop edx; add ebx,edx; mov esi,3; l: call g; dec esi; jnz l; jmp h
      put(m, FRAME, "e800000000 5a 01d3 be03000000 e8ee0f0000 4e 75f8 eb29");
      // h: ret
      put(m, FRAME + 0x40, "c3");
      // g: add ebx,[esp]; ret
      put(m, FRAME + 0x1000, "031c24 c3");
      for (int i = 0; i < 8 * PLACES; i++) {
        long place = map(m, i % PLACES, true);
        long sum = run(m, place, 400);
        assertThat(sum).isEqualTo(400 * (place + 5 + 3 * (place + 0x12)) & 0xffff_ffffL);
        map(m, i % PLACES, false);
      }
    }
  }

  /** Where the loop has called before, and now does not, need not be there: no fault. */
  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void whatIsNotExecutedNeedNotBeMapped(int classThreshold) {
    try (BareMachine m = machine(classThreshold)) {
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
