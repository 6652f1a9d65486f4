package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.tuber.core.cpu.DebugControl;
import org.tuber.core.cpu.DebugControl.Kind;
import org.tuber.core.cpu.ExitReason;
import org.tuber.core.mem.MmioDevice;
import org.tuber.truffle.engine.Engine;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;

/** SDM vol. 3, chapter 17, in 32-bit programs; and the debugger outside. */
class DebugRegistersTest {
  private static final long CODE = 0x5000;
  private static final long HANDLER = 0x6000;
  private static final long LOG = 0x9_0000;

  private static final int DR6_FIXED = 0xffff_0ff0;
  private static final int BS = 1 << 14;

  /** push eax; mov eax,[esp+4]; mov [ebp],eax; add ebp,4; pop eax; iretd. */
  private static final String LOGGING = "508b44240489450083c50458cf";

  private BareMachine m = new BareMachine(Map.of("model", "max")).protectedMode();

  @BeforeEach
  void handler() {
    prepare(LOGGING);
  }

  private void prepare(String handler) {
    write(HANDLER, handler);
    m.gate32(1, HANDLER, 14, 0);
    m.s.r[5] = LOG;
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

  private void program(String hex) {
    write(CODE, hex);
    m.s.pc = CODE;
  }

  private void run() {
    assertThat(m.cpu.run(2_000_000)).isEqualTo(ExitReason.HALTED);
  }

  /** Return addresses of the traps and faults, as offsets in the program. */
  private List<Integer> traps() {
    List<Integer> list = new ArrayList<>();
    for (long at = LOG; at < m.s.r[5]; at += 4) {
      list.add(m.ram.load32(at) - (int) CODE);
    }
    return list;
  }

  private void watch(int slot, long address, int kind, int bytes) {
    int length = bytes == 8 ? 2 : bytes - 1;
    long dr7 = m.cpu.readRegister("dr7");
    m.cpu.writeRegister("dr" + slot, address);
    m.cpu.writeRegister("dr7", dr7 | 2L << 2 * slot | (long) (kind | length << 2) << 16 + 4 * slot);
  }

  private int dr6() {
    return (int) m.cpu.readRegister("dr6");
  }

  // ---------------------------------------------------------------- instruction breakpoints

  /** mov ebx,3; l: inc eax; inc eax; dec ebx; jnz l; hlt; the handler sets RF. */
  @Test
  void instructionBreakpointsAreFaultsThatResumeFlagPasses() {
    // or dword [esp+8],10000h; inc ecx; mov edx,[esp]; iretd
    prepare("814c240800000100418b1424cf");
    program("bb0300000040404b75fbf4");
    watch(1, CODE + 6, 0, 1);
    run();
    assertThat(m.s.r[0]).isEqualTo(6);
    assertThat(m.s.r[1]).as("hits").isEqualTo(3);
    assertThat(m.s.r[2]).isEqualTo(CODE + 6);
    assertThat(dr6()).isEqualTo(DR6_FIXED | 2);
    assertThat(m.cpu.eflagsHigh & Flags.RF).isZero();
  }

  /** The flags that a breakpoint pushes have no RF, those of another fault have it. */
  @Test
  void resumeFlagInThePushedImage() {
    write(HANDLER, "f4");
    program("90 90 f4");
    watch(0, CODE + 1, 0, 1);
    run();
    assertThat(m.ram.load32(m.s.r[4] + 8) & Flags.RF).isZero();
    m.gate32(6, HANDLER, 14, 0);
    m.cpu.clearHalt();
    program("0f0b");
    run();
    assertThat(m.ram.load32(m.s.r[4] + 8) & Flags.RF).isNotZero();
  }

  @Test
  void aBreakpointInTheMiddleOfARepeatedInstructionIsPassedOnce() {
    // or dword [esp+8],10000h; inc ebx; iretd
    prepare("814c24080000010043cf");
    program("be00800000bf00810000b908000000fcf3a4f4");
    watch(0, CODE + 0x10, 0, 1);
    run();
    assertThat(m.s.r[3]).as("hits").isEqualTo(1);
    assertThat(m.s.r[7]).isEqualTo(0x8108);
  }

  // ---------------------------------------------------------------- data breakpoints

  /** mov byte [8008h],1; mov byte [8005h],1; nop; mov eax,[8002h]; nop; hlt. */
  private static final String STORES = "c6050880000001c605058000000190a10280000090f4";

  @Test
  void writesAreTrapsBehindTheInstruction() {
    program(STORES);
    watch(0, 0x8004, 1, 4);
    run();
    assertThat(traps()).containsExactly(14);
    assertThat(dr6()).isEqualTo(DR6_FIXED | 1);
    assertThat(m.ram.load8(0x8005)).isEqualTo(1);
  }

  @Test
  void readsAndWritesPartlyInTheRange() {
    program(STORES);
    watch(2, 0x8004, 3, 4);
    watch(3, 0x8009, 1, 1);
    run();
    assertThat(traps()).containsExactly(14, 20);
    assertThat(dr6()).isEqualTo(DR6_FIXED | 4);
  }

  /** mov esi,8000h; mov edi,8100h; mov ecx,8; cld; rep movsb; hlt. */
  @Test
  void repeatedInstructionsTrapBehindTheElement() {
    program("be00800000bf00810000b908000000fcf3a4f4");
    watch(0, 0x8104, 1, 1);
    write(HANDLER, "f4");
    run();
    assertThat(m.s.r[1]).isEqualTo(3);
    assertThat(m.s.r[7]).isEqualTo(0x8105);
    assertThat(m.ram.load32(m.s.r[4])).isEqualTo((int) CODE + 0x10);
  }

  /** mov ss,[8000h]; nop; hlt. */
  @Test
  void aLoadOfTheStackSegmentDefersTheTrap() {
    program("8e150080000090f4");
    m.ram.store16(0x8000, BareMachine.KERNEL_DS);
    watch(0, 0x8000, 3, 2);
    run();
    assertThat(traps()).containsExactly(7);
  }

  /** mov edi,10000h; mov ebx,20000; l: mov [edi],ebx; add edi,4; inc eax; dec ebx; jnz l; hlt. */
  private static final String HOT = "bf00000100bb204e0000891f83c704404b75f7f4";

  @Test
  void aStoreInACompiledRegion() {
    for (Engine.Options options :
        List.of(Engine.Options.INTERPRETER, Engine.Options.DEFAULT, Engine.Options.IMMEDIATE)) {
      m.close();
      m = new BareMachine(Map.of("model", "max"), options).protectedMode();
      prepare(LOGGING);
      program(HOT);
      watch(0, 0x1_0000 + 4 * 15_000, 1, 4);
      run();
      assertThat(traps()).containsExactly(12);
      assertThat(m.s.r[0]).isEqualTo(20_000);
      assertThat(m.ram.load32(0x1_0000 + 4 * 19_999)).isEqualTo(1);
    }
  }

  /**
   * mov dx,70h; out dx,al; nop; in al,71h; nop; mov edi,8000h; mov ecx,5; mov dx,72h; rep insb;
   * hlt.
   */
  @Test
  void portsWithDebuggingExtensions() {
    m.mapPorts(
        0x70,
        4,
        new MmioDevice() {
          @Override
          public long read(long offset, int size) {
            return 0;
          }

          @Override
          public void write(long offset, long value, int size) {}
        });
    String hex = "66ba7000ee90e47190bf00800000b90500000066ba7200f36cf4";
    program(hex);
    watch(0, 0x70, 2, 1);
    watch(1, 0x72, 2, 2);
    run();
    assertThat(traps()).as("without CR4.DE").isEmpty();
    m.cpu.clearHalt();
    m.cpu.writeRegister("cr4", Cr.CR4_DE);
    program(hex);
    run();
    assertThat(traps()).containsExactly(5, 0x17, 0x17, 0x17, 0x17, 0x19);
  }

  // ---------------------------------------------------------------- single steps and the rest

  /**
   * TF set by POPF, then nop; mov ax,ss; mov ss,ax; nop; int 30h; nop; mov ecx,3; mov edi,8000h;
   * rep stosb; and TF cleared by POPF.
   */
  @Test
  void singleSteps() {
    write(0x6100, "cf");
    m.gate32(0x30, 0x6100, 14, 0);
    program("9c810c24000100009d90668cd08ed090cd3090b903000000bf00800000f3aa9c812424fffeffff9df4");
    run();
    assertThat(traps())
        .containsExactly(0x0a, 0x0d, 0x10, 0x13, 0x18, 0x1d, 0x1d, 0x1d, 0x1f, 0x20, 0x27, 0x28);
    assertThat(dr6()).isEqualTo(DR6_FIXED | BS);
  }

  @Test
  void int1LeavesDr6() {
    program("f1f4");
    run();
    assertThat(traps()).containsExactly(1);
    assertThat(dr6()).isEqualTo(DR6_FIXED);
  }

  /** mov dr0,eax; mov eax,dr7; hlt: the handler clears nothing but GD is gone there. */
  @Test
  void generalDetect() {
    write(HANDLER, "f4");
    program("0f23c00f21f8f4");
    m.cpu.writeRegister("dr7", 0x2400);
    run();
    assertThat(m.ram.load32(m.s.r[4])).isEqualTo((int) CODE);
    assertThat(dr6()).isEqualTo(DR6_FIXED | 1 << 13);
    assertThat(m.cpu.readRegister("dr7")).isEqualTo(0x400);
  }

  // ---------------------------------------------------------------- from outside

  @Test
  void aDebuggerOutsideIsNotSeen() {
    DebugControl d = m.cpu.debugControl();
    program(HOT);
    d.addBreakpoint(CODE + 12);
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.DEBUG);
    assertThat(d.lastStop()).isEqualTo(new DebugControl.Stop(Kind.BREAKPOINT, CODE + 12));
    assertThat(m.ram.load32(0x1_0000)).isEqualTo(20_000);
    assertThat(m.s.r[7]).isEqualTo(0x1_0000);
    assertThat(m.cpu.run(Long.MAX_VALUE)).as("the next round").isEqualTo(ExitReason.DEBUG);
    assertThat(m.s.r[7]).isEqualTo(0x1_0004);
    d.removeBreakpoint(CODE + 12);
    assertThat(d.step()).isEqualTo(ExitReason.DEBUG);
    assertThat(d.lastStop()).isEqualTo(new DebugControl.Stop(Kind.STEP, CODE + 15));
    d.addWatchpoint(0x1_0000 + 4000, 4, false, true);
    assertThat(m.cpu.run(Long.MAX_VALUE)).isEqualTo(ExitReason.DEBUG);
    assertThat(d.lastStop()).isEqualTo(new DebugControl.Stop(Kind.WATCHPOINT, 0x1_0000 + 4000));
    assertThat(m.s.pc).isEqualTo(CODE + 12);
    assertThat(m.s.r[0]).isEqualTo(1000);
    d.removeWatchpoint(0x1_0000 + 4000, 4, false, true);
    run();
    assertThat(m.s.r[0]).isEqualTo(20_000);
    assertThat(traps()).isEmpty();
    assertThat(dr6()).isEqualTo(DR6_FIXED);
  }

  @Test
  void aStepGoesToTheHandler() {
    m.gate32(6, 0x6100, 14, 0);
    program("0f0b");
    assertThat(m.cpu.step()).isEqualTo(ExitReason.DEBUG);
    assertThat(m.s.pc).isEqualTo(0x6100);
  }
}
