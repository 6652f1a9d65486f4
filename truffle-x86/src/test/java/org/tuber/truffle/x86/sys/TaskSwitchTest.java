package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/** SDM vol. 3, chapter 7: each way into a task and back, in 32-bit programs. */
class TaskSwitchTest {
  private static final long CODE = 0x5000;
  private static final long TASK_CODE = 0x6000;
  private static final long HANDLER = 0x7000;
  private static final long TASK_STACK = 0x5_0000;
  private static final long TASK_STACK0 = 0x5_8000;

  private static final long TSS2 = 0xb000;
  private static final long TSS16 = 0xc000;

  private static final int TSS2_SELECTOR = 0x48;
  private static final int TSS16_SELECTOR = 0x50;
  private static final int GATE_SELECTOR = 0x58;
  private static final int CODE16_SELECTOR = 0x60;

  private final BareMachine m = new BareMachine("max").protectedMode();

  @BeforeEach
  void tasks() {
    m.cpu.gdtr.limit = 0x7f;
    m.ram.store64(BareMachine.GDT + TSS2_SELECTOR, 0x0000_8900_0000_0067L | TSS2 << 16);
    m.ram.store64(BareMachine.GDT + TSS16_SELECTOR, 0x0000_8100_0000_002bL | TSS16 << 16);
    // A task gate for everybody.
    m.ram.store64(BareMachine.GDT + GATE_SELECTOR, 0xe500L << 32 | (long) TSS2_SELECTOR << 16);
    m.ram.store64(BareMachine.GDT + CODE16_SELECTOR, 0x0000_9b00_0000_ffffL);
    setBusy(BareMachine.TSS_SELECTOR, true);
    Descriptors.set(
        m.cpu.segments[X86Cpu.TR],
        BareMachine.TSS_SELECTOR,
        m.ram.load64(BareMachine.GDT + BareMachine.TSS_SELECTOR));
    task32(BareMachine.KERNEL_CS, BareMachine.KERNEL_DS);
    for (int v = 0; v < 32; v++) {
      m.gate32(v, HANDLER, 14, 0);
    }
    write(HANDLER, "f4");
  }

  @AfterEach
  void close() {
    m.close();
  }

  private void write(long at, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(at, code, 0, code.length);
    m.cpu.engine.codePages().written(m.ram, at, code.length);
  }

  private void setBusy(int selector, boolean busy) {
    long at = BareMachine.GDT + selector + 5;
    int type = m.ram.load8(at) & ~2;
    m.ram.store8(at, busy ? type | 2 : type);
  }

  private boolean isBusy(int selector) {
    return (m.ram.load8(BareMachine.GDT + selector + 5) & 2) != 0;
  }

  private void task32(int cs, int ds) {
    m.ram.store32(TSS2 + 4, (int) TASK_STACK0);
    m.ram.store32(TSS2 + 8, BareMachine.KERNEL_DS);
    m.ram.store32(TSS2 + 0x20, (int) TASK_CODE);
    m.ram.store32(TSS2 + 0x24, 2);
    for (int i = 0; i < 8; i++) {
      m.ram.store32(TSS2 + 0x28 + 4 * i, 0x1111_1111 * (i + 1));
    }
    m.ram.store32(TSS2 + 0x38, (int) TASK_STACK);
    for (int i = 0; i < 6; i++) {
      m.ram.store32(TSS2 + 0x48 + 4 * i, i == X86Cpu.CS ? cs : ds);
    }
    m.ram.store16(TSS2 + 0x66, 0x68);
  }

  private void taskGate(int vector, int dpl) {
    m.ram.store64(
        BareMachine.IDT + 8L * vector,
        (0x8500L | (long) dpl << 13) << 32 | (long) TSS2_SELECTOR << 16);
  }

  private void run(String program) {
    write(CODE, program);
    m.s.pc = CODE;
    m.cpu.clearHalt();
    assertThat(m.cpu.run(10_000)).isEqualTo(ExitReason.HALTED);
  }

  private void user() {
    m.user();
    for (int i : new int[] {X86Cpu.ES, X86Cpu.DS, X86Cpu.FS, X86Cpu.GS}) {
      m.cpu.segments[i].copyFrom(m.cpu.segments[X86Cpu.SS]);
    }
    m.s.r[4] = 0x4_0000;
  }

  private int slot(int n) {
    return m.ram.load32(m.s.r[4] + 4L * n);
  }

  private int tr() {
    return m.cpu.segments[X86Cpu.TR].selector;
  }

  /** call TSS2; inc eax; hlt. */
  private static final String CALL_TSS = "9a00000000480040f4";

