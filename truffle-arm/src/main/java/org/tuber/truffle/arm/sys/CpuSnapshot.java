package org.tuber.truffle.arm.sys;

import java.util.Arrays;
import java.util.List;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Spsr;

/**
 * The state of an AArch64 CPU as snapshots keep it. What can be derived (modes, translations, the
 * TLB) is not part of it, nor are the levels of interrupt wires, which those who drive them put
 * back.
 */
public final class CpuSnapshot {
  private static final int GENERAL = ArmState.SP + 1;
  private static final int LEVELS = 4;

  private CpuSnapshot() {}

  /**
   * State.
   *
   * @param x X0 to X30 and the stack pointer in use
   * @param pc the next instruction
   * @param v V0 to V31, low half first
   * @param fpcr floating-point control
   * @param fpsr floating-point status
   * @param pstate in the format of SPSR
   * @param sp stack pointers by exception level; that of the one in use is in {@code x}
   * @param elr exception link registers by level
   * @param spsr saved program states by level
   * @param system system registers by {@link Reg}, whose numbers never change
   * @param timers the comparators in the order of {@code TimerKind}
   * @param exclusiveGva the local monitor; -1: open
   * @param exclusiveLow what the exclusive load saw
   * @param exclusiveHigh its upper half
   * @param exclusiveSize how many bytes it read
   * @param event the event register
   * @param halted waits for an interrupt
   * @param instructions executed since reset, about
   */
  public record State(
      long[] x,
      long pc,
      long[] v,
      int fpcr,
      int fpsr,
      long pstate,
      long[] sp,
      long[] elr,
      long[] spsr,
      long[] system,
      List<TimerState> timers,
      long exclusiveGva,
      long exclusiveLow,
      long exclusiveHigh,
      int exclusiveSize,
      boolean event,
      boolean halted,
      long instructions) {}

  /**
   * A comparator of the generic timer.
   *
   * @param control CTL without ISTATUS
   * @param compareValue CVAL
   */
  public record TimerState(int control, long compareValue) {}

  /** The present state. */
  public static State save(ArmCpu c) {
    return new State(
        Arrays.copyOf(c.home.r, GENERAL),
        c.home.pc,
        c.home.v.clone(),
        c.fpcr,
        c.home.fpsr,
        c.pstate(),
        c.sp.clone(),
        c.elr.clone(),
        c.spsr.clone(),
        c.sys.clone(),
        c.timer.save(),
        c.exclusiveGva,
        c.exclusiveLow,
        c.exclusiveHigh,
        c.exclusiveSize,
        c.event,
        c.waitsForInterrupt(),
        c.home.instructions);
  }

  private static void check(boolean ok, String component) {
    if (!ok) {
      throw new IllegalArgumentException(component + " cannot be that of this CPU");
    }
  }

  /** Replaces the state. */
  public static void load(ArmCpu c, State s) {
    check(s.x.length == GENERAL, "x");
    check((s.pc & 3) == 0, "pc");
    check(s.v.length == ArmState.V_LENGTH, "v");
    check(s.sp.length == LEVELS && s.elr.length == LEVELS && s.spsr.length == LEVELS, "sp");
    check(s.system.length <= Reg.COUNT, "system");
    check(s.instructions >= 0, "instructions");
    int el = (int) s.pstate >> Spsr.EL_SHIFT & 3;
    check(c.has(el) && (el != 0 || (s.pstate & Spsr.SP) == 0), "pstate");
    check(s.exclusiveSize >= 0 && s.exclusiveSize <= 16, "exclusiveSize");
    c.timer.check(s.timers);
    c.clearHalt();
    // First those that PSTATE's meaning depends on; what it moves is overwritten after it.
    System.arraycopy(s.system, 0, c.sys, 0, s.system.length);
    Arrays.fill(c.sys, s.system.length, Reg.COUNT, 0);
    c.setPstate(s.pstate);
    System.arraycopy(s.x, 0, c.home.r, 0, GENERAL);
    System.arraycopy(s.v, 0, c.home.v, 0, ArmState.V_LENGTH);
    System.arraycopy(s.sp, 0, c.sp, 0, LEVELS);
    System.arraycopy(s.elr, 0, c.elr, 0, LEVELS);
    System.arraycopy(s.spsr, 0, c.spsr, 0, LEVELS);
    c.home.pc = s.pc;
    c.home.fpsr = s.fpsr & ArmCpu.FPSR_MASK;
    c.home.instructions = s.instructions;
    c.exclusiveGva = s.exclusiveGva;
    c.exclusiveLow = s.exclusiveLow;
    c.exclusiveHigh = s.exclusiveHigh;
    c.exclusiveSize = s.exclusiveSize;
    c.event = s.event;
    c.setFpcr(s.fpcr);
    c.regimeChanged();
    c.timer.load(s.timers);
    if (s.halted) {
      c.halt();
    }
  }
}
