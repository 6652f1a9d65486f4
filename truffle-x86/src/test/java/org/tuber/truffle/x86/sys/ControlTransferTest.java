package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/** Mode switches, segment loads, far transfers, SYSCALL and SYSRET, registers by name. */
class ControlTransferTest {
  private static final long SIZE32 = 2L << Word.SIZE_SHIFT;
  private static final long SIZE64 = 3L << Word.SIZE_SHIFT;

  private final BareMachine m = new BareMachine("qemu64");

  @AfterEach
  void close() {
    m.close();
  }

  private static long farPointer(int selector, long offset) {
    return (long) selector << 32 | offset;
  }

  @Test
  void protectedModeToLongMode() {
    m.protectedMode();
    X86Cpu c = m.cpu;
    m.ram.store64(BareMachine.PML4, 0x2000 | 7);
    m.ram.store64(0x2000, 0x3000 | 7);
    m.ram.store64(0x3000, 0x83);
    m.ram.store64(BareMachine.GDT + 0x20, 0x00af_9b00_0000_ffffL);
    c.cr4 = Cr.CR4_PAE;
    c.cr3 = BareMachine.PML4;
    Msr.write(c, Msr.EFER, Cr.EFER_LME);
    assertThat(c.isLongMode()).isFalse();
    ControlRegisters.writeCr0(c, c.cr0 | Cr.CR0_PG);
    assertThat(c.isLongMode()).isTrue();
    assertThat(c.is64Bit()).isFalse();
    FarTransfer.direct(m.s, c, SIZE32, farPointer(0x20, 0x10_0000), false);
    assertThat(c.is64Bit()).isTrue();
    assertThat(m.s.pc).isEqualTo(0x10_0000);
    GuestFault f = m.faultOf(() -> Msr.write(c, Msr.EFER, 0));
    assertThat(f.vector).isEqualTo(X86Cpu.GP);
  }

  @Test
  void controlRegisterChecks() {
    X86Cpu c = m.cpu;
    assertThat(m.faultOf(() -> ControlRegisters.writeCr0(c, Cr.CR0_PG)).vector)
        .isEqualTo(X86Cpu.GP);
    assertThat(m.faultOf(() -> ControlRegisters.writeCr0(c, Cr.CR0_NW)).vector)
        .isEqualTo(X86Cpu.GP);
    m.longMode().user();
    assertThat(m.faultOf(() -> ControlRegisters.movFrom(m.s, c, SIZE64)).vector)
        .isEqualTo(X86Cpu.GP);
  }

  @Test
  void segmentLoads() {
    m.protectedMode();
    X86Cpu c = m.cpu;
    m.ram.store64(BareMachine.GDT + 0x18, 0x1240_f234_5678_0fffL);
    SegLoad.load(c, X86Cpu.DS, 0x1b);
    assertThat(c.segments[X86Cpu.DS].base).isEqualTo(0x1234_5678L);
    assertThat(c.segments[X86Cpu.DS].limit).isEqualTo(0xfff);
    assertThat(m.ram.load8(BareMachine.GDT + 0x1d)).as("accessed").isEqualTo(0xf3);
    assertThat(c.mode & X86Cpu.MODE_SEGMENTED).isNotZero();
    GuestFault f = m.faultOf(() -> SegLoad.load(c, X86Cpu.SS, 0x1b));
    assertThat(f.vector).isEqualTo(X86Cpu.GP);
    assertThat(f.errorCode).isEqualTo(0x18);
    f = m.faultOf(() -> SegLoad.load(c, X86Cpu.DS, BareMachine.NOT_PRESENT));
    assertThat(f.vector).isEqualTo(X86Cpu.NP);
    f = m.faultOf(() -> SegLoad.load(c, X86Cpu.SS, BareMachine.NOT_PRESENT));
    assertThat(f.vector).isEqualTo(X86Cpu.SS_FAULT);
    f = m.faultOf(() -> SegLoad.load(c, X86Cpu.SS, 0));
    assertThat(f.vector).isEqualTo(X86Cpu.GP);
    f = m.faultOf(() -> SegLoad.load(c, X86Cpu.ES, 0x100));
    assertThat(f.errorCode).isEqualTo(0x100);
    SegLoad.load(c, X86Cpu.ES, 0);
    assertThat(c.segments[X86Cpu.ES].isNull()).isTrue();
  }

