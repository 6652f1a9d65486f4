package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/** Virtual-8086 tasks, their ports, and virtual interrupts (SDM vol. 3, chapter 21). */
class VirtualModeTest {
  private static final long CODE = 0x1_0000;
  private static final long STACK = 0x2_0000;
  private static final int SP = 0x1000;
  private static final int REDIRECTION = 0x68;
  private static final int IO_MAP = 0x88;
  private static final int IO_MAP_BYTES = 0x80;
  private static final long KERNEL_STACK = 0x6_0000;

  /** A handler of the kernel, which halts: each vector has its own. */
  private static final long HANDLERS = 0x4000;

  private final BareMachine m = new BareMachine(Map.of("model", "max")).protectedMode();
  private final X86Cpu c = m.cpu;

  @BeforeEach
  void tables() {
    c.segments[X86Cpu.TR].limit = IO_MAP + IO_MAP_BYTES;
    m.ram.store16(BareMachine.TSS + 0x66, (short) IO_MAP);
    m.ram.store8(BareMachine.TSS + IO_MAP + IO_MAP_BYTES, 0xff);
    for (int v = 0; v < 256; v++) {
      m.gate32(v, HANDLERS + v, 14, v == 0x80 ? 3 : 0);
      m.ram.store8(HANDLERS + v, 0xf4);
    }
  }

  @AfterEach
  void close() {
    m.close();
  }

  /** Puts the CPU into a virtual-8086 task at 1000H:0. */
  private void enter(int flags, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(CODE, code, 0, code.length);
    c.engine.codePages().written(m.ram, CODE, code.length);
    c.setEflags(Flags.VM | flags);
    c.cpl = 3;
    for (int i = 0; i < 6; i++) {
      SegLoad.loadReal(c, i, 0x3000 + i);
    }
    SegLoad.loadReal(c, X86Cpu.CS, 0x1000);
    SegLoad.loadReal(c, X86Cpu.SS, 0x2000);
    m.s.r[4] = SP;
    m.s.pc = CODE;
    c.modeChanged();
  }

  /** Runs until a handler halts; returns its vector. */
  private long vector() {
    c.clearHalt();
    assertThat(c.run(1000)).isEqualTo(ExitReason.HALTED);
    return m.s.pc - 1 - HANDLERS;
  }

  /** Runs {@code instructions} instructions. */
  private void step(int instructions) {
    assertThat(c.run(instructions)).isEqualTo(ExitReason.BUDGET);
  }

  private long frame(int slot) {
    return m.ram.load32(m.s.r[4] + 4L * slot) & 0xffff_ffffL;
  }

