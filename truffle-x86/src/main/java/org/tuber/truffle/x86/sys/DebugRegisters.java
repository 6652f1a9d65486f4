package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.DebugPoints;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * DR0 to DR7 and the debug exceptions (SDM vol. 3, chapter 17): instruction, data and I/O
 * breakpoints, general detect, single steps, the trap flag of a task.
 *
 * <p>Deviations: LE and GE only keep their values, every data breakpoint is exact. Accesses that
 * the delivery of an exception or interrupt makes do not hit. Last-branch recording and BTF do not
 * exist. RF is kept in EFLAGS only while there are instruction breakpoints.
 */
public final class DebugRegisters {
  private static final long DR6_FIXED = 0xffff_0ff0L;
  private static final long DR6_BD = 1 << 13;
  private static final long DR6_BS = 1 << 14;
  private static final long DR6_BT = 1 << 15;
  private static final long DR6_WRITABLE = DR6_BD | DR6_BS | DR6_BT | 15;

  private static final long DR7_FIXED = 0x400;
  private static final long DR7_GD = 1 << 13;
  private static final long DR7_UNUSED = 0xd000;

  // DR7, the two bits R/W of a breakpoint.
  private static final int EXECUTE = 0;
  private static final int WRITE = 1;
  private static final int IO = 2;
  private static final int READ_WRITE = 3;

  /** {@link GuestCpu#debugHits}: trap as after a single step. */
  static final int HIT_STEP = GuestCpu.HIT_ISA;

  /** {@link GuestCpu#debugHits}: the T bit of the new task's TSS was set. */
  static final int HIT_TASK = GuestCpu.HIT_ISA << 1;

  private DebugRegisters() {}

  /** MOV Ry,Dy. */
  static void movFrom(X86State s, X86Cpu c, long w0) {
    int n = number(c, w0);
    s.r[Word.rm(w0)] = c.is64Bit() ? c.dr[n] : c.dr[n] & 0xffff_ffffL;
  }

  /** MOV Dy,Ry. */
  static void movTo(X86State s, X86Cpu c, long w0) {
    int n = number(c, w0);
    long v = s.r[Word.rm(w0)];
    if (!c.is64Bit()) {
      v &= 0xffff_ffffL;
    }
    if (n >= 6 && v >>> 32 != 0) {
      throw c.gp(0);
    }
    if (n == 6) {
      v = v & DR6_WRITABLE | DR6_FIXED;
    } else if (n == 7) {
      v = v & ~DR7_UNUSED | DR7_FIXED;
    }
    c.dr[n] = v;
    if (n != 6) {
      apply(c);
    }
  }

  private static int number(X86Cpu c, long w0) {
    int n = Word.reg(w0);
    if (n > 7) {
      throw c.ud();
    }
    if (n == 4 || n == 5) {
      if ((c.cr4 & Cr.CR4_DE) != 0) {
        throw c.ud();
      }
      n += 2;
    }
    ControlRegisters.requireCpl0(c);
    if ((c.dr[7] & DR7_GD) != 0) {
      c.dr[6] |= DR6_BD;
      // A fault: its RF is pushed as one.
      c.eflagsHigh |= Flags.RF;
      throw c.exception(X86Cpu.DB);
    }
    return n;
  }

  private static boolean isEnabled(X86Cpu c, int slot) {
    return (c.dr[7] >> 2 * slot & 3) != 0;
  }

  private static int kind(X86Cpu c, int slot) {
    return (int) (c.dr[7] >> 16 + 4 * slot) & 3;
  }

  private static int bytes(X86Cpu c, int slot) {
    return switch ((int) (c.dr[7] >> 18 + 4 * slot) & 3) {
      case 0 -> 1;
      case 1 -> 2;
      case 2 -> 8;
      default -> 4;
    };
  }

  private static long address(X86Cpu c, int slot) {
    long mask = c.isLongMode() ? -1L : 0xffff_ffffL;
    return c.dr[slot] & -(long) bytes(c, slot) & mask;
  }

  /** Arms what DR0-3, DR7 and CR4.DE ask for. */
  static void apply(X86Cpu c) {
    DebugPoints points = c.debugPoints();
    points.clearGuest();
    c.ioBreakpoints = false;
    for (int i = 0; i < 4; i++) {
      if (!isEnabled(c, i)) {
        continue;
      }
      switch (kind(c, i)) {
        case EXECUTE -> points.breakpoint(i, address(c, i));
        case WRITE -> points.watch(i, address(c, i), bytes(c, i), false, true);
        case READ_WRITE -> points.watch(i, address(c, i), bytes(c, i), true, true);
        default -> c.ioBreakpoints |= (c.cr4 & Cr.CR4_DE) != 0;
      }
    }
  }

  /** Looks for breakpoints at {@code 1 << size} ports that were just used. */
  static void port(X86Cpu c, int port, int size) {
    for (int i = 0; i < 4; i++) {
      if (isEnabled(c, i) && kind(c, i) == IO) {
        long first = address(c, i);
        if (port + (1 << size) > first && port < first + bytes(c, i)) {
          c.debugHits |= 1 << i;
        }
      }
    }
  }

  /**
   * The guest's breakpoints at the next instruction, which EFLAGS.RF passes.
   *
   * @return true when the CPU went to the handler
   */
  public static boolean breakpoint(X86Cpu c, int slots) {
    if ((c.eflagsHigh & Flags.RF) != 0) {
      return false;
    }
    c.dr[6] |= slots;
    raise(c);
    return true;
  }

  /** #DB after an instruction. */
  public static void trap(X86Cpu c, boolean stepped, int hits) {
    boolean step = (stepped || (hits & HIT_STEP) != 0) && !c.stepTrapLost;
    c.stepTrapLost = false;
    int slots = hits & 15;
    boolean task = (hits & HIT_TASK) != 0;
    if (!step && slots == 0 && !task) {
      return;
    }
    c.dr[6] |= slots | (step ? DR6_BS : 0) | (task ? DR6_BT : 0);
    // HLT that was stepped does not halt.
    c.clearHalt();
    raise(c);
  }

  private static void raise(X86Cpu c) {
    try {
      InterruptDelivery.deliver(c, X86Cpu.DB, -1, InterruptDelivery.EXCEPTION, c.home.pc);
    } catch (GuestFault f) {
      InterruptDelivery.deliverFault(c);
    }
  }

  /** A #DB is on its way to its handler, which may use the debug registers. */
  static void entered(X86Cpu c) {
    c.dr[7] &= ~DR7_GD;
  }
}