  @Test
  void farCallAndReturn() {
    m.protectedMode();
    m.s.pc = 0x1007;
    FarTransfer.direct(m.s, m.cpu, SIZE32, farPointer(BareMachine.KERNEL_CS, 0x2000), true);
    assertThat(m.s.pc).isEqualTo(0x2000);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK - 8);
    FarReturn.retf(m.s, m.cpu, SIZE32, 0);
    assertThat(m.s.pc).isEqualTo(0x1007);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK);
  }

  @Test
  void callGateToTheKernelAndBack() {
    m.protectedMode();
    m.ram.store64(BareMachine.GDT + 0x30, 0x0000_ec02_0008_3000L);
    m.user();
    m.s.pc = 0x1007;
    m.s.r[4] = 0x5_0000;
    m.ram.store64(0x5_0000, 0x2222_2222_1111_1111L);
    FarTransfer.direct(m.s, m.cpu, SIZE32, farPointer(0x33, 0), true);
    assertThat(m.cpu.cpl).isZero();
    assertThat(m.s.pc).isEqualTo(0x3000);
    assertThat(m.s.r[4]).isEqualTo(0x6_0000 - 24);
    assertThat(m.ram.load64(m.s.r[4] + 8)).isEqualTo(0x2222_2222_1111_1111L);
    FarReturn.retf(m.s, m.cpu, SIZE32, 8);
    assertThat(m.cpu.cpl).isEqualTo(3);
    assertThat(m.s.pc).isEqualTo(0x1007);
    assertThat(m.s.r[4]).isEqualTo(0x5_0008);
  }

  @Test
  void syscallAndSysret() {
    m.longMode().user();
    X86Cpu c = m.cpu;
    c.star = 0x0013_0008_0000_0000L;
    c.lstar = 0xffff_ffff_8000_0000L;
    c.sfmask = Flags.IF | Flags.DF;
    c.setEflags(Flags.IF | Flags.CF);
    m.s.pc = 0x40_0002;
    FastCalls.syscall(m.s, c);
    assertThat(m.s.pc).isEqualTo(0xffff_ffff_8000_0000L);
    assertThat(m.s.r[1]).isEqualTo(0x40_0002);
    assertThat(m.s.r[11]).isEqualTo(Flags.IF | Flags.CF | Flags.FIXED);
    assertThat(c.eflags()).isEqualTo(Flags.CF | Flags.FIXED);
    assertThat(c.cpl).isZero();
    assertThat(c.segments[X86Cpu.CS].selector).isEqualTo(8);
    FastCalls.sysret(m.s, c, SIZE64);
    assertThat(m.s.pc).isEqualTo(0x40_0002);
    assertThat(c.cpl).isEqualTo(3);
    assertThat(c.segments[X86Cpu.CS].selector).isEqualTo(0x23);
    assertThat(c.segments[X86Cpu.SS].selector).isEqualTo(0x1b);
    assertThat(c.eflags()).isEqualTo(Flags.IF | Flags.CF | Flags.FIXED);
  }

  @Test
  void popfKeepsWhatThePrivilegeMayNotChange() {
    m.longMode().user();
    m.s.r[4] = BareMachine.STACK;
    m.cpu.setEflags(Flags.IF);
    m.ram.store64(BareMachine.STACK, Flags.IOPL | Flags.DF | Flags.AC | Flags.VM);
    FlagControl.popf(m.s, m.cpu, SIZE64);
    assertThat(m.cpu.eflags()).isEqualTo(Flags.IF | Flags.DF | Flags.AC | Flags.FIXED);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK + 8);
    assertThat(m.faultOf(() -> FlagControl.cli(m.cpu)).vector).isEqualTo(X86Cpu.GP);
  }

  @Test
  void stiShadowsOneInstruction() {
    m.longMode();
    FlagControl.sti(m.cpu);
    assertThat(m.cpu.interruptShadow).isTrue();
    m.cpu.interruptShadow = false;
    FlagControl.sti(m.cpu);
    assertThat(m.cpu.interruptShadow).isFalse();
  }

  @Test
  void powerOn() {
    X86Cpu c = m.cpu;
    assertThat(c.readRegister("rip")).isEqualTo(0xfff0);
    assertThat(c.readRegister("cs")).isEqualTo(0xf000);
    assertThat(c.readRegister("cs.base")).isEqualTo(0xffff_0000L);
    assertThat(c.readRegister("edx")).isEqualTo(0x60fb1);
    assertThat(c.readRegister("cr0")).isEqualTo(0x6000_0010);
    assertThat(c.readRegister("eflags")).isEqualTo(2);
    assertThat(m.s.pc).isEqualTo(0xffff_fff0L);
  }

  @Test
  void boardsSetUpLongModeByNameInAnyOrder() {
    X86Cpu c = m.cpu;
    c.writeRegister("rip", 0xffff_ffff_8100_0000L);
    c.writeRegister("efer", Cr.EFER_LME);
    c.writeRegister("cr4", Cr.CR4_PAE);
    c.writeRegister("cr0", Cr.CR0_PE | Cr.CR0_PG);
    c.writeRegister("cs", 0x10);
    c.writeRegister("cs.base", 0);
    c.writeRegister("cs.attributes", 0xa09b);
    assertThat(c.readRegister("efer")).isEqualTo(Cr.EFER_LME | Cr.EFER_LMA);
    assertThat(c.is64Bit()).isTrue();
    assertThat(m.s.pc).isEqualTo(0xffff_ffff_8100_0000L);
    c.writeRegister("cs.attributes", 0xa0fb);
    assertThat(c.readRegister("cpl")).isEqualTo(3);
    assertThatThrownBy(() -> c.readRegister("r16"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("r16");
  }

  @Test
  void ltrMarksTheTssBusy() {
    m.longMode();
    m.s.r[0] = BareMachine.TSS_SELECTOR;
    DescriptorTables.ltr(m.s, m.cpu, 0, 0);
    assertThat(m.ram.load8(BareMachine.GDT + 0x2d)).isEqualTo(0x8b);
    assertThat(m.cpu.segments[X86Cpu.TR].base).isEqualTo(BareMachine.TSS);
    GuestFault f = m.faultOf(() -> DescriptorTables.ltr(m.s, m.cpu, 0, 0));
    assertThat(f.errorCode).isEqualTo(BareMachine.TSS_SELECTOR);
  }

  @Test
  void lslAndLarAndVerr() {
    m.longMode().user();
    m.s.r[0] = BareMachine.USER_DS;
    DescriptorTables.lsl(m.s, m.cpu, 3L << Word.REG_SHIFT | SIZE32, 0);
    assertThat(Flags.zf(m.s)).isTrue();
    assertThat(m.s.r[3]).isEqualTo(0xffff_ffffL);
    DescriptorTables.lar(m.s, m.cpu, 3L << Word.REG_SHIFT | SIZE32, 0);
    assertThat(m.s.r[3]).isEqualTo(0xcf_f300);
    m.s.r[0] = BareMachine.KERNEL_DS;
    DescriptorTables.verify(m.s, m.cpu, 0, 0, false);
    assertThat(Flags.zf(m.s)).isFalse();
  }
}
