package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.mmu.PageWalk;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * MOV to and from control registers, LMSW, SMSW, CLTS, INVLPG, INVPCID, XSETBV (SDM vol. 2; vol. 3,
 * chapter 2).
 *
 * <p>Deviations: caches do not exist, so CD and NW only keep their values. The TLB holds one
 * address space: every load of CR3 flushes it whole, with PCIDs too.
 */
final class ControlRegisters {
  private static final long CR0_DEFINED =
      Cr.CR0_PE | Cr.CR0_MP | Cr.CR0_EM | Cr.CR0_TS | Cr.CR0_ET | Cr.CR0_NE | Cr.CR0_WP | Cr.CR0_AM
          | Cr.CR0_NW | Cr.CR0_CD | Cr.CR0_PG;
  private static final long CR0_TRANSLATION = Cr.CR0_PG | Cr.CR0_PE | Cr.CR0_WP;
  private static final long CR4_TRANSLATION =
      Cr.CR4_PSE
          | Cr.CR4_PAE
          | Cr.CR4_PGE
          | Cr.CR4_LA57
          | Cr.CR4_PCIDE
          | Cr.CR4_SMEP
          | Cr.CR4_SMAP
          | Cr.CR4_PKE;
  private static final long CR3_NO_FLUSH = Long.MIN_VALUE;

  private ControlRegisters() {}

  static void requireCpl0(X86Cpu c) {
    if (c.cpl != 0) {
      throw c.gp(0);
    }
  }

  /** MOV Ry,Cy. */
  static void movFrom(X86State s, X86Cpu c, long w0) {
    requireRegister(c, Word.reg(w0));
    requireCpl0(c);
    long v =
        switch (Word.reg(w0)) {
          case 0 -> c.cr0;
          case 2 -> c.cr2;
          case 3 -> c.cr3;
          case 4 -> c.cr4;
          case 8 -> c.platform.taskPriority();
          default -> throw c.ud();
        };
    s.r[Word.rm(w0)] = c.is64Bit() ? v : v & 0xffff_ffffL;
  }

  /** #UD goes before #GP: the others do not exist at any privilege. */
  private static void requireRegister(X86Cpu c, int number) {
    if (number > 4 && number != 8 || number == 1) {
      throw c.ud();
    }
  }

  /** MOV Cy,Ry. */
  static void movTo(X86State s, X86Cpu c, long w0) {
    requireRegister(c, Word.reg(w0));
    requireCpl0(c);
    long v = s.r[Word.rm(w0)];
    if (!c.is64Bit()) {
      v &= 0xffff_ffffL;
    }
    switch (Word.reg(w0)) {
      case 0 -> writeCr0(c, v);
      case 2 -> c.cr2 = v;
      case 3 -> writeCr3(c, v);
      case 4 -> writeCr4(c, v);
      case 8 -> {
        if ((v & ~15L) != 0) {
          throw c.gp(0);
        }
        c.platform.setTaskPriority((int) v);
        c.recheckInterrupts();
      }
      default -> throw c.ud();
    }
  }

  static void writeCr0(X86Cpu c, long value) {
    if (value >>> 32 != 0
        || (value & (Cr.CR0_PG | Cr.CR0_PE)) == Cr.CR0_PG
        || (value & (Cr.CR0_NW | Cr.CR0_CD)) == Cr.CR0_NW) {
      throw c.gp(0);
    }
    long v = value & CR0_DEFINED | Cr.CR0_ET;
    boolean pagingOn = (v & Cr.CR0_PG) != 0;
    if (pagingOn != c.isPaging()) {
      Segment cs = c.segments[X86Cpu.CS];
      if (pagingOn && (c.efer & Cr.EFER_LME) != 0) {
        if ((c.cr4 & Cr.CR4_PAE) == 0 || cs.isLong()) {
          throw c.gp(0);
        }
        c.efer |= Cr.EFER_LMA;
      } else if (!pagingOn) {
        if (c.is64Bit() || (c.cr4 & Cr.CR4_PCIDE) != 0) {
          throw c.gp(0);
        }
        c.efer &= ~Cr.EFER_LMA;
      }
    }
    long changed = c.cr0 ^ v;
    c.cr0 = v;
    if ((changed & Cr.CR0_PE) != 0) {
      c.cpl = 0;
    }
    if ((changed & CR0_TRANSLATION) != 0) {
      PageWalk.flush(c);
    }
    c.modeChanged();
  }

  private static void writeCr3(X86Cpu c, long value) {
    long v = value;
    if ((c.cr4 & Cr.CR4_PCIDE) != 0) {
      v &= ~CR3_NO_FLUSH;
    }
    if (c.isLongMode() && (v & -(1L << c.model.physicalBits())) != 0) {
      throw c.gp(0);
    }
    c.cr3 = v;
    if (c.isPaging()) {
      PageWalk.flush(c);
    }
  }

