package org.tuber.truffle.x86.sys;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.tuber.core.snapshot.StateCodec;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Which fault comes first where several things are wrong, in the order of the manual's pseudo-code
 * (SDM vol. 2, CALL, JMP, RET, IRET and INT n; vol. 3, table 8-1): the first of a list is wrong
 * together with all that follow, then the second, and so on. The CPU is afterwards as if the
 * instruction had not begun.
 */
class FaultOrderTest {
  private static final long SIZE32 = 2L << Word.SIZE_SHIFT;
  private static final int NEXT = 0x1007;

  private static final int GATE = 0x50;
  private static final int CODE = 0x58;
  private static final int STACK = 0x60;
  private static final int LDT = 0x68;
  private static final int TSS2 = 0x70;
  private static final long TSS2_GVA = 0xb000;
  private static final int OUTSIDE = 0x100;

  private static final int TYPE_SHIFT = 40;
  private static final long PRESENT = 1L << 47;
  private static final long CODE_BIT = 1L << 43;
  private static final long WRITABLE = 1L << 41;
  private static final long BUSY = 1L << 41;

  /** Something wrong, and the exception for it. */
  private record Wrong(Consumer<BareMachine> what, int vector, int errorCode) {}

  private static Wrong wrong(int vector, int errorCode, Consumer<BareMachine> what) {
    return new Wrong(what, vector, errorCode);
  }

  private static Consumer<BareMachine> descriptor(int selector, long clear, long set) {
    return m -> {
      long at = BareMachine.GDT + selector;
      m.ram.store64(at, m.ram.load64(at) & ~clear | set);
    };
  }

  private static Consumer<BareMachine> word(long at, int value) {
    return m -> m.ram.store16(at, value);
  }

  /** The low 32 bits of a descriptor's limit. */
  private static Consumer<BareMachine> limit(int selector, int limit) {
    return word(BareMachine.GDT + selector, limit);
  }

  private static byte[] state(X86Cpu c) {
    return StateCodec.encode(c.save());
  }

  /**
   * @param kept the first so many faults leave the CPU as it was
   */
  private static void check(
      Consumer<BareMachine> preparation,
      Consumer<BareMachine> instruction,
      int kept,
      List<Wrong> order) {
    for (int first = 0; first <= order.size(); first++) {
      try (BareMachine m = machine()) {
        preparation.accept(m);
        for (int i = order.size() - 1; i >= first; i--) {
          order.get(i).what.accept(m);
        }
        byte[] before = state(m.cpu);
        if (first == order.size()) {
          // Where nothing is wrong, it does something.
          instruction.accept(m);
          assertThat(state(m.cpu)).isNotEqualTo(before);
          return;
        }
        GuestFault f = m.faultOf(() -> instruction.accept(m));
        Wrong expected = order.get(first);
        assertThat(f.vector).as("vector of number %s", first).isEqualTo(expected.vector);
        assertThat(f.errorCode).as("code of number %s", first).isEqualTo(expected.errorCode);
        if (first < kept) {
          assertThat(state(m.cpu)).as("state after number %s", first).isEqualTo(before);
        }
      }
    }
  }

  /** Code and stack of privilege 0 with small limits, a call gate and a second task. */
  private static BareMachine machine() {
    BareMachine m = new BareMachine("max");
    m.protectedMode();
    m.cpu.gdtr.limit = 0x77;
    m.ram.store64(BareMachine.GDT + GATE, 0x3000 | (long) CODE << 16 | (0xecL << TYPE_SHIFT));
    m.ram.store64(BareMachine.GDT + CODE, 0x0040_9a00_0000_ffffL);
    m.ram.store64(BareMachine.GDT + STACK, 0x0040_9207_0000_ffffL);
    m.ram.store64(BareMachine.GDT + LDT, 0x0000_8200_7000_0007L);
    m.ram.store64(BareMachine.GDT + TSS2, 0x0000_e900_0000_0067L | TSS2_GVA << 16);
    m.ram.store32(BareMachine.TSS + 4, 0x8000);
    m.ram.store16(BareMachine.TSS + 8, STACK);
    m.ram.store32(TSS2_GVA + 0x20, 0x3000);
    m.ram.store32(TSS2_GVA + 0x24, Flags.FIXED);
    for (int i = 0; i < 6; i++) {
      m.ram.store16(TSS2_GVA + 0x48 + 4 * i, i == X86Cpu.CS ? CODE : STACK);
    }
    m.ram.store16(TSS2_GVA + 0x60, LDT);
    m.s.pc = NEXT;
    return m;
  }

