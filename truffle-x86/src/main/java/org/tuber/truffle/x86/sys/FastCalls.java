package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS and RDFSBASE to WRGSBASE (SDM vol. 2; vol. 3, 5.8.7
 * and 5.8.8; AMD APM vol. 3 for the 32-bit forms of SYSCALL).
 */
final class FastCalls {
  private static final int CODE64 = 0xa09b;
  private static final int CODE32 = 0xc09b;
  private static final int DATA = 0xc093;
  private static final int DPL3 = 3 << Segment.DPL_SHIFT;

  private FastCalls() {}

  private static void flat(X86Cpu c, int codeSelector, int stackSelector, int code, int dpl) {
    c.segments[X86Cpu.CS].set(codeSelector & 0xffff, 0, 0xffff_ffffL, code | dpl);
    c.segments[X86Cpu.SS].set(stackSelector & 0xffff, 0, 0xffff_ffffL, DATA | dpl);
  }

  static void syscall(X86State s, X86Cpu c) {
    if (c.userKernel != null) {
      c.userKernel.systemCall(c, false);
      return;
    }
    if ((c.efer & Cr.EFER_SCE) == 0 || !c.isProtected()) {
      throw c.ud();
    }
    int selector = (int) (c.star >>> 32) & 0xfffc;
    long next = s.pc;
    if (c.isLongMode()) {
      boolean from64 = c.is64Bit();
      s.r[1] = from64 ? next : next & 0xffff_ffffL;
      s.r[11] = c.eflags() & ~(long) Flags.RF;
      flat(c, selector, selector + 8, CODE64, 0);
      c.cpl = 0;
      long flags = c.eflags() & ~c.sfmask & ~(long) Flags.RF;
      s.pc = from64 ? c.lstar : c.cstar;
      c.setEflags(flags);
      // What counts is TF after it, so that the kernel's first instruction is not trapped.
      c.stepTrapLost = (flags & Flags.TF) == 0;
      return;
    }
    s.r[1] = SegLoad.offset(c, next);
    flat(c, selector, selector + 8, CODE32, 0);
    c.cpl = 0;
    s.pc = c.star & 0xffff_ffffL;
    c.setEflags(c.eflags() & ~(long) (Flags.VM | Flags.IF | Flags.RF));
  }

  static void sysret(X86State s, X86Cpu c, long w0) {
    if ((c.efer & Cr.EFER_SCE) == 0 || !c.isProtected()) {
      throw c.ud();
    }
    ControlRegisters.requireCpl0(c);
    int base = (int) (c.star >>> 48) & 0xffff;
    if (c.isLongMode()) {
      boolean to64 = Word.size(w0) == 3;
      if (to64) {
        if (!FarTransfer.isCanonical(c, s.r[1])) {
          throw c.gp(0);
        }
        flat(c, (base + 16) | 3, (base + 8) | 3, CODE64, DPL3);
        s.pc = s.r[1];
      } else {
        flat(c, base | 3, (base + 8) | 3, CODE32, DPL3);
        s.pc = s.r[1] & 0xffff_ffffL;
      }
      c.cpl = 3;
      c.setEflags(s.r[11] & 0x3c_7fd7);
      if ((c.eflagsHigh & Flags.TF) != 0) {
        // As if SYSCALL in the program had just completed.
        c.debugHits |= DebugRegisters.HIT_STEP;
      }
      return;
    }
    flat(c, base | 3, (base + 8) | 3, CODE32, DPL3);
    s.pc = s.r[1] & 0xffff_ffffL;
    c.cpl = 3;
    c.setEflags(c.eflags() | Flags.IF);
  }

  static void sysenter(X86State s, X86Cpu c) {
    if (c.userKernel != null) {
      c.userKernel.systemCall(c, true);
      return;
    }
    if (!c.isProtected() || (c.sysenterCs & 0xfffc) == 0) {
      throw c.gp(0);
    }
    int selector = (int) c.sysenterCs & 0xfffc;
    boolean longMode = c.isLongMode();
    c.setEflagsHigh(c.eflagsHigh & ~(Flags.VM | Flags.IF | Flags.RF));
    flat(c, selector, selector + 8, longMode ? CODE64 : CODE32, 0);
    c.cpl = 0;
    s.r[4] = longMode ? c.sysenterEsp : c.sysenterEsp & 0xffff_ffffL;
    s.pc = longMode ? c.sysenterEip : c.sysenterEip & 0xffff_ffffL;
    c.modeChanged();
  }

  static void sysexit(X86State s, X86Cpu c, long w0) {
    if (!c.isProtected() || (c.sysenterCs & 0xfffc) == 0 || c.cpl != 0) {
      throw c.gp(0);
    }
    int base = (int) c.sysenterCs & 0xfffc;
    boolean to64 = c.isLongMode() && Word.size(w0) == 3;
    long ip = s.r[2];
    long sp = s.r[1];
    if (to64) {
      if (!FarTransfer.isCanonical(c, ip) || !FarTransfer.isCanonical(c, sp)) {
        throw c.gp(0);
      }
      flat(c, (base + 32) | 3, (base + 40) | 3, CODE64, DPL3);
    } else {
      ip &= 0xffff_ffffL;
      sp &= 0xffff_ffffL;
      flat(c, (base + 16) | 3, (base + 24) | 3, CODE32, DPL3);
    }
    s.r[4] = sp;
    s.pc = ip;
    c.cpl = 3;
    c.modeChanged();
  }

  static void swapgs(X86Cpu c) {
    ControlRegisters.requireCpl0(c);
    Segment gs = c.segments[X86Cpu.GS];
    long base = gs.base;
    gs.base = c.kernelGsBase;
    c.kernelGsBase = base;
    c.segmentBase[X86Cpu.GS] = gs.base;
  }

  private static void requireFsGsBase(X86Cpu c) {
    if (!c.is64Bit() || (c.cr4 & Cr.CR4_FSGSBASE) == 0) {
      throw c.ud();
    }
  }

  /** RDFSBASE, RDGSBASE. */
  static void readBase(X86State s, X86Cpu c, long w0, int register) {
    requireFsGsBase(c);
    long base = c.segments[register].base;
    s.r[Word.rm(w0)] = Word.size(w0) == 3 ? base : base & 0xffff_ffffL;
  }

  /** WRFSBASE, WRGSBASE. */
  static void writeBase(X86State s, X86Cpu c, long w0, int register) {
    requireFsGsBase(c);
    long v = s.r[Word.rm(w0)];
    if (Word.size(w0) != 3) {
      v &= 0xffff_ffffL;
    }
    if (!FarTransfer.isCanonical(c, v)) {
      throw c.gp(0);
    }
    c.segments[register].base = v;
    c.segmentBase[register] = v;
  }
}
