package org.tuber.truffle.x86.language;

import static org.assertj.core.api.Assertions.assertThat;

import com.oracle.truffle.api.Truffle;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Value;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.x86.language.Programs.Tier;

/**
 * Upper halves of YMM registers across the borders of compiled regions: each program leaves the
 * same registers in every tier.
 */
class AvxTierTest {
  private static final int PF = 14;
  private static final String ZEROS = "0".repeat(32);

  private static void inAllTiers(Map<String, String> options, String hex, Consumer<Value> check) {
    Map<Tier, String> outcomes = new EnumMap<>(Tier.class);
    boolean optimizing =
        !Truffle.getRuntime().getClass().getSimpleName().equals("DefaultTruffleRuntime");
    for (Tier tier : Tier.values()) {
      try (Context c = Programs.context(tier, 64, options)) {
        Value m = c.eval(Programs.source(hex));
        check.accept(m);
        outcomes.put(tier, Programs.registers(m));
        if (Programs.makesCodeAtOnce(tier, optimizing)) {
          assertThat(m.getMember("statistics").asString())
              .as("%s", tier)
              .doesNotContain(Programs.nothingMade(tier));
        }
      }
    }
    assertThat(outcomes.get(Tier.DEFAULT)).isEqualTo(outcomes.get(Tier.INTERP));
    assertThat(outcomes.get(Tier.IMMEDIATE)).isEqualTo(outcomes.get(Tier.INTERP));
    assertThat(outcomes.get(Tier.CLASSES)).isEqualTo(outcomes.get(Tier.INTERP));
  }

  private static void halted(Value m) {
    assertThat(m.getMember("exit").getMember("kind").asString()).isEqualTo("halted");
  }

  /**
   *
   *
   * <pre>
   *   mov ecx,20000; vpcmpeqd ymm2,ymm2,ymm2; vpxor ymm0,ymm0,ymm0
   *   l: vpsubd ymm0,ymm0,ymm2; vpaddq ymm3,ymm0,ymm0; vmovdqu [rsi+8000h],ymm3
   *   vpermq ymm4,[rsi+8000h],1bh; vpmovmskb eax,ymm4; vextracti128 xmm5,ymm4,1
   *   add ebx,eax; dec ecx; jnz l; hlt
   * </pre>
   */
  @Test
  void integersInALoop() {
    inAllTiers(
        Map.of(),
        "b9204e0000 c5ed76d2 c5fdefc0 c5fdfac2 c5fdd4d8 c5fe7f9e00800000 c4e3fd00a6008000001b"
            + "c5fdd7c4 c4e37d39e501 01c3 ffc9 75d6 f4",
        m -> {
          halted(m);
          assertThat(m.getMember("ymm0").asString()).isEqualTo("00004e20".repeat(8));
          assertThat(m.getMember("ymm4").asString()).isEqualTo("00009c40".repeat(8));
          assertThat(m.getMember("ymm5").asString()).isEqualTo(ZEROS + "00009c40".repeat(4));
        });
  }

  /**
   * YMM9 is written before the loop only; VZEROUPPER in the loop clears its upper half too.
   *
   * <pre>
   *   mov ecx,20000; vpcmpeqd ymm9,ymm9,ymm9; vpcmpeqd ymm1,ymm1,ymm1; jmp l
   *   l: vpaddd ymm1,ymm1,ymm1; vmovdqa ymm3,ymm1; vzeroupper; vpaddd xmm3,xmm1,xmm3
   *   dec ecx; jnz l; hlt
   * </pre>
   */
  @Test
  void vzeroupperReachesRegistersThatTheRegionDoesNotKnow() {
    inAllTiers(
        Map.of(),
        "b9204e0000 c4413576c9 c5f576c9 eb00 c5f5fec9 c5fd6fd9 c5f877 c5f1fedb ffc9 75ed f4",
        m -> {
          halted(m);
          assertThat(m.getMember("ymm9").asString()).isEqualTo(ZEROS + "f".repeat(32));
        });
  }

  /**
   * The last store lies across the end of memory and writes nothing.
   *
   * <pre>
   *   vpcmpeqd ymm1,ymm1,ymm1; mov edi,8010h
   *   l: vpaddd ymm1,ymm1,ymm1; vpaddd ymm2,ymm2,ymm1; vmovdqu [rdi],ymm2; add rdi,32; jmp l
   * </pre>
   */
  @Test
  void aWideStoreFaultsInAHotLoop() {
    inAllTiers(
        Map.of("x86.MemorySize", "2M"),
        "c5f576c9 bf10800000 c5f5fec9 c5edfed1 c5fe7f17 4883c720 ebee",
        m -> {
          assertThat(m.getMember("exit").getMember("vector").asInt()).isEqualTo(PF);
          assertThat(m.getMember("rdi").asLong()).isEqualTo(0x1f_fff0);
          assertThat(m.getMember("ymm2").asString()).isEqualTo("00000002".repeat(8));
          assertThat(m.getMember("memory").readBufferByte(0x1f_fff0)).isZero();
        });
  }

  /**
   *
   *
   * <pre>
   *   mov ecx,20000; mov eax,3; vcvtsi2sd xmm0,xmm0,eax; vmulsd xmm1,xmm0,xmm0
   *   vpxor xmm2,xmm2,xmm2; vbroadcastsd ymm3,xmm0
   *   l: vfmadd231sd xmm2,xmm0,xmm1; vaddpd ymm4,ymm4,ymm3; vfmadd213ps ymm5,ymm4,ymm3
   *   vcvttsd2si rax,xmm2; dec ecx; jnz l; hlt
   * </pre>
   */
  @Test
  void fusedMultiplyAddInALoop() {
    inAllTiers(
        Map.of(),
        "b9204e0000 b803000000 c5fb2ac0 c5fb59c8 c5e9efd2 c4e27d19d8 c4e2f9b9d1 c5dd58e3"
            + "c4e25da8eb c4e1fb2cc2 ffc9 75e9 f4",
        m -> {
          halted(m);
          assertThat(m.getMember("rax").asLong()).isEqualTo(27L * 20_000);
          String sum = String.format("%016x", Double.doubleToRawLongBits(60_000));
          assertThat(m.getMember("ymm4").asString()).isEqualTo(sum.repeat(4));
        });
  }

  /**
   *
   *
   * <pre>
   *   mov ecx,20000; mov edx,12345678h
   *   l: andn eax,ecx,edx; bextr ebx,edx,eax; mulx rsi,rdi,rbx; add r8,rsi; add r9,rdi
   *   pdep r10,rdi,rdx; pext r11,r10,rdx; rorx rdx,rdx,7; shlx r12,rdx,rcx; blsr r13,r12
   *   adcx r14,r13; tzcnt rbp,r13; dec ecx; jnz l; hlt
   * </pre>
   */
  @Test
  void bitManipulationInALoop() {
    inAllTiers(
        Map.of(),
        "b9204e0000 ba78563412 c4e270f2c2 c4e278f7da c4e2c3f6f3 4901f0 4901f9 c462c3f5d2 c462aaf5da"
            + "c4e3fbf0d207 c462f1f7e2 c4c290f3cc 664d0f38f6f5 f3490fbced ffc9 75c2 f4",
        AvxTierTest::halted);
  }
}
