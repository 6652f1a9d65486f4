package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.GuestFault;
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
