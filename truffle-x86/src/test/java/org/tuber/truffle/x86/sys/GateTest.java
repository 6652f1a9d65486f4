package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tuber.core.cpu.ExitReason;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/** Programs that pass gates between privilege levels, run by the CPU (SDM vol. 3, 5.8 and 6.12). */
class GateTest {
  private static final long PROGRAM = 0x5000;
  private static final long TARGET = 0x6000;
  private static final long USER_STACK = 0x5_0000;
  private static final long HANDLERS = 0x4000;

  private static final int GATE = 0x50;
  private static final int CODE1 = 0x58;
  private static final int STACK1 = 0x60;
  private static final int CONFORMING = 0x68;

  private final BareMachine m = new BareMachine(Map.of("model", "max"));
  private final X86Cpu c = m.cpu;

  @AfterEach
  void close() {
    m.close();
  }

  private void protectedMode() {
    m.ram.store64(BareMachine.GDT + CODE1, 0x00cf_bb00_0000_ffffL);
    m.ram.store64(BareMachine.GDT + STACK1, 0x00cf_b300_0000_ffffL);
    m.ram.store64(BareMachine.GDT + CONFORMING, 0x00cf_9f00_0000_ffffL);
    m.protectedMode();
    c.gdtr.limit = 0x6f;
    m.ram.store32(BareMachine.TSS + 12, 0x6_4000);
    m.ram.store32(BareMachine.TSS + 16, STACK1 | 1);
    for (int v = 0; v < 32; v++) {
      m.gate32(v, HANDLERS + v, 14, 0);
      m.ram.store8(HANDLERS + v, 0xf4);
    }
  }

  private void callGate(int selector, int type, int dpl, int parameters) {
    m.ram.store64(
        BareMachine.GDT + GATE,
        TARGET
            | (long) selector << 16
            | (long) parameters << 32
            | (long) (0x80 | dpl << 5 | type) << 40);
  }

  private void program(long at, String hex) {
    byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
    m.ram.write(at, code, 0, code.length);
  }

  private long run() {
    m.s.pc = PROGRAM;
    m.s.r[4] = USER_STACK;
    c.clearHalt();
    assertThat(c.run(1000)).isEqualTo(ExitReason.HALTED);
    return m.s.pc - 1 - HANDLERS;
  }

  /**
   * From privilege 3 to 1, two parameters: the stack comes from the TSS. RETF 8 drops both copies.
   * MOV EAX,SS and MOV EBX,[ESP+8] in the procedure; UD2 at the end.
   */
  @Test
  void aCallToPrivilegeOne() {
    protectedMode();
    callGate(CODE1, 12, 3, 2);
    m.user();
    // push 11h; push 22h; call 53h:0; mov ecx,ss; ud2
    program(PROGRAM, "6a11 6a22 9a000000005300 8cd1 0f0b");
    // mov eax,ss; mov edx,cs; mov ebx,[esp+8]; mov esi,[esp+16]; retf 8
    program(TARGET, "8cd0 8cca 8b5c2408 8b742410 ca0800");
    assertThat(run()).isEqualTo(X86Cpu.UD);
    assertThat(m.s.r[0]).isEqualTo(STACK1 | 1);
    assertThat(m.s.r[2]).isEqualTo(CODE1 | 1);
    assertThat(m.s.r[3]).isEqualTo(0x22);
    assertThat(m.s.r[6]).as("the caller's ESP").isEqualTo(USER_STACK - 8);
    assertThat(m.s.r[1]).isEqualTo(BareMachine.USER_DS);
    assertThat(m.ram.load32(m.s.r[4] + 12)).as("ESP after RETF").isEqualTo((int) USER_STACK);
  }

  /** A gate of a 286: offset, parameters and return address are words. */
  @Test
  void aGateOf16Bits() {
    protectedMode();
    callGate(BareMachine.KERNEL_CS, 4, 3, 1);
    m.user();
    // push word 1234h; call 53h:0; ud2
    program(PROGRAM, "66683412 9a000000005300 0f0b");
    // mov bx,[esp+4]; mov si,[esp+6]; retf 2 (16-bit)
    program(TARGET, "668b5c2404 668b742406 66ca0200");
    m.s.r[3] = 0;
    assertThat(run()).isEqualTo(X86Cpu.UD);
    assertThat(m.s.r[3]).isEqualTo(0x1234);
    assertThat(m.s.r[6] & 0xffff).isEqualTo(USER_STACK - 2 & 0xffff);
  }

