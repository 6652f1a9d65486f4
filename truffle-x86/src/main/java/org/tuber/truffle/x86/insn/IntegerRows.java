package org.tuber.truffle.x86.insn;

import static org.tuber.truffle.x86.decode.Row.*;

import org.tuber.truffle.engine.Block;
import org.tuber.truffle.x86.decode.OpcodeMap;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.sys.CpuFeature;

/**
 * Encodings of the integer instructions and branches (SDM vol. 2), with their operation numbers.
 */
public final class IntegerRows {
  public static final int ILLEGAL = 0;

  /** More than 15 bytes, or an access that its segment's type forbids. */
  public static final int FORBIDDEN = 1;

  public static final int NO_FPU = 2;
  public static final int ADD = 3;
  public static final int OR = 4;
  public static final int ADC = 5;
  public static final int SBB = 6;
  public static final int AND = 7;
  public static final int SUB = 8;
  public static final int XOR = 9;
  public static final int CMP = 10;
  public static final int TEST = 11;
  public static final int MOV = 12;
  public static final int SHIFT_IMM = 13;
  public static final int SHIFT_ONE = 14;
  public static final int SHIFT_CL = 15;
  public static final int SHLD_IMM = 16;
  public static final int SHLD_CL = 17;
  public static final int SHRD_IMM = 18;
  public static final int SHRD_CL = 19;
  public static final int INC = 20;
  public static final int DEC = 21;
  public static final int NOT = 22;
  public static final int NEG = 23;
  public static final int MUL = 24;
  public static final int IMUL1 = 25;
  public static final int IMUL2 = 26;
  public static final int IMUL3 = 27;
  public static final int DIV = 28;
  public static final int IDIV = 29;
  public static final int MOVZX_B = 30;
  public static final int MOVZX_W = 31;
  public static final int MOVSX_B = 32;
  public static final int MOVSX_W = 33;
  public static final int MOVSX_D = 34;
  public static final int LEA = 35;
  public static final int XCHG = 36;
  public static final int XADD = 37;
  public static final int CMPXCHG = 38;
  public static final int CMPXCHG8B = 39;
  public static final int CMPXCHG16B = 40;
  public static final int BSWAP = 41;
  public static final int BT_IMM = 42;
  public static final int BTS_IMM = 43;
  public static final int BTR_IMM = 44;
  public static final int BTC_IMM = 45;
  public static final int BT = 46;
  public static final int BTS = 47;
  public static final int BTR = 48;
  public static final int BTC = 49;
  public static final int BSF = 50;
  public static final int BSR = 51;
  public static final int TZCNT = 52;
  public static final int LZCNT = 53;
  public static final int POPCNT = 54;
  public static final int SETCC = 55;
  public static final int CMOVCC = 56;
  public static final int JCC = 57;
  public static final int JMP = 58;
  public static final int JMP_E = 59;
  public static final int CALL = 60;
  public static final int CALL_E = 61;
  public static final int RET = 62;
  public static final int RET_IMM = 63;
  public static final int PUSH = 64;
  public static final int PUSH_IMM = 65;
  public static final int POP = 66;
  public static final int PUSHA = 67;
  public static final int POPA = 68;
  public static final int ENTER = 69;
  public static final int LEAVE = 70;
  public static final int LOOPNE = 71;
  public static final int LOOPE = 72;
  public static final int LOOP = 73;
  public static final int JCXZ = 74;
  public static final int CBW = 75;
  public static final int CWD = 76;
  public static final int SAHF = 77;
  public static final int LAHF = 78;
  public static final int CLC = 79;
  public static final int STC = 80;
  public static final int CMC = 81;
  public static final int NOP = 82;
  public static final int FENCE = 83;
  public static final int XLAT = 84;
  public static final int DAA = 85;
  public static final int DAS = 86;
  public static final int AAA = 87;
  public static final int AAS = 88;
  public static final int AAM = 89;
  public static final int AAD = 90;
  public static final int SALC = 91;
  public static final int BOUND = 92;
  public static final int MOV_LOAD_ABS = 93;
  public static final int MOV_STORE_ABS = 94;
  public static final int MOV_WIDE = 95;
  public static final int MOVBE_LOAD = 96;
  public static final int MOVBE_STORE = 97;
  public static final int ADCX = 98;
  public static final int ADOX = 99;
  public static final int NO_SSE = 100;

