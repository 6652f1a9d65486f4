package org.tuber.truffle.x86.sys;

import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.DescriptorTable;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.Segment;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * LGDT, LIDT, LLDT, LTR and their stores, VERR, VERW, LAR, LSL, ARPL (SDM vol. 2; vol. 3, 2.4 and
 * 5.10).
 */
final class DescriptorTables {
  private DescriptorTables() {}

  /** LGDT, LIDT. */
  static void load(X86State s, X86Cpu c, long w0, long w1, DescriptorTable table) {
    ControlRegisters.requireCpl0(c);
    long gva = Operand.address(s, c, w0, w1, 6);
    int limit = (int) Operand.load(s, c, gva, 1) & 0xffff;
    long base;
    if (c.is64Bit()) {
      base = Operand.load(s, c, gva + 2, 3);
      if (!FarTransfer.isCanonical(c, base)) {
        throw c.gp(0);
      }
    } else {
      base = Operand.load(s, c, gva + 2, 2) & (Word.size(w0) == 1 ? 0xff_ffffL : 0xffff_ffffL);
    }
    table.base = base;
    table.limit = limit;
  }

  /** SGDT, SIDT. */
  static void store(X86State s, X86Cpu c, long w0, long w1, DescriptorTable table) {
    ControlRegisters.umip(c);
    long gva = Operand.address(s, c, w0, w1, 6);
    Operand.store(s, c, gva, 1, table.limit);
    Operand.store(s, c, gva + 2, c.is64Bit() ? 3 : 2, table.base);
  }

  /** Segment instructions exist in protected mode only. */
  private static void requireProtected(X86Cpu c) {
    if (!c.isProtected() || (c.eflagsHigh & Flags.VM) != 0) {
      throw c.ud();
    }
  }

  /** SLDT, STR: memory gets 16 bits, a register the operand size. */
  static void storeSelector(X86State s, X86Cpu c, long w0, long w1, int register) {
    requireProtected(c);
    ControlRegisters.umip(c);
    int size = Word.isMemory(w0) ? 1 : Word.size(w0);
    Operand.setE(s, c, w0, w1, size, c.segments[register].selector);
  }

  static void lldt(X86State s, X86Cpu c, long w0, long w1) {
    requireProtected(c);
    ControlRegisters.requireCpl0(c);
    int selector = (int) Operand.e(s, c, w0, w1, 1) & 0xffff;
    Segment ldtr = c.segments[X86Cpu.LDTR];
    if (Descriptors.isNull(selector)) {
      ldtr.set(selector, 0, 0, 0);
      return;
    }
    long d = system(c, selector);
    if (Descriptors.isSegment(d) || Descriptors.type(d) != Descriptors.LDT) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    loadSystem(c, ldtr, selector, d);
  }

  static void ltr(X86State s, X86Cpu c, long w0, long w1) {
    requireProtected(c);
    ControlRegisters.requireCpl0(c);
    int selector = (int) Operand.e(s, c, w0, w1, 1) & 0xffff;
    if (Descriptors.isNull(selector)) {
      throw c.gp(0);
    }
    long d = system(c, selector);
    int type = Descriptors.type(d);
    boolean available =
        type == Descriptors.TSS32_AVAILABLE
            || type == Descriptors.TSS16_AVAILABLE && !c.isLongMode();
    if (Descriptors.isSegment(d) || !available) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    Segment tr = c.segments[X86Cpu.TR];
    loadSystem(c, tr, selector, d);
    Descriptors.setBusy(c, selector, d, true);
    tr.attributes |= Descriptors.TSS_BUSY;
  }

  /** The descriptor of LDT or TSS {@code selector}, which must be in the GDT. */
  private static long system(X86Cpu c, int selector) {
    if ((selector & 4) != 0 || Descriptors.address(c, selector, c.isLongMode() ? 16 : 8) == -1) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    return Descriptors.load(c, selector, X86Cpu.GP, 0);
  }

  private static void loadSystem(X86Cpu c, Segment register, int selector, long d) {
    if (!Descriptors.isPresent(d)) {
      throw Descriptors.fault(c, X86Cpu.NP, selector, 0);
    }
    long upper = c.isLongMode() ? Descriptors.upperBase(c, selector) : 0;
    long base = Descriptors.base(d) | upper;
    if (c.isLongMode() && !FarTransfer.isCanonical(c, base)) {
      throw Descriptors.fault(c, X86Cpu.GP, selector, 0);
    }
    register.set(selector, base, Descriptors.limit(d), Descriptors.attributes(d));
  }

  /** VERR, VERW. */
  static void verify(X86State s, X86Cpu c, long w0, long w1, boolean write) {
    requireProtected(c);
    int selector = (int) Operand.e(s, c, w0, w1, 1) & 0xffff;
    long d = visible(c, selector);
    boolean ok =
        d != 0
            && Descriptors.isSegment(d)
            && (write ? Descriptors.isWritableData(d) : Descriptors.isReadable(d));
    setZf(c, ok);
  }

  /** The descriptor if it exists and the privileges allow to look at it, else 0. */
  private static long visible(X86Cpu c, int selector) {
    if (Descriptors.isNull(selector)) {
      return 0;
    }
    long address = Descriptors.address(c, selector, 8);
    if (address == -1) {
      return 0;
    }
    long d = Descriptors.load64(c, address);
    int dpl = Descriptors.dpl(d);
    return Descriptors.isConforming(d) || c.cpl <= dpl && (selector & 3) <= dpl ? d : 0;
  }

  /** LAR. */
  static void lar(X86State s, X86Cpu c, long w0, long w1) {
    requireProtected(c);
    long d = visible(c, (int) Operand.e(s, c, w0, w1, 1) & 0xffff);
    boolean ok = d != 0 && (Descriptors.isSegment(d) || larType(c, Descriptors.type(d)));
    if (ok) {
      Operand.setG(s, w0, Word.size(w0), d >>> 32 & 0xff_ff00L);
    }
    setZf(c, ok);
  }

  private static boolean larType(X86Cpu c, int type) {
    return switch (type) {
      case 2, 9, 11, 12 -> true;
      case 1, 3, 4, 5 -> !c.isLongMode();
      default -> false;
    };
  }

  /** LSL. */
  static void lsl(X86State s, X86Cpu c, long w0, long w1) {
    requireProtected(c);
    long d = visible(c, (int) Operand.e(s, c, w0, w1, 1) & 0xffff);
    boolean ok = d != 0 && (Descriptors.isSegment(d) || lslType(c, Descriptors.type(d)));
    if (ok) {
      Operand.setG(s, w0, Word.size(w0), Descriptors.limit(d));
    }
    setZf(c, ok);
  }

  private static boolean lslType(X86Cpu c, int type) {
    return switch (type) {
      case 2, 9, 11 -> true;
      case 1, 3 -> !c.isLongMode();
      default -> false;
    };
  }

  /** ARPL. */
  static void arpl(X86State s, X86Cpu c, long w0, long w1) {
    requireProtected(c);
    int selector = (int) Operand.e(s, c, w0, w1, 1) & 0xffff;
    int rpl = (int) s.r[Word.reg(w0)] & 3;
    boolean raise = (selector & 3) < rpl;
    if (raise) {
      Operand.setE(s, c, w0, w1, 1, (selector & ~3) | rpl);
    }
    setZf(c, raise);
  }

  private static void setZf(X86Cpu c, boolean zf) {
    long flags = Flags.arithmetic(c.home);
    Flags.setArithmetic(c.home, zf ? flags | Flags.ZF : flags & ~Flags.ZF);
  }
}