  /** Conforming code runs at the caller's privilege, also by JMP. */
  @ParameterizedTest
  @ValueSource(strings = {"9a000000005300", "ea000000005300"})
  void conformingCodeKeepsThePrivilege(String transfer) {
    protectedMode();
    callGate(CONFORMING, 12, 3, 0);
    m.user();
    program(PROGRAM, transfer);
    program(TARGET, "8cca 0f0b");
    assertThat(run()).isEqualTo(X86Cpu.UD);
    assertThat(m.s.r[2]).isEqualTo(CONFORMING | 3);
    assertThat(m.s.r[4]).isEqualTo(0x6_0000 - 20);
  }

  /** Gate selector, type, DPL, target, present; the error code, and vector. */
  @ParameterizedTest
  @CsvSource({
    "53, 12, 2, 58, 50, 13",
    "53, 12, 3, 10, 10, 13",
    "53, 12, 3, 0, 0, 13",
    "53, 12, 3, 100, 100, 13",
    "53, 14, 3, 8, 50, 13",
    "53, 13, 3, 8, 50, 13",
    "73, 12, 3, 8, 70, 13",
  })
  void refusedGates(String selector, int type, int dpl, String target, String error, int vector) {
    protectedMode();
    callGate(Integer.parseInt(target, 16), type, dpl, 0);
    m.user();
    program(PROGRAM, "9a00000000" + selector + "00");
    assertThat(run()).isEqualTo(vector);
    assertThat(m.ram.load32(m.s.r[4])).isEqualTo(Integer.parseInt(error, 16));
    assertThat(m.ram.load32(m.s.r[4] + 4)).isEqualTo((int) PROGRAM);
    assertThat(m.ram.load32(m.s.r[4] + 16)).isEqualTo((int) USER_STACK);
  }

  /** JMP through a gate never raises the privilege. */
  @Test
  void jumpsDoNotGoInward() {
    protectedMode();
    callGate(BareMachine.KERNEL_CS, 12, 3, 0);
    m.user();
    program(PROGRAM, "ea000000005300");
    assertThat(run()).isEqualTo(X86Cpu.GP);
    assertThat(m.ram.load32(m.s.r[4])).isEqualTo(BareMachine.KERNEL_CS);
  }

  /** The inner stack is too small, or its selector bad: nothing of the call has happened. */
  @ParameterizedTest
  @CsvSource({"10, 12, 10", "61, 10, 60", "0, 10, 0"})
  void badInnerStacks(String selector, int vector, String error) {
    protectedMode();
    callGate(BareMachine.KERNEL_CS, 12, 3, 0);
    // A stack of two bytes, writable, DPL 0 at 30H; handlers get a stack of their own by a gate
    // to conforming code, which runs at privilege 3.
    for (int v = 10; v < 14; v++) {
      m.gate32(v, TARGET + 16 * v, 14, 0);
      m.ram.store16(BareMachine.IDT + 8L * v + 2, (short) CONFORMING);
      m.ram.store16(TARGET + 16L * v, (short) 0xfeeb);
    }
    m.ram.store64(BareMachine.GDT + 0x10, 0x0040_9300_0000_0001L);
    m.ram.store32(BareMachine.TSS + 8, Integer.parseInt(selector, 16));
    m.user();
    program(PROGRAM, "9a000000005300");
    m.s.pc = PROGRAM;
    m.s.r[4] = USER_STACK;
    c.run(3);
    assertThat(m.s.pc - TARGET).isEqualTo(16 * vector);
    assertThat(m.s.r[4]).isEqualTo(USER_STACK - 16);
    assertThat(m.ram.load32(m.s.r[4])).isEqualTo(Integer.parseInt(error, 16));
    assertThat(m.ram.load32(m.s.r[4] + 4)).isEqualTo((int) PROGRAM);
    assertThat(c.cpl).isEqualTo(3);
  }