  /** CLFLUSH and the like: the address is checked as for a load. */
  public static final int TOUCH = 101;

  /** String instructions without a repeat prefix; with one they are sys.SystemRows'. */
  public static final int MOVS_B = 102;

  public static final int MOVS = 103;
  public static final int CMPS_B = 104;
  public static final int CMPS = 105;
  public static final int STOS = 106;
  public static final int LODS = 107;
  public static final int SCAS = 108;

  /**
   * First number of the forms with everything fixed: kind, form, size (see {@link #specialize}).
   */
  static final int FIXED = 140;

  /** First number of Jcc by producer and condition. */
  static final int JCC_FIXED = 220;

  private static final int[] FIXED_KINDS = {ADD, OR, AND, SUB, XOR, CMP, TEST, MOV};

  private static final String[] ALU_NAMES = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
  private static final int JUMP = Block.JUMP << KIND_SHIFT;
  private static final int BRANCH = Block.BRANCH << KIND_SHIFT;
  private static final int CALL_KIND = Block.CALL << KIND_SHIFT;
  private static final int CALL_INDIRECT = Block.CALL_INDIRECT << KIND_SHIFT;
  private static final int JUMP_INDIRECT = Block.JUMP_INDIRECT << KIND_SHIFT;
  private static final int RETURN = Block.RETURN << KIND_SHIFT;

  private IntegerRows() {}

  /** Registers all rows. */
  public static void add(OpcodeMap m) {
    addAlu(m);
    addMoves(m);
    addShiftsAndBits(m);
    addMulDiv(m);
    addStack(m);
    addBranches(m);
    addStrings(m);
    addRest(m);
  }

  private static void addAlu(OpcodeMap m) {
    for (int k = 0; k < 8; k++) {
      int op = ADD + k;
      int flags =
          switch (op) {
            case SUB, CMP -> FLAGS_SUB;
            case AND, OR, XOR -> FLAGS_LOGIC;
            default -> 0;
          };
      int lockable = op == CMP ? 0 : LOCKABLE;
      String name = ALU_NAMES[k];
      int base = k << 3;
      m.row(hex(base) + " /r", name + " Eb,Gb", op, flags | lockable);
      m.row(hex(base + 1) + " /r", name + " Ev,Gv", op, flags | lockable);
      m.row(hex(base + 2) + " /r", name + " Gb,Eb", op, flags);
      m.row(hex(base + 3) + " /r", name + " Gv,Ev", op, flags);
      m.row(hex(base + 4), name + " AL,Ib", op, flags);
      m.row(hex(base + 5), name + " rAX,Iz", op, flags);
      m.row("80 /" + k, name + " Eb,Ib", op, flags | lockable);
      m.row("81 /" + k, name + " Ev,Iz", op, flags | lockable);
      m.row("82 /" + k, name + " Eb,Ib", op, flags | lockable | I64);
      m.row("83 /" + k, name + " Ev,Ib", op, flags | lockable);
    }
    m.row("84 /r", "test Eb,Gb", TEST, FLAGS_LOGIC);
    m.row("85 /r", "test Ev,Gv", TEST, FLAGS_LOGIC);
    m.row("A8", "test AL,Ib", TEST, FLAGS_LOGIC);
    m.row("A9", "test rAX,Iz", TEST, FLAGS_LOGIC);
    for (int d = 0; d < 2; d++) {
      m.row("F6 /" + d, "test Eb,Ib", TEST, FLAGS_LOGIC);
      m.row("F7 /" + d, "test Ev,Iz", TEST, FLAGS_LOGIC);
    }
    m.row("FE /0", "inc Eb", INC, LOCKABLE);
    m.row("FF /0", "inc Ev", INC, LOCKABLE);
    m.row("FE /1", "dec Eb", DEC, LOCKABLE);
    m.row("FF /1", "dec Ev", DEC, LOCKABLE);
    m.row("40+r", "inc Zv", INC, I64);
    m.row("48+r", "dec Zv", DEC, I64);
    m.row("F6 /2", "not Eb", NOT, LOCKABLE | FLAGS_KEPT);
    m.row("F7 /2", "not Ev", NOT, LOCKABLE | FLAGS_KEPT);
    m.row("F6 /3", "neg Eb", NEG, LOCKABLE | FLAGS_SUB);
    m.row("F7 /3", "neg Ev", NEG, LOCKABLE | FLAGS_SUB);
    m.row("66 0F 38 F6 /r", "adcx Gy,Ey", ADCX, CpuFeature.ADX.row());
    m.row("F3 0F 38 F6 /r", "adox Gy,Ey", ADOX, CpuFeature.ADX.row());
  }

