package org.tuber.truffle.x86.sys;

import static org.tuber.truffle.x86.decode.Row.D64;
import static org.tuber.truffle.x86.decode.Row.F64;
import static org.tuber.truffle.x86.decode.Row.I64;
import static org.tuber.truffle.x86.decode.Row.O64;
import static org.tuber.truffle.x86.decode.Row.SYSTEM;

import org.tuber.truffle.engine.Block;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.UserKernel;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Encodings of the system, segment, port and string instructions (SDM vol. 2), and the switch to
 * their semantics. All of them end their block.
 */
public final class SystemRows {
  private static final int MOV_FROM_CR = Op.SYSTEM;
  private static final int MOV_TO_CR = Op.SYSTEM + 1;
  private static final int MOV_FROM_DR = Op.SYSTEM + 2;
  private static final int MOV_TO_DR = Op.SYSTEM + 3;
  private static final int CLTS = Op.SYSTEM + 4;
  private static final int LMSW = Op.SYSTEM + 5;
  private static final int SMSW = Op.SYSTEM + 6;
  private static final int LGDT = Op.SYSTEM + 7;
  private static final int LIDT = Op.SYSTEM + 8;
  private static final int SGDT = Op.SYSTEM + 9;
  private static final int SIDT = Op.SYSTEM + 10;
  private static final int LLDT = Op.SYSTEM + 11;
  private static final int SLDT = Op.SYSTEM + 12;
  private static final int LTR = Op.SYSTEM + 13;
  private static final int STR = Op.SYSTEM + 14;
  private static final int VERR = Op.SYSTEM + 15;
  private static final int VERW = Op.SYSTEM + 16;
  private static final int LAR = Op.SYSTEM + 17;
  private static final int LSL = Op.SYSTEM + 18;
  private static final int ARPL = Op.SYSTEM + 19;
  private static final int INVLPG = Op.SYSTEM + 20;
  private static final int INVPCID = Op.SYSTEM + 21;
  private static final int WBINVD = Op.SYSTEM + 22;
  private static final int HLT = Op.SYSTEM + 23;
  private static final int CLI = Op.SYSTEM + 24;
  private static final int STI = Op.SYSTEM + 25;
  private static final int SWAPGS = Op.SYSTEM + 26;
  private static final int SYSCALL = Op.SYSTEM + 27;
  private static final int SYSRET = Op.SYSTEM + 28;
  private static final int SYSENTER = Op.SYSTEM + 29;
  private static final int SYSEXIT = Op.SYSTEM + 30;
  private static final int IRET = Op.SYSTEM + 31;
  private static final int INT = Op.SYSTEM + 32;
  private static final int INT3 = Op.SYSTEM + 33;
  private static final int INTO = Op.SYSTEM + 34;
  private static final int INT1 = Op.SYSTEM + 35;
  private static final int UNDEFINED = Op.SYSTEM + 36;
  private static final int CPUID = Op.SYSTEM + 37;
  private static final int RDMSR = Op.SYSTEM + 38;
  private static final int WRMSR = Op.SYSTEM + 39;
  private static final int RDPMC = Op.SYSTEM + 40;
  private static final int RDTSC = Op.SYSTEM + 41;
  private static final int RDTSCP = Op.SYSTEM + 42;
  private static final int PUSHF = Op.SYSTEM + 43;
  private static final int POPF = Op.SYSTEM + 44;
  private static final int CLAC = Op.SYSTEM + 45;
  private static final int STAC = Op.SYSTEM + 46;
  private static final int XGETBV = Op.SYSTEM + 47;
  private static final int XSETBV = Op.SYSTEM + 48;
  private static final int RDFSBASE = Op.SYSTEM + 49;
  private static final int RDGSBASE = Op.SYSTEM + 50;
  private static final int WRFSBASE = Op.SYSTEM + 51;
  private static final int WRGSBASE = Op.SYSTEM + 52;
  private static final int RDPID = Op.SYSTEM + 53;
  private static final int MONITOR = Op.SYSTEM + 54;
  private static final int MWAIT = Op.SYSTEM + 55;
  private static final int CLD = Op.SYSTEM + 56;
  private static final int STD = Op.SYSTEM + 57;
  private static final int IN_IMM = Op.SYSTEM + 58;
  private static final int IN_DX = Op.SYSTEM + 59;
  private static final int OUT_IMM = Op.SYSTEM + 60;
  private static final int OUT_DX = Op.SYSTEM + 61;
  private static final int MOV_FROM_SEG = Op.SYSTEM + 62;
  private static final int MOV_TO_SEG = Op.SYSTEM + 63;
  private static final int JMP_FAR = Op.SYSTEM + 64;
  private static final int CALL_FAR = Op.SYSTEM + 65;
  private static final int JMP_FAR_E = Op.SYSTEM + 66;
  private static final int CALL_FAR_E = Op.SYSTEM + 67;
  private static final int RETF = Op.SYSTEM + 68;

