package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.FLAGS_KEPT;

import org.tuber.truffle.engine.SoftTlb;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Operand;
import org.tuber.truffle.x86.decode.Row;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.state.X87State;

/**
 * The x87 instructions (SDM vol. 1, chapter 8): rows, memory operands and dispatch. Computation is
 * in {@link X87Arith}, {@link X87Transfer} and {@link X87Transcendental}, behind boundaries over
 * the CPU and scalars; memory is read before and written between them, so that faults find the unit
 * unchanged.
 */
public final class X87Rows {
  /**
   * Eight kinds as in the opcode: FADD FMUL FCOM FCOMP FSUB FSUBR FDIV FDIVR; ST with memory or
   * ST(i).
   */
  static final int ARITH = Op.X87;

  /** ST with an integer in memory. */
  static final int ARITH_INT = ARITH + 8;

  /** ST(i) with ST. */
  static final int ARITH_STI = ARITH + 16;

  /** The same, then pop. */
  static final int ARITH_POP = ARITH + 24;

  static final int FLD = ARITH + 32;
  static final int FLD80 = ARITH + 33;
  static final int FILD = ARITH + 34;
  static final int FST = ARITH + 35;
  static final int FSTP = ARITH + 36;
  static final int FSTP80 = ARITH + 37;
  static final int FIST = ARITH + 38;
  static final int FISTP = ARITH + 39;
  static final int FISTTP = ARITH + 40;
  static final int FBLD = ARITH + 41;
  static final int FBSTP = ARITH + 42;
  static final int FXCH = ARITH + 43;
  static final int FFREE = ARITH + 44;
  static final int FFREEP = ARITH + 45;

  /** Eight conditions: B E BE U, then their opposites. */
  static final int FCMOV = ARITH + 46;

  static final int FCOMI = ARITH + 54;
  static final int FUCOMI = ARITH + 55;
  static final int FCOMIP = ARITH + 56;
  static final int FUCOMIP = ARITH + 57;
  static final int FUCOM = ARITH + 58;
  static final int FUCOMP = ARITH + 59;
  static final int FUCOMPP = ARITH + 60;
  static final int FCOMPP = ARITH + 61;
  static final int FCHS = ARITH + 62;
  static final int FABS = ARITH + 63;
  static final int FTST = ARITH + 64;
  static final int FXAM = ARITH + 65;

  /** Seven constants: 1, log2 10, log2 e, pi, log10 2, ln 2, 0. */
  static final int CONSTANT = ARITH + 66;

  /** Sixteen in the order of D9 F0 to D9 FF. */
  static final int F2XM1 = ARITH + 73;

  static final int FYL2X = F2XM1 + 1;
  static final int FPTAN = F2XM1 + 2;
  static final int FPATAN = F2XM1 + 3;
  static final int FXTRACT = F2XM1 + 4;
  static final int FPREM1 = F2XM1 + 5;
  static final int FDECSTP = F2XM1 + 6;
  static final int FINCSTP = F2XM1 + 7;
  static final int FPREM = F2XM1 + 8;
  static final int FYL2XP1 = F2XM1 + 9;
  static final int FSQRT = F2XM1 + 10;
  static final int FSINCOS = F2XM1 + 11;
  static final int FRNDINT = F2XM1 + 12;
  static final int FSCALE = F2XM1 + 13;
  static final int FSIN = F2XM1 + 14;
  static final int FCOS = F2XM1 + 15;

  static final int FNINIT = ARITH + 89;
  static final int FNCLEX = ARITH + 90;
  static final int FLDCW = ARITH + 91;
  static final int FNSTCW = ARITH + 92;
  static final int FNSTSW = ARITH + 93;
  static final int FWAIT = ARITH + 94;
  static final int FNOP = ARITH + 95;

  /** FNENI, FNDISI, FNSETPM: nothing, not even a look at pending exceptions. */
  static final int FNENI = ARITH + 96;

  private static final int FPU = Row.FPU | FLAGS_KEPT;

