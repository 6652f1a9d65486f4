package org.tuber.truffle.x86.decode;

import java.util.Locale;
import org.tuber.core.cpu.DebugControl.Instruction;

/**
 * Machine code as text, for people: the rows' own mnemonics, in the manual's (Intel's) order of
 * operands, laid out as {@code objdump -M intel} does.
 *
 * <p>Deviations: operands in memory of SSE and AVX instructions have no size; predicates of
 * compares stay an immediate byte; what this machine does not know is {@code (bad)}, one byte long.
 */
public final class Disassembler {
  private static final int MAX_LENGTH = 15;
  private static final String[] WIDE = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15"
  };
  private static final String[] WORDS = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
  private static final String[] BYTES = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
  private static final String[] HIGH_BYTES = {"ah", "ch", "dh", "bh"};
  private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};
  private static final String[] BASES_16 = {"bx+si", "bx+di", "bp+si", "bp+di", "si", "di", "bp"};
  private static final String[] PREFETCHES = {
    "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", "nop", "nop", "nop", "nop"
  };
  private static final String[] PTR = {"BYTE PTR ", "WORD PTR ", "DWORD PTR ", "QWORD PTR "};

  /** The bytes end inside the instruction, or it is too long. */
  private static final class Cut extends Exception {
    private static final long serialVersionUID = 1L;

    Cut() {
      super(null, null, false, false);
    }
  }

  private final byte[] code;
  private final int start;
  private final long address;
  private final int bits;
  private final VexPrefix vex = new VexPrefix();
  private int at;
  private int opcode;
  private int legacyPrefix;
  private boolean operandPrefix;
  private boolean addressPrefix;
  private boolean lock;
  private int rex;
  private int segmentPrefix = -1;
  private int modRm;
  private String memory;
  private Row row;

  private Disassembler(byte[] code, int start, long address, int bits) {
    this.code = code;
    this.start = start;
    this.address = address;
    this.bits = bits;
    at = start;
  }

  /**
   * The instruction that begins at {@code code[start]}.
   *
   * @param address of that byte, as the program counter has it
   * @param bits of the code segment: 16, 32 or 64
   * @return null when the bytes do not suffice
   */
  public static Instruction at(byte[] code, int start, long address, int bits) {
    Disassembler d = new Disassembler(code, start, address, bits);
    try {
      String text = d.instruction();
      return text == null ? new Instruction(1, "(bad)") : new Instruction(d.at - start, text);
    } catch (Cut e) {
      return code.length - start >= MAX_LENGTH ? new Instruction(1, "(bad)") : null;
    }
  }

  private int next() throws Cut {
    if (at >= code.length || at - start >= MAX_LENGTH) {
      throw new Cut();
    }
    return code[at++] & 0xff;
  }

  /** A signed number. */
  private long next(int bytes) throws Cut {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) next() << 8 * i;
    }
    int unused = 64 - 8 * bytes;
    return value << unused >> unused;
  }

  private int peek() throws Cut {
    int value = next();
    at--;
    return value;
  }

  private String instruction() throws Cut {
    prefixes();
    boolean isVex = opcode == 0xc5 || opcode == 0xc4;
    row = isVex && (bits == 64 || peek() >= 0xc0) ? vexRow() : plainRow();
    if (row == null) {
      return null;
    }
    modRm = row.hasModRm ? next() : -1;
    if (row.memoryOnly && modRm >= 0xc0) {
      return null;
    }
    memory = modRm >= 0 && modRm < 0xc0 ? memory() : null;
    if (legacyPrefix == 0xf3 && row.map == 1 && opcode == 0x1e && (modRm & ~1) == 0xfa) {
      return modRm == 0xfa ? "endbr64" : "endbr32";
    }
    String name = repetition() + mnemonic();
    if (name.equals("nop") && !row.hasModRm || name.endsWith("fence")) {
      return name;
    }
    StringBuilder operands = new StringBuilder();
    for (String o : row.operands) {
      operands.append(operands.isEmpty() ? "" : ",").append(operand(o));
    }
    return operands.isEmpty() ? name : String.format("%-6s ", name) + operands;
  }

  private void prefixes() throws Cut {
    while (true) {
      int b = next();
      switch (b) {
        case 0x66 -> operandPrefix = true;
        case 0x67 -> addressPrefix = true;
        case 0xf0 -> lock = true;
        case 0xf2, 0xf3 -> legacyPrefix = b;
        case 0x26, 0x2e, 0x36, 0x3e -> segmentPrefix = bits == 64 ? segmentPrefix : b >> 3 & 3;
        case 0x64, 0x65 -> segmentPrefix = b & 7;
        default -> {
          if (bits != 64 || (b & 0xf0) != 0x40) {
            opcode = b;
            return;
          }
          rex = b;
          continue;
        }
      }
      rex = 0; // one that is not the last prefix counts for nothing
    }
  }

  private Row plainRow() throws Cut {
    int map = 0;
    if (opcode == 0x0f) {
      opcode = next();
      map = opcode == 0x38 ? 2 : opcode == 0x3a ? 3 : 1;
      opcode = map > 1 ? next() : opcode;
    }
    int prefix = legacyPrefix != 0 ? legacyPrefix : operandPrefix ? 0x66 : 0;
    int peeked = OpcodeMap.INSTANCE.needsModRm(map, opcode) ? peek() : 0xc0;
    return OpcodeMap.INSTANCE.find(map, opcode, prefix, peeked, bits == 64);
  }

  private Row vexRow() throws Cut {
    if (opcode == 0xc5) {
      vex.decode2(next());
    } else {
      int first = next();
      vex.decode3(first, next());
    }
    opcode = next();
    int peeked = OpcodeMap.INSTANCE.needsModRm(vex, opcode) ? peek() : 0xc0;
    rex = bits == 64 ? 0x40 | vex.rxb | (vex.w ? 8 : 0) : 0;
    Row found = OpcodeMap.INSTANCE.find(vex, opcode, peeked, bits == 64);
    return found == null || vex.vvvv != 0 && !found.hasVvvv ? null : found;
  }

  /** log2 of the operand size in bytes, 1 to 3. */
  private int operandSize() {
    boolean other = operandPrefix && row.prefix != 0x66;
    if (bits != 64) {
      return bits == 32 != other ? 2 : 1;
    }
    if ((rex & 8) != 0 || row.has(Row.F64)) {
      return 3;
    }
    return other ? 1 : row.has(Row.D64) ? 3 : 2;
  }

  private int sizeOf(char letter) {
    return switch (letter) {
      case 'b' -> 0;
      case 'w' -> 1;
      case 'd' -> 2;
      case 'q' -> 3;
      case 'y' -> (rex & 8) != 0 ? 3 : 2;
      case 'z' -> Math.min(2, operandSize());
      default -> operandSize();
    };
  }

  private int addressBits() {
    return bits == 64 ? addressPrefix ? 32 : 64 : bits == 32 != addressPrefix ? 32 : 16;
  }

  // Names.

  private String mnemonic() {
    boolean wide = operandSize() == 3;
    boolean narrow = operandSize() == 1;
    String name = row.mnemonic();
    return switch (name) {
      case "cbw" -> wide ? "cdqe" : narrow ? "cbw" : "cwde";
      case "cwd" -> wide ? "cqo" : narrow ? "cwd" : "cdq";
      case "iret" -> bits == 64 && wide ? "iretq" : name + widthSuffix();
      case "pushf", "popf", "pusha", "popa" -> name + widthSuffix();
      case "sysret" -> wide ? "sysretq" : bits == 64 ? "sysretd" : name;
      case "retf" -> wide ? "rex.W retf" : name;
      case "jmpf" -> "jmp";
      case "callf" -> "call";
      case "jcxz" -> addressBits() == 64 ? "jrcxz" : addressBits() == 32 ? "jecxz" : name;
      case "movd" -> (rex & 8) != 0 ? "movq" : name;
      case "vmovd" -> (rex & 8) != 0 ? "vmovq" : name;
      case "prefetch" -> PREFETCHES[modRm >> 3 & 7];
      case "cmpxchg8b" -> wide ? "cmpxchg16b" : name;
      case "mov" ->
          row.operands[0].equals("Zv") && wide || row.assembler.indexOf('O') > 0 && bits == 64
              ? "movabs"
              : name;
      case "xchg" -> opcode == 0x90 && row.map == 0 && isNop() ? "nop" : name;
      default -> name;
    };
  }

  private boolean isNop() {
    return (rex & 1) == 0 && operandSize() == (bits == 16 ? 1 : 2);
  }

  private String widthSuffix() {
    return bits == 16 && operandSize() == 2 ? "d" : bits == 32 && operandSize() == 1 ? "w" : "";
  }

  private String repetition() {
    String locked = lock ? "lock " : "";
    boolean repeats =
        switch (row.mnemonic()) {
          case "ins", "outs", "movs", "lods", "stos" -> true;
          default -> false;
        };
    boolean compares = row.mnemonic().equals("scas") || row.mnemonic().equals("cmps");
    boolean isPartOfOpcode = row.prefix == legacyPrefix && !repeats && !compares;
    if (legacyPrefix == 0 || isPartOfOpcode || row.isVex()) {
      return locked;
    }
    return locked + (legacyPrefix == 0xf2 ? "repnz " : repeats ? "rep " : "repz ");
  }

  private String register(int n, int size) {
    if (size == 3) {
      return WIDE[n];
    }
    if (n >= 8) {
      return WIDE[n] + (size == 2 ? "d" : size == 1 ? "w" : "b");
    }
    if (size == 0) {
      return rex == 0 && n >= 4 ? HIGH_BYTES[n - 4] : BYTES[n];
    }
    return size == 1 ? WORDS[n] : "e" + WORDS[n];
  }

  private String vector(int n, char letter) {
    boolean isWide = row.isVex() && vex.is256 && letter != 'o';
    return (isWide ? "ymm" : "xmm") + n;
  }

  private boolean isBroadcast() {
    return row.mnemonic().startsWith("vpbroadcast") || row.mnemonic().startsWith("vbroadcast");
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  private static String signed(long value) {
    return value < 0 ? "-0x" + Long.toHexString(-value) : "+0x" + Long.toHexString(value);
  }

  // Operands.

  private String operand(String o) throws Cut {
    char kind = o.charAt(0);
    char letter = o.length() > 1 ? o.charAt(1) : 'x';
    if (row.has(Row.FPU) && o.equals("Ex")) {
      return "st(" + (modRm & 7) + ")";
    }
    int reg = modRm >> 3 & 7 | (rex & 4) << 1;
    int rm = modRm & 7 | (rex & 1) << 3;
    if (o.length() > 2 || Character.isLowerCase(kind) || kind == '1') {
      return o.equals("rAX") ? register(0, operandSize()) : o;
    }
    return switch (kind) {
      case 'E' -> memory == null ? register(rm, registerSize(letter)) : pointer(letter) + memory;
      case 'M' -> pointer(letter) + memory;
      case 'G' -> register(reg, sizeOf(letter));
      case 'Z' -> register(opcode & 7 | (rex & 1) << 3, sizeOf(letter));
      case 'I' -> immediate(letter);
      case 'J' -> hex(target(letter == 'b' ? 1 : operandSize() == 1 && bits != 64 ? 2 : 4));
      case 'O' -> (segmentPrefix < 0 ? "ds" : SEGMENTS[segmentPrefix]) + ":" + offset();
      case 'S' -> SEGMENTS[reg & 7];
      case 'C' -> letter == 'L' ? "cl" : "cr" + reg;
      case 'D' -> letter == 'X' ? "dx" : "db" + reg;
      case 'V' -> vector(reg, letter);
      case 'W' -> memory == null ? vector(rm, isBroadcast() ? 'o' : letter) : memory;
      case 'H' -> vector(vex.vvvv & (bits == 64 ? 15 : 7), letter);
      case 'B' -> register(vex.vvvv & (bits == 64 ? 15 : 7), sizeOf(letter));
      case 'P' -> "mm" + (reg & 7);
      case 'Q' -> memory == null ? "mm" + (rm & 7) : memory;
      case 'L' -> vector(next() >> 4 & (bits == 64 ? 15 : 7), letter);
      case 'A' -> letter == 'L' ? "al" : far();
      case 'X' -> stringOperand(letter, segmentPrefix < 0 ? "ds" : SEGMENTS[segmentPrefix], 6);
      case 'Y' -> stringOperand(letter, "es", 7);
      default -> o;
    };
  }

  /** Of a register in r/m; where a selector comes from is shown as the whole register. */
  private int registerSize(char letter) {
    return letter == 'x' || row.operands[0].equals("Sw") ? 2 : sizeOf(letter);
  }

  private String pointer(char letter) {
    if (row.mnemonic().equals("lea") || row.assembler.endsWith("M")) {
      return "";
    }
    if (row.mnemonic().startsWith("prefetch")) {
      return PTR[0];
    }
    if (row.has(Row.FPU)) {
      return letter == 'x' ? "TBYTE PTR " : PTR[sizeOf(letter)];
    }
    return switch (letter) {
      case 'p' -> operandSize() == 1 ? "DWORD PTR " : operandSize() == 2 ? "FWORD PTR " : "TBYTE ";
      case 'x' -> "";
      default ->
          row.mnemonic().equals("cmpxchg8b") && (rex & 8) != 0 ? "OWORD PTR " : PTR[sizeOf(letter)];
    };
  }

  /** Sign-extended to what it is combined with, shown without a sign. */
  private String immediate(char letter) throws Cut {
    int bytes =
        switch (letter) {
          case 'b' -> 1;
          case 'w' -> 2;
          case 'd' -> 4;
          case 'z' -> operandSize() == 1 ? 2 : 4;
          default -> 1 << operandSize();
        };
    long value = next(bytes);
    String first = row.operands[0];
    boolean isExtended =
        letter == 'z' || row.mnemonic().equals("push") || letter == 'b' && isArithmetic(first);
    int shown = isExtended ? operandSize() : Integer.numberOfTrailingZeros(bytes);
    if (letter == 'z' && first.charAt(0) == 'I' && bits == 64) {
      shown = 3;
    }
    return hex(Operand.zext(value, shown));
  }

  private boolean isArithmetic(String first) {
    return row.map == 0
        && first.length() == 2
        && first.charAt(1) == 'v'
        && (opcode == 0x83 || opcode == 0x6b);
  }

  private long target(int bytes) throws Cut {
    long distance = next(bytes);
    long target = address + at - start + distance;
    if (bits == 64) {
      return target;
    }
    return operandSize() == 1 ? target & 0xffff : target & 0xffff_ffffL;
  }

  private String offset() throws Cut {
    long value = next(addressBits() / 8);
    return hex(addressBits() == 64 ? value : value & (1L << addressBits()) - 1);
  }

  private String far() throws Cut {
    long offset = next(operandSize() == 1 ? 2 : 4);
    long selector = next(2) & 0xffff;
    return hex(selector) + ":" + hex(Operand.zext(offset, operandSize()));
  }

  private String stringOperand(char letter, String segment, int register) {
    String name = register(register, addressBits() == 64 ? 3 : addressBits() == 32 ? 2 : 1);
    return PTR[sizeOf(letter)] + segment + ":[" + name + "]";
  }

  // Memory.

  private String memory() throws Cut {
    String segment = segmentPrefix < 0 ? "" : SEGMENTS[segmentPrefix] + ":";
    return addressBits() == 16 ? memory16(segment) : memory32(segment);
  }

  private String memory16(String segment) throws Cut {
    int mod = modRm >> 6;
    int rm = modRm & 7;
    if (mod == 0 && rm == 6) {
      return (segment.isEmpty() ? "ds:" : segment) + hex(next(2) & 0xffff);
    }
    String base = rm == 7 ? "bx" : BASES_16[rm];
    String displacement = mod == 0 ? "" : signed(next(mod));
    return segment + "[" + base + displacement + "]";
  }

  private String memory32(String segment) throws Cut {
    int mod = modRm >> 6;
    int size = addressBits() == 64 ? 3 : 2;
    int base = modRm & 7;
    boolean hasSib = base == 4;
    int sib = hasSib ? next() : 0;
    base = hasSib ? sib & 7 : base;
    boolean noBase = mod == 0 && base == 5;
    long displacement = mod == 1 ? next(1) : mod == 2 || noBase ? next(4) : 0;
    if (noBase && !hasSib && bits == 64) {
      return segment + "[" + (size == 3 ? "rip" : "eip") + signed(displacement) + "]";
    }
    String index = hasSib ? index(sib, size) : "";
    if (noBase && index.isEmpty()) {
      long absolute = size == 3 ? displacement : displacement & 0xffff_ffffL;
      return (segment.isEmpty() ? "ds:" : segment) + hex(absolute);
    }
    String text = noBase ? "" : register(base | (rex & 1) << 3, size);
    text += index.isEmpty() || text.isEmpty() ? index : "+" + index;
    return segment + "[" + text + (mod == 0 && !noBase ? "" : signed(displacement)) + "]";
  }

  private String index(int sib, int size) {
    int n = sib >> 3 & 7 | (rex & 2) << 2;
    if (row.vsib) {
      // Two indices of 64 bits fill what four of 32 do.
      return vector(n, row.operands[0].charAt(1)) + "*" + (1 << (sib >> 6));
    }
    if (n != 4) {
      return register(n, size) + "*" + (1 << (sib >> 6));
    }
    // Without an index, but not without a reason: a scale, or nothing the shorter form could say.
    boolean usual = (sib >> 6) == 0 && ((sib & 7) == 4 || bits == 64 && (sib & 0xc7) == 5);
    return usual ? "" : (size == 3 ? "riz" : "eiz") + "*" + (1 << (sib >> 6));
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%x: %s", address, row);
  }
}
