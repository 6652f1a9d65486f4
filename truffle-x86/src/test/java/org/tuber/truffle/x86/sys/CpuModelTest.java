package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.BareCpu;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;

/** CPUID, model options, MSRs. */
class CpuModelTest {
  private static int[] cpuid(BareMachine m, int leaf, int subleaf) {
    m.cpu.model.cpuid(m.cpu, leaf, subleaf);
    return new int[] {(int) m.s.r[0], (int) m.s.r[3], (int) m.s.r[1], (int) m.s.r[2]};
  }

  private static String text(int... registers) {
    ByteBuffer b = ByteBuffer.allocate(4 * registers.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int r : registers) {
      b.putInt(r);
    }
    return new String(b.array(), StandardCharsets.US_ASCII);
  }

  @Test
  void qemu64HasTheIdentityOfQemus() {
    try (BareMachine m = new BareMachine("qemu64")) {
      int[] r = cpuid(m, 0, 0);
      assertThat(r[0]).isEqualTo(0xd);
      assertThat(text(r[1], r[3], r[2])).isEqualTo("AuthenticAMD");
      r = cpuid(m, 1, 0);
      assertThat(r[0]).isEqualTo(0x60fb1);
      assertThat(r[2]).isEqualTo(0x8000_2001);
      // Without an APIC behind the platform its bit is clear.
      assertThat(r[3]).isEqualTo(0x078b_fbfd & ~0x200);
      r = cpuid(m, 0x8000_0001, 0);
      // SVM is not there.
      assertThat(r[2]).isEqualTo(1);
      assertThat(r[3]).isEqualTo(0x2193_fbfd & ~0x200);
      assertThat(cpuid(m, 0x8000_0008, 0)[0]).isEqualTo(0x3028);
      r = cpuid(m, 0x4000_0000, 0);
      assertThat(text(r[1], r[2], r[3])).isEqualTo("TCGTCGTCGTCG");
    }
  }

  @Test
  void flagsAddAndRemoveFeatures() {
    CpuModel model = CpuModel.of(Map.of("model", "qemu64", "smap", "on", "nx", "off"));
    assertThat(model.has(CpuFeature.SMAP)).isTrue();
    assertThat(model.has(CpuFeature.NX)).isFalse();
    assertThat(model.eferMask() & Cr.EFER_NXE).isZero();
    assertThat(CpuModel.of(Map.of("model", "max")).hasGigabytePages()).isTrue();
  }

  @Test
  void everyModelHasItsSignatureAndSaysSo() {
    assertThat(CpuModel.names()).startsWith("qemu64").contains("qemu32", "EPYC", "max");
    for (String name : CpuModel.names()) {
      try (BareMachine m = new BareMachine(name)) {
        assertThat(m.cpu.model.name()).isEqualTo(name);
        assertThat(cpuid(m, 1, 0)[0]).isEqualTo(m.cpu.model.signature());
      }
    }
    try (BareMachine m = new BareMachine("Skylake-Client")) {
      int[] r = cpuid(m, 0, 0);
      assertThat(text(r[1], r[3], r[2])).isEqualTo("GenuineIntel");
      assertThat(cpuid(m, 1, 0)[0]).isEqualTo(0x506e3);
      // HLE and RTM are not there.
      assertThat(cpuid(m, 7, 0)[1]).isEqualTo(0x001c_07a9);
      assertThat(cpuid(m, 0xd, 1)[0]).isEqualTo(7);
    }
    try (BareMachine m = new BareMachine("EPYC")) {
      assertThat(cpuid(m, 1, 0)[0]).isEqualTo(0x80_0f12);
    }
    try (BareMachine m = new BareMachine("pentium3")) {
      assertThat(cpuid(m, 0x8000_0000, 0)[0]).isEqualTo(cpuid(m, 3, 0)[0]);
      assertThat(m.cpu.model.physicalBits()).isEqualTo(36);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "qemu64, 0f58c1, -1, addps",
    "pentium2, 0f58c1, 6, addps",
    "pentium2, 0ffec1, -1, paddd mm",
    "486, 0ffec1, 6, paddd mm",
    "486, 0f40c1, 6, cmovo",
    "pentium3, 660f58c1, 6, addpd",
    "pentium3, 0fc6c100, -1, shufps",
    "pentium3, 0fd4c1, 6, paddq mm",
    "pentium3, 0feec1, -1, pmaxsw mm",
    "core2duo, 660f3800c1, -1, pshufb",
    "core2duo, 660f3817c1, 6, ptest",
    "Nehalem, 660f3817c1, -1, ptest",
    "Nehalem, f30fb8c1, -1, popcnt",
    "core2duo, f30fb8c1, 6, popcnt",
    "Nehalem, 660f38dcc1, 6, aesenc",
    "SandyBridge, 660f38dcc1, -1, aesenc",
    "SandyBridge, c5f1fec2, -1, vpaddd xmm",
    "SandyBridge, c5f5fec2, 6, vpaddd ymm",
    "SandyBridge, c4e270f2c2, 6, andn",
    "Haswell, c5f5fec2, -1, vpaddd ymm",
    "Haswell, c4e270f2c2, -1, andn",
    "IvyBridge, c4e26998c1, 6, vfmadd132ps",
    "Broadwell, 0f38c8c1, 6, sha1nexte",
    "EPYC, 0f38c8c1, -1, sha1nexte",
    "EPYC, 660f38f6c1, -1, adcx",
    "Nehalem, 0fc7f0, 6, rdrand",
    "IvyBridge, 0fc7f0, -1, rdrand",
    "Nehalem, f30fbcc1, -1, tzcnt is bsf"
  })
  void instructionsThatAModelLacksAreUndefined(String model, String hex, int vector, String what) {
    try (BareCpu m = new BareCpu(false, Engine.Options.INTERPRETER, model)) {
      assertThat(m.step(HexFormat.of().parseHex(hex))).as(what).isEqualTo(vector);
    }
  }

