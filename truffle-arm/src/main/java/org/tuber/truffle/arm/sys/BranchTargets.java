package org.tuber.truffle.arm.sys;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;

/**
 * Branch target identification (Arm ARM D8.4.8, FEAT_BTI): after an indirect branch the first
 * instruction on a guarded page has to be a landing pad of the right kind.
 *
 * <p>Until a page table shows a guarded page, branches only note where they went: PSTATE.BTYPE is
 * zero then, which nobody can tell but an exception at the very target. From then on PSTATE.BTYPE
 * is part of the mode, indirect branches leave to the dispatcher, and the first instruction after
 * one is a block of its own.
 */
public final class BranchTargets {
  // PSTATE.BTYPE.
  /** A branch by X16 or X17, or from a page that is not guarded. */
  public static final int VENEER = 1;

  /** A call. */
  public static final int CALL = 2;

  /** Any other indirect branch. */
  public static final int JUMP = 3;

  private static final int BTI = 0xd503_241f;
  private static final int BTI_CALL = 0xd503_245f;
  private static final int BTI_JUMP = 0xd503_249f;
  private static final int BTI_BOTH = 0xd503_24df;
  private static final int PACIASP = 0xd503_233f;
  private static final int PACIBSP = 0xd503_237f;
  private static final int IMMEDIATE_MASK = 0xffe0_001f;
  private static final int BRK = 0xd420_0000;
  private static final int HLT = 0xd440_0000;

  private BranchTargets() {}

  /** True when the page of {@code gva}, from which code runs, is guarded. */
  @TruffleBoundary
  static boolean isGuarded(ArmCpu c, long gva) {
    if (c.userKernel != null) {
      return false;
    }
    try {
      c.translate(gva, GuestCpu.ACCESS_FETCH, c.el);
      return c.walker.isGuarded();
    } catch (GuestFault f) {
      // Another CPU unmapped it in this moment.
      return false;
    }
  }

  /** After an indirect branch from {@code from} that noted its kind: PSTATE.BTYPE follows. */
  public static void branched(ArmCpu c, long from) {
    int type = (int) c.landing & 3;
    c.setBtype(type == JUMP && !isGuarded(c, from) ? VENEER : type);
  }

  /** {@code insn} is the first instruction after an indirect branch: faults if it may not be. */
  public static void check(ArmCpu c, int insn) {
    if (!accepts(c, insn) && isGuarded(c, c.home.pc)) {
      throw c.exception(Syndrome.BTI, c.btype);
    }
  }

  private static boolean accepts(ArmCpu c, int insn) {
    return switch (insn) {
      case BTI -> false;
      case BTI_CALL -> c.btype != JUMP;
      case BTI_JUMP -> c.btype != CALL;
      case BTI_BOTH -> true;
      case PACIASP, PACIBSP ->
          c.btype != JUMP || (c.sctlr(c.el) & (c.el == 0 ? Sctlr.BT0 : Sctlr.BT1)) == 0;
      // Their own exceptions come first.
      default -> (insn & IMMEDIATE_MASK) == BRK || (insn & IMMEDIATE_MASK) == HLT;
    };
  }
}