  /** PUSH of ES; the other segment registers follow in the order of their numbers. */
  private static final int PUSH_SEG = Op.SYSTEM + 69;

  /** POP of ES, and so on. */
  private static final int POP_SEG = Op.SYSTEM + 75;

  /** LES, and so on; LCS does not exist. */
  private static final int LOAD_FAR = Op.SYSTEM + 81;

  // String instructions. Where the accumulator is no operand there are two: bytes and the others.
  private static final int MOVS_B = Op.SYSTEM + 87;
  private static final int MOVS = Op.SYSTEM + 88;
  private static final int CMPS_B = Op.SYSTEM + 89;
  private static final int CMPS = Op.SYSTEM + 90;
  private static final int STOS = Op.SYSTEM + 91;
  private static final int LODS = Op.SYSTEM + 92;
  private static final int SCAS = Op.SYSTEM + 93;
  private static final int INS_B = Op.SYSTEM + 94;
  private static final int INS = Op.SYSTEM + 95;
  private static final int OUTS_B = Op.SYSTEM + 96;
  private static final int OUTS = Op.SYSTEM + 97;

  private static final int RANDOM = Op.SYSTEM + 98;

  private SystemRows() {}

  /** Adds the rows. */
  public static void add(OpcodeMap m) {
    addControl(m);
    addSegments(m);
    addTransfers(m);
    addStrings(m);
  }

