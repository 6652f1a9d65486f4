package org.tuber.truffle.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;

/** SDM vol. 2, 2.3 and 2.5: what may surround a VEX prefix, its fields, and what enables it. */
class VexDecodingTest {
  private static final String VPADDD = "c5f5fec2";
  private final BareCpu b64 = new BareCpu(true);
  private final BareCpu b32 = new BareCpu(false);

  @AfterEach
  void close() {
    b64.close();
    b32.close();
  }

  private static int step(BareCpu bare, String hex) {
    return bare.step(HexFormat.of().parseHex(hex));
  }

  @ParameterizedTest
  @CsvSource({
    "c5f5fec2, -1, vpaddd ymm0 ymm1 ymm2",
    "c4e175fec2, -1, the same with three bytes",
    "66c5f5fec2, 6, 66 before VEX",
    "f2c5f5fec2, 6, F2 before VEX",
    "f3c5f5fec2, 6, F3 before VEX",
    "f0c5f5fec2, 6, LOCK before VEX",
    "48c5f5fec2, 6, REX before VEX",
    "64c5f5fe07, -1, a segment prefix is one of the address",
    "c4e075fec2, 6, map 0",
    "c4e475fec2, 6, map 4",
    "c5fd6fc1, -1, vmovdqa ymm0 ymm1",
    "c5f56fc1, 6, vvvv where there is no such operand",
    "c5f96ec0, -1, vmovd xmm0 eax",
    "c5fd6ec0, 6, 256 bits where there are 128 only",
    "c4e37518c201, -1, vinsertf128",
    "c4e37118c201, 6, 128 bits where there are 256 only",
    "c4e3f518c201, 6, W1 where W0 is required",
    "c4e27d18c1, -1, vbroadcastss of a register",
    "c5f877, -1, vzeroupper",
    "c4e27990042f, 6, gather: a register twice",
    "c4e2699004c7, 6, gather: mask and index the same",
    "c5f82817, -1, vmovaps xmm2 [rdi]",
    "c5fc285710, 13, vmovaps ymm2 [rdi+16] is not aligned",
    "c5fc105711, -1, vmovups ymm2 [rdi+17]",
    "c5f5fe5711, -1, vpaddd from anywhere"
  })
  void prefixesAndFields(String hex, int vector, String what) {
    b64.state.r[7] = BareCpu.DATA;
    assertThat(step(b64, hex)).as(what).isEqualTo(vector);
  }

  @Test
  void withoutOsSupportAvxIsUndefinedButBmiIsNot() {
    b64.cpu.xcr0 = 3;
    b64.cpu.modeChanged();
    assertThat(step(b64, VPADDD)).isEqualTo(X86Cpu.UD);
    assertThat(step(b64, "c4e270f2c2")).isEqualTo(-1);
    b64.cpu.xcr0 = 7;
    b64.cpu.cr4 &= ~Cr.CR4_OSXSAVE;
    b64.cpu.modeChanged();
    assertThat(step(b64, VPADDD)).isEqualTo(X86Cpu.UD);
    assertThat(step(b64, "c4e270f2c2")).isEqualTo(-1);
  }

  @Test
  void taskSwitchedStopsAvxAndEmulationDoesNot() {
    b64.cpu.cr0 |= Cr.CR0_TS;
    b64.cpu.modeChanged();
    assertThat(step(b64, VPADDD)).isEqualTo(X86Cpu.NM);
    assertThat(step(b64, "660ffec2")).isEqualTo(X86Cpu.NM);
    assertThat(step(b64, "c4e270f2c2")).isEqualTo(-1);
    b64.cpu.cr0 = b64.cpu.cr0 & ~Cr.CR0_TS | Cr.CR0_EM;
    b64.cpu.modeChanged();
    assertThat(step(b64, VPADDD)).isEqualTo(-1);
    assertThat(step(b64, "660ffec2")).as("paddd xmm").isEqualTo(X86Cpu.UD);
    assertThat(step(b64, "0ffec2")).as("paddd mm").isEqualTo(X86Cpu.UD);
    assertThat(step(b64, "d9e8")).as("fld1").isEqualTo(X86Cpu.NM);
  }

  @Test
  void in32BitCodeTheOpcodesAreLesAndLdsWithMemory() {
    b32.state.y[0] = 5;
    assertThat(step(b32, VPADDD)).isEqualTo(-1);
    assertThat(b32.state.y[0]).isZero();
    // lds ecx,[edi]: a null selector at the end of six readable bytes.
    b32.state.r[7] = BareCpu.DATA;
    b32.data.store64(0, 0x1234_5678);
    assertThat(step(b32, "c50f")).isEqualTo(-1);
    assertThat(b32.state.r[1]).isEqualTo(0x1234_5678);
    assertThat(step(b32, "c4e2f8f2c2")).as("W1 is ignored").isEqualTo(-1);
    assertThat(b32.state.r[0] >>> 32).isZero();
  }

  @Test
  void inV8086AndRealModeThereIsNoVex() {
    b32.cpu.cr0 &= ~Cr.CR0_PE;
    b32.cpu.modeChanged();
    assertThat(step(b32, VPADDD)).isEqualTo(X86Cpu.UD);
  }

  @Test
  void vzeroupperIn32BitCodeKeepsRegistersThatHaveNoName() {
    b32.state.y[4] = 1;
    b32.state.y[16] = 2;
    assertThat(step(b32, "c5f877")).isEqualTo(-1);
    assertThat(b32.state.y[4]).isZero();
    assertThat(b32.state.y[16]).isEqualTo(2);
  }

  @Test
  void aFaultInTheSecondHalfChangesNothing() {
    // vaddpd ymm0,ymm1,[rdi] across the end of RAM.
    b64.state.r[7] = BareCpu.DATA + BareCpu.DATA_BYTES - 16;
    b64.state.x[0] = 7;
    b64.state.y[0] = 8;
    b64.cpu.cr3 = 0x8000;
    b64.cpu.mxcsr = 0;
    b64.state.x[2] = 1;
    b64.state.y[2] = 0x7ff0_0000_0000_0001L;
    assertThat(step(b64, "c5f558c1")).as("vaddpd: #XM in the upper half").isEqualTo(X86Cpu.XM);
    assertThat(b64.state.x[0]).isEqualTo(7);
    assertThat(b64.state.y[0]).isEqualTo(8);
    assertThat(b64.cpu.mxcsr).as("IE and DE, nothing of the sums").isEqualTo(3);
  }
}