  private static void addMoves(OpcodeMap m) {
    m.row("88 /r", "mov Eb,Gb", MOV, FLAGS_KEPT);
    m.row("89 /r", "mov Ev,Gv", MOV, FLAGS_KEPT);
    m.row("8A /r", "mov Gb,Eb", MOV, FLAGS_KEPT);
    m.row("8B /r", "mov Gv,Ev", MOV, FLAGS_KEPT);
    m.row("C6 /0", "mov Eb,Ib", MOV, FLAGS_KEPT);
    m.row("C7 /0", "mov Ev,Iz", MOV, FLAGS_KEPT);
    m.row("B0+r", "mov Zb,Ib", MOV, FLAGS_KEPT);
    m.row("B8+r", "mov Zv,Iv", MOV_WIDE, FLAGS_KEPT);
    m.row("A0", "mov AL,Ob", MOV_LOAD_ABS, FLAGS_KEPT);
    m.row("A1", "mov rAX,Ov", MOV_LOAD_ABS, FLAGS_KEPT);
    m.row("A2", "mov Ob,AL", MOV_STORE_ABS, FLAGS_KEPT);
    m.row("A3", "mov Ov,rAX", MOV_STORE_ABS, FLAGS_KEPT);
    m.row("0F B6 /r", "movzx Gv,Eb", MOVZX_B, FLAGS_KEPT);
    m.row("0F B7 /r", "movzx Gv,Ew", MOVZX_W, FLAGS_KEPT);
    m.row("0F BE /r", "movsx Gv,Eb", MOVSX_B, FLAGS_KEPT);
    m.row("0F BF /r", "movsx Gv,Ew", MOVSX_W, FLAGS_KEPT);
    m.row("63 /r", "movsxd Gv,Ed", MOVSX_D, FLAGS_KEPT | O64);
    m.row("8D /r mem", "lea Gv,M", LEA, FLAGS_KEPT);
    m.row("86 /r", "xchg Eb,Gb", XCHG, FLAGS_KEPT | LOCKABLE);
    m.row("87 /r", "xchg Ev,Gv", XCHG, FLAGS_KEPT | LOCKABLE);
    m.row("90+r", "xchg Zv,rAX", XCHG, FLAGS_KEPT);
    m.row("NP 0F C3 /r mem", "movnti My,Gy", MOV, FLAGS_KEPT | CpuFeature.SSE2.row());
    m.row("0F C8+r", "bswap Zv", BSWAP, FLAGS_KEPT);
    m.row("0F 38 F0 /r mem", "movbe Gv,Mv", MOVBE_LOAD, FLAGS_KEPT | CpuFeature.MOVBE.row());
    m.row("0F 38 F1 /r mem", "movbe Mv,Gv", MOVBE_STORE, FLAGS_KEPT | CpuFeature.MOVBE.row());
    m.row("D7", "xlat", XLAT, FLAGS_KEPT);
    int cmov = FLAGS_KEPT | CpuFeature.CMOV.row();
    for (int cc = 0; cc < 16; cc++) {
      m.row("0F " + hex(0x40 + cc) + " /r", "cmov" + CONDITIONS[cc] + " Gv,Ev", CMOVCC, cmov);
      m.row("0F " + hex(0x90 + cc) + " /r", "set" + CONDITIONS[cc] + " Eb", SETCC, FLAGS_KEPT);
    }
    m.row("0F C0 /r", "xadd Eb,Gb", XADD, LOCKABLE);
    m.row("0F C1 /r", "xadd Ev,Gv", XADD, LOCKABLE);
    m.row("0F B0 /r", "cmpxchg Eb,Gb", CMPXCHG, LOCKABLE);
    m.row("0F B1 /r", "cmpxchg Ev,Gv", CMPXCHG, LOCKABLE);
    m.row("0F C7 /1 mem", "cmpxchg8b Mq", CMPXCHG8B, LOCKABLE | CpuFeature.CX8.row());
  }