  @Test
  void callIsNested() {
    write(TASK_CODE, "f4");
    m.cpu.setEflags(Flags.CF);
    m.s.r[0] = 0x1234_5678;
    run(CALL_TSS);
    assertThat(m.s.pc).isEqualTo(TASK_CODE + 1);
    assertThat(tr()).isEqualTo(TSS2_SELECTOR);
    assertThat(m.s.r[0]).isEqualTo(0x1111_1111);
    assertThat(m.s.r[7]).isEqualTo(0x8888_8888L);
    assertThat(m.s.r[4]).isEqualTo(TASK_STACK);
    assertThat(m.cpu.eflags()).isEqualTo(Flags.NT | Flags.FIXED);
    assertThat(m.cpu.cr0 & Cr.CR0_TS).isNotZero();
    assertThat(m.ram.load16(TSS2)).as("link").isEqualTo(BareMachine.TSS_SELECTOR);
    assertThat(isBusy(BareMachine.TSS_SELECTOR)).isTrue();
    assertThat(isBusy(TSS2_SELECTOR)).isTrue();
    assertThat(m.ram.load32(BareMachine.TSS + 0x20)).isEqualTo((int) CODE + 7);
    assertThat(m.ram.load32(BareMachine.TSS + 0x24)).isEqualTo(Flags.CF | Flags.FIXED);
    assertThat(m.ram.load32(BareMachine.TSS + 0x28)).isEqualTo(0x1234_5678);
    assertThat(m.ram.load32(BareMachine.TSS + 0x48 + 4)).isEqualTo(BareMachine.KERNEL_CS);
  }

  /** The task: inc ecx; iretd; jmp back: a second call goes on behind the IRET. */
  @Test
  void iretReturnsAndTheTaskGoesOnWhereItWas() {
    write(TASK_CODE, "41cfebfc");
    m.s.r[0] = 5;
    run("9a0000000048009a00000000480040f4");
    assertThat(m.s.pc).isEqualTo(CODE + 16);
    assertThat(m.s.r[0]).isEqualTo(6);
    assertThat(tr()).isEqualTo(BareMachine.TSS_SELECTOR);
    assertThat(isBusy(TSS2_SELECTOR)).isFalse();
    assertThat(isBusy(BareMachine.TSS_SELECTOR)).isTrue();
    assertThat(m.ram.load32(TSS2 + 0x2c)).as("ECX of the task").isEqualTo(0x2222_2224);
    assertThat(m.ram.load32(TSS2 + 0x24) & Flags.NT).isZero();
    assertThat(m.ram.load32(TSS2 + 0x20)).isEqualTo((int) TASK_CODE + 2);
  }

  /** jmp TSS2, and from there jmp back: not nested. */
  @Test
  void jumpsThereAndBack() {
    write(TASK_CODE, "ea000000002800");
    run("ea0000000048009090f4");
    assertThat(m.s.pc).isEqualTo(CODE + 10);
    assertThat(m.cpu.eflags() & Flags.NT).isZero();
    assertThat(isBusy(TSS2_SELECTOR)).isFalse();
    assertThat(isBusy(BareMachine.TSS_SELECTOR)).isTrue();
  }

  /** call through the gate from CPL 3; the task returns at once. */
  @Test
  void gateFromUser() {
    write(TASK_CODE, "cf");
    user();
    // The HLT raises #GP, whose handler halts.
    run("9a00000000580040f4");
    assertThat(m.cpu.cpl).isZero();
    assertThat(slot(1)).isEqualTo((int) CODE + 8);
    assertThat(m.s.r[0]).isEqualTo(1);
    // The TSS itself is the supervisor's.
    user();
    run(CALL_TSS);
    assertThat(slot(0)).isEqualTo(TSS2_SELECTOR);
    assertThat(slot(1)).isEqualTo((int) CODE);
  }

  @Test
  void aBusyTaskCannotBeEntered() {
    setBusy(TSS2_SELECTOR, true);
    run(CALL_TSS);
    assertThat(slot(0)).isEqualTo(TSS2_SELECTOR);
    assertThat(slot(1)).isEqualTo((int) CODE);
    assertThat(tr()).isEqualTo(BareMachine.TSS_SELECTOR);
  }

  @Test
  void aShortTssIsInvalid() {
    m.ram.store16(BareMachine.GDT + TSS2_SELECTOR, 0x66);
    m.gate32(13, HANDLER + 0x10, 14, 0);
    run(CALL_TSS);
    assertThat(m.s.pc).as("#TS").isEqualTo(HANDLER + 1);
    assertThat(slot(0)).isEqualTo(TSS2_SELECTOR);
  }

  /** nop; mov ds,bx with a selector outside the GDT: #GP by task gate, error code pushed. */
  @Test
  void anExceptionThroughATaskGate() {
    taskGate(13, 0);
    // pop edx; hlt
    write(TASK_CODE, "5af4");
    m.s.r[3] = 0x1000;
    run("908edbf4");
    assertThat(m.s.r[2]).as("error code").isEqualTo(0x1000);
    assertThat(m.s.r[4]).isEqualTo(TASK_STACK);
    assertThat(m.ram.load32(BareMachine.TSS + 0x20)).isEqualTo((int) CODE + 1);
    assertThat(m.ram.load32(BareMachine.TSS + 0x24) & Flags.RF).isNotZero();
    assertThat(m.cpu.eflags() & Flags.NT).isNotZero();
  }