  private static final String[] ARITH_NAMES = {
    "fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"
  };
  private static final String[] STI_NAMES = {
    "fadd", "fmul", "fcom", "fcomp", "fsubr", "fsub", "fdivr", "fdiv"
  };
  private static final String[] POP_NAMES = {
    "faddp", "fmulp", "fcomp", "", "fsubrp", "fsubp", "fdivrp", "fdivp"
  };
  private static final String[] CMOV_NAMES = {"b", "e", "be", "u"};
  private static final String[] CONSTANT_NAMES = {
    "fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz"
  };
  private static final String[] F_NAMES = {
    "f2xm1", "fyl2x", "fptan", "fpatan", "fxtract", "fprem1", "fdecstp", "fincstp",
    "fprem", "fyl2xp1", "fsqrt", "fsincos", "frndint", "fscale", "fsin", "fcos"
  };

  private X87Rows() {}

  /** Registers all rows. */
  public static void add(OpcodeMap m) {
    for (int k = 0; k < 8; k++) {
      String name = ARITH_NAMES[k];
      m.row("D8 /" + k + " mem", name + " Md", ARITH + k, FPU);
      m.row("DC /" + k + " mem", name + " Mq", ARITH + k, FPU);
      m.row("D8 /" + k + " reg", name + " st,Ex", ARITH + k, FPU);
      m.row("DA /" + k + " mem", name.replace("f", "fi") + " Md", ARITH_INT + k, FPU);
      m.row("DE /" + k + " mem", name.replace("f", "fi") + " Mw", ARITH_INT + k, FPU);
      boolean compares = k == 2 || k == 3;
      int op = compares ? ARITH + k : ARITH_STI + k;
      m.row("DC /" + k + " reg", STI_NAMES[k] + " Ex,st", op, FPU);
      if (k != 3) {
        m.row(
            "DE /" + k + " reg", POP_NAMES[k] + " Ex,st", k == 2 ? ARITH + 3 : ARITH_POP + k, FPU);
      }
    }
    addTransfers(m);
    for (int k = 0; k < 4; k++) {
      m.row("DA /" + k + " reg", "fcmov" + CMOV_NAMES[k] + " st,Ex", FCMOV + k, FPU);
      m.row("DB /" + k + " reg", "fcmovn" + CMOV_NAMES[k] + " st,Ex", FCMOV + 4 + k, FPU);
    }
    m.row("DB /6 reg", "fcomi st,Ex", FCOMI, Row.FPU);
    m.row("DB /5 reg", "fucomi st,Ex", FUCOMI, Row.FPU);
    m.row("DF /6 reg", "fcomip st,Ex", FCOMIP, Row.FPU);
    m.row("DF /5 reg", "fucomip st,Ex", FUCOMIP, Row.FPU);
    m.row("DD /4 reg", "fucom Ex", FUCOM, FPU);
    m.row("DD /5 reg", "fucomp Ex", FUCOMP, FPU);
    m.row("DA E9", "fucompp", FUCOMPP, FPU);
    m.row("DE D9", "fcompp", FCOMPP, FPU);
    m.row("D9 E0", "fchs", FCHS, FPU);
    m.row("D9 E1", "fabs", FABS, FPU);
    m.row("D9 E4", "ftst", FTST, FPU);
    m.row("D9 E5", "fxam", FXAM, FPU);
    for (int k = 0; k < 7; k++) {
      m.row("D9 " + hex(0xe8 + k), CONSTANT_NAMES[k], CONSTANT + k, FPU);
    }
    for (int k = 0; k < 16; k++) {
      m.row("D9 " + hex(0xf0 + k), F_NAMES[k], F2XM1 + k, FPU);
    }
    m.row("DB E3", "fninit", FNINIT, FPU);
    m.row("DB E2", "fnclex", FNCLEX, FPU);
    // 8087 and 80287 control, without effect since the 80387.
    m.row("DB E0", "fneni", FNENI, FPU);
    m.row("DB E1", "fndisi", FNENI, FPU);
    m.row("DB E4", "fnsetpm", FNENI, FPU);
    m.row("D9 D0", "fnop", FNOP, FPU);
    m.row("D9 /5 mem", "fldcw Mw", FLDCW, FPU);
    m.row("D9 /7 mem", "fnstcw Mw", FNSTCW, FPU);
    m.row("DD /7 mem", "fnstsw Mw", FNSTSW, FPU);
    m.row("DF E0", "fnstsw ax", FNSTSW, FPU);
    m.row("9B", "fwait", FWAIT, FLAGS_KEPT);
  }