  private static void writeCr4(X86Cpu c, long value) {
    if ((value & ~c.model.cr4Mask()) != 0) {
      throw c.gp(0);
    }
    if (c.isLongMode() && ((value & Cr.CR4_PAE) == 0 || ((value ^ c.cr4) & Cr.CR4_LA57) != 0)) {
      throw c.gp(0);
    }
    if ((value & ~c.cr4 & Cr.CR4_PCIDE) != 0 && (!c.isLongMode() || (c.cr3 & 0xfff) != 0)) {
      throw c.gp(0);
    }
    long changed = c.cr4 ^ value;
    c.cr4 = value;
    if ((changed & CR4_TRANSLATION) != 0) {
      PageWalk.flush(c);
    }
    if ((changed & Cr.CR4_DE) != 0) {
      DebugRegisters.apply(c);
    }
    c.modeChanged();
  }

  /** LMSW: the low four bits of CR0, of which PE can only be set. */
  static void lmsw(X86State s, X86Cpu c, long w0, long w1) {
    requireCpl0(c);
    long v = Operand.e(s, c, w0, w1, 1) & 15;
    writeCr0(c, c.cr0 & ~0xeL | v);
  }

  /** SMSW: memory gets 16 bits, a register the operand size. */
  static void smsw(X86State s, X86Cpu c, long w0, long w1) {
    umip(c);
    Operand.setE(s, c, w0, w1, Word.isMemory(w0) ? 1 : Word.size(w0), c.cr0);
  }

  static void clts(X86Cpu c) {
    requireCpl0(c);
    c.cr0 &= ~Cr.CR0_TS;
    c.modeChanged();
  }

  /** #GP(0) for SGDT, SIDT, SLDT, STR, SMSW when CR4.UMIP keeps them from CPL 3. */
  static void umip(X86Cpu c) {
    if (c.cpl == 3 && (c.cr4 & Cr.CR4_UMIP) != 0) {
      throw c.gp(0);
    }
  }

  /** INVLPG M. */
  static void invlpg(X86State s, X86Cpu c, long w0, long w1) {
    requireCpl0(c);
    PageWalk.flushPage(c, Operand.address(s, c, w0, w1));
  }

  /** INVPCID Gy,M: all types flush everything that they may have to. */
  static void invpcid(X86State s, X86Cpu c, long w0, long w1) {
    requireCpl0(c);
    long type = Operand.zext(s.r[Word.reg(w0)], c.is64Bit() ? 3 : 2);
    long gva = Operand.address(s, c, w0, w1);
    long pcid = Operand.load(s, c, gva, 3);
    long address = Operand.load(s, c, gva + 8, 3);
    if (Long.compareUnsigned(type, 3) > 0
        || type < 2 && pcid >>> 12 != 0
        || type < 2 && pcid != 0 && (c.cr4 & Cr.CR4_PCIDE) == 0
        || type == 0 && !FarTransfer.isCanonical(c, address)) {
      throw c.gp(0);
    }
    if (type == 0) {
      PageWalk.flushPage(c, address);
    } else {
      PageWalk.flush(c);
    }
  }

  /** XSETBV: XCR0. */
  static void xsetbv(X86State s, X86Cpu c) {
    if ((c.cr4 & Cr.CR4_OSXSAVE) == 0) {
      throw c.ud();
    }
    requireCpl0(c);
    long v = s.r[2] << 32 | (s.r[0] & 0xffff_ffffL);
    if ((int) s.r[1] != 0 || (v & 1) == 0 || (v & ~c.model.xcr0Mask()) != 0 || (v & 6) == 4) {
      throw c.gp(0);
    }
    c.xcr0 = v;
    c.modeChanged();
  }

  /** XGETBV: XCR0, or which of its components are in use. */
  static void xgetbv(X86State s, X86Cpu c) {
    if ((c.cr4 & Cr.CR4_OSXSAVE) == 0) {
      throw c.ud();
    }
    int n = (int) s.r[1];
    if (n == 1 ? !c.model.has(CpuFeature.XGETBV1) : n != 0) {
      throw c.gp(0);
    }
    long v = n == 0 ? c.xcr0 : c.xcr0 & XsaveLayout.inUse(c);
    s.r[0] = v & 0xffff_ffffL;
    s.r[2] = v >>> 32;
  }

  /** CLAC and STAC. */
  static void setAc(X86Cpu c, boolean ac) {
    if (c.cpl != 0 || !c.model.has(CpuFeature.SMAP)) {
      throw c.ud();
    }
    c.setEflagsHigh(ac ? c.eflagsHigh | Flags.AC : c.eflagsHigh & ~Flags.AC);
    c.modeChanged();
  }
}
