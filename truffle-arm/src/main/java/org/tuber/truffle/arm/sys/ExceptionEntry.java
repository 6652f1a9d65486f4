package org.tuber.truffle.arm.sys;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Spsr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.engine.GuestFault;

/**
 * Exceptions: which level takes them, entry and return (Arm ARM D1.3, D1.4).
 *
 * <p>Deviation: AArch32 state does not exist; returning to it is an illegal return.
 */
public final class ExceptionEntry {
  private static final int SYNCHRONOUS = 0;
  private static final int IRQ = 0x80;
  private static final int FIQ = 0x100;
  private static final int ALL_MASKS =
      ArmCpu.PSTATE_D | ArmCpu.PSTATE_A | ArmCpu.PSTATE_I | ArmCpu.PSTATE_F;

  // HCR_EL2 and SCR_EL3 bits.
  private static final long HCR_FMO = 1 << 3;
  private static final long HCR_IMO = 1 << 4;
  private static final long HCR_TGE = 1 << 27;
  private static final long SCR_IRQ = 1 << 1;
  private static final long SCR_FIQ = 1 << 2;

  private static final long CPTR_TFP = 1 << 10;

  private ExceptionEntry() {}

  // ---------------------------------------------------------------- entry

  /** Delivers the exception in {@code c.fault}; the state's {@code pc} is its return address. */
  public static void deliverFault(ArmCpu c) {
    GuestFault f = c.fault;
    int ec = f.vector;
    int target = Math.max(c.el, synchronousTarget(c, ec));
    long esr = f.errorCode;
    if (ec == Syndrome.DATA_ABORT_SAME || ec == Syndrome.INSTRUCTION_ABORT_SAME) {
      if (target > c.el) {
        esr -= 1L << Syndrome.EC_SHIFT;
      }
      setFar(c, target, f.address);
    } else if (ec == Syndrome.PC_ALIGNMENT) {
      setFar(c, target, f.address);
    } else if (ec == Syndrome.WATCHPOINT_LOWER || ec == Syndrome.STEP_LOWER) {
      setFar(c, target, f.address);
      esr += target > c.el ? 0 : 1L << Syndrome.EC_SHIFT;
    } else if (ec == Syndrome.UNKNOWN) {
      esr = Syndrome.IL;
    }
    setEsr(c, target, esr);
    enter(c, target, SYNCHRONOUS, c.home.pc);
  }

  private static int synchronousTarget(ArmCpu c, int ec) {
    if (ec == Syndrome.FP_ACCESS) {
      return fpTrapLevel(c);
    }
    if (ec == Syndrome.POINTER_AUTHENTICATION_TRAP || ec == Syndrome.SYSTEM_REGISTER) {
      int asked = (int) c.fault.address;
      return asked != 0 ? asked : hypervisorTakesAll(c) ? 2 : 1;
    }
    return hypervisorTakesAll(c) ? 2 : 1;
  }

  private static boolean hypervisorTakesAll(ArmCpu c) {
    return c.has(2) && (c.sys[Reg.HCR_EL2] & HCR_TGE) != 0 && c.el == 0;
  }

  /** SVC, HVC, SMC: returns to the next instruction, whose address is the state's {@code pc}. */
  public static void call(ArmCpu c, int target, int ec, int immediate) {
    setEsr(c, target, Syndrome.of(ec, immediate));
    enter(c, target, SYNCHRONOUS, c.home.pc);
  }

  /** Level that takes SVC. */
  public static int svcTarget(ArmCpu c) {
    return Math.max(c.el, synchronousTarget(c, Syndrome.SVC64));
  }

  private static void enter(ArmCpu c, int target, int kind, long returnPc) {
    c.spsr[target] = c.pstate();
    c.elr[target] = returnPc;
    int offset = target > c.el ? 0x400 : c.spsel ? 0x200 : 0;
    c.setLevel(target, true);
    long sctlr = c.sctlr(target);
    c.illegal = false;
    c.softwareStep = false;
    c.btype = 0;
    c.landing = 0;
    c.uao = false;
    c.ssbs = (sctlr & Sctlr.DSSBS) != 0;
    if (target == 1 && c.model.has(ArmFeature.PAN) && (sctlr & Sctlr.SPAN) == 0) {
      c.pan = true;
    }
    c.setDaif(ALL_MASKS);
    c.home.pc = vbar(c, target) + offset + kind;
    c.modeChanged();
  }

