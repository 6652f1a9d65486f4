package org.tuber.truffle.arm.sys;

import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.state.Syndrome;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;

/**
 * What SYS instructions do: TLBI, AT, IC and DC (Arm ARM C5.3 to C5.5).
 *
 * <p>There are no caches: cache maintenance by address only translates it, to fault where it must;
 * translated code follows every store by itself. TLBI forgets more than asked for: all of a regime
 * where a range, an ASID or a VMID is named.
 */
public final class MaintenanceOperations {
  private static final int CRN_CACHE = 7;
  private static final int CRN_TLB = 8;

  private MaintenanceOperations() {}

  /** Runs the operation of {@code insn} with the value of its register. */
  public static void run(ArmCpu c, long insn, long value) {
    int key = SystemRegisters.key(insn);
    int op1 = key >>> 11 & 7;
    int crn = key >>> 7 & 15;
    int crm = key >>> 3 & 15;
    int op2 = key & 7;
    boolean done =
        switch (crn) {
          case CRN_CACHE ->
              crm == 8 || crm == 9
                  ? translate(c, op1, crm, op2, value)
                  : cache(c, insn, op1, crm, op2, value);
          case CRN_TLB -> invalidate(c, op1, crm, op2, value);
          default -> false;
        };
    if (!done) {
      throw c.undefined();
    }
  }

  // ---------------------------------------------------------------- caches

  private static boolean cache(ArmCpu c, long insn, int op1, int crm, int op2, long gva) {
    if (op1 == 0) {
      if (c.el == 0) {
        return false;
      }
      if (crm == 6 && op2 == 1) {
        touch(c, gva);
        return true;
      }
      boolean bySet = op2 == 2 && (crm == 6 || crm == 10 || crm == 14);
      return bySet || op2 == 0 && (crm == 1 || crm == 5);
    }
    if (op1 != 3) {
      return false;
    }
    if (crm == 3 && (op2 == 4 || op2 == 5 || op2 == 7)) {
      return restrict(c, insn);
    }
    boolean exists =
        op2 == 1
            && switch (crm) {
              case 5, 10, 11, 14 -> true;
              case 12 -> c.model.has(ArmFeature.DPB);
              case 13 -> c.model.has(ArmFeature.DPB2);
              default -> false;
            };
    if (!exists) {
      return false;
    }
    if (c.el == 0 && (c.sctlr(1) & Sctlr.UCI) == 0) {
      throw SystemRegisters.trap(c, insn, false);
    }
    touch(c, gva);
    return true;
  }

  /** CFP, DVP, CPP RCTX: predictions are nothing here. */
  private static boolean restrict(ArmCpu c, long insn) {
    if (!c.model.has(ArmFeature.SPECRES)) {
      return false;
    }
    if (c.el == 0 && (c.sctlr(1) & Sctlr.ENRCTX) == 0) {
      throw SystemRegisters.trap(c, insn, false);
    }
    return true;
  }

  /** Faults where a load would, as cache maintenance. */
  private static void touch(ArmCpu c, long gva) {
    try {
      c.translate(gva, GuestCpu.ACCESS_READ, c.el);
    } catch (GuestFault f) {
      f.errorCode |= Syndrome.CM | Syndrome.WNR;
      throw f;
    }
  }

  // ---------------------------------------------------------------- TLB

  private static boolean invalidate(ArmCpu c, int op1, int crm, int op2, long value) {
    int least = op1 == 0 ? 1 : op1 == 4 ? 2 : op1 == 6 ? 3 : 4;
    if (c.el < least || !c.has(least)) {
      return false;
    }
    boolean isOuter = crm == 1 || crm == 5;
    boolean isRange = crm == 2 || crm == 5 || crm == 6;
    if (isRange && !c.model.has(ArmFeature.TLBIRANGE)
        || isOuter && !c.model.has(ArmFeature.TLBIOS)) {
      return false;
    }
    boolean byAddress = !isRange && (op2 & 1) != 0 && crm != 0 && crm != 4;
    if (byAddress) {
      // Bits 55:12 of the address; the upper range's have bit 55 set.
      long gva = value << 20 >> 8;
      c.invalidatePage(gva);
    } else {
      c.invalidateAll();
    }
    boolean isShared = crm == 3 || crm == 2 || crm == 0 || isOuter;
    if (isShared) {
      c.flushPeers();
    }
    return true;
  }

  // ---------------------------------------------------------------- address translation

  private static boolean translate(ArmCpu c, int op1, int crm, int op2, long gva) {
    boolean isPan = crm == 9;
    int level;
    if (op1 == 0 && (!isPan || c.model.has(ArmFeature.PAN2) && op2 < 2)) {
      level = op2 < 2 ? 1 : 0;
    } else if (op1 == 4 && !isPan && c.has(2)) {
      level = op2 < 2 ? 2 : op2 < 6 ? 1 : 0;
    } else if (op1 == 6 && !isPan && c.has(3) && op2 < 2) {
      level = 3;
    } else {
      return false;
    }
    int least = op1 == 0 ? 1 : op1 == 4 ? 2 : 3;
    if (c.el < least || op1 == 0 && op2 > 3) {
      return false;
    }
    int access = (op2 & 1) != 0 ? GuestCpu.ACCESS_WRITE : GuestCpu.ACCESS_READ;
    boolean pan = c.pan;
    c.pan = isPan && pan;
    try {
      long gpa = c.translate(gva, access, level);
      c.sys[Reg.PAR_EL1] =
          gpa & 0x000f_ffff_ffff_f000L
              | (long) c.walker.memoryType() << 56
              | (long) c.walker.shareability() << 7
              | 1 << 11;
    } catch (GuestFault f) {
      c.sys[Reg.PAR_EL1] = 1 | (f.errorCode & 0x3f) << 1 | 1 << 11;
    } finally {
      c.pan = pan;
    }
    return true;
  }
}