  private static void addControl(OpcodeMap m) {
    m.row("0F 20 /r reg", "mov Eq,Cq", MOV_FROM_CR, SYSTEM | F64);
    m.row("0F 22 /r reg", "mov Cq,Eq", MOV_TO_CR, SYSTEM | F64);
    m.row("0F 21 /r reg", "mov Eq,Dq", MOV_FROM_DR, SYSTEM | F64);
    m.row("0F 23 /r reg", "mov Dq,Eq", MOV_TO_DR, SYSTEM | F64);
    m.row("0F 06", "clts", CLTS, SYSTEM);
    m.row("0F 01 /6", "lmsw Ew", LMSW, SYSTEM);
    m.row("0F 01 /4", "smsw Ev", SMSW, SYSTEM);
    m.row("0F 01 /7 mem", "invlpg M", INVLPG, SYSTEM);
    m.row("66 0F 38 82 /r mem", "invpcid Gy,M", INVPCID, SYSTEM | CpuFeature.INVPCID.row());
    m.row("0F 08", "invd", WBINVD, SYSTEM);
    m.row("0F 09", "wbinvd", WBINVD, SYSTEM);
    m.row("F4", "hlt", HLT, SYSTEM);
    m.row("FA", "cli", CLI, SYSTEM);
    m.row("FB", "sti", STI, SYSTEM);
    m.row("FC", "cld", CLD, SYSTEM);
    m.row("FD", "std", STD, SYSTEM);
    m.row("0F A2", "cpuid", CPUID, SYSTEM);
    m.row("0F 32", "rdmsr", RDMSR, SYSTEM | CpuFeature.MSR.row());
    m.row("0F 30", "wrmsr", WRMSR, SYSTEM | CpuFeature.MSR.row());
    m.row("0F 33", "rdpmc", RDPMC, SYSTEM);
    m.row("0F 31", "rdtsc", RDTSC, SYSTEM | CpuFeature.TSC.row());
    m.row("0F 01 F9", "rdtscp", RDTSCP, SYSTEM | CpuFeature.RDTSCP.row());
    m.row("F3 0F C7 /7 reg", "rdpid Eq", RDPID, SYSTEM | CpuFeature.RDPID.row());
    m.row("0F C7 /6 reg", "rdrand Ev", RANDOM, SYSTEM | CpuFeature.RDRAND.row());
    m.row("0F C7 /7 reg", "rdseed Ev", RANDOM, SYSTEM | CpuFeature.RDSEED.row());
    m.row("9C", "pushf", PUSHF, SYSTEM | D64);
    m.row("9D", "popf", POPF, SYSTEM | D64);
    m.row("NP 0F 01 CA", "clac", CLAC, SYSTEM | CpuFeature.SMAP.row());
    m.row("NP 0F 01 CB", "stac", STAC, SYSTEM | CpuFeature.SMAP.row());
    m.row("NP 0F 01 D0", "xgetbv", XGETBV, SYSTEM | CpuFeature.XSAVE.row());
    m.row("NP 0F 01 D1", "xsetbv", XSETBV, SYSTEM | CpuFeature.XSAVE.row());
    m.row("0F 01 C8", "monitor", MONITOR, SYSTEM | CpuFeature.MONITOR.row());
    m.row("0F 01 C9", "mwait", MWAIT, SYSTEM | CpuFeature.MONITOR.row());
    m.row("F3 0F AE /0 reg", "rdfsbase Ey", RDFSBASE, SYSTEM | O64 | CpuFeature.FSGSBASE.row());
    m.row("F3 0F AE /1 reg", "rdgsbase Ey", RDGSBASE, SYSTEM | O64 | CpuFeature.FSGSBASE.row());
    m.row("F3 0F AE /2 reg", "wrfsbase Ey", WRFSBASE, SYSTEM | O64 | CpuFeature.FSGSBASE.row());
    m.row("F3 0F AE /3 reg", "wrgsbase Ey", WRGSBASE, SYSTEM | O64 | CpuFeature.FSGSBASE.row());
    m.row("E4", "in AL,Ib", IN_IMM, SYSTEM);
    m.row("E5", "in rAX,Ib", IN_IMM, SYSTEM);
    m.row("EC", "in AL,DX", IN_DX, SYSTEM);
    m.row("ED", "in rAX,DX", IN_DX, SYSTEM);
    m.row("E6", "out Ib,AL", OUT_IMM, SYSTEM);
    m.row("E7", "out Ib,rAX", OUT_IMM, SYSTEM);
    m.row("EE", "out DX,AL", OUT_DX, SYSTEM);
    m.row("EF", "out DX,rAX", OUT_DX, SYSTEM);
  }

  private static void addSegments(OpcodeMap m) {
    m.row("0F 01 /2 mem", "lgdt Mv", LGDT, SYSTEM);
    m.row("0F 01 /3 mem", "lidt Mv", LIDT, SYSTEM);
    m.row("0F 01 /0 mem", "sgdt Mv", SGDT, SYSTEM);
    m.row("0F 01 /1 mem", "sidt Mv", SIDT, SYSTEM);
    m.row("0F 00 /0", "sldt Ev", SLDT, SYSTEM);
    m.row("0F 00 /1", "str Ev", STR, SYSTEM);
    m.row("0F 00 /2", "lldt Ew", LLDT, SYSTEM);
    m.row("0F 00 /3", "ltr Ew", LTR, SYSTEM);
    m.row("0F 00 /4", "verr Ew", VERR, SYSTEM);
    m.row("0F 00 /5", "verw Ew", VERW, SYSTEM);
    m.row("0F 02 /r", "lar Gv,Ew", LAR, SYSTEM);
    m.row("0F 03 /r", "lsl Gv,Ew", LSL, SYSTEM);
    m.row("63 /r", "arpl Ew,Gw", ARPL, SYSTEM | I64);
    m.row("8C /r", "mov Ev,Sw", MOV_FROM_SEG, SYSTEM);
    m.row("8E /r", "mov Sw,Ew", MOV_TO_SEG, SYSTEM);
    m.row("06", "push es", PUSH_SEG + X86Cpu.ES, SYSTEM | I64);
    m.row("0E", "push cs", PUSH_SEG + X86Cpu.CS, SYSTEM | I64);
    m.row("16", "push ss", PUSH_SEG + X86Cpu.SS, SYSTEM | I64);
    m.row("1E", "push ds", PUSH_SEG + X86Cpu.DS, SYSTEM | I64);
    m.row("0F A0", "push fs", PUSH_SEG + X86Cpu.FS, SYSTEM | D64);
    m.row("0F A8", "push gs", PUSH_SEG + X86Cpu.GS, SYSTEM | D64);
    m.row("07", "pop es", POP_SEG + X86Cpu.ES, SYSTEM | I64);
    m.row("17", "pop ss", POP_SEG + X86Cpu.SS, SYSTEM | I64);
    m.row("1F", "pop ds", POP_SEG + X86Cpu.DS, SYSTEM | I64);
    m.row("0F A1", "pop fs", POP_SEG + X86Cpu.FS, SYSTEM | D64);
    m.row("0F A9", "pop gs", POP_SEG + X86Cpu.GS, SYSTEM | D64);
    m.row("C4 /r mem", "les Gv,Mp", LOAD_FAR + X86Cpu.ES, SYSTEM | I64);
    m.row("C5 /r mem", "lds Gv,Mp", LOAD_FAR + X86Cpu.DS, SYSTEM | I64);
    m.row("0F B2 /r mem", "lss Gv,Mp", LOAD_FAR + X86Cpu.SS, SYSTEM);
    m.row("0F B4 /r mem", "lfs Gv,Mp", LOAD_FAR + X86Cpu.FS, SYSTEM);
    m.row("0F B5 /r mem", "lgs Gv,Mp", LOAD_FAR + X86Cpu.GS, SYSTEM);
  }