  /** int 30h from CPL 3 through a task gate, and IRET back. */
  @Test
  void aSoftwareInterruptThroughATaskGate() {
    taskGate(0x30, 3);
    write(TASK_CODE, "41cf");
    user();
    run("cd3040f4");
    assertThat(m.s.r[0]).isEqualTo(1);
    assertThat(slot(1)).isEqualTo((int) CODE + 3);
    taskGate(0x30, 0);
    user();
    run("cd3040f4");
    assertThat(slot(0)).as("DPL of the gate").isEqualTo(0x30 * 8 + 2);
  }

  /** The double-fault task: the stack of the interrupted one is unusable. */
  @Test
  void doubleFaultTask() {
    taskGate(8, 0);
    write(TASK_CODE, "5af4");
    m.cpu.segments[X86Cpu.SS].limit = 0xfff;
    m.cpu.modeChanged();
    run("0f0b");
    assertThat(m.s.r[2]).isZero();
    assertThat(tr()).isEqualTo(TSS2_SELECTOR);
    assertThat(m.ram.load32(BareMachine.TSS + 0x20)).isEqualTo((int) CODE);
  }

  /** A 16-bit task: it halts; the general registers have 16 bits, FS and GS are null. */
  @Test
  void sixteenBitTask() {
    m.ram.store16(TSS16 + 0x0e, 0x6000);
    m.ram.store16(TSS16 + 0x10, 2 | Flags.CF);
    for (int i = 0; i < 8; i++) {
      m.ram.store16(TSS16 + 0x12 + 2 * i, 0x1111 * (i + 1));
    }
    for (int i = 0; i < 4; i++) {
      m.ram.store16(TSS16 + 0x22 + 2 * i, i == 1 ? CODE16_SELECTOR : BareMachine.KERNEL_DS);
    }
    // inc cx; iret
    write(TASK_CODE, "41cf");
    m.s.r[0] = 5;
    run("9a00000000500040f4");
    assertThat(m.s.r[0]).isEqualTo(6);
    assertThat(m.ram.load16(TSS16 + 0x14)).isEqualTo((short) 0x2223);
    assertThat(m.ram.load16(TSS16)).isEqualTo(BareMachine.TSS_SELECTOR);
    write(TASK_CODE, "f4");
    m.ram.store16(TSS16 + 0x0e, 0x6000);
    run("9a00000000500040f4");
    assertThat(m.s.r[0]).isEqualTo(0x1111);
    assertThat(m.cpu.segments[X86Cpu.FS].isNull()).isTrue();
    assertThat(m.cpu.mode & X86Cpu.MODE_CS32).isZero();
  }

  /** DS of a task at CPL 3 is not present: the fault is the new task's, on its own inner stack. */
  @Test
  void aFaultBelongsToTheNewTask() {
    task32(BareMachine.USER_CS, BareMachine.USER_DS);
    m.ram.store32(TSS2 + 0x48 + 4 * X86Cpu.DS, BareMachine.NOT_PRESENT | 3);
    m.ram.store64(BareMachine.GDT + BareMachine.NOT_PRESENT, 0x00cf_7300_0000_ffffL);
    write(TASK_CODE, "9090");
    run(CALL_TSS);
    assertThat(m.cpu.cpl).isZero();
    assertThat(m.s.r[4]).isEqualTo(TASK_STACK0 - 24);
    assertThat(slot(0)).isEqualTo(BareMachine.NOT_PRESENT);
    assertThat(slot(1)).isEqualTo((int) TASK_CODE);
    assertThat(slot(2)).isEqualTo(BareMachine.USER_CS);
    assertThat(slot(4)).isEqualTo((int) TASK_STACK);
    assertThat(m.ram.load32(BareMachine.TSS + 0x20)).isEqualTo((int) CODE + 7);
  }

  @Test
  void trapBitOfTheTss() {
    m.ram.store16(TSS2 + 0x64, 1);
    write(TASK_CODE, "90f4");
    run(CALL_TSS);
    assertThat(slot(0)).isEqualTo((int) TASK_CODE);
    assertThat(m.cpu.readRegister("dr6") & 0xe00f).isEqualTo(0x8000);
  }

  /** A V8086 task; int3 goes to the handler at CPL 0. */
  @Test
  void virtual8086Task() {
    m.ram.store32(TSS2 + 0x24, 2 | Flags.VM | Flags.IOPL);
    m.ram.store32(TSS2 + 0x20, 0x100);
    for (int i = 0; i < 6; i++) {
      m.ram.store32(TSS2 + 0x48 + 4 * i, 0x600 - 0x10);
    }
    // mov bl,[100h]; int3
    write(TASK_CODE, "8a1e0001cc");
    m.gate32(3, HANDLER, 14, 3);
    run("ea000000004800");
    assertThat(m.cpu.cpl).isZero();
    assertThat(m.s.r[3] & 0xff).isEqualTo(0x8a);
    assertThat(slot(0)).isEqualTo(0x105);
    assertThat(slot(1)).isEqualTo(0x5f0);
    assertThat(slot(2) & Flags.VM).isNotZero();
    assertThat(slot(5)).as("ES").isEqualTo(0x5f0);
  }
}
