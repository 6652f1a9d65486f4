package org.tuber.truffle.x86.sys;

import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * The virtual interrupt flag of virtual-8086 tasks (CR4.VME) and of user programs in protected mode
 * (CR4.PVI), and INT n that stays within the task (SDM vol. 3, 21.3 and 21.4).
 */
final class VirtualInterrupts {
  /** The redirection bitmap lies below the I/O permission bitmap. */
  private static final int BITMAP_BYTES = 32;

  private static final int IO_MAP = 0x66;
  private static final int PENDING = Flags.VIF | Flags.VIP;

  private VirtualInterrupts() {}

  /** A virtual-8086 task that has VIF in place of IF. */
  static boolean inV86(X86Cpu c) {
    return (c.cr4 & Cr.CR4_VME) != 0
        && (c.eflagsHigh & Flags.VM) != 0
        && (c.eflagsHigh & Flags.IOPL) != Flags.IOPL;
  }

  /** CLI and STI change VIF; only asked when they may not change IF. */
  static boolean replaceIf(X86Cpu c) {
    boolean v86 = (c.eflagsHigh & Flags.VM) != 0;
    return v86 ? (c.cr4 & Cr.CR4_VME) != 0 : c.cpl == 3 && (c.cr4 & Cr.CR4_PVI) != 0;
  }

  /** FLAGS as PUSHF and INT n push them: IF is VIF, IOPL is 3. */
  static long pushed(X86Cpu c) {
    long flags = c.eflags() & ~(long) Flags.IF | Flags.IOPL;
    return (flags & Flags.VIF) != 0 ? flags | Flags.IF : flags;
  }

  /**
   * FLAGS as POPF and IRET of 16 bits take them: IF goes to VIF.
   *
   * @return {@code value} for {@link FarReturn#setFlags}
   */
  static long popped(X86Cpu c, long value) {
    boolean pending = (c.eflagsHigh & Flags.VIP) != 0 && (value & Flags.IF) != 0;
    if (pending || (value & Flags.TF) != 0) {
      throw c.gp(0);
    }
    return value & 0xffff & ~Flags.IF | ((value & Flags.IF) != 0 ? Flags.VIF : 0);
  }

  /** After a return to where VIF and VIP are both set: #GP before the first instruction. */
  static void check(X86Cpu c) {
    boolean applies =
        (c.eflagsHigh & Flags.VM) != 0
            ? inV86(c)
            : c.cpl == 3 && (c.cr4 & Cr.CR4_PVI) != 0 && !c.isLongMode();
    if (!applies || (c.eflagsHigh & PENDING) != PENDING) {
      return;
    }
    try {
      InterruptDelivery.deliver(c, X86Cpu.GP, 0, InterruptDelivery.EXCEPTION, c.home.pc);
    } catch (GuestFault f) {
      InterruptDelivery.deliverFault(c);
    }
  }

  /** INT n in virtual-8086 mode with VME: true when the bitmap keeps it within the task. */
  static boolean isRedirected(X86Cpu c, int vector) {
    if ((c.eflagsHigh & Flags.VM) == 0 || (c.cr4 & Cr.CR4_VME) == 0) {
      return false;
    }
    Segment tr = c.segments[X86Cpu.TR];
    if ((tr.attributes & 8) == 0 || tr.limit < IO_MAP + 1) {
      throw c.gp(0);
    }
    int at = Descriptors.load16(c, tr.base + IO_MAP) - BITMAP_BYTES + (vector >> 3);
    if (at < 0 || at > tr.limit) {
      throw c.gp(0);
    }
    return (Descriptors.load16(c, tr.base + at) >> (vector & 7) & 1) == 0;
  }

  /** INT n through the vector table at linear address 0, as in real mode. */
  static void redirect(X86Cpu c, int vector, long returnPc) {
    X86State s = c.home;
    long entry = Descriptors.load32(c, vector * 4L);
    boolean virtual = inV86(c);
    SystemStack stack = SystemStack.current(c, 2);
    stack.push(virtual ? pushed(c) : c.eflags());
    stack.push(c.segments[X86Cpu.CS].selector);
    stack.push(SegLoad.offset(c, returnPc));
    s.r[4] = stack.pointer(s.r[4]);
    int cleared = Flags.TF | Flags.NT | Flags.RF | (virtual ? Flags.VIF : Flags.IF);
    c.setEflagsHigh(c.eflagsHigh & ~cleared);
    SegLoad.loadReal(c, X86Cpu.CS, (int) (entry >>> 16) & 0xffff);
    s.pc = SegLoad.linearPc(c, entry & 0xffff);
    c.modeChanged();
  }
}