  @Test
  void anExceptionSavesTheSegments() {
    enter(Flags.IF, "90 0f0b");
    assertThat(vector()).isEqualTo(X86Cpu.UD);
    assertThat(m.s.r[4]).isEqualTo(KERNEL_STACK - 36);
    long[] wanted = {
      1, 0x1000, Flags.VM | Flags.IF | Flags.RF | 2, SP, 0x2000, 0x3000, 0x3003, 0x3004, 0x3005
    };
    for (int i = 0; i < wanted.length; i++) {
      assertThat(frame(i)).as("slot %d", i).isEqualTo(wanted[i]);
    }
    assertThat(c.cpl).isZero();
    assertThat(c.eflags() & (Flags.VM | Flags.IF)).isZero();
    for (int i : new int[] {X86Cpu.ES, X86Cpu.DS, X86Cpu.FS, X86Cpu.GS}) {
      assertThat(c.segments[i].isNull()).isTrue();
    }
    // And back, past the instruction: IRETD.
    m.ram.store32(m.s.r[4], 3);
    m.ram.store16(0x5000, (short) 0x90cf);
    // jmp $
    m.ram.store16(CODE + 3, (short) 0xfeeb);
    m.s.pc = 0x5000;
    c.clearHalt();
    step(2);
    assertThat(m.s.pc).isEqualTo(CODE + 3);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.IF | 2);
    assertThat(c.cpl).isEqualTo(3);
    assertThat(c.segments[X86Cpu.FS].base).isEqualTo(0x3_0040);
    assertThat(m.s.r[4]).isEqualTo(SP);
  }

  /** in al,imm8 or in ax,imm8 or in eax,imm8, with one forbidden port, whatever IOPL is. */
  @ParameterizedTest
  @CsvSource({
    "e460, 61, 0",
    "e460, 60, 1",
    "e560, 61, 1",
    "e560, 62, 0",
    "e567, 68, 1",
    "66e560, 63, 1",
    "66e560, 64, 0",
  })
  void ports(String in, String forbidden, int faults) {
    int port = Integer.parseInt(forbidden, 16);
    m.ram.store8(BareMachine.TSS + IO_MAP + (port >> 3), 1 << (port & 7));
    enter(Flags.IOPL, in + "0f0b");
    assertThat(vector()).isEqualTo(faults == 1 ? X86Cpu.GP : X86Cpu.UD);
  }

  /** out dx,al beyond the bitmap. */
  @Test
  void portsBeyondTheBitmap() {
    enter(0, "ee 0f0b");
    m.s.r[2] = IO_MAP_BYTES * 8 - 1;
    assertThat(vector()).isEqualTo(X86Cpu.UD);
    enter(0, "ee 0f0b");
    m.s.r[2] = IO_MAP_BYTES * 8;
    assertThat(vector()).isEqualTo(X86Cpu.GP);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fa", "fb", "9c", "9d", "669c", "669d", "cd21", "cf", "f4"})
  void sensitiveInstructionsNeedIopl(String hex) {
    enter(Flags.IF, hex + "0f0b");
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    assertThat(frame(0)).isZero();
    assertThat(frame(1)).isZero();
    assertThat(frame(4)).as("SP").isEqualTo(SP);
  }

  @Test
  void withIoplTheTaskHasTheRealFlag() {
    c.cr4 |= Cr.CR4_VME;
    m.ram.store8(BareMachine.TSS + REDIRECTION + 0x10, 0xff);
    enter(Flags.IOPL | Flags.IF, "fa 9c fb 9d cd80");
    step(2);
    assertThat(m.ram.load16(STACK + SP - 2)).isEqualTo(0x3002);
    step(2);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.IOPL | 2);
    assertThat(vector()).isEqualTo(0x80);
    assertThat(frame(0)).isEqualTo(6);
  }

  @Test
  void gatesOfIntNeedTheirPrivilege() {
    enter(Flags.IOPL, "cd21");
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    assertThat(frame(0)).isEqualTo(0x21 * 8 + 2);
  }

  /** INT3 and INTO ask for no IOPL but for the privilege of their gates. */
  @Test
  void breakpointsNeedNoIopl() {
    m.gate32(3, HANDLERS + 3, 14, 3);
    enter(0, "cc");
    assertThat(vector()).isEqualTo(3);
    m.gate32(4, HANDLERS + 4, 14, 3);
    enter(Flags.OF, "ce");
    assertThat(vector()).isEqualTo(4);
  }

  /** The handler of a virtual-8086 task has to run at privilege 0. */
  @Test
  void handlersRunAtPrivilegeZero() {
    m.ram.store64(BareMachine.GDT + 0x30, 0x00cf_bb00_0000_ffffL);
    m.gate32(0x80, HANDLERS + 0x80, 14, 3);
    m.ram.store16(BareMachine.IDT + 8 * 0x80 + 2, (short) 0x30);
    enter(Flags.IOPL, "cd80");
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    assertThat(frame(0)).isEqualTo(0x30);
  }

  // ---------------------------------------------------------------- CR4.VME

  @Test
  void theTaskHasAFlagOfItsOwn() {
    c.cr4 |= Cr.CR4_VME;
    enter(Flags.IF, "fb 9c fa 9c 9d 9d");
    step(2);
    assertThat(m.ram.load16(STACK + SP - 2)).isEqualTo(0x3202);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.VIF | Flags.IF | 2);
    step(2);
    assertThat(m.ram.load16(STACK + SP - 4)).isEqualTo(0x3002);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.IF | 2);
    step(1);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.IF | 2);
    step(1);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.VIF | Flags.IF | 2);
    assertThat(m.s.r[4]).isEqualTo(SP);
  }

  /** Instruction, word on the stack, VIP, vector. */
  @ParameterizedTest
  @CsvSource({
    "fb, 0, 1, 13",
    "fa, 0, 1, 6",
    "9d, 0200, 1, 13",
    "9d, 0000, 1, 6",
    "9d, 0100, 0, 13",
    "669c, 0, 0, 13",
    "669d, 0, 0, 13",
    "66cf, 0, 0, 13",
  })
  void pendingVirtualInterrupts(String hex, String word, int pending, int vector) {
    c.cr4 |= Cr.CR4_VME;
    enter(pending == 1 ? Flags.VIP : 0, hex + "0f0b");
    m.ram.store16(STACK + SP, (short) Integer.parseInt(word, 16));
    assertThat(vector()).isEqualTo(vector);
  }

  @Test
  void anInterruptThatStaysInTheTask() {
    c.cr4 |= Cr.CR4_VME;
    m.ram.store32(0x21 * 4, 0x1000_0010);
    // At 1000:10: IRET.
    m.ram.store8(CODE + 0x10, 0xcf);
    enter(Flags.VIF | Flags.CF, "cd21 0f0b");
    step(1);
    assertThat(m.s.pc).isEqualTo(CODE + 0x10);
    assertThat(m.s.r[4]).isEqualTo(SP - 6);
    assertThat(m.ram.load16(STACK + SP - 6)).isEqualTo(2);
    assertThat(m.ram.load16(STACK + SP - 4)).isEqualTo(0x1000);
    assertThat(m.ram.load16(STACK + SP - 2)).isEqualTo(0x3203);
    assertThat(c.eflags()).isEqualTo(Flags.VM | Flags.CF | 2);
    assertThat(vector()).isEqualTo(X86Cpu.UD);
    assertThat(frame(0)).isEqualTo(2);
    assertThat(frame(2)).isEqualTo(Flags.VM | Flags.VIF | Flags.RF | Flags.CF | 2);
  }

  @Test
  void theBitmapSendsInterruptsToTheKernel() {
    c.cr4 |= Cr.CR4_VME;
    m.ram.store8(BareMachine.TSS + REDIRECTION + (0x21 >> 3), 1 << (0x21 & 7));
    enter(0, "cd21");
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    assertThat(frame(0)).isZero();
  }

  /** IRETD to a task for which an interrupt is pending: it does not get to its instruction. */
  @Test
  void pendingInterruptsOnTheWayIn() {
    c.cr4 |= Cr.CR4_VME;
    enter(0, "0f0b");
    m.protectedMode();
    c.setEflags(0);
    c.segments[X86Cpu.TR].limit = IO_MAP + IO_MAP_BYTES;
    long[] slots = {
      0, 0x1000, Flags.VM | Flags.VIF | Flags.VIP, SP, 0x2000, 0x3000, 0x3003, 0x3004, 0x3005
    };
    for (int i = 0; i < slots.length; i++) {
      m.ram.store32(BareMachine.STACK - 64 + 4L * i, (int) slots[i]);
    }
    m.ram.store16(BareMachine.TSS + 0x66, (short) IO_MAP);
    m.s.r[4] = BareMachine.STACK - 64;
    m.ram.store8(0x5000, 0xcf);
    m.s.pc = 0x5000;
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    assertThat(frame(0)).isZero();
    assertThat(frame(1)).isZero();
    assertThat(frame(3)).isEqualTo(Flags.VM | Flags.VIF | Flags.VIP | Flags.RF | 2);
  }

  // ---------------------------------------------------------------- CR4.PVI

  @Test
  void virtualInterruptsOfUserPrograms() {
    m.ram.store64(BareMachine.GDT + 0x20, 0x00cf_fb00_0000_ffffL);
    m.user();
    c.setEflags(Flags.IF);
    byte[] code = HexFormat.of().parseHex("fbfafb9c");
    m.ram.write(0x5000, code, 0, code.length);
    m.s.pc = 0x5000;
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    m.user();
    c.setEflags(Flags.IF);
    c.cr4 |= Cr.CR4_PVI;
    m.s.r[4] = BareMachine.STACK;
    m.s.pc = 0x5000;
    c.clearHalt();
    step(1);
    assertThat(c.eflags()).isEqualTo(Flags.VIF | Flags.IF | 2);
    step(1);
    assertThat(c.eflags()).isEqualTo(Flags.IF | 2);
    c.setEflags(Flags.IF | Flags.VIP);
    assertThat(vector()).isEqualTo(X86Cpu.GP);
    assertThat(frame(1)).isEqualTo(0x5002);
  }
}