  private static void addTransfers(OpcodeMap m) {
    m.row("0F 01 F8", "swapgs", SWAPGS, SYSTEM | O64);
    m.row("0F 05", "syscall", SYSCALL, SYSTEM);
    m.row("0F 07", "sysret", SYSRET, SYSTEM);
    m.row("0F 34", "sysenter", SYSENTER, SYSTEM | CpuFeature.SEP.row());
    m.row("0F 35", "sysexit", SYSEXIT, SYSTEM | CpuFeature.SEP.row());
    m.row("CF", "iret", IRET, SYSTEM);
    m.row("CD", "int Ib", INT, SYSTEM);
    m.row("CC", "int3", INT3, SYSTEM);
    m.row("CE", "into", INTO, SYSTEM | I64);
    m.row("F1", "int1", INT1, SYSTEM);
    m.row("0F FF /r", "ud0 Gv,Ev", UNDEFINED, SYSTEM);
    m.row("0F B9 /r", "ud1 Gv,Ev", UNDEFINED, SYSTEM);
    m.row("0F 0B", "ud2", UNDEFINED, SYSTEM);
    m.row("EA", "jmpf Ap", JMP_FAR, SYSTEM | I64);
    m.row("9A", "callf Ap", CALL_FAR, SYSTEM | I64);
    m.row("FF /5 mem", "jmpf Mp", JMP_FAR_E, SYSTEM);
    m.row("FF /3 mem", "callf Mp", CALL_FAR_E, SYSTEM);
    m.row("CB", "retf", RETF, SYSTEM);
    m.row("CA", "retf Iw", RETF, SYSTEM);
  }

  private static void addStrings(OpcodeMap m) {
    for (String repeat : new String[] {"F2 ", "F3 "}) {
      // Without prefix they are insn.IntegerRows'.
      m.row(repeat + "A4", "movs Yb,Xb", MOVS_B, SYSTEM);
      m.row(repeat + "A5", "movs Yv,Xv", MOVS, SYSTEM);
      m.row(repeat + "A6", "cmps Xb,Yb", CMPS_B, SYSTEM);
      m.row(repeat + "A7", "cmps Xv,Yv", CMPS, SYSTEM);
      m.row(repeat + "AA", "stos Yb,AL", STOS, SYSTEM);
      m.row(repeat + "AB", "stos Yv,rAX", STOS, SYSTEM);
      m.row(repeat + "AC", "lods AL,Xb", LODS, SYSTEM);
      m.row(repeat + "AD", "lods rAX,Xv", LODS, SYSTEM);
      m.row(repeat + "AE", "scas AL,Yb", SCAS, SYSTEM);
      m.row(repeat + "AF", "scas rAX,Yv", SCAS, SYSTEM);
    }
    m.row("6C", "ins Yb,DX", INS_B, SYSTEM);
    m.row("6D", "ins Yz,DX", INS, SYSTEM);
    m.row("6E", "outs DX,Xb", OUTS_B, SYSTEM);
    m.row("6F", "outs DX,Xz", OUTS, SYSTEM);
  }

