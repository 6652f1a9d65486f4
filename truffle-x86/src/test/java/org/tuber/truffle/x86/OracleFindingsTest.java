package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X87State;
import org.tuber.truffle.x86.sys.InterruptDelivery;

/** One case of each kind that the host-CPU oracle found, for hosts that have no oracle. */
class OracleFindingsTest {
  private static final int XM = X86Cpu.XM;

  private static int step(BareCpu bare, String hex) {
    return bare.step(HexFormat.of().parseHex(hex.replace(" ", "")));
  }

  @Test
  void shrByMoreThanOneClearsOverflow() {
    try (BareCpu bare = new BareCpu(true)) {
      bare.state.r[0] = 0xffff_ffffL;
      assertThat(step(bare, "c1e8 04")).isEqualTo(-1);
      assertThat(Flags.of(bare.state)).isFalse();
    }
  }

  /** rcpss and rsqrtss xmm1,xmm0: within 1.5 * 2^-12 of the truth, and not much closer. */
  @Test
  void reciprocalsHaveTwelveBits() {
    try (BareCpu bare = new BareCpu(true)) {
      for (float v = 0.01f; v < 1000; v *= 1.0037f) {
        bare.state.x[0] = Float.floatToRawIntBits(v) & 0xffff_ffffL;
        assertThat(step(bare, "f30f53c8")).isEqualTo(-1);
        int r = (int) bare.state.x[2];
        assertThat(r & 0x7ff).isZero();
        assertThat(Math.abs(Float.intBitsToFloat(r) * (double) v - 1)).isLessThan(1.5 / 4096);
        assertThat(step(bare, "f30f52c8")).isEqualTo(-1);
        double root = Float.intBitsToFloat((int) bare.state.x[2]);
        assertThat(Math.abs(root * Math.sqrt(v) - 1)).isLessThan(1.5 / 4096);
      }
    }
  }

  @Test
  void fencesHaveNoOperandSizePrefix() {
    try (BareCpu bare = new BareCpu(true)) {
      assertThat(step(bare, "0faef0")).isEqualTo(-1);
      assertThat(step(bare, "660faef8")).isEqualTo(X86Cpu.UD);
      assertThat(step(bare, "66450fc313")).isEqualTo(X86Cpu.UD);
    }
  }

  /** maxps of 0 and a denormal. */
  @Test
  void aDenormalOperandIsFlaggedOnFastPaths() {
    try (BareCpu bare = new BareCpu(true)) {
      bare.state.x[2] = 0x3f80_0000;
      bare.state.x[0] = 1;
      bare.cpu.mxcsr = 0x1fa0;
      assertThat(step(bare, "0f58c1")).isEqualTo(-1);
      assertThat(bare.cpu.mxcsr).isEqualTo(0x1fa2);
      bare.cpu.mxcsr = 0x1f80;
      bare.state.x[0] = 1;
      assertThat(step(bare, "0f5fc1")).isEqualTo(-1);
      assertThat(bare.cpu.mxcsr).isEqualTo(0x1f82);
    }
  }

  /**
   * sqrtps xmm3,xmm5 with an inexact lane before a negative one, everything but DM, ZM unmasked.
   */
  @Test
  void unmaskedExceptionsComeFromAllLanes() {
    try (BareCpu bare = new BareCpu(true)) {
      bare.state.x[10] = 0x4254_d217_1e05_0000L;
      bare.state.x[11] = 0xc300_0000_c840_5561L;
      bare.cpu.mxcsr = 0x300;
      bare.state.pc = BareCpu.CODE;
      assertThat(step(bare, "0f51dd")).isEqualTo(XM);
      bare.state.pc = BareCpu.CODE;
      InterruptDelivery.deliverFault(bare.cpu);
      assertThat(bare.cpu.mxcsr).isEqualTo(0x301);
      assertThat(bare.state.x[6]).isZero();
    }
  }

  @Test
  void fneniDoesNotWait() {
    try (BareCpu bare = new BareCpu(true)) {
      bare.cpu.fpu.control = 0x37e;
      bare.cpu.fpu.status = 1 | X87State.ES | X87State.BUSY;
      assertThat(step(bare, "dbe0")).isEqualTo(-1);
      assertThat(step(bare, "d9d0")).isEqualTo(X86Cpu.MF);
    }
  }