  private static long vbar(ArmCpu c, int el) {
    return c.sys[el == 1 ? Reg.VBAR_EL1 : el == 2 ? Reg.VBAR_EL2 : Reg.VBAR_EL3];
  }

  private static void setEsr(ArmCpu c, int el, long esr) {
    c.sys[el == 1 ? Reg.ESR_EL1 : el == 2 ? Reg.ESR_EL2 : Reg.ESR_EL3] = esr;
  }

  private static void setFar(ArmCpu c, int el, long far) {
    c.sys[el == 1 ? Reg.FAR_EL1 : el == 2 ? Reg.FAR_EL2 : Reg.FAR_EL3] = far;
  }

  // ---------------------------------------------------------------- interrupts

  /** Takes FIQ or IRQ when asked for and not masked; true also when WFI is to end. */
  public static boolean acceptInterrupt(ArmCpu c, boolean irq, boolean fiq) {
    if (fiq) {
      int target = interruptTarget(c, HCR_FMO, SCR_FIQ);
      if (isTaken(c, target, ArmCpu.PSTATE_F)) {
        enter(c, target, FIQ, c.home.pc);
        return true;
      }
    }
    if (irq) {
      int target = interruptTarget(c, HCR_IMO, SCR_IRQ);
      if (isTaken(c, target, ArmCpu.PSTATE_I)) {
        enter(c, target, IRQ, c.home.pc);
        return true;
      }
    }
    return irq || fiq;
  }

  private static int interruptTarget(ArmCpu c, long hcrBit, long scrBit) {
    if (c.has(3) && (c.sys[Reg.SCR_EL3] & scrBit) != 0) {
      return 3;
    }
    return c.has(2) && (c.sys[Reg.HCR_EL2] & (hcrBit | HCR_TGE)) != 0 ? 2 : 1;
  }

  /** A level above the present one ignores the mask; one below waits. */
  private static boolean isTaken(ArmCpu c, int target, int mask) {
    return target > c.el && target > 1 || target >= c.el && (c.daif & mask) == 0;
  }

  // ---------------------------------------------------------------- return

  /** ERET; {@code target} is the address to go to. */
  public static void exceptionReturn(ArmCpu c, long target) {
    long spsr = c.spsr[c.el];
    c.exclusiveGva = -1;
    if (isLegal(c, spsr)) {
      c.setPstate(spsr & ~Spsr.SS);
      c.home.pc = c.branchAddress(target);
    } else {
      // The mode stays, the rest is taken over, and the next instruction faults.
      long kept = c.pstate() & (0xf | Spsr.PAN | Spsr.UAO | Spsr.DIT | Spsr.SSBS);
      c.setPstate(
          spsr & ~(0x1f | Spsr.SS | Spsr.PAN | Spsr.UAO | Spsr.DIT | Spsr.SSBS) | kept | Spsr.IL);
      c.home.pc = target;
    }
  }

  private static boolean isLegal(ArmCpu c, long spsr) {
    int el = (int) spsr >> Spsr.EL_SHIFT & 3;
    return (spsr & Spsr.AARCH32) == 0
        && (spsr & 2) == 0
        && !(el == 0 && (spsr & Spsr.SP) != 0)
        && el <= c.el
        && c.has(el);
  }

  // ---------------------------------------------------------------- FP and Advanced SIMD

  /** Level that traps FP and Advanced SIMD at the present one, or 0. */
  public static int fpTrapLevel(ArmCpu c) {
    if (c.el <= 1) {
      int fpen = (int) (c.sys[Reg.CPACR_EL1] >>> 20) & 3;
      if (fpen != 3 && (c.el == 0 || fpen != 1)) {
        return 1;
      }
    }
    if (c.el <= 2 && c.has(2) && (c.sys[Reg.CPTR_EL2] & CPTR_TFP) != 0) {
      return 2;
    }
    return c.has(3) && (c.sys[Reg.CPTR_EL3] & CPTR_TFP) != 0 ? 3 : 0;
  }

  /** The trap of an FP or Advanced SIMD instruction, ready to throw. */
  public static GuestFault fpAccess(ArmCpu c) {
    // CV = 1, COND = 14: always.
    return c.exception(Syndrome.FP_ACCESS, 1 << 24 | 14 << 20);
  }
}