  private static void user(BareMachine m) {
    m.user();
    m.s.r[4] = 0x5_0000;
  }

  private static Consumer<BareMachine> far(int selector, boolean call) {
    return m -> FarTransfer.direct(m.s, m.cpu, SIZE32, (long) selector << 32, call);
  }

  private static final Wrong SHORT_TSS =
      wrong(X86Cpu.TS, BareMachine.TSS_SELECTOR, m -> m.cpu.segments[X86Cpu.TR].limit = 8);

  @Test
  void callThroughAGateInward() {
    check(
        FaultOrderTest::user,
        far(GATE | 3, true),
        Integer.MAX_VALUE,
        List.of(
            wrong(X86Cpu.GP, GATE, descriptor(GATE, 3L << 45, 2L << 45)),
            wrong(X86Cpu.NP, GATE, descriptor(GATE, PRESENT, 0)),
            wrong(X86Cpu.GP, 0, word(BareMachine.GDT + GATE + 2, 0)),
            wrong(X86Cpu.GP, OUTSIDE, word(BareMachine.GDT + GATE + 2, OUTSIDE)),
            wrong(X86Cpu.GP, CODE, descriptor(CODE, CODE_BIT, 0)),
            wrong(X86Cpu.NP, CODE, descriptor(CODE, PRESENT, 0)),
            SHORT_TSS,
            wrong(X86Cpu.TS, 0, word(BareMachine.TSS + 8, 0)),
            wrong(X86Cpu.TS, OUTSIDE, word(BareMachine.TSS + 8, OUTSIDE)),
            wrong(X86Cpu.TS, STACK, word(BareMachine.TSS + 8, STACK | 1)),
            wrong(X86Cpu.TS, STACK, descriptor(STACK, WRITABLE, 0)),
            wrong(X86Cpu.SS_FAULT, STACK, descriptor(STACK, PRESENT, 0)),
            wrong(X86Cpu.SS_FAULT, STACK, word(BareMachine.TSS + 4, 12)),
            wrong(X86Cpu.GP, 0, limit(CODE, 0x2fff))));
  }

  /** To conforming code, whose stack is the caller's. */
  @Test
  void callThroughAGateOfTheSamePrivilege() {
    Consumer<BareMachine> conforming = descriptor(CODE, 0, 1L << 42);
    check(
        m -> {
          conforming.accept(m);
          user(m);
        },
        far(GATE | 3, true),
        Integer.MAX_VALUE,
        List.of(
            wrong(X86Cpu.NP, CODE, descriptor(CODE, PRESENT, 0)),
            wrong(X86Cpu.SS_FAULT, 0, m -> m.cpu.segments[X86Cpu.SS].limit = 0x4_0000),
            wrong(X86Cpu.GP, 0, limit(CODE, 0x2fff))));
  }

  @Test
  void jumpThroughAGate() {
    Consumer<BareMachine> conforming = descriptor(CODE, 0, 1L << 42);
    check(
        m -> {
          conforming.accept(m);
          user(m);
        },
        far(GATE | 3, false),
        Integer.MAX_VALUE,
        List.of(
            wrong(X86Cpu.GP, GATE, descriptor(GATE, 3L << 45, 2L << 45)),
            wrong(X86Cpu.NP, GATE, descriptor(GATE, PRESENT, 0)),
            wrong(X86Cpu.GP, CODE, descriptor(CODE, 1L << 42, 0)),
            wrong(X86Cpu.NP, CODE, descriptor(CODE, PRESENT, 0)),
            wrong(X86Cpu.GP, 0, limit(CODE, 0x2fff))));
  }