  /** Runs one instruction; {@code s.pc} is the next one's address unless it says otherwise. */
  public static int run(X86State s, X86Cpu c, long w0, long w1, int op) {
    if (op == RANDOM) {
      RandomNumbers.next(s, w0);
    } else if (op >= MOVS_B) {
      string(s, c, w0, op);
    } else if (op >= PUSH_SEG) {
      if (op >= LOAD_FAR) {
        SegLoad.loadFar(s, c, w0, w1, op - LOAD_FAR);
      } else if (op >= POP_SEG) {
        SegLoad.pop(s, c, w0, op - POP_SEG);
      } else {
        SegLoad.push(s, c, w0, op - PUSH_SEG);
      }
    } else if (op >= SWAPGS && op <= UNDEFINED || op >= MOV_FROM_SEG) {
      transfer(s, c, w0, w1, op);
    } else {
      control(s, c, w0, w1, op);
    }
    return Block.TO_DISPATCHER;
  }

  /** A string instruction. */
  static boolean isString(int op) {
    return op >= MOVS_B && op <= OUTS;
  }

  private static void string(X86State s, X86Cpu c, long w0, int op) {
    int size = Word.size(w0);
    switch (op) {
      case MOVS_B -> StringOps.movs(s, c, w0, 0);
      case MOVS -> StringOps.movs(s, c, w0, size);
      case CMPS_B -> StringOps.cmps(s, c, w0, 0);
      case CMPS -> StringOps.cmps(s, c, w0, size);
      case STOS -> StringOps.stos(s, c, w0, size);
      case LODS -> StringOps.lods(s, c, w0, size);
      case SCAS -> StringOps.scas(s, c, w0, size);
      case INS_B -> StringOps.ins(s, c, w0, 0);
      case INS -> StringOps.ins(s, c, w0, PortIo.size(w0));
      case OUTS_B -> StringOps.outs(s, c, w0, 0);
      default -> StringOps.outs(s, c, w0, PortIo.size(w0));
    }
  }

