package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.Map;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.proxy.ProxyObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.tuber.truffle.x86.language.Programs.Tier;

/** The language as an embedder sees it. */
class X86LanguageTest {
  /** mov eax, 42; hlt. */
  private static final String ANSWER = "b8 2a000000 f4";

  /** inc eax; dec ecx; jnz -6; hlt (32 and 64-bit). */
  private static final String LOOP = "ffc0 ffc9 75fa f4";

  private static Context context(Tier tier, int mode, Map<String, String> options) {
    return Programs.context(tier, mode, options);
  }

  private static String kind(Value machine) {
    return machine.getMember("exit").getMember("kind").asString();
  }

  @Test
  void evaluatingRunsUntilHltAndRegistersAreMembers() {
    try (Context c = context(Tier.DEFAULT, 64, Map.of())) {
      Value m = c.eval(Programs.source(ANSWER));
      assertThat(kind(m)).isEqualTo("halted");
      assertThat(m.getMember("rax").asLong()).isEqualTo(42);
      assertThat(m.getMember("rip").asLong()).isEqualTo(0x1006);
      assertThat(m.getMember("rsp").asLong()).isEqualTo(16 << 20);
      assertThat(m.getMember("cs").asLong()).isEqualTo(8);
      assertThat(m.getMember("xmm0").asString()).isEqualTo("0".repeat(32));
      assertThat(m.hasMember("r16")).isFalse();
      assertThat(m.getMemberKeys()).contains("rax", "r15", "eflags", "xmm15", "memory", "exit");
    }
  }

  @Test
  void executesAgainWithChangedRegisters() {
    try (Context c = context(Tier.DEFAULT, 64, Map.of("x86.Run", "false"))) {
      // add rax, rcx; movq xmm1, rax; hlt
      Value m = c.eval(Programs.source("4801c8 66480f6ec8 f4"));
      assertThat(kind(m)).isEqualTo("new");
      m.putMember("rax", 40);
      m.putMember("rcx", 2L);
      m.putMember("xmm1", "ffffffffffffffffffffffffffffffff");
      m.execute();
      assertThat(m.getMember("rax").asLong()).isEqualTo(42);
      assertThat(m.getMember("xmm1").asString()).isEqualTo("0".repeat(30) + "2a");
      m.execute(ProxyObject.fromMap(Map.of("rcx", 0x7fff_ffff_ffff_ffffL)));
      assertThat(m.getMember("rax").asLong()).isEqualTo(0x8000_0000_0000_0029L);
      assertThat(m.getMember("eflags").asLong() & 0x8c1).isEqualTo(0x880);
      m.invokeMember("reset");
      assertThat(m.getMember("rax").asLong()).isZero();
    }
  }

  @Test
  void memoryIsABuffer() {
    try (Context c = context(Tier.DEFAULT, 64, Map.of("x86.LoadAddress", "0x2000"))) {
      // mov dword [0x3000], 0x11223344; mov al, [rip]; hlt
      Value m = c.eval(Programs.source("c7042500300000 44332211 8a0500000000 f4"));
      Value memory = m.getMember("memory");
      assertThat(memory.hasBufferElements()).isTrue();
      assertThat(memory.getBufferSize()).isEqualTo(16 << 20);
      assertThat(memory.readBufferInt(ByteOrder.LITTLE_ENDIAN, 0x3000)).isEqualTo(0x11223344);
      assertThat(memory.readBufferInt(ByteOrder.BIG_ENDIAN, 0x3000)).isEqualTo(0x44332211);
      assertThat(m.getMember("rax").asLong()).isEqualTo(0xf4);
      // Another immediate: the translation made from the old one must go.
      memory.writeBufferInt(ByteOrder.LITTLE_ENDIAN, 0x2007, 0x55667788);
      m.execute();
      assertThat(memory.readBufferLong(ByteOrder.LITTLE_ENDIAN, 0x3000)).isEqualTo(0x55667788);
    }
  }