  @Test
  void interruptInward() {
    int gate = 0x30 * 8 + 2;
    long at = BareMachine.IDT + 0x30 * 8;
    check(
        m -> {
          m.gate32(0x30, 0x3000, 14, 3);
          m.ram.store16(at + 2, CODE);
          user(m);
        },
        m -> InterruptDelivery.software(m.cpu, 0x30, NEXT),
        Integer.MAX_VALUE,
        List.of(
            wrong(X86Cpu.GP, gate, m -> m.cpu.idtr.limit = 0x30 * 8 + 6),
            wrong(X86Cpu.GP, gate, m -> m.ram.store8(at + 5, 0xec)),
            wrong(X86Cpu.GP, gate, m -> m.ram.store8(at + 5, m.ram.load8(at + 5) & ~0x60)),
            wrong(X86Cpu.NP, gate, m -> m.ram.store8(at + 5, m.ram.load8(at + 5) & ~0x80)),
            wrong(X86Cpu.GP, 0, word(at + 2, 0)),
            wrong(X86Cpu.GP, OUTSIDE, word(at + 2, OUTSIDE)),
            wrong(X86Cpu.GP, CODE, descriptor(CODE, CODE_BIT, 0)),
            wrong(X86Cpu.NP, CODE, descriptor(CODE, PRESENT, 0)),
            SHORT_TSS,
            wrong(X86Cpu.TS, 0, word(BareMachine.TSS + 8, 0)),
            wrong(X86Cpu.TS, STACK, word(BareMachine.TSS + 8, STACK | 1)),
            wrong(X86Cpu.TS, STACK, descriptor(STACK, WRITABLE, 0)),
            wrong(X86Cpu.SS_FAULT, STACK, descriptor(STACK, PRESENT, 0)),
            wrong(X86Cpu.SS_FAULT, STACK, word(BareMachine.TSS + 4, 16)),
            wrong(X86Cpu.GP, 0, limit(CODE, 0x2fff))));
  }

  private static final long FRAME = 0x5_0000;
  private static final int OUTER_CODE = BareMachine.USER_CS;
  private static final int OUTER_STACK = BareMachine.USER_DS;

  /** EIP, CS, then what an outer stack is behind: EFLAGS too for IRET. */
  private static void frame(BareMachine m, boolean flags) {
    descriptor(OUTER_CODE & ~3, 0x00ff_0000_0000_ffffL | 1L << TYPE_SHIFT, 0x0040_0000_0000_ffffL)
        .accept(m);
    int[] slots = {0x3000, OUTER_CODE, Flags.FIXED, 0x8000, OUTER_STACK};
    long at = FRAME;
    for (int i = 0; i < slots.length; i++) {
      if (i != 2 || flags) {
        m.ram.store32(at, slots[i]);
        at += 4;
      }
    }
    m.s.r[4] = FRAME;
  }

  private static List<Wrong> outward(boolean flags) {
    int slots = flags ? 5 : 4;
    long ss = FRAME + 4 * (slots - 1);
    int code = OUTER_CODE & ~3;
    int stack = OUTER_STACK & ~3;
    return List.of(
        wrong(X86Cpu.SS_FAULT, 0, m -> m.cpu.segments[X86Cpu.SS].limit = FRAME + 4),
        wrong(X86Cpu.GP, 0, word(FRAME + 4, 3)),
        wrong(X86Cpu.GP, OUTSIDE, word(FRAME + 4, OUTSIDE | 3)),
        wrong(X86Cpu.GP, code, descriptor(code, CODE_BIT, 0)),
        wrong(X86Cpu.GP, code, word(FRAME + 4, code | 2)),
        wrong(X86Cpu.NP, code, descriptor(code, PRESENT, 0)),
        wrong(X86Cpu.SS_FAULT, 0, m -> m.cpu.segments[X86Cpu.SS].limit = ss - 1),
        wrong(X86Cpu.GP, 0, word(ss, 0)),
        wrong(X86Cpu.GP, OUTSIDE, word(ss, OUTSIDE | 3)),
        wrong(X86Cpu.GP, stack, word(ss, stack | 2)),
        wrong(X86Cpu.GP, stack, descriptor(stack, WRITABLE, 0)),
        wrong(X86Cpu.SS_FAULT, stack, descriptor(stack, PRESENT, 0)),
        wrong(X86Cpu.GP, 0, limit(code, 0x2fff)));
  }

