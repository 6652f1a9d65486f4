package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.BareMachine;

/**
 * Code that is written while it runs, by itself and by another CPU, and instructions of which the
 * second page is missing, in the interpreter and in compiled regions (SDM vol. 3, 8.1.3 and 11.6).
 */
class ChangingCodeTest {
  private static final long CODE = 0x10_0000;
  private static final int DEADLINE_SECONDS = 60;
  private static final long HANDLER = 0x6000;

  /** Page table of the third 2 MiB. */
  private static final long TABLE = 0x7_8000;

  private static final long MAPPED = 0x40_0000;

  private static BareMachine machine(String tier) {
    Engine.Options options =
        switch (tier) {
          case "interpreter" -> Engine.Options.INTERPRETER;
          case "default" -> Engine.Options.DEFAULT;
          case "classes" -> Engine.Options.IMMEDIATE_CLASSES;
          // One block each: control goes from class to class.
          case "chains" -> new Engine.Options(true, 2, 2, 1, 300);
          // All of it twice, and compared.
          case "lockstep" -> new Engine.Options(true, 2, 2, 32, 300, true);
          default -> Engine.Options.IMMEDIATE;
        };
    return new BareMachine(Map.of("model", "max"), options).longMode();
  }

  private static FutureTask<ExitReason> start(X86Cpu cpu) {
    FutureTask<ExitReason> run = new FutureTask<>(() -> cpu.run(Long.MAX_VALUE));
    Thread.ofPlatform().daemon().start(run);
    return run;
  }

  private static void write(BareMachine m, long at, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(at, code, 0, code.length);
    m.cpu.engine.codePages().written(m.ram, at, code.length);
  }

  private static void run(BareMachine m, long pc) {
    m.s.pc = pc;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
  }

