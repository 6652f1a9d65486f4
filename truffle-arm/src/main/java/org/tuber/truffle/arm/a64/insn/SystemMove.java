package org.tuber.truffle.arm.a64.insn;

import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.state.Reg;
import org.tuber.truffle.arm.state.Sctlr;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.arm.sys.SystemRegisters;

/**
 * MRS, MSR (Arm ARM C4.1.94). The general rows go through the table of system registers; registers
 * that programs touch all the time have rows of their own, which run in compiled regions.
 */
final class SystemMove {
  private SystemMove() {}

  static void addTo(A64Rows rows) {
    rows.row("110101010011oeeeffffgggghhhttttt", "MRS <Xt>, <systemreg>")
        .does((s, c, w0, w1) -> s.r[d(w0)] = SystemRegisters.read(c, w1));
    rows.row("110101010001oeeeffffgggghhhrrrrr", "MSR <systemreg>, <Xt>")
        .system((s, c, w0, w1) -> SystemRegisters.write(c, w1, s.r[d(w0)]));
    addFlags(rows);
    addThreadRegisters(rows);
    addImmediates(rows);
  }

  private static void addFlags(A64Rows rows) {
    rows.row("1101010100111011010000100 00ttttt", "MRS <Xt>, NZCV")
        .does((s, c, w0, w1) -> s.r[d(w0)] = (long) Nzcv.get(s) << Nzcv.SHIFT);
    rows.row("1101010100011011010000100 00rrrrr", "MSR NZCV, <Xt>")
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> Nzcv.set(s, (int) (s.r[d(w0)] >>> Nzcv.SHIFT) & 15));
    rows.row("1101010100111011010001000 00ttttt", "MRS <Xt>, FPCR")
        .fp()
        .does((s, c, w0, w1) -> s.r[d(w0)] = c.fpcr & 0xffff_ffffL);
    rows.row("1101010100111011010001000 01ttttt", "MRS <Xt>, FPSR")
        .fp()
        .does((s, c, w0, w1) -> s.r[d(w0)] = s.fpsr & 0xffff_ffffL);
    rows.row("1101010100011011010001000 01rrrrr", "MSR FPSR, <Xt>")
        .fp()
        .does((s, c, w0, w1) -> s.fpsr = (int) s.r[d(w0)] & ArmCpu.FPSR_MASK);
    rows.row("1101010100111011001001000 00ttttt", "MRS <Xt>, RNDR")
        .needs(ArmFeature.RNG)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> random(s, c, w0, w1));
    rows.row("1101010100111011001001000 01ttttt", "MRS <Xt>, RNDRRS")
        .needs(ArmFeature.RNG)
        .flags(Nzcv.PRODUCER_EXPLICIT)
        .does((s, c, w0, w1) -> random(s, c, w0, w1));
  }

  private static void random(ArmState s, ArmCpu c, long w0, long w1) {
    s.r[d(w0)] = SystemRegisters.read(c, w1);
    Nzcv.set(s, 0);
  }

  private static void addThreadRegisters(A64Rows rows) {
    rows.row("1101010100111011110100000 10ttttt", "MRS <Xt>, TPIDR_EL0")
        .does((s, c, w0, w1) -> s.r[d(w0)] = c.sys[Reg.TPIDR_EL0]);
    rows.row("1101010100011011110100000 10rrrrr", "MSR TPIDR_EL0, <Xt>")
        .does((s, c, w0, w1) -> c.sys[Reg.TPIDR_EL0] = s.r[d(w0)]);
    rows.row("1101010100111000110100001 00ttttt", "MRS <Xt>, TPIDR_EL1")
        .does((s, c, w0, w1) -> s.r[d(w0)] = privileged(c).sys[Reg.TPIDR_EL1]);
    rows.row("1101010100111000010000010 00ttttt", "MRS <Xt>, SP_EL0")
        .does((s, c, w0, w1) -> s.r[d(w0)] = ownStack(c).sp[0]);
    rows.row("1101010100011000010000010 00rrrrr", "MSR SP_EL0, <Xt>")
        .does((s, c, w0, w1) -> ownStack(c).sp[0] = s.r[d(w0)]);
    rows.row("1101010100111011010000100 01ttttt", "MRS <Xt>, DAIF")
        .does((s, c, w0, w1) -> s.r[d(w0)] = c.el > 0 ? c.daif : SystemRegisters.read(c, w1));
  }

  private static ArmCpu privileged(ArmCpu c) {
    if (c.el == 0) {
      throw c.undefined();
    }
    return c;
  }

  private static ArmCpu ownStack(ArmCpu c) {
    if (c.el == 0 || !c.spsel) {
      throw c.undefined();
    }
    return c;
  }

  private static void addImmediates(A64Rows rows) {
    rows.row("1101010100000000 0100iiii 10111111", "MSR SPSel, #<imm>")
        .extra((row, insn) -> row.get(insn, 'i'))
        .system((s, c, w0, w1) -> privileged(c).setLevel(c.el, (extra(w0) & 1) != 0));
    rows.row("1101010100000011 0100iiii 11011111", "MSR DAIFSet, #<imm>")
        .immediate((row, insn, pc) -> insn & 0xffff_ffffL)
        .system((s, c, w0, w1) -> daif(c, w1, true));
    rows.row("1101010100000011 0100iiii 11111111", "MSR DAIFClr, #<imm>")
        .system((s, c, w0, w1) -> daif(c, w1, false));
    rows.row("1101010100000000 0100iiii 10011111", "MSR PAN, #<imm>")
        .needs(ArmFeature.PAN)
        .system(
            (s, c, w0, w1) -> {
              privileged(c).pan = (w1 >>> 8 & 1) != 0;
              c.modeChanged();
            });
    rows.row("1101010100000000 0100iiii 01111111", "MSR UAO, #<imm>")
        .needs(ArmFeature.UAO)
        .system(
            (s, c, w0, w1) -> {
              privileged(c).uao = (w1 >>> 8 & 1) != 0;
              c.modeChanged();
            });
    rows.row("1101010100000011 0100iiii 01011111", "MSR DIT, #<imm>")
        .needs(ArmFeature.DIT)
        .does((s, c, w0, w1) -> c.dit = (w1 >>> 8 & 1) != 0);
    rows.row("1101010100000011 0100iiii 00111111", "MSR SSBS, #<imm>")
        .needs(ArmFeature.SSBS2)
        .does((s, c, w0, w1) -> c.ssbs = (w1 >>> 8 & 1) != 0);
  }

  private static void daif(ArmCpu c, long insn, boolean set) {
    if (c.el == 0 && (c.sctlr(1) & Sctlr.UMA) == 0) {
      throw SystemRegisters.trap(c, insn, false);
    }
    int bits = (int) (insn >>> 8 & 15) << 6;
    c.setDaif(set ? c.daif | bits : c.daif & ~bits);
  }
}