  @Test
  void farReturnOutward() {
    check(
        m -> frame(m, false),
        m -> FarReturn.retf(m.s, m.cpu, SIZE32, 0),
        Integer.MAX_VALUE,
        outward(false));
  }

  /** The whole of the frame that IRET always pops is looked at first. */
  @Test
  void iretOutward() {
    check(
        m -> frame(m, true),
        m -> FarReturn.iret(m.s, m.cpu, SIZE32),
        Integer.MAX_VALUE,
        outward(true));
  }

  /** SDM vol. 3, 6.7.1: NMIs are unblocked even by an IRET that faults. */
  @Test
  void anIretThatFaultsUnblocksNmis() {
    try (BareMachine m = machine()) {
      frame(m, true);
      m.cpu.nmiBlocked = true;
      m.ram.store16(FRAME + 4, 0);
      assertThat(m.faultOf(() -> FarReturn.iret(m.s, m.cpu, SIZE32)).vector).isEqualTo(X86Cpu.GP);
      assertThat(m.cpu.nmiBlocked).isFalse();
    }
  }

  /** The first five faults are the old task's, the others the new one's. */
  @Test
  void callOfATask() {
    long ldt = TSS2_GVA + 0x60;
    long cs = TSS2_GVA + 0x4c;
    long ss = TSS2_GVA + 0x50;
    long ds = TSS2_GVA + 0x54;
    int data = BareMachine.KERNEL_DS;
    check(
        m -> word(ds, data).accept(m),
        far(TSS2, true),
        5,
        List.of(
            wrong(X86Cpu.GP, TSS2 & ~3, m -> m.cpu.gdtr.limit = TSS2 + 6),
            wrong(X86Cpu.GP, TSS2, descriptor(TSS2, 0, BUSY)),
            wrong(X86Cpu.NP, TSS2, descriptor(TSS2, PRESENT, 0)),
            wrong(X86Cpu.TS, TSS2, limit(TSS2, 0x66)),
            wrong(X86Cpu.TS, BareMachine.TSS_SELECTOR, m -> m.cpu.segments[X86Cpu.TR].limit = 0x50),
            wrong(X86Cpu.TS, OUTSIDE, word(ldt, OUTSIDE)),
            wrong(X86Cpu.TS, LDT, descriptor(LDT, PRESENT, 0)),
            wrong(X86Cpu.TS, 0, word(cs, 0)),
            wrong(X86Cpu.TS, OUTSIDE, word(cs, OUTSIDE)),
            wrong(X86Cpu.TS, CODE, descriptor(CODE, CODE_BIT, 0)),
            wrong(X86Cpu.NP, CODE, descriptor(CODE, PRESENT, 0)),
            wrong(X86Cpu.TS, 0, word(ss, 0)),
            wrong(X86Cpu.TS, STACK, descriptor(STACK, WRITABLE, 0)),
            wrong(X86Cpu.TS, STACK, word(ss, STACK | 1)),
            wrong(X86Cpu.SS_FAULT, STACK, descriptor(STACK, PRESENT, 0)),
            wrong(X86Cpu.TS, OUTSIDE, word(ds, OUTSIDE)),
            wrong(X86Cpu.NP, data, descriptor(data, PRESENT, 0)),
            wrong(X86Cpu.GP, 0, limit(CODE, 0x2fff))));
  }
}