  /** mov byte [rip+X],n: the immediate of what follows, at every distance up to a whole block. */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "default", "immediate", "classes", "chains", "lockstep"})
  void aStoreAheadInTheSameBlock(String tier) {
    try (BareMachine m = machine(tier)) {
      for (int distance = 0; distance < 40; distance++) {
        // l: inc byte [rip+distance+1]; nops; mov al,0; add ebx,eax; dec ecx; jnz l; hlt
        String body = "90".repeat(distance) + "b000 01c3 ffc9";
        int length = 6 + distance + 6 + 2;
        String hex =
            String.format("fe05%02x000000", distance + 1)
                + body
                + String.format("75%02x", 256 - length)
                + "f4";
        write(m, CODE, hex);
        m.s.r[0] = 0;
        m.s.r[3] = 0;
        m.s.r[1] = 200;
        run(m, CODE);
        assertThat(m.s.r[3]).as("distance %d", distance).isEqualTo(200 * 201 / 2);
      }
    }
  }

  /**
   * Each round stores the next round's immediate in a function on another page and calls it: l: mov
   * [rdi+1],ecx; call rdi; add ebx,eax; dec ecx; jnz l; hlt. The function: mov eax,0; ret.
   */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "default", "immediate", "classes", "chains", "lockstep"})
  void aStoreToAnotherPage(String tier) {
    try (BareMachine m = machine(tier)) {
      write(m, CODE, "894f01 ffd7 01c3 ffc9 75f5 f4");
      write(m, CODE + 0x3000, "b800000000c3");
      m.s.r[7] = CODE + 0x3000;
      m.s.r[1] = 3000;
      run(m, CODE);
      assertThat(m.s.r[3]).isEqualTo(3000L * 3001 / 2);
    }
  }

  /** REP STOSB fills the rest of its own block with INC EBX (FF C3 as words), then runs it. */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "immediate", "classes", "chains", "lockstep"})
  void aStringInstructionWritesWhatFollows(String tier) {
    try (BareMachine m = machine(tier)) {
      // lea rdi,[rip+2]; rep stosw; 8 * nop nop; hlt
      write(m, CODE, "488d3d03000000 66f3ab" + "9090".repeat(8) + "f4");
      m.s.r[0] = 0xc3ff;
      m.s.r[1] = 8;
      run(m, CODE);
      assertThat(m.s.r[3]).isEqualTo(8);
    }
  }

  /** The store hits the last byte of an instruction across two pages, from the first page. */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "default", "immediate", "classes", "chains", "lockstep"})
  void anInstructionAcrossPagesChangesOnTheSecond(String tier) {
    try (BareMachine m = machine(tier)) {
      long at = CODE + 0xffd;
      // add ebx,imm32 (81 c3 xx xx xx xx), three bytes on each page; dec ecx; jnz l; hlt
      write(m, at, "81c301000000 ffc9 75ef f4");
      // l: nine bytes before: inc byte [rdi]; then 90s
      write(m, at - 7, "fe07 9090909090");
      m.s.r[7] = at + 4;
      m.s.r[1] = 100;
      // jnz goes to at - 7: from at + 10 that is -17.
      run(m, at - 7);
      long sum = 0;
      for (int i = 1; i <= 100; i++) {
        sum += 1 + ((long) i << 16);
      }
      assertThat(m.s.r[3]).isEqualTo(sum);
    }
  }

  // ---------------------------------------------------------------- a missing second page

  /** Every length of an instruction across the border, with the second page missing at first. */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "immediate", "classes", "chains", "lockstep"})
  void theSecondPageIsMissing(String tier) {
    try (BareMachine m = machine(tier)) {
      // Virtual 400000H-401FFFH, first page mapped to CODE, second not present.
      m.ram.store64(0x3010, TABLE | 7);
      m.ram.store64(TABLE, CODE | 7);
      m.gate64(14, HANDLER, 14, 0, 0);
      // The handler maps the page, counts, drops the error code: or qword [rsi],1; inc edx; ...
      write(m, HANDLER, "48830e01 0f01 38 ffc2 4883c408 48cf");
      m.s.r[6] = TABLE + 8;
      m.s.r[7] = MAPPED + 0x1000;
      // movabs rax: 48 b8 and eight bytes.
      String instruction = "48b8f0debc9a78563412";
      for (int first = 1; first < 10; first++) {
        for (int i = 0; i < 3; i++) {
          m.ram.store64(TABLE + 8, CODE + 0x1000 | 6);
          m.cpu.flushTlb();
          write(m, CODE + 0x1000 - first - 2, "ffc3" + instruction + "f4");
          m.s.r[0] = MAPPED + 0x1000;
          m.s.r[2] = 0;
          m.s.r[3] = 0;
          run(m, MAPPED + 0x1000 - first - 2);
          assertThat(m.s.r[0]).isEqualTo(0x1234_5678_9abc_def0L);
          assertThat(m.s.r[2]).as("faults").isEqualTo(1);
          assertThat(m.s.r[3]).as("the instruction before ran once").isEqualTo(1);
          assertThat(m.cpu.cr2).isEqualTo(MAPPED + 0x1000);
        }
      }
    }
  }

  // ---------------------------------------------------------------- two CPUs

  /**
   * One CPU spins in code that the other rewrites: l: mov eax,1; cmp eax,imm; je l; hlt. The other
   * stores 2 into the first immediate and halts. SDM: the change is seen after a while.
   */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "default", "immediate", "classes", "chains", "lockstep"})
  void anotherCpuChangesTheCode(String tier) throws Exception {
    try (BareMachine m = machine(tier)) {
      write(m, CODE, "ffc3 b801000000 83f801 74f4 f4");
      X86Cpu second = m.secondCpu();
      // pause; dec rcx; jnz: give the first time to get hot; mov byte [rdi],2; hlt
      write(m, CODE + 0x2000, "f390 48ffc9 75f9 c60702 f4");
      second.home.pc = CODE + 0x2000;
      second.home.r[1] = tier.equals("interpreter") ? 1_000_000 : 20_000_000;
      second.home.r[7] = CODE + 3;
      m.s.pc = CODE;
      FutureTask<ExitReason> one = start(m.cpu);
      FutureTask<ExitReason> two = start(second);
      assertThat(two.get(DEADLINE_SECONDS, TimeUnit.SECONDS)).isEqualTo(ExitReason.HALTED);
      try {
        assertThat(one.get(DEADLINE_SECONDS, TimeUnit.SECONDS)).isEqualTo(ExitReason.HALTED);
      } catch (TimeoutException e) {
        m.cpu.kick();
        one.get();
        throw new AssertionError("still runs the old code: " + m.cpu.statistics(), e);
      }
      assertThat(m.s.r[0]).isEqualTo(2);
      assertThat(m.s.r[3]).isPositive();
      second.close();
    }
  }

  /**
   * Both CPUs add to one cell under a lock that is taken by CMPXCHG and freed by a plain store: a
   * failing CMPXCHG writes back what it read, which must not undo the other's store.
   *
   * <pre>
   *   mov ecx,100000; mov esi,7000h; mov edx,1
   *   l: xor eax,eax; lock cmpxchg [rsi],edx; jnz l; inc dword [rsi+8]; mov byte [rsi],0
   *   lock inc dword [rsi+16]; dec ecx; jnz l; hlt
   * </pre>
   */
  @ParameterizedTest
  @ValueSource(strings = {"interpreter", "default", "immediate", "classes", "chains", "lockstep"})
  void lockedOperationsOfTwoCpusAreAtomic(String tier) throws Exception {
    try (BareMachine m = machine(tier)) {
      write(
          m,
          CODE,
          "b9a0860100 be00700000 ba01000000"
              + "31c0 f00fb116 75f8 ff4608 c60600 f0ff4610 ffc9 75ea f4");
      X86Cpu second = m.secondCpu();
      second.home.pc = CODE;
      m.s.pc = CODE;
      FutureTask<ExitReason> one = start(m.cpu);
      FutureTask<ExitReason> two = start(second);
      try {
        assertThat(one.get(DEADLINE_SECONDS, TimeUnit.SECONDS)).isEqualTo(ExitReason.HALTED);
        assertThat(two.get(DEADLINE_SECONDS, TimeUnit.SECONDS)).isEqualTo(ExitReason.HALTED);
      } finally {
        m.cpu.kick();
        second.kick();
      }
      assertThat(m.ram.load64(0x7008)).isEqualTo(200_000);
      assertThat(m.ram.load64(0x7010)).isEqualTo(200_000);
      second.close();
    }
  }
}
