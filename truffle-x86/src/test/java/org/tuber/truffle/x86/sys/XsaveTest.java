package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.x86.BareCpu;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;

/** SDM vol. 1, chapter 13: XSAVE areas, XCR0, PKRU, and what CPUID leaf D says of them. */
class XsaveTest {
  private static final int HEADER = 512;
  private static final int PKRU_STANDARD = 0xa80;
  private final BareCpu bare = new BareCpu(true);
  private final X86Cpu c = bare.cpu;

  @AfterEach
  void close() {
    bare.close();
  }

  private int step(String hex, long mask) {
    bare.state.r[7] = BareCpu.DATA;
    bare.state.r[0] = mask;
    bare.state.r[2] = 0;
    return bare.step(HexFormat.of().parseHex(hex));
  }

  private void enable(long xcr0) {
    c.cr4 |= Cr.CR4_PKE;
    c.xcr0 = xcr0;
    c.modeChanged();
  }

  private int[] leafD(int subleaf) {
    c.model.cpuid(c, 0xd, subleaf);
    return new int[] {
      (int) bare.state.r[0], (int) bare.state.r[3], (int) bare.state.r[1], (int) bare.state.r[2]
    };
  }

  @Test
  void leafDTellsSizesAndOffsets() {
    enable(3);
    assertThat(leafD(0)).containsExactly(0x207, 576, PKRU_STANDARD + 8, 0);
    enable(7);
    assertThat(leafD(0)[1]).isEqualTo(832);
    assertThat(leafD(1)).containsExactly(15, 832, 0, 0);
    assertThat(leafD(2)).containsExactly(256, 576, 0, 0);
    enable(0x207);
    assertThat(leafD(0)[1]).isEqualTo(PKRU_STANDARD + 8);
    assertThat(leafD(1)[1]).isEqualTo(840);
    assertThat(leafD(9)).containsExactly(8, PKRU_STANDARD, 0, 0);
    assertThat(leafD(3)).containsExactly(0, 0, 0, 0);
  }

  @Test
  void theStandardFormatRoundTrips() {
    enable(0x207);
    bare.state.x[30] = 0x1111;
    bare.state.y[31] = 0x2222;
    c.pkru = 0x5555_5554;
    c.mxcsr = 0x1fa0;
    assertThat(step("480fae27", -1)).isEqualTo(-1);
    assertThat(bare.data.load64(HEADER)).isEqualTo(0x207);
    assertThat(bare.data.load64(160 + 8 * 30)).isEqualTo(0x1111);
    assertThat(bare.data.load64(576 + 8 * 31)).isEqualTo(0x2222);
    assertThat(bare.data.load64(PKRU_STANDARD)).isEqualTo(0x5555_5554);
    bare.state.x[30] = 0;
    bare.state.y[31] = 0;
    c.pkru = 0;
    c.mxcsr = 0x1f80;
    assertThat(step("480fae2f", -1)).isEqualTo(-1);
    assertThat(bare.state.x[30]).isEqualTo(0x1111);
    assertThat(bare.state.y[31]).isEqualTo(0x2222);
    assertThat(c.pkru).isEqualTo(0x5555_5554);
    assertThat(c.mxcsr).isEqualTo(0x1fa0);
  }

  @Test
  void theCompactedFormatHasNoGaps() {
    enable(0x207);
    bare.state.y[0] = 0x3333;
    c.pkru = 4;
    assertThat(step("480fc727", -1)).as("xsavec64 [rdi]").isEqualTo(-1);
    assertThat(bare.data.load64(HEADER)).isEqualTo(0x207);
    assertThat(bare.data.load64(HEADER + 8)).isEqualTo(Long.MIN_VALUE | 0x207);
    assertThat(bare.data.load64(576)).isEqualTo(0x3333);
    assertThat(bare.data.load64(832)).isEqualTo(4);
    assertThat(step("480fc727", 0x201)).as("without AVX").isEqualTo(-1);
    assertThat(bare.data.load64(576)).isEqualTo(4);
    bare.state.y[0] = 1;
    c.pkru = 0;
    assertThat(step("480fae2f", -1)).isEqualTo(-1);
    assertThat(c.pkru).isEqualTo(4);
    assertThat(bare.state.y[0]).as("in RFBM, not in XSTATE_BV: initialized").isZero();
  }

  @Test
  void componentsOutOfUseAreMarkedSo() {
    enable(0x207);
    assertThat(step("480fae27", -1)).isEqualTo(-1);
    assertThat(bare.data.load64(HEADER)).isEqualTo(3);
    bare.state.r[1] = 1;
    assertThat(bare.step(HexFormat.of().parseHex("0f01d0"))).isEqualTo(-1);
    assertThat(bare.state.r[0]).as("XGETBV 1").isEqualTo(3);
  }

  @Test
  void badHeadersRaiseGeneralProtection() {
    enable(7);
    bare.data.store64(HEADER, 8);
    assertThat(step("480fae2f", -1)).as("XSTATE_BV beyond XCR0").isEqualTo(X86Cpu.GP);
    bare.data.store64(HEADER, 1);
    bare.data.store64(HEADER + 8, 1);
    assertThat(step("480fae2f", -1)).as("XCOMP_BV without bit 63").isEqualTo(X86Cpu.GP);
    bare.data.store64(HEADER + 8, Long.MIN_VALUE | 2);
    assertThat(step("480fae2f", -1)).as("XSTATE_BV beyond XCOMP_BV").isEqualTo(X86Cpu.GP);
    bare.data.store64(HEADER + 8, 0);
    bare.data.store64(HEADER + 16, 1);
    assertThat(step("480fae2f", -1)).as("reserved bytes").isEqualTo(X86Cpu.GP);
    bare.data.store64(HEADER + 16, 0);
    bare.data.store32(24, 0x1_0000);
    assertThat(step("480fae2f", 2)).as("reserved bits of MXCSR").isEqualTo(X86Cpu.GP);
  }

  @Test
  void xsetbvTakesSensibleCombinationsOnly() {
    for (long bad : new long[] {0, 2, 5, 8, 0x403, 1L << 32 | 3}) {
      bare.state.r[1] = 0;
      bare.state.r[0] = bad & 0xffff_ffffL;
      bare.state.r[2] = bad >>> 32;
      assertThat(bare.step(HexFormat.of().parseHex("0f01d1"))).as("%x", bad).isEqualTo(X86Cpu.GP);
    }
    bare.state.r[0] = 0x203;
    bare.state.r[2] = 0;
    assertThat(bare.step(HexFormat.of().parseHex("0f01d1"))).isEqualTo(-1);
    assertThat(c.xcr0).isEqualTo(0x203);
  }

  @Test
  void pkruIsReadAndWrittenWhenEnabled() {
    bare.state.r[1] = 0;
    assertThat(step("0f01ee", 0)).as("CR4.PKE clear").isEqualTo(X86Cpu.UD);
    enable(7);
    assertThat(step("0f01ef", 0x1234_5678)).isEqualTo(-1);
    assertThat(step("0f01ee", 0)).isEqualTo(-1);
    assertThat(bare.state.r[0]).isEqualTo(0x1234_5678);
    bare.state.r[1] = 1;
    assertThat(step("0f01ef", 0)).isEqualTo(X86Cpu.GP);
    c.model.cpuid(c, 7, 0);
    assertThat(bare.state.r[1] & 0x18).as("PKU and OSPKE").isEqualTo(0x18);
  }
}