  @Test
  void withoutBmiTheCountIsAScan() {
    try (BareCpu m = new BareCpu(false, Engine.Options.INTERPRETER, "Nehalem")) {
      m.state.r[0] = 77;
      m.state.r[1] = 0;
      assertThat(m.step(HexFormat.of().parseHex("f30fbcc1"))).isEqualTo(-1);
      assertThat(m.state.r[0]).as("BSF of zero").isEqualTo(77);
    }
  }

  @Test
  void featuresOfOthersAreIgnoredAndDependentsGo() {
    CpuModel m = CpuModel.of(Map.of("model", "EPYC", "svm", "off", "vmx", "on", "avx", "off"));
    assertThat(m.has(CpuFeature.AVX2)).isFalse();
    assertThat(m.has(CpuFeature.FMA)).isFalse();
    assertThat(m.has(CpuFeature.XSAVE)).isTrue();
    assertThat(m.xcr0Mask()).isEqualTo(3);
    assertThat(CpuModel.of(Map.of("model", "core2duo", "sse4_1", "on")).has(CpuFeature.SSE41))
        .isTrue();
  }

  @Test
  void unknownNamesAreNamed() {
    assertThatThrownBy(() -> CpuModel.of(Map.of("model", "pentium9")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("pentium9");
    assertThatThrownBy(() -> CpuModel.of(Map.of("model", "max", "warp", "on")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("warp");
  }

  @Test
  void topologyCountsTheCpus() {
    try (BareMachine m = new BareMachine(Map.of("model", "qemu64", "cpus", "4"))) {
      assertThat(cpuid(m, 1, 0)[1] >> 16 & 0xff).isEqualTo(4);
      assertThat(cpuid(m, 0xb, 1)[0]).isEqualTo(2);
      assertThat(cpuid(m, 0xb, 1)[1]).isEqualTo(4);
    }
  }

  @Test
  void leavesBeyondTheLastReadAsTheLastBasicLeaf() {
    try (BareMachine m = new BareMachine("qemu64")) {
      assertThat(cpuid(m, 0x1234, 0)).isEqualTo(cpuid(m, 0xd, 0));
      assertThat(cpuid(m, 0x8000_1234, 0)).isEqualTo(cpuid(m, 0xd, 0));
    }
  }

  @Test
  void msrs() {
    try (BareMachine m = new BareMachine("qemu64")) {
      m.clock.advance(5000);
      assertThat(Msr.read(m.cpu, Msr.TSC)).isEqualTo(5000);
      Msr.write(m.cpu, Msr.TSC, 100);
      m.clock.advance(1);
      assertThat(Msr.read(m.cpu, Msr.TSC)).isEqualTo(101);
      Msr.write(m.cpu, Msr.GS_BASE, 0x1234);
      assertThat(m.cpu.segmentBase[X86Cpu.GS]).isEqualTo(0x1234);
      FastCalls.swapgs(m.cpu);
      assertThat(Msr.read(m.cpu, Msr.KERNEL_GS_BASE)).isEqualTo(0x1234);
      assertThat(Msr.read(m.cpu, Msr.GS_BASE)).isZero();
      Msr.write(m.cpu, Msr.MTRR_DEF_TYPE, 0xc06);
      assertThat(Msr.read(m.cpu, Msr.MTRR_DEF_TYPE)).isEqualTo(0xc06);
      GuestFault f = m.faultOf(() -> Msr.write(m.cpu, Msr.LSTAR, 1L << 60));
      assertThat(f.vector).isEqualTo(X86Cpu.GP);
      assertThat(m.faultOf(() -> Msr.read(m.cpu, 0x1234_5678)).vector).isEqualTo(X86Cpu.GP);
      assertThat(m.faultOf(() -> Msr.write(m.cpu, Msr.PAT, 2)).vector).isEqualTo(X86Cpu.GP);
      assertThat(m.faultOf(() -> Msr.write(m.cpu, Msr.EFER, 1 << 12)).vector).isEqualTo(X86Cpu.GP);
    }
  }
}