  /** fscale: far beyond the range with OE unmasked. */
  @Test
  void massiveOverflowIsInfinity() {
    try (BareCpu bare = new BareCpu(true)) {
      X87State f = bare.cpu.fpu;
      f.control = 0x675;
      f.set(0, 0x6559, 0xffff_ff00_0000_0000L);
      f.set(1, 0x403d, 0x8000_0000_0000_0400L);
      assertThat(step(bare, "d9fd")).isEqualTo(-1);
      assertThat(f.signExponent[f.physical(0)]).isEqualTo(0x7fff);
      assertThat(f.significand[f.physical(0)]).isEqualTo(Long.MIN_VALUE);
    }
  }

  /** shr qword [rbp],1 and [rbx] at an address that is not canonical. */
  @Test
  void theStackSegmentRaisesItsOwnFault() {
    try (BareCpu bare = new BareCpu(true)) {
      bare.state.r[5] = 1L << 50;
      bare.state.r[3] = 1L << 50;
      assertThat(step(bare, "48d16d00")).isEqualTo(X86Cpu.GP);
      bare.state.pc = BareCpu.CODE;
      InterruptDelivery.deliverFault(bare.cpu);
      assertThat(bare.cpu.undeliverable.vector()).isEqualTo(X86Cpu.SS_FAULT);
      assertThat(step(bare, "48d12b")).isEqualTo(X86Cpu.GP);
      bare.state.pc = BareCpu.CODE;
      InterruptDelivery.deliverFault(bare.cpu);
      assertThat(bare.cpu.undeliverable.vector()).isEqualTo(X86Cpu.GP);
    }
  }

  /** vpgatherqq xmm1,[rsp+xmm7*4],xmm2 and the same with DS: the index is no general register. */
  @Test
  void gathersFromTheStackSegmentRaiseItsFault() {
    try (BareCpu bare = new BareCpu(true)) {
      bare.state.r[4] = BareCpu.DATA;
      bare.state.x[14] = 1L << 60;
      bare.state.x[4] = -1;
      assertThat(step(bare, "c4e2e9910cbc")).isEqualTo(X86Cpu.GP);
      bare.state.pc = BareCpu.CODE;
      InterruptDelivery.deliverFault(bare.cpu);
      assertThat(bare.cpu.undeliverable.vector()).isEqualTo(X86Cpu.SS_FAULT);
      bare.state.r[0] = BareCpu.DATA;
      assertThat(step(bare, "c4e2e9910cb8")).isEqualTo(X86Cpu.GP);
      bare.state.pc = BareCpu.CODE;
      InterruptDelivery.deliverFault(bare.cpu);
      assertThat(bare.cpu.undeliverable.vector()).isEqualTo(X86Cpu.GP);
    }
  }

  /** call [rbx] and call rax to a target that is not canonical: the push faults first. */
  @Test
  void theStackSlotOfACallFaultsBeforeItsTarget() {
    for (String call : new String[] {"ff13", "ffd0"}) {
      try (BareCpu bare = new BareCpu(true)) {
        bare.state.r[0] = 1L << 50;
        bare.state.r[3] = BareCpu.DATA;
        bare.data.store64(0, 1L << 50);
        bare.state.r[4] = 1L << 40;
        assertThat(step(bare, call)).isEqualTo(X86Cpu.PF);
        bare.state.r[4] = BareCpu.DATA + 2048;
        assertThat(step(bare, call)).isEqualTo(X86Cpu.GP);
        assertThat(bare.data.load64(2040)).isZero();
        bare.state.r[4] = 1L << 50;
        bare.state.pc = BareCpu.CODE;
        assertThat(step(bare, call)).isEqualTo(X86Cpu.GP);
        InterruptDelivery.deliverFault(bare.cpu);
        assertThat(bare.cpu.undeliverable.vector()).isEqualTo(X86Cpu.SS_FAULT);
      }
    }
  }
}