  private static final String[] CONDITIONS = {
    "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"
  };

  private static final String[] SHIFTS = {"rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"};

  private static void addShiftsAndBits(OpcodeMap m) {
    for (int k = 0; k < 8; k++) {
      m.row("C0 /" + k, SHIFTS[k] + " Eb,Ib", SHIFT_IMM);
      m.row("C1 /" + k, SHIFTS[k] + " Ev,Ib", SHIFT_IMM);
      m.row("D0 /" + k, SHIFTS[k] + " Eb,1", SHIFT_ONE);
      m.row("D1 /" + k, SHIFTS[k] + " Ev,1", SHIFT_ONE);
      m.row("D2 /" + k, SHIFTS[k] + " Eb,CL", SHIFT_CL);
      m.row("D3 /" + k, SHIFTS[k] + " Ev,CL", SHIFT_CL);
    }
    m.row("0F A4 /r", "shld Ev,Gv,Ib", SHLD_IMM);
    m.row("0F A5 /r", "shld Ev,Gv,CL", SHLD_CL);
    m.row("0F AC /r", "shrd Ev,Gv,Ib", SHRD_IMM);
    m.row("0F AD /r", "shrd Ev,Gv,CL", SHRD_CL);
    m.row("0F A3 /r", "bt Ev,Gv", BT);
    m.row("0F AB /r", "bts Ev,Gv", BTS, LOCKABLE);
    m.row("0F B3 /r", "btr Ev,Gv", BTR, LOCKABLE);
    m.row("0F BB /r", "btc Ev,Gv", BTC, LOCKABLE);
    m.row("0F BA /4", "bt Ev,Ib", BT_IMM);
    m.row("0F BA /5", "bts Ev,Ib", BTS_IMM, LOCKABLE);
    m.row("0F BA /6", "btr Ev,Ib", BTR_IMM, LOCKABLE);
    m.row("0F BA /7", "btc Ev,Ib", BTC_IMM, LOCKABLE);
    m.row("0F BC /r", "bsf Gv,Ev", BSF);
    m.row("0F BD /r", "bsr Gv,Ev", BSR);
    m.row("F3 0F BC /r", "tzcnt Gv,Ev", TZCNT, CpuFeature.BMI1.row());
    m.row("F3 0F BD /r", "lzcnt Gv,Ev", LZCNT, CpuFeature.ABM.row());
    m.row("F3 0F B8 /r", "popcnt Gv,Ev", POPCNT, CpuFeature.POPCNT.row());
  }

  private static void addMulDiv(OpcodeMap m) {
    m.row("F6 /4", "mul Eb", MUL);
    m.row("F7 /4", "mul Ev", MUL);
    m.row("F6 /5", "imul Eb", IMUL1);
    m.row("F7 /5", "imul Ev", IMUL1);
    m.row("0F AF /r", "imul Gv,Ev", IMUL2);
    m.row("69 /r", "imul Gv,Ev,Iz", IMUL3);
    m.row("6B /r", "imul Gv,Ev,Ib", IMUL3);
    m.row("F6 /6", "div Eb", DIV);
    m.row("F7 /6", "div Ev", DIV);
    m.row("F6 /7", "idiv Eb", IDIV);
    m.row("F7 /7", "idiv Ev", IDIV);
    m.row("98", "cbw", CBW, FLAGS_KEPT);
    m.row("99", "cwd", CWD, FLAGS_KEPT);
    m.row("27", "daa", DAA, I64);
    m.row("2F", "das", DAS, I64);
    m.row("37", "aaa", AAA, I64);
    m.row("3F", "aas", AAS, I64);
    m.row("D4", "aam Ib", AAM, I64);
    m.row("D5", "aad Ib", AAD, I64);
    m.row("D6", "salc", SALC, I64 | FLAGS_KEPT);
  }