  private static void addTransfers(OpcodeMap m) {
    m.row("D9 /0 mem", "fld Md", FLD, FPU);
    m.row("DD /0 mem", "fld Mq", FLD, FPU);
    m.row("D9 /0 reg", "fld Ex", FLD, FPU);
    m.row("DB /5 mem", "fld Mx", FLD80, FPU);
    m.row("DF /0 mem", "fild Mw", FILD, FPU);
    m.row("DB /0 mem", "fild Md", FILD, FPU);
    m.row("DF /5 mem", "fild Mq", FILD, FPU);
    m.row("D9 /2 mem", "fst Md", FST, FPU);
    m.row("DD /2 mem", "fst Mq", FST, FPU);
    m.row("DD /2 reg", "fst Ex", FST, FPU);
    m.row("D9 /3 mem", "fstp Md", FSTP, FPU);
    m.row("DD /3 mem", "fstp Mq", FSTP, FPU);
    m.row("DD /3 reg", "fstp Ex", FSTP, FPU);
    m.row("DB /7 mem", "fstp Mx", FSTP80, FPU);
    m.row("DF /2 mem", "fist Mw", FIST, FPU);
    m.row("DB /2 mem", "fist Md", FIST, FPU);
    m.row("DF /3 mem", "fistp Mw", FISTP, FPU);
    m.row("DB /3 mem", "fistp Md", FISTP, FPU);
    m.row("DF /7 mem", "fistp Mq", FISTP, FPU);
    m.row("DF /1 mem", "fisttp Mw", FISTTP, FPU);
    m.row("DB /1 mem", "fisttp Md", FISTTP, FPU);
    m.row("DD /1 mem", "fisttp Mq", FISTTP, FPU);
    m.row("DF /4 mem", "fbld Mx", FBLD, FPU);
    m.row("DF /6 mem", "fbstp Mx", FBSTP, FPU);
    m.row("D9 /1 reg", "fxch Ex", FXCH, FPU);
    m.row("DD /0 reg", "ffree Ex", FFREE, FPU);
    m.row("DF /0 reg", "ffreep Ex", FFREEP, FPU);
  }

  private static String hex(int v) {
    return String.format("%02X", v);
  }