  private static void transfer(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case SWAPGS -> FastCalls.swapgs(c);
      case SYSCALL -> FastCalls.syscall(s, c);
      case SYSRET -> FastCalls.sysret(s, c, w0);
      case SYSENTER -> FastCalls.sysenter(s, c);
      case SYSEXIT -> FastCalls.sysexit(s, c, w0);
      case IRET -> FarReturn.iret(s, c, w0);
      case INT -> InterruptDelivery.numbered(c, (int) w1 & 0xff, s.pc);
      case INT3 -> InterruptDelivery.software(c, X86Cpu.BP, s.pc);
      case INTO -> {
        if (Flags.of(s)) {
          InterruptDelivery.software(c, X86Cpu.OF, s.pc);
        }
      }
      case INT1 -> {
        if (c.userKernel != null) {
          c.userKernel.debugTrap(c, UserKernel.TRAP_BRKPT);
        } else {
          c.stepTrapLost = true;
          InterruptDelivery.deliver(c, X86Cpu.DB, -1, InterruptDelivery.EXCEPTION, s.pc);
        }
      }
      case MOV_FROM_SEG -> SegLoad.movFromSegment(s, c, w0, w1);
      case MOV_TO_SEG -> SegLoad.movToSegment(s, c, w0, w1);
      case JMP_FAR -> FarTransfer.direct(s, c, w0, w1, false);
      case CALL_FAR -> FarTransfer.direct(s, c, w0, w1, true);
      case JMP_FAR_E -> FarTransfer.indirect(s, c, w0, w1, false);
      case CALL_FAR_E -> FarTransfer.indirect(s, c, w0, w1, true);
      case RETF -> FarReturn.retf(s, c, w0, (int) w1 & 0xffff);
      default -> throw c.ud();
    }
  }

  private static void control(X86State s, X86Cpu c, long w0, long w1, int op) {
    switch (op) {
      case MOV_FROM_CR -> ControlRegisters.movFrom(s, c, w0);
      case MOV_TO_CR -> ControlRegisters.movTo(s, c, w0);
      case MOV_FROM_DR -> DebugRegisters.movFrom(s, c, w0);
      case MOV_TO_DR -> DebugRegisters.movTo(s, c, w0);
      case CLTS -> ControlRegisters.clts(c);
      case LMSW -> ControlRegisters.lmsw(s, c, w0, w1);
      case SMSW -> ControlRegisters.smsw(s, c, w0, w1);
      case LGDT -> DescriptorTables.load(s, c, w0, w1, c.gdtr);
      case LIDT -> DescriptorTables.load(s, c, w0, w1, c.idtr);
      case SGDT -> DescriptorTables.store(s, c, w0, w1, c.gdtr);
      case SIDT -> DescriptorTables.store(s, c, w0, w1, c.idtr);
      case LLDT -> DescriptorTables.lldt(s, c, w0, w1);
      case SLDT -> DescriptorTables.storeSelector(s, c, w0, w1, X86Cpu.LDTR);
      case LTR -> DescriptorTables.ltr(s, c, w0, w1);
      case STR -> DescriptorTables.storeSelector(s, c, w0, w1, X86Cpu.TR);
      case VERR -> DescriptorTables.verify(s, c, w0, w1, false);
      case VERW -> DescriptorTables.verify(s, c, w0, w1, true);
      case LAR -> DescriptorTables.lar(s, c, w0, w1);
      case LSL -> DescriptorTables.lsl(s, c, w0, w1);
      case ARPL -> DescriptorTables.arpl(s, c, w0, w1);
      case INVLPG -> ControlRegisters.invlpg(s, c, w0, w1);
      case INVPCID -> ControlRegisters.invpcid(s, c, w0, w1);
      case WBINVD -> ControlRegisters.requireCpl0(c);
      case CPUID -> c.model.cpuid(c, (int) s.r[0], (int) s.r[1]);
      case RDFSBASE -> FastCalls.readBase(s, c, w0, X86Cpu.FS);
      case RDGSBASE -> FastCalls.readBase(s, c, w0, X86Cpu.GS);
      case WRFSBASE -> FastCalls.writeBase(s, c, w0, X86Cpu.FS);
      case WRGSBASE -> FastCalls.writeBase(s, c, w0, X86Cpu.GS);
      case CLAC -> ControlRegisters.setAc(c, false);
      case STAC -> ControlRegisters.setAc(c, true);
      case XGETBV -> ControlRegisters.xgetbv(s, c);
      case XSETBV -> ControlRegisters.xsetbv(s, c);
      case IN_IMM -> PortIo.in(s, c, (int) w1 & 0xff, PortIo.size(w0));
      case IN_DX -> PortIo.in(s, c, (int) s.r[2] & 0xffff, PortIo.size(w0));
      case OUT_IMM -> PortIo.out(s, c, (int) w1 & 0xff, PortIo.size(w0));
      case OUT_DX -> PortIo.out(s, c, (int) s.r[2] & 0xffff, PortIo.size(w0));
      case CLI -> FlagControl.cli(c);
      case STI -> FlagControl.sti(c);
      case CLD -> c.setEflagsHigh(c.eflagsHigh & ~Flags.DF);
      case STD -> c.setEflagsHigh(c.eflagsHigh | Flags.DF);
      case PUSHF -> FlagControl.pushf(s, c, w0);
      case POPF -> FlagControl.popf(s, c, w0);
      case RDMSR -> Counters.rdmsr(s, c);
      case WRMSR -> Counters.wrmsr(s, c);
      case RDPMC -> Counters.rdpmc(s, c);
      case RDTSC -> Counters.rdtsc(s, c);
      case RDTSCP -> Counters.rdtscp(s, c);
      case RDPID -> s.r[Word.rm(w0)] = c.tscAux;
      case HLT -> {
        ControlRegisters.requireCpl0(c);
        c.halt();
      }
      // MWAIT may return for any reason: it is a long pause.
      case MONITOR, MWAIT -> ControlRegisters.requireCpl0(c);
      default -> throw c.ud();
    }
  }
}