  private static void addStack(OpcodeMap m) {
    m.row("50+r", "push Zv", PUSH, D64 | STACK | FLAGS_KEPT);
    m.row("58+r", "pop Zv", POP, D64 | STACK | FLAGS_KEPT);
    m.row("FF /6", "push Ev", PUSH, D64 | STACK | FLAGS_KEPT);
    m.row("8F /0", "pop Ev", POP, D64 | STACK | FLAGS_KEPT);
    m.row("68", "push Iz", PUSH_IMM, D64 | STACK | FLAGS_KEPT);
    m.row("6A", "push Ib", PUSH_IMM, D64 | STACK | FLAGS_KEPT);
    m.row("60", "pusha", PUSHA, I64 | STACK | FLAGS_KEPT);
    m.row("61", "popa", POPA, I64 | STACK | FLAGS_KEPT);
    m.row("C8", "enter Iw,Ib", ENTER, D64 | STACK | FLAGS_KEPT);
    m.row("C9", "leave", LEAVE, D64 | STACK | FLAGS_KEPT);
  }

  private static void addBranches(OpcodeMap m) {
    for (int cc = 0; cc < 16; cc++) {
      m.row(hex(0x70 + cc), "j" + CONDITIONS[cc] + " Jb", JCC, F64 | BRANCH | FLAGS_KEPT);
      m.row("0F " + hex(0x80 + cc), "j" + CONDITIONS[cc] + " Jz", JCC, F64 | BRANCH | FLAGS_KEPT);
    }
    m.row("EB", "jmp Jb", JMP, F64 | JUMP | FLAGS_KEPT);
    m.row("E9", "jmp Jz", JMP, F64 | JUMP | FLAGS_KEPT);
    m.row("FF /4", "jmp Ev", JMP_E, F64 | STACK | JUMP_INDIRECT | FLAGS_KEPT);
    m.row("E8", "call Jz", CALL, F64 | STACK | CALL_KIND | FLAGS_KEPT);
    m.row("FF /2", "call Ev", CALL_E, F64 | STACK | CALL_INDIRECT | FLAGS_KEPT);
    m.row("C3", "ret", RET, F64 | STACK | RETURN | FLAGS_KEPT);
    m.row("C2", "ret Iw", RET_IMM, F64 | STACK | RETURN | FLAGS_KEPT);
    m.row("E0", "loopne Jb", LOOPNE, F64 | BRANCH | FLAGS_KEPT);
    m.row("E1", "loope Jb", LOOPE, F64 | BRANCH | FLAGS_KEPT);
    m.row("E2", "loop Jb", LOOP, F64 | BRANCH | FLAGS_KEPT);
    m.row("E3", "jcxz Jb", JCXZ, F64 | BRANCH | FLAGS_KEPT);
  }

  private static void addStrings(OpcodeMap m) {
    m.row("A4", "movs Yb,Xb", MOVS_B, FLAGS_KEPT);
    m.row("A5", "movs Yv,Xv", MOVS, FLAGS_KEPT);
    m.row("A6", "cmps Xb,Yb", CMPS_B, FLAGS_SUB);
    m.row("A7", "cmps Xv,Yv", CMPS, FLAGS_SUB);
    m.row("AA", "stos Yb,AL", STOS, FLAGS_KEPT);
    m.row("AB", "stos Yv,rAX", STOS, FLAGS_KEPT);
    m.row("AC", "lods AL,Xb", LODS, FLAGS_KEPT);
    m.row("AD", "lods rAX,Xv", LODS, FLAGS_KEPT);
    m.row("AE", "scas AL,Yb", SCAS, FLAGS_SUB);
    m.row("AF", "scas rAX,Yv", SCAS, FLAGS_SUB);
  }