  /** Runs an operation of {@code [Op.X87, Op.X87 + 100)}. */
  public static void run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op >= FNINIT) {
      X87Control.run(s, c, w0, w1, op);
      return;
    }
    X87Control.check(c);
    X87State f = c.fpu;
    if (op < FLD) {
      arithmetic(s, c, w0, w1, op);
    } else if (op < FXCH) {
      transfer(s, c, w0, w1, op);
    } else if (op >= FCMOV && op < FCOMI) {
      X87Transfer.conditionalMove(c, Word.rm(w0) & 7, cmovHolds(s, op - FCMOV));
    } else if (op >= FCOMI && op <= FUCOMIP) {
      boolean unordered = op == FUCOMI || op == FUCOMIP;
      setFlags(s, X87Arith.compareToFlags(c, Word.rm(w0) & 7, unordered, op >= FCOMIP));
    } else {
      X87Arith.simple(c, op, Word.rm(w0) & 7);
    }
    f.lastIp = s.r[X86State.BLOCK_PC] + s.pcOffset - c.segmentBase[X86Cpu.CS];
    f.lastCs = c.segments[X86Cpu.CS].selector;
  }

  /** The instruction's memory operand, remembered for save areas. */
  private static long address(X86State s, X86Cpu c, long w0, long w1, int bytes) {
    long a = Operand.address(s, c, w0, w1, bytes);
    c.fpu.lastDp = a;
    return a;
  }

  private static void arithmetic(X86State s, X86Cpu c, long w0, long w1, int op) {
    int kind = op & 7;
    if (op >= ARITH_STI) {
      X87Arith.registers(c, kind, Word.rm(w0) & 7, Word.rm(w0) & 7, op >= ARITH_POP);
    } else if (!Word.isMemory(w0)) {
      X87Arith.registers(c, kind, Word.rm(w0) & 7, 0, kind == 3);
    } else {
      int size = Word.size(w0);
      long v = Operand.load(s, c, address(s, c, w0, w1, 1 << size), size);
      X87Arith.memory(c, kind, op >= ARITH_INT ? X87Arith.INTEGER : size, v);
    }
  }

  private static void transfer(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (!Word.isMemory(w0)) {
      if (op == FLD) {
        X87Transfer.loadRegister(c, Word.rm(w0) & 7);
      } else {
        X87Transfer.storeRegister(c, Word.rm(w0) & 7, op == FSTP);
      }
      return;
    }
    int size = Word.size(w0);
    long a = address(s, c, w0, w1, hasTenBytes(op) ? 10 : 1 << size);
    switch (op) {
      case FLD -> X87Transfer.load(c, size, Operand.load(s, c, a, size));
      case FILD -> X87Transfer.load(c, X87Arith.INTEGER, Operand.load(s, c, a, size));
      case FLD80, FBLD -> {
        long low = SoftTlb.load64(s, c, a);
        int high = (int) SoftTlb.load16(s, c, a + 8) & 0xffff;
        if (op == FLD80) {
          X87Transfer.load80(c, high, low);
        } else {
          X87Transfer.loadBcd(c, high, low);
        }
      }
      case FST, FSTP -> {
        long v = X87Transfer.toFloat(c, size);
        if (c.fpu.suppressed) {
          SoftTlb.writableHost(s, c, a, 1 << size);
        } else {
          Operand.store(s, c, a, size, v);
        }
        X87Transfer.stored(c, op == FSTP);
      }
      case FIST, FISTP, FISTTP -> {
        long v = X87Transfer.toInteger(c, 8 << size, op == FISTTP);
        if (c.fpu.suppressed) {
          SoftTlb.writableHost(s, c, a, 1 << size);
        } else {
          Operand.store(s, c, a, size, v);
        }
        X87Transfer.stored(c, op != FIST);
      }
      default -> {
        long low = op == FSTP80 ? X87Transfer.toExtended(c) : X87Transfer.toBcd(c);
        if ((a & 4095) > 4096 - 10) {
          SoftTlb.writableHost(s, c, a, 1);
          SoftTlb.writableHost(s, c, (a | 4095) + 1, 1);
        } else if (c.fpu.suppressed) {
          SoftTlb.writableHost(s, c, a, 1);
        }
        if (!c.fpu.suppressed) {
          SoftTlb.store64(s, c, a, low);
          SoftTlb.store16(s, c, a + 8, c.fpu.stagedHigh);
        }
        X87Transfer.stored(c, true);
      }
    }
  }

  private static boolean hasTenBytes(int op) {
    return op == FLD80 || op == FSTP80 || op == FBLD || op == FBSTP;
  }

  private static boolean cmovHolds(X86State s, int kind) {
    boolean positive =
        switch (kind & 3) {
          case 0 -> Flags.cf(s);
          case 1 -> Flags.zf(s);
          case 2 -> Flags.cf(s) || Flags.zf(s);
          default -> Flags.pf(s);
        };
    return positive == kind < 4;
  }

  /** ZF PF CF by order: 0 greater, 1 less, 2 equal, 3 unordered; OF SF AF 0. */
  private static void setFlags(X86State s, int order) {
    long carry = order == 1 || order == 3 ? Long.MIN_VALUE : 0;
    s.fx = carry;
    s.fy = carry;
    s.fz = carry;
    s.fr = order < 2 ? 1 : 0;
    s.fd = order == 2 ? 1 : 0;
  }
}