  /** 64-bit call gate: RSP from the TSS, a null SS, RETF with REX.W. */
  @Test
  void aGateOf64Bits() {
    m.longMode();
    c.gdtr.limit = 0x6f;
    callGate(BareMachine.KERNEL_CS, 12, 3, 0);
    m.ram.store64(BareMachine.GDT + GATE + 8, 0);
    m.gate64(6, HANDLERS + 6, 14, 0, 0);
    m.ram.store8(HANDLERS + 6, 0xf4);
    m.user();
    m.ram.store64(0x7000, (long) (GATE | 3) << 32);
    // call far [rdi]; ud2
    program(PROGRAM, "ff1f 0f0b");
    // mov eax,ss; mov rbx,[rsp+16]; retf (64-bit)
    program(TARGET, "8cd0 488b5c2410 48cb");
    m.s.r[7] = 0x7000;
    assertThat(run()).isEqualTo(X86Cpu.UD);
    assertThat(m.s.r[0]).isZero();
    assertThat(m.s.r[3]).isEqualTo(USER_STACK);
    assertThat(m.ram.load64(m.s.r[4] + 24)).isEqualTo(USER_STACK);
    assertThat(m.ram.load64(m.s.r[4] + 8)).isEqualTo(BareMachine.USER_CS);
  }

  // ---------------------------------------------------------------- interrupt gates

  /** INT to privilege 1 and IRET back; the interrupt gate clears IF, the trap gate does not. */
  @ParameterizedTest
  @CsvSource({"14, 0", "15, 512"})
  void anInterruptToPrivilegeOne(int type, int interruptFlag) {
    protectedMode();
    m.gate32(0x80, TARGET, type, 3);
    m.ram.store16(BareMachine.IDT + 8 * 0x80 + 2, (short) CODE1);
    m.user();
    // IRET of privilege 1 may restore IF.
    c.setEflags(Flags.IF | 1 << 12);
    program(PROGRAM, "cd80 8cc9 0f0b");
    // pushfd; pop eax; mov edx,cs; mov ebx,[esp+12]; iretd
    program(TARGET, "9c58 8cca 8b5c240c cf");
    assertThat(run()).isEqualTo(X86Cpu.UD);
    assertThat(m.s.r[0] & Flags.IF).isEqualTo(interruptFlag);
    assertThat(m.s.r[2]).isEqualTo(CODE1 | 1);
    assertThat(m.s.r[3]).isEqualTo(USER_STACK);
    assertThat(m.s.r[1]).isEqualTo(BareMachine.USER_CS);
    assertThat(m.ram.load32(m.s.r[4] + 8) & Flags.IF).isEqualTo(Flags.IF);
  }

  /** The program's own gate of a lesser privilege is no gate to less privilege. */
  @Test
  void interruptsDoNotGoOutward() {
    protectedMode();
    m.gate32(0x80, TARGET, 14, 3);
    m.ram.store16(BareMachine.IDT + 8 * 0x80 + 2, (short) (BareMachine.USER_CS & ~3));
    program(PROGRAM, "cd80");
    m.ram.store64(BareMachine.GDT + 0x20, 0x00cf_fb00_0000_ffffL);
    assertThat(run()).isEqualTo(X86Cpu.GP);
    assertThat(m.ram.load32(m.s.r[4])).isEqualTo(BareMachine.USER_CS & ~3);
  }

  // ---------------------------------------------------------------- UMIP

  /** SGDT, SIDT, SLDT, SMSW, STR: #GP for user programs only, and only with CR4.UMIP. */
  @ParameterizedTest
  @ValueSource(strings = {"0f0106", "0f010e", "0f00c0", "0f01e0", "0f00c8"})
  void umip(String hex) {
    protectedMode();
    m.s.r[6] = 0x7000;
    program(PROGRAM, hex + "0f0b");
    c.cr4 |= Cr.CR4_UMIP;
    assertThat(run()).as("kernel").isEqualTo(X86Cpu.UD);
    m.protectedMode().user();
    c.setEflags(0);
    assertThat(run()).as("user").isEqualTo(X86Cpu.GP);
    c.cr4 &= ~Cr.CR4_UMIP;
    m.protectedMode().user();
    c.setEflags(0);
    assertThat(run()).as("user without UMIP").isEqualTo(X86Cpu.UD);
  }
}