  /** A string instruction without a repeat prefix. */
  public static boolean isString(int op) {
    return op >= MOVS_B && op <= SCAS;
  }

  private static void addRest(OpcodeMap m) {
    m.row("9E", "sahf", SAHF);
    m.row("9F", "lahf", LAHF, FLAGS_KEPT);
    m.row("F8", "clc", CLC);
    m.row("F9", "stc", STC);
    m.row("F5", "cmc", CMC);
    m.row("F3 90", "pause", NOP, FLAGS_KEPT);
    m.row("0F 0D /r", "prefetchw Ev", NOP, FLAGS_KEPT);
    m.row("0F 18 /r", "prefetch Ev", NOP, FLAGS_KEPT);
    for (int op = 0x19; op < 0x20; op++) {
      m.row("0F " + hex(op) + " /r", "nop Ev", NOP, FLAGS_KEPT);
    }
    m.row("NP 0F AE /5 reg", "lfence Ev", FENCE, FLAGS_KEPT | CpuFeature.SSE2.row());
    m.row("NP 0F AE /6 reg", "mfence Ev", FENCE, FLAGS_KEPT | CpuFeature.SSE2.row());
    m.row("NP 0F AE /7 reg", "sfence Ev", FENCE, FLAGS_KEPT | CpuFeature.SSE.row());
    m.row("NP 0F AE /7 mem", "clflush Mb", TOUCH, FLAGS_KEPT | CpuFeature.CLFLUSH.row());
    m.row("66 0F AE /7 mem", "clflushopt Mb", TOUCH, FLAGS_KEPT | CpuFeature.CLFLUSHOPT.row());
    m.row("66 0F AE /6 mem", "clwb Mb", TOUCH, FLAGS_KEPT | CpuFeature.CLWB.row());
    m.row("62 /r mem", "bound Gv,M", BOUND, I64 | FLAGS_KEPT);
  }

  private static String hex(int v) {
    return String.format("%02X", v);
  }

  /**
   * Gives a decoded instruction the number of its fixed form where there is one; a reg-reg GE form
   * becomes EG.
   */
  public static long specialize(long w0) {
    int op = Word.op(w0);
    if (op == CMPXCHG8B && (w0 & Word.REX_W) != 0) {
      return w0 - CMPXCHG8B + CMPXCHG16B;
    }
    boolean mem = Word.isMemory(w0);
    int form = Word.form(w0);
    if ((op >= ADD && op <= MOV) && form == Word.GE && !mem) {
      long reg = Word.reg(w0);
      long rm = Word.rm(w0);
      w0 &= ~(31L << Word.REG_SHIFT | 31L << Word.RM_SHIFT | 3L << Word.FORM_SHIFT);
      w0 |= rm << Word.REG_SHIFT | reg << Word.RM_SHIFT | (long) Word.EG << Word.FORM_SHIFT;
      form = Word.EG;
    }
    int size = Word.size(w0);
    if (size < 2 || (w0 & Word.LOCK) != 0) {
      return w0;
    }
    for (int k = 0; k < FIXED_KINDS.length; k++) {
      if (FIXED_KINDS[k] == op) {
        int shape =
            switch (form) {
              case Word.EG -> mem ? 3 : 0;
              case Word.EI -> mem ? 4 : 1;
              default -> 2;
            };
        return (w0 & ~0x3ffL) | (FIXED + (k * 5 + shape) * 2 + (size - 2));
      }
    }
    return w0;
  }

  /** Jcc with its condition and producer in the number; SETcc and CMOVcc keep theirs in fields. */
  public static long jcc(long w0, int cc) {
    return (w0 & ~0x3ffL) | (JCC_FIXED + Word.producer(w0) * 16 + cc);
  }
}
