package org.tuber.truffle.x86.mmu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.sys.BareMachine;

/** SDM vol. 3, chapter 4: permissions, error codes, accessed and dirty bits. */
class PageWalkTest {
  private static final int P = 1;
  private static final int W = 2;
  private static final int U = 4;
  private static final long NX = Long.MIN_VALUE;
  private static final long GVA = 0x4000_0000L + 0x3000;
  private static final long PTE = 0x5000 + 3 * 8;

  private BareMachine m;
  private X86Cpu c;

  @BeforeEach
  void machine() {
    m = new BareMachine("max").longMode();
    c = m.cpu;
    // The second GiB: one 4 KiB page table at 5000H.
    m.ram.store64(0x2000 + 8, 0x4000 | 7);
    m.ram.store64(0x4000, 0x5000 | 7);
  }

  @AfterEach
  void close() {
    m.close();
  }

  /** Keys 1 to 3 have AD, WD and both; 0 has neither. */
  @ParameterizedTest
  @CsvSource({
    // cpl, key, U/S, WP, read, write, fetch
    "3, 0, 1, 1, ok, ok, ok",
    "3, 1, 1, 1, PF37, PF39, ok",
    "3, 2, 1, 1, ok, PF39, ok",
    "3, 3, 1, 1, PF37, PF39, ok",
    "0, 1, 1, 1, PF33, PF35, ok",
    "0, 2, 1, 1, ok, PF35, ok",
    "0, 2, 1, 0, ok, ok, ok",
    "0, 1, 0, 1, ok, ok, ok"
  })
  void protectionKeys(int cpl, int key, int user, int wp, String read, String write, String fetch) {
    c.cr4 |= Cr.CR4_PKE;
    c.cr4 &= ~(Cr.CR4_SMEP | Cr.CR4_SMAP);
    c.cr0 = wp != 0 ? c.cr0 | Cr.CR0_WP : c.cr0 & ~Cr.CR0_WP;
    c.pkru = 1 << 2 | 2 << 4 | 3 << 6;
    c.cpl = cpl;
    c.modeChanged();
    pte(0x6000L | (long) key << 59 | P | W | (user != 0 ? U : 0));
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo(read);
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).isEqualTo(write);
    assertThat(access(GuestCpu.ACCESS_FETCH, GVA)).isEqualTo(fetch);
    c.setPkru(0);
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).as("WRPKRU counts at once").isEqualTo("ok");
  }

  private void pte(long entry) {
    m.ram.store64(PTE, entry);
    c.flushTlb();
  }

  private String access(int kind, long gva) {
    try {
      switch (kind) {
        case GuestCpu.ACCESS_READ -> c.loadSlow(gva, 8);
        case GuestCpu.ACCESS_WRITE -> c.storeSlow(gva, 1, 8);
        default -> c.fetch8(gva);
      }
      return "ok";
    } catch (GuestFault f) {
      if (f.vector == X86Cpu.PF) {
        assertThat(f.address).isEqualTo(gva);
        return "PF" + f.errorCode;
      }
      return "fault" + f.vector;
    }
  }

  @ParameterizedTest(name = "flags {0} cpl {1}: read {2} write {3} fetch {4}")
  @CsvSource({
    // Supervisor pages.
    "P,  0, ok,  PF3, ok",
    "PW, 0, ok,  ok,  ok",
    "P,  3, PF5, PF7, PF21",
    "PW, 3, PF5, PF7, PF21",
    // User pages.
    "PU,  0, ok, PF3, ok",
    "PWU, 0, ok, ok,  ok",
    "PU,  3, ok, PF7, ok",
    "PWU, 3, ok, ok,  ok",
    // No execution.
    "PWUX, 3, ok, ok, PF21",
    "PWX,  0, ok, ok, PF17",
    // Not present.
    "WU, 0, PF0, PF2, PF16",
    "WU, 3, PF4, PF6, PF20",
  })
  void permissions(String flags, int cpl, String read, String write, String fetch) {
    long entry = 0x20_0000;
    entry |= flags.contains("P") ? P : 0;
    entry |= flags.contains("W") ? W : 0;
    entry |= flags.contains("U") ? U : 0;
    entry |= flags.contains("X") ? NX : 0;
    c.cpl = cpl;
    c.modeChanged();
    pte(entry);
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo(read);
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).isEqualTo(write);
    assertThat(access(GuestCpu.ACCESS_FETCH, GVA)).isEqualTo(fetch);
  }

  @Test
  void supervisorWritesReadOnlyPagesWithoutWp() {
    pte(0x20_0000 | P);
    c.cr0 &= ~Cr.CR0_WP;
    c.modeChanged();
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).isEqualTo("ok");
  }

  @Test
  void smapAndSmepKeepTheSupervisorOutOfUserPages() {
    pte(0x20_0000 | P | W | U);
    c.cr4 |= Cr.CR4_SMAP | Cr.CR4_SMEP;
    c.modeChanged();
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("PF1");
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).isEqualTo("PF3");
    assertThat(access(GuestCpu.ACCESS_FETCH, GVA)).isEqualTo("PF17");
    c.setEflags(Flags.AC);
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("ok");
    assertThat(access(GuestCpu.ACCESS_FETCH, GVA)).isEqualTo("PF17");
  }

  /** The LDT in a user page: a segment load is an implicit access, for which AC does not count. */
  @Test
  void smapForDescriptorTables() {
    pte(0x20_0000 | P | W | U);
    m.ram.store64(0x3000, P | W | 0x80);
    m.ram.store64(0x20_0010, 0x00cf_9300_0000_ffffL);
    c.segments[X86Cpu.LDTR].set(0x48, GVA, 0xff, 0x82);
    c.cr4 |= Cr.CR4_SMAP;
    c.setEflags(Flags.AC);
    // mov ds,eax
    m.ram.store16(0x5000, (short) 0xd88e);
    m.s.r[0] = BareMachine.KERNEL_DS | 4;
    m.s.pc = 0x5000;
    m.gate64(14, 0x6000, 14, 0, 0);
    m.ram.store8(0x6000, 0xf4);
    assertThat(c.run(100)).isEqualTo(org.tuber.core.cpu.ExitReason.HALTED);
    assertThat(c.cr2).isEqualTo(GVA + 0x10);
  }

  @Test
  void addressLine20() {
    m.ram.store64(0x30_0000, 3);
    m.ram.store64(0x20_0000, 2);
    assertThat(c.loadSlow(0x30_0000, 8)).isEqualTo(3);
    m.ram.store8(0x5000, 0x90);
    m.s.pc = 0x5000;
    c.setA20(false);
    c.run(1);
    assertThat(c.loadSlow(0x30_0000, 8)).isEqualTo(2);
    c.setA20(true);
    m.s.pc = 0x5000;
    c.run(1);
    assertThat(c.loadSlow(0x30_0000, 8)).isEqualTo(3);
  }

  @Test
  void rightsAreThoseOfAllLevelsTogether() {
    pte(0x20_0000 | P | W | U);
    m.ram.store64(0x4000, 0x5000 | P | U);
    c.cpl = 3;
    c.modeChanged();
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("ok");
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).isEqualTo("PF7");
    m.ram.store64(0x4000, 0x5000 | P | W);
    c.flushTlb();
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("PF5");
  }

  @Test
  void readSetsAccessedAndTheFirstStoreSetsDirty() {
    pte(0x20_0000 | P | W);
    c.loadSlow(GVA, 8);
    assertThat(m.ram.load64(PTE) & 0x60).isEqualTo(0x20);
    assertThat(m.ram.load64(0x4000) & 0x60).isEqualTo(0x20);
    org.tuber.truffle.engine.SoftTlb.store64(m.s, c, GVA, 42);
    assertThat(m.ram.load64(PTE) & 0x60).isEqualTo(0x60);
    assertThat(m.ram.load64(0x20_0000)).isEqualTo(42);
  }

  @Test
  void aRefusedStoreSetsNothingInTheLeaf() {
    pte(0x20_0000 | P);
    assertThat(access(GuestCpu.ACCESS_WRITE, GVA)).isEqualTo("PF3");
    assertThat(m.ram.load64(PTE) & 0x60).isZero();
  }

  @Test
  void reservedBitsFault() {
    pte(1L << 45 | P | W);
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("PF9");
    pte(0x20_0000 | P | W | NX);
    c.efer &= ~Cr.EFER_NXE;
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("PF9");
    m.ram.store64(0x4000, 0x0020_2000 | P | W | 0x80);
    c.flushTlb();
    assertThat(access(GuestCpu.ACCESS_READ, GVA)).isEqualTo("PF9");
  }

  @Test
  void nonCanonicalAddressesRaiseGp() {
    assertThat(access(GuestCpu.ACCESS_READ, 0x8000_0000_0000_0000L)).isEqualTo("fault13");
    assertThat(access(GuestCpu.ACCESS_READ, 0x0000_8000_0000_0000L)).isEqualTo("fault13");
  }

  @Test
  void gigabytePageMapsWhereTheModelHasIt() {
    m.ram.store64(0x2000 + 16, P | W | 0x80);
    m.ram.store64(0x30_0008, 0x1234);
    assertThat(c.loadSlow(0x8000_0000L + 0x30_0008, 8)).isEqualTo(0x1234);
    BareMachine old = new BareMachine("qemu64").longMode();
    old.ram.store64(0x2000 + 16, P | W | 0x80);
    GuestFault f = old.faultOf(() -> old.cpu.loadSlow(0x8000_0000L, 8));
    assertThat(f.errorCode).isEqualTo(9);
    old.close();
  }

  @Test
  void fiveLevels() {
    BareMachine la57 = new BareMachine(java.util.Map.of("model", "max", "la57", "on")).longMode();
    la57.ram.store64(0x6000, BareMachine.PML4 | 7);
    la57.cpu.cr3 = 0x6000;
    la57.cpu.cr4 |= Cr.CR4_LA57;
    la57.cpu.flushTlb();
    la57.ram.store64(0x10_0000, 77);
    assertThat(la57.cpu.loadSlow(0x10_0000, 8)).isEqualTo(77);
    GuestFault f = la57.faultOf(() -> la57.cpu.loadSlow(0x0000_8000_0000_0000L, 8));
    assertThat(f.vector).isEqualTo(X86Cpu.PF);
    la57.close();
  }

  /** Code at the top of 57 bits, entered by a jump; stores; #GP beyond and #PF within. */
  @Test
  void aProgramInTheUpperHalfOfFiveLevels() {
    try (BareMachine la57 =
        new BareMachine(java.util.Map.of("model", "max", "la57", "on")).longMode()) {
      la57.ram.store64(0x6000, BareMachine.PML4 | 7);
      la57.ram.store64(0x6000 + 8 * 256, BareMachine.PML4 | 7);
      la57.cpu.cr3 = 0x6000;
      la57.cpu.cr4 |= Cr.CR4_LA57;
      la57.cpu.flushTlb();
      long upper = 0xff00_0000_0000_0000L;
      byte[] lower = {(byte) 0xff, (byte) 0xe0};
      la57.ram.write(0x5000, lower, 0, 2);
      // mov [rax+100h],rbx; mov rcx,[rsi]; at an address that is not canonical
      byte[] code = java.util.HexFormat.of().parseHex("48899800010000488b0e");
      la57.ram.write(0x7000, code, 0, code.length);
      la57.s.r[0] = upper + 0x7000;
      la57.s.r[3] = 0x1234;
      la57.s.r[6] = 0x0100_0000_0000_0000L;
      la57.s.pc = 0x5000;
      la57.gate64(13, 0x7800, 14, 0, 0);
      la57.gate64(14, 0x7800, 14, 0, 0);
      la57.ram.store8(0x7800, 0xf4);
      assertThat(la57.cpu.run(100)).isEqualTo(org.tuber.core.cpu.ExitReason.HALTED);
      assertThat(la57.ram.load64(0x7100)).isEqualTo(0x1234);
      assertThat(la57.ram.load64(la57.s.r[4] + 8)).as("RIP").isEqualTo(upper + 0x7007);
      assertThat(la57.ram.load64(la57.s.r[4])).as("#GP(0)").isZero();
      la57.cpu.clearHalt();
      // Within 57 bits but not mapped.
      la57.s.r[6] = 0x00f0_0000_0000_0000L;
      la57.s.pc = upper + 0x7007;
      assertThat(la57.cpu.run(100)).isEqualTo(org.tuber.core.cpu.ExitReason.HALTED);
      assertThat(la57.cpu.cr2).isEqualTo(0x00f0_0000_0000_0000L);
    }
  }

  @Test
  void invlpgDropsAllOfALargePage() {
    m.ram.store64(0x50_0000, 1);
    m.ram.store64(0x70_0000 - 0x10_0000, 2);
    assertThat(org.tuber.truffle.engine.SoftTlb.load64(m.s, c, 0x50_0000)).isEqualTo(1);
    // 400000H to 5FFFFFH now leads to 600000H.
    m.ram.store64(0x3000 + 16, 0x60_0087);
    m.ram.store64(0x70_0000, 3);
    PageWalk.flushPage(c, 0x41_0000);
    assertThat(org.tuber.truffle.engine.SoftTlb.load64(m.s, c, 0x50_0000)).isEqualTo(3);
  }

  @Test
  void twoLevels32() {
    BareMachine p = new BareMachine("qemu64").protectedMode();
    p.ram.store32(0x1000, 0x2000 | 7);
    p.ram.store32(0x2000 + 4 * 0x10, 0x30_0000 | 5);
    p.ram.store32(0x1000 + 4, 0x40_0000 | 0x83);
    p.cpu.cr3 = 0x1000;
    p.cpu.cr4 = Cr.CR4_PSE;
    p.cpu.cr0 |= Cr.CR0_PG | Cr.CR0_WP;
    p.cpu.modeChanged();
    p.cpu.flushTlb();
    p.ram.store32(0x30_0004, 0x55);
    assertThat(p.cpu.loadSlow(0x1_0004, 4)).isEqualTo(0x55);
    assertThat(p.ram.load32(0x2000 + 4 * 0x10) & 0x60).isEqualTo(0x20);
    assertThat(p.faultOf(() -> p.cpu.storeSlow(0x1_0004, 1, 4)).errorCode).isEqualTo(3);
    p.cpu.storeSlow(0x41_0000, 9, 4);
    assertThat(p.ram.load32(0x41_0000)).isEqualTo(9);
    assertThat(p.ram.load32(0x1004) & 0x60).isEqualTo(0x60);
    p.close();
  }

  @Test
  void pae() {
    BareMachine p = new BareMachine("qemu64").protectedMode();
    p.ram.store64(0x1020, 0x2000 | 1);
    p.ram.store64(0x2000, 0x3000 | 7);
    p.ram.store64(0x3000 + 8 * 0x10, 0x30_0000 | 7);
    p.ram.store64(0x2008, 0x20_0000 | 0x83);
    p.cpu.cr3 = 0x1020;
    p.cpu.cr4 = Cr.CR4_PAE;
    p.cpu.cr0 |= Cr.CR0_PG;
    p.cpu.modeChanged();
    p.cpu.flushTlb();
    p.cpu.storeSlow(0x1_0008, 0x66, 4);
    assertThat(p.ram.load32(0x30_0008)).isEqualTo(0x66);
    p.cpu.storeSlow(0x20_0010, 0x67, 4);
    assertThat(p.ram.load32(0x20_0010)).isEqualTo(0x67);
    p.ram.store64(0x1020, 0x2000 | 3);
    p.cpu.flushTlb();
    assertThat(p.faultOf(() -> p.cpu.loadSlow(0x1_0008, 4)).errorCode).isEqualTo(9);
    p.close();
  }
}