  @ParameterizedTest
  @EnumSource(Tier.class)
  void aFaultEndsTheRunBeforeItsInstruction(Tier tier) {
    try (Context c = context(tier, 64, Map.of("x86.MemorySize", "2M"))) {
      // mov eax, 1; mov rcx, 0x123456789000; add [rcx], eax; mov eax, 2; hlt
      Value m = c.eval(Programs.source("b801000000 48b90090785634120000 0101 b802000000 f4"));
      Value exit = m.getMember("exit");
      assertThat(kind(m)).isEqualTo("fault");
      assertThat(exit.getMember("vector").asInt()).isEqualTo(14);
      assertThat(exit.getMember("error").asLong()).isIn(0L, 2L);
      assertThat(exit.getMember("address").asLong()).isEqualTo(0x1234_5678_9000L);
      assertThat(m.getMember("rip").asLong()).isEqualTo(0x100f);
      assertThat(m.getMember("rax").asLong()).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource({"16", "32", "64"})
  void undefinedOpcodeAndSoftwareInterrupt(int mode) {
    try (Context c = context(Tier.DEFAULT, mode, Map.of())) {
      Value m = c.eval(Programs.source("90 0f0b f4"));
      assertThat(m.getMember("exit").getMember("vector").asInt()).isEqualTo(6);
      assertThat(m.getMember("exit").getMember("error").asLong()).isEqualTo(-1);
      assertThat(m.getMember("rip").asLong()).isEqualTo(0x1001);
      // INT 80h: the gate does not exist.
      m = c.eval(Programs.source("cd80 f4"));
      assertThat(m.getMember("exit").getMember("vector").asInt()).isEqualTo(13);
      assertThat(m.getMember("exit").getMember("error").asLong()).isEqualTo(0x402);
    }
  }

  @ParameterizedTest
  @EnumSource(Tier.class)
  void anEndlessLoopEndsWithTheBudget(Tier tier) {
    try (Context c = context(tier, 64, Map.of("x86.InstructionBudget", "100000"))) {
      Value m = c.eval(Programs.source("ffc0 ebfc"));
      assertThat(kind(m)).isEqualTo("budget");
      assertThat(m.getMember("instructions").asLong()).isGreaterThanOrEqualTo(100_000);
      long before = m.getMember("rax").asLong();
      m.invokeMember("resume", 1000);
      assertThat(m.getMember("rax").asLong()).isGreaterThan(before);
    }
  }

  @Test
  void cancellingStopsAnEndlessLoop() throws InterruptedException {
    Context c = context(Tier.DEFAULT, 64, Map.of());
    Thread canceller =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    java.util.concurrent.TimeUnit.MILLISECONDS.sleep(300);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  c.close(true);
                });
    Source endless = Programs.source("ebfe");
    assertThatThrownBy(() -> c.eval(endless))
        .isInstanceOf(PolyglotException.class)
        .matches(e -> ((PolyglotException) e).isCancelled());
    canceller.join();
  }

  @Test
  void realModeUsesSixteenBits() {
    try (Context c = context(Tier.DEFAULT, 16, Map.of())) {
      // mov ax, ffff; inc ax; mov bx, 1234; mov [bx], bx; hlt
      Value m = c.eval(Programs.source("b8ffff 40 bb3412 891f f4"));
      assertThat(kind(m)).isEqualTo("halted");
      assertThat(m.getMember("rax").asLong()).isZero();
      assertThat(m.getMember("memory").readBufferShort(ByteOrder.LITTLE_ENDIAN, 0x1234))
          .isEqualTo((short) 0x1234);
      // mov ax, [ffff]: the second byte is beyond the limit.
      m = c.eval(Programs.source("a1ffff f4"));
      assertThat(m.getMember("exit").getMember("vector").asInt()).isEqualTo(13);
    }
  }

