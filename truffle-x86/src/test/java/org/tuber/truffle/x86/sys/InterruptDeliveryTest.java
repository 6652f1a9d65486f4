package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/** SDM vol. 3, chapter 6; vol. 2, IRET. */
class InterruptDeliveryTest {
  private static final long HANDLER = 0x1234_5678_9abcL;
  private static final long IRETQ = 3L << Word.SIZE_SHIFT;
  private static final long IRETD = 2L << Word.SIZE_SHIFT;
  private static final long IRETW = 1L << Word.SIZE_SHIFT;

  private BareMachine m = new BareMachine("qemu64");

  @AfterEach
  void close() {
    m.close();
  }

  private long slot(int n) {
    return m.ram.load64(m.s.r[4] + 8L * n);
  }

  private int slot32(int n) {
    return m.ram.load32(m.s.r[4] + 4L * n);
  }

  private void raise(int vector, long errorCode) {
    m.cpu.exception(vector, errorCode);
    InterruptDelivery.deliverFault(m.cpu);
  }

  @Test
  void longModeSamePrivilege() {
    m.longMode();
    m.gate64(14, HANDLER, 14, 0, 0);
    m.s.pc = 0x5000;
    m.s.r[4] = BareMachine.STACK + 5;
    m.cpu.setEflags(Flags.IF | Flags.CF | Flags.TF | Flags.NT);
    m.cpu.pageFault(0xdead_beefL, 2);
    InterruptDelivery.deliverFault(m.cpu);
    assertThat(m.s.pc).isEqualTo(HANDLER);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK - 48);
    assertThat(slot(0)).isEqualTo(2);
    assertThat(slot(1)).isEqualTo(0x5000);
    assertThat(slot(2)).isEqualTo(BareMachine.KERNEL_CS);
    assertThat(slot(3))
        .isEqualTo(Flags.IF | Flags.CF | Flags.TF | Flags.NT | Flags.RF | Flags.FIXED);
    assertThat(slot(4)).isEqualTo(BareMachine.STACK + 5);
    assertThat(slot(5)).isEqualTo(BareMachine.KERNEL_DS);
    assertThat(m.cpu.cr2).isEqualTo(0xdead_beefL);
    assertThat(m.cpu.eflags()).isEqualTo(Flags.CF | Flags.FIXED);
  }

  /** An interrupt waits: where STI lets it in, and that CLI or HLT right behind it come first. */
  @ParameterizedTest
  @CsvSource({
    // sti; nop; nop; cli; hlt
    "fb9090faf4, 0x5002, 0x5003",
    // sti; hlt
    "fbf4, 0x5002, 0x5002",
    // sti; mov ss,ax; cli; hlt: MOV SS holds off, too
    "fb8ed0faf4, -1, -1",
    // sti; cli; hlt
    "fbfaf4, -1, -1"
  })
  void theInstructionBehindStiComesFirst(String code, long first, long last) {
    m.longMode();
    byte[] program = HexFormat.of().parseHex(code);
    m.ram.write(0x5000, program, 0, program.length);
    // inc ecx; hlt
    m.ram.write(0x6000, HexFormat.of().parseHex("ffc1f4"), 0, 3);
    m.gate64(0x40, 0x6000, 14, 0, 0);
    m.vector = 0x40;
    m.s.pc = 0x5000;
    m.s.r[0] = BareMachine.KERNEL_DS;
    m.cpu.setInterrupt(true);
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.HALTED);
    assertThat(m.s.r[1]).as("taken").isEqualTo(first < 0 ? 0 : 1);
    if (first >= 0) {
      assertThat(slot(0)).isBetween(first, last);
    }
  }

  @Test
  void trapGateKeepsInterruptFlag() {
    m.longMode();
    m.gate64(3, HANDLER, 15, 3, 0);
    m.cpu.setEflags(Flags.IF);
    InterruptDelivery.software(m.cpu, 3, 0x5001);
    assertThat(slot(0)).isEqualTo(0x5001);
    assertThat(m.cpu.eflags()).isEqualTo(Flags.IF | Flags.FIXED);
  }

  @Test
  void fromUserToTheStackOfTheTssAndBack() {
    m.longMode().user();
    m.gate64(13, HANDLER, 14, 0, 0);
    m.s.pc = 0x40_0000;
    m.s.r[4] = 0x7fff_0000L;
    m.cpu.setEflags(Flags.IF | Flags.ZF);
    raise(X86Cpu.GP, 0x18);
    assertThat(m.cpu.cpl).isZero();
    assertThat(m.cpu.segments[X86Cpu.SS].selector).isZero();
    assertThat(m.s.r[4]).isEqualTo(0x6_0000 - 48);
    assertThat(slot(0)).isEqualTo(0x18);
    assertThat(slot(4)).isEqualTo(0x7fff_0000L);
    assertThat(slot(5)).isEqualTo(BareMachine.USER_DS);
    m.s.r[4] += 8;
    FarReturn.iret(m.s, m.cpu, IRETQ);
    assertThat(m.s.pc).isEqualTo(0x40_0000);
    assertThat(m.cpu.cpl).isEqualTo(3);
    assertThat(m.s.r[4]).isEqualTo(0x7fff_0000L);
    assertThat(m.cpu.eflags()).isEqualTo(Flags.IF | Flags.ZF | Flags.FIXED);
    assertThat(m.cpu.segments[X86Cpu.CS].selector).isEqualTo(BareMachine.USER_CS);
    assertThat(m.cpu.mode & (X86Cpu.MODE_USER | X86Cpu.MODE_64))
        .isEqualTo(X86Cpu.MODE_USER | X86Cpu.MODE_64);
  }

  @Test
  void interruptStackTable() {
    m.longMode();
    m.gate64(2, HANDLER, 14, 0, 1);
    m.cpu.nmi();
    assertThat(InterruptDelivery.acceptInterrupt(m.cpu, GuestCpu.REQUEST_NMI)).isTrue();
    assertThat(m.s.r[4]).isEqualTo(0x6_8000 - 40);
    assertThat(InterruptDelivery.acceptInterrupt(m.cpu, GuestCpu.REQUEST_NMI)).isFalse();
    FarReturn.iret(m.s, m.cpu, IRETQ);
    assertThat(InterruptDelivery.acceptInterrupt(m.cpu, GuestCpu.REQUEST_NMI)).isTrue();
  }

  @Test
  void maskableInterruptNeedsTheFlagAndAVector() {
    m.longMode();
    m.gate64(0x30, HANDLER, 14, 0, 0);
    m.vector = 0x30;
    assertThat(InterruptDelivery.acceptInterrupt(m.cpu, GuestCpu.REQUEST_INTERRUPT)).isFalse();
    m.cpu.setEflags(Flags.IF);
    m.vector = -1;
    assertThat(InterruptDelivery.acceptInterrupt(m.cpu, GuestCpu.REQUEST_INTERRUPT)).isFalse();
    m.vector = 0x30;
    assertThat(InterruptDelivery.acceptInterrupt(m.cpu, GuestCpu.REQUEST_INTERRUPT)).isTrue();
    assertThat(m.s.pc).isEqualTo(HANDLER);
    assertThat(slot(2)).isEqualTo(Flags.IF | Flags.FIXED);
  }

  @Test
  void softwareInterruptRespectsTheGatesPrivilege() {
    m.longMode().user();
    m.gate64(0x80, HANDLER, 14, 0, 0);
    GuestFault f = m.faultOf(() -> InterruptDelivery.software(m.cpu, 0x80, 0));
    assertThat(f.vector).isEqualTo(X86Cpu.GP);
    assertThat(f.errorCode).isEqualTo(0x80 * 8 + 2);
    assertThat(m.cpu.cpl).isEqualTo(3);
    f = m.faultOf(() -> InterruptDelivery.software(m.cpu, 0x81, 0));
    assertThat(f.errorCode).isEqualTo(0x81 * 8 + 2);
  }

  @Test
  void faultWhileDeliveringAFaultIsADoubleFault() {
    m.longMode();
    m.gate64(8, HANDLER, 14, 0, 0);
    raise(X86Cpu.GP, 0);
    assertThat(m.s.pc).isEqualTo(HANDLER);
    assertThat(slot(0)).isZero();
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK - 48);
  }

  @Test
  void benignFaultFirstIsHandledSerially() {
    m.longMode();
    m.gate64(13, HANDLER, 14, 0, 0);
    raise(X86Cpu.UD, -1);
    assertThat(m.s.pc).isEqualTo(HANDLER);
    assertThat(slot(0)).isEqualTo(6 * 8 + 2 + 1);
  }

  @Test
  void withoutAnyHandlerTheCpuShutsDown() {
    m.longMode();
    raise(X86Cpu.PF, 0);
    assertThat(m.cpu.run(0)).isEqualTo(ExitReason.SHUTDOWN);
  }

  @Test
  void protectedModeInnerPrivilegeAndBack() {
    m.protectedMode().user();
    m.gate32(0x80, 0x1234_5678, 15, 3);
    m.s.r[4] = 0x5_0000;
    m.cpu.setEflags(Flags.IF | Flags.CF);
    InterruptDelivery.software(m.cpu, 0x80, 0x40_1002);
    assertThat(m.s.pc).isEqualTo(0x1234_5678);
    assertThat(m.cpu.cpl).isZero();
    assertThat(m.cpu.segments[X86Cpu.SS].selector).isEqualTo(BareMachine.KERNEL_DS);
    assertThat(m.s.r[4]).isEqualTo(0x6_0000 - 20);
    assertThat(slot32(0)).isEqualTo(0x40_1002);
    assertThat(slot32(1)).isEqualTo(BareMachine.USER_CS);
    assertThat(slot32(2)).isEqualTo(Flags.IF | Flags.CF | Flags.FIXED);
    assertThat(slot32(3)).isEqualTo(0x5_0000);
    assertThat(slot32(4)).isEqualTo(BareMachine.USER_DS);
    FarReturn.iret(m.s, m.cpu, IRETD);
    assertThat(m.s.pc).isEqualTo(0x40_1002);
    assertThat(m.cpu.cpl).isEqualTo(3);
    assertThat(m.s.r[4]).isEqualTo(0x5_0000);
    // The kernel's data segments are out of reach now.
    assertThat(m.cpu.segments[X86Cpu.DS].isNull()).isTrue();
  }

  @Test
  void protectedModeSamePrivilegePushesErrorCode() {
    m.protectedMode();
    m.gate32(13, 0x2000, 14, 0);
    m.s.pc = 0x1000;
    raise(X86Cpu.GP, 0x28);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK - 16);
    assertThat(slot32(0)).isEqualTo(0x28);
    assertThat(slot32(1)).isEqualTo(0x1000);
    assertThat(slot32(2)).isEqualTo(BareMachine.KERNEL_CS);
  }

  @Test
  void sixteenBitGate() {
    m.protectedMode();
    m.gate32(0x21, 0x9999_2000, 6, 0);
    InterruptDelivery.software(m.cpu, 0x21, 0x1003);
    assertThat(m.s.pc).isEqualTo(0x2000);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK - 6);
    assertThat(m.ram.load16(m.s.r[4])).isEqualTo(0x1003);
    FarReturn.iret(m.s, m.cpu, IRETW);
    assertThat(m.s.pc).isEqualTo(0x1003);
    assertThat(m.s.r[4]).isEqualTo(BareMachine.STACK);
  }

  @Test
  void realMode() {
    m.cpu.segments[X86Cpu.CS].set(0x100, 0x1000, 0xffff, 0x93);
    m.cpu.segments[X86Cpu.SS].set(0x2000, 0x2_0000, 0xffff, 0x93);
    m.cpu.modeChanged();
    m.s.r[4] = 0;
    m.ram.store32(0x10 * 4, 0xf000_1234);
    m.cpu.setEflags(Flags.IF | Flags.CF);
    InterruptDelivery.software(m.cpu, 0x10, 0x1055);
    assertThat(m.s.pc).isEqualTo(0xf_1234);
    assertThat(m.s.r[4]).isEqualTo(0xfffa);
    assertThat(m.ram.load16(0x2_fffa)).isEqualTo(0x55);
    assertThat(m.ram.load16(0x2_fffc)).isEqualTo(0x100);
    assertThat(m.cpu.eflags() & Flags.IF).isZero();
    FarReturn.iret(m.s, m.cpu, IRETW);
    assertThat(m.s.pc).isEqualTo(0x1055);
    assertThat(m.s.r[4]).isZero();
    assertThat(m.cpu.eflags()).isEqualTo(Flags.IF | Flags.CF | Flags.FIXED);
  }

  @Test
  void singleStepTrap() {
    m.longMode();
    m.gate64(1, HANDLER, 14, 0, 0);
    m.cpu.setEflags(Flags.TF);
    m.s.pc = 0x77;
    DebugRegisters.trap(m.cpu, true, 0);
    assertThat(m.s.pc).isEqualTo(HANDLER);
    assertThat(slot(0)).isEqualTo(0x77);
    assertThat(slot(2)).isEqualTo(Flags.TF | Flags.FIXED);
    assertThat(m.cpu.dr[6] & 1 << 14).isNotZero();
  }

  @Test
  void iretToCompatibilityMode() {
    m.longMode();
    SystemStack stack = SystemStack.current(m.cpu, 8);
    for (long v : new long[] {BareMachine.USER_DS, 0x1_2345_6780L, Flags.IF}) {
      stack.push(v);
    }
    stack.push(BareMachine.USER_CS32);
    stack.push(0x8048_0000L);
    m.s.r[4] = stack.pointer(0);
    FarReturn.iret(m.s, m.cpu, IRETQ);
    assertThat(m.cpu.is64Bit()).isFalse();
    assertThat(m.cpu.mode & X86Cpu.MODE_CS32).isNotZero();
    assertThat(m.s.pc).isEqualTo(0x8048_0000L);
  }

  @Test
  void iretRefusesMorePrivilegeAndNullSelectors() {
    m.longMode().user();
    SystemStack stack = SystemStack.current(m.cpu, 8);
    for (long v : new long[] {BareMachine.KERNEL_DS, 0x1000, 2, BareMachine.KERNEL_CS, 0}) {
      stack.push(v);
    }
    m.s.r[4] = stack.pointer(0);
    GuestFault f = m.faultOf(() -> FarReturn.iret(m.s, m.cpu, IRETQ));
    assertThat(f.vector).isEqualTo(X86Cpu.GP);
    assertThat(f.errorCode).isEqualTo(BareMachine.KERNEL_CS);
    assertThat(m.cpu.cpl).isEqualTo(3);
  }
}