  @Test
  void textIsNoProgram() {
    try (Context c = context(Tier.DEFAULT, 64, Map.of())) {
      assertThatThrownBy(() -> c.eval("x86", "mov eax, 42"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("only supports binary");
    }
  }

  @Test
  void badOptionsAreRefused() {
    assertThatThrownBy(() -> context(Tier.DEFAULT, 8, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'8' is none of");
    try (Context c = context(Tier.DEFAULT, 64, Map.of("x86.LoadAddress", "1G"))) {
      assertThatThrownBy(() -> c.eval(Programs.source(ANSWER)))
          .isInstanceOf(PolyglotException.class)
          .hasMessageContaining("out of memory");
    }
  }

  /** Programs, mode and expected RAX (or EAX, AX); each runs in all tiers with equal outcomes. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // mov ecx, 1000; xor eax, eax; loop above
        "64 | b9e8030000 31c0 " + LOOP + " | 3e8",
        "32 | b9e8030000 31c0 " + LOOP + " | 3e8",
        // mov cx, 1000; xor ax, ax; inc ax; loop -3; hlt
        "16 | b9e803 31c0 40 e2fd f4 | 3e8",
        // Sum of the squares of 1 to 500: mov ecx,500; xor eax,eax; mov edx,ecx; imul edx,edx;
        // add eax,edx; dec ecx; jnz; hlt
        "64 | b9f4010000 31c0 89ca 0fafd2 01d0 ffc9 75f5 f4 | 27db106",
        // Recursive Fibonacci of 15: mov edi,15; call fib; hlt; fib: cmp edi,2; jl; push rdi;
        // dec edi; call fib; pop rdi; push rax; sub edi,2; call fib; pop rdx; add eax,edx; ret;
        // mov eax,edi; ret
        "64 | bf0f000000 e801000000 f4 83ff02 7c19 57 ffcf e8f3ffffff 5f 50 83ef02 "
            + "e8e9ffffff 5a 01d0 c3 0f1f00 89f8 c3 | 262",
        // Collatz steps of 27: mov edx,27; xor eax,eax; cmp edx,1; je end; test dl,1; jz half;
        // lea edx,[rdx+rdx*2+1]; jmp count; half: shr edx,1; count: inc eax; jmp; hlt
        "64 | ba1b000000 31c0 83fa01 7411 f6c201 7406 8d545201 eb02 d1ea ffc0 ebea f4 | 6f",
        // rep stosd and a sum over it: cld; mov edi,8000h; mov eax,3; mov ecx,256; rep stosd;
        // xor eax,eax; mov ecx,256; add eax,[edi+ecx*4-1028]...
        "32 | fc bf00800000 b803000000 b900010000 f3ab 31c0 b900010000 03048dfc7f0000 49 "
            + "75f6 f4 | 300",
        // SSE2: cvtsi2sd xmm0,ecx sums 100..1 as doubles, cvttsd2si
        "64 | b964000000 0f57c9 f20f2ac1 f20f58c8 ffc9 75f4 f20f2cc1 f4 | 13ba",
      })
  void tiersAgree(int mode, String hex, String rax) {
    Map<Tier, String> outcomes = new EnumMap<>(Tier.class);
    Source source = Programs.source(hex);
    for (Tier tier : Tier.values()) {
      try (Context c = context(tier, mode, Map.of("x86.InstructionBudget", "1000000"))) {
        Value m = c.eval(source);
        for (int i = 0; i < 3; i++) {
          m.execute();
        }
        assertThat(kind(m)).as("%s", tier).isEqualTo("halted");
        assertThat(Long.toHexString(m.getMember("rax").asLong())).as("%s", tier).isEqualTo(rax);
        outcomes.put(tier, Programs.registers(m));
      }
    }
    assertThat(outcomes.get(Tier.DEFAULT)).isEqualTo(outcomes.get(Tier.INTERP));
    assertThat(outcomes.get(Tier.IMMEDIATE)).isEqualTo(outcomes.get(Tier.INTERP));
    assertThat(outcomes.get(Tier.CLASSES)).isEqualTo(outcomes.get(Tier.INTERP));
  }
}
