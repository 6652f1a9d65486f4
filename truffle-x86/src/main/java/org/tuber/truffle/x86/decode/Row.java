package org.tuber.truffle.x86.decode;

/**
 * One row of the opcode map: an encoding in the SDM's notation, its assembler form, and the
 * operation it stands for.
 *
 * <p>Encoding: optional mandatory prefix ({@code NP}, {@code 66}, {@code F2}, {@code F3}), opcode
 * bytes ({@code 0F 38 F0}; {@code 50+r} for a register in the opcode), then {@code /r}, a digit
 * {@code /0}-{@code /7}, or an exact ModRM byte; {@code mem} or {@code reg} restricts r/m.
 *
 * <p>With a VEX prefix the notation is the SDM's too: {@code VEX.256.66.0F38.W0 18 /r}, with {@code
 * 128 256 LIG}, {@code NP 66 F2 F3}, {@code 0F 0F38 0F3A}, {@code W0 W1 WIG}; {@code vsib} after it
 * stands for a memory operand with a vector of indices.
 *
 * <p>Operands (SDM vol. 2, appendix A): {@code E} r/m, {@code G} reg, {@code Z} register in the
 * opcode (decoded into rm), {@code I} immediate, {@code J} relative target, {@code M} memory,
 * {@code O} absolute offset, {@code S C D} segment, control, debug register, {@code V W} XMM in reg
 * and r/m, {@code H} XMM and {@code B} general register in VEX.vvvv, {@code L} XMM in the
 * immediate, {@code P Q} MMX in reg and r/m, {@code A} far pointer; sizes {@code b w d q}, {@code
 * v} 16/32/64, {@code y} 32/64, {@code z} 16/32, {@code x} the operation's own. {@code AL rAX CL DX
 * 1} are implied: {@code AL} and {@code rAX} as first operand are decoded into rm. Other text is
 * free.
 */
public final class Row {
  /** LOCK is allowed with a memory destination. */
  public static final int LOCKABLE = 1;

  /** Ends the block and runs in the interpreter only; sets pc itself. */
  public static final int SYSTEM = 2;

  /** Not in 64-bit mode. */
  public static final int I64 = 4;

  /** Only in 64-bit mode. */
  public static final int O64 = 8;

  /** Operand size defaults to 64 bits in 64-bit mode (66 gives 16). */
  public static final int D64 = 16;

  /** Operand size is 64 bits in 64-bit mode whatever the prefixes. */
  public static final int F64 = 32;

  /** Branches: the {@code Block} kind is {@code (attributes >> KIND_SHIFT) & 15}. */
  public static final int KIND_SHIFT = 8;

  /** Faults with #NM or #UD when {@code MODE_NO_SSE} is set. */
  public static final int SSE = 64;

  /** Faults with #NM when {@code MODE_NO_FPU} is set. */
  public static final int FPU = 128;

  /**
   * Sets the arithmetic flags as a subtraction does: a following condition may compare operands.
   */
  public static final int FLAGS_SUB = 1 << 16;

  /** Sets the arithmetic flags as a logical operation does. */
  public static final int FLAGS_LOGIC = 1 << 17;

  /** Leaves all arithmetic flags alone. */
  public static final int FLAGS_KEPT = 1 << 18;

  /** Pushes, pops or branches: LOCK, REPNE, REP in the word tell stack width and bases. */
  public static final int STACK = 1 << 19;

  /**
   * Exists with {@code MODE_AVX} only and faults with #NM when {@code MODE_TASK_SWITCHED} is set.
   */
  public static final int AVX = 1 << 12;

  /** Needs a feature that the CPU model may lack; index in bits 24-30, see CpuModel. */
  public static final int FEATURE_SHIFT = 24;

  public final String encoding;
  public final String assembler;
  public final int op;

  /**
   * What {@link Word#sub} of the instruction will be: bits 10 and above of the operation number.
   */
  public final int sub;

  public final int attributes;

  final int map;
  final int opcode;
  final boolean registerInOpcode;
  final int prefix;
  final int digit;
  final int exactModRm;
  final boolean hasModRm;
  final boolean memoryOnly;
  final boolean registerOnly;
  final boolean vsib;

  /** VEX.L and VEX.W that the row asks for; {@link #ANY}: either. */
  final int vexL;

  final int vexW;

  /** VEX.vvvv names an operand. */
  final boolean hasVvvv;

  /** The immediate names an XMM register. */
  final boolean hasXmmImmediate;

  final String[] operands;
  final MemoryUse memoryUse;

  static final int ANY_PREFIX = -1;

  /** Either value of VEX.L or VEX.W. */
  static final int ANY = -1;

  /** Distance of the maps with a VEX prefix from those without. */
  static final int VEX_MAPS = 3;

  Row(String encoding, String assembler, int op, int attributes) {
    this.encoding = encoding;
    this.assembler = assembler;
    this.op = op & 0x3ff;
    this.sub = op >>> 10;
    this.attributes = attributes;
    String[] tokens = encoding.split(" ");
    int i = 0;
    int p = ANY_PREFIX;
    switch (tokens[0]) {
      case "NP" -> p = 0;
      case "66" -> p = tokens.length > 1 ? 0x66 : ANY_PREFIX;
      case "F2" -> p = tokens.length > 1 ? 0xf2 : ANY_PREFIX;
      case "F3" -> p = tokens.length > 1 ? 0xf3 : ANY_PREFIX;
      default -> {}
    }
    if (p != ANY_PREFIX) {
      i++;
    }
    int m = 0;
    int l = ANY;
    int w = ANY;
    if (tokens[0].startsWith("VEX.")) {
      i++;
      for (String field : tokens[0].substring(4).split("\\.")) {
        switch (field) {
          case "128" -> l = 0;
          case "256" -> l = 1;
          case "LIG", "WIG" -> {}
          case "W0" -> w = 0;
          case "W1" -> w = 1;
          case "NP" -> p = 0;
          case "0F" -> m = VEX_MAPS + 1;
          case "0F38" -> m = VEX_MAPS + 2;
          case "0F3A" -> m = VEX_MAPS + 3;
          default -> p = Integer.parseInt(field, 16);
        }
      }
    } else if (tokens[i].equals("0F") && i + 1 < tokens.length) {
      i++;
      m = 1;
      if (i + 1 < tokens.length && tokens[i].equals("38") && isHex(tokens[i + 1])) {
        i++;
        m = 2;
      } else if (i + 1 < tokens.length && tokens[i].equals("3A") && isHex(tokens[i + 1])) {
        i++;
        m = 3;
      }
    }
    prefix = p;
    vexL = l;
    vexW = w;
    map = m;
    String op0 = tokens[i++];
    registerInOpcode = op0.endsWith("+r");
    opcode = Integer.parseInt(op0.substring(0, 2), 16);
    int d = -1;
    int exact = -1;
    boolean modRm = false;
    boolean mem = false;
    boolean reg = false;
    boolean vectorIndex = false;
    for (; i < tokens.length; i++) {
      String t = tokens[i];
      switch (t) {
        case "/r" -> modRm = true;
        case "mem" -> mem = true;
        case "reg" -> reg = true;
        case "vsib" -> {
          mem = true;
          vectorIndex = true;
        }
        default -> {
          modRm = true;
          if (t.charAt(0) == '/') {
            d = t.charAt(1) - '0';
          } else {
            exact = Integer.parseInt(t, 16);
          }
        }
      }
    }
    digit = d;
    exactModRm = exact;
    hasModRm = modRm;
    memoryOnly = mem;
    registerOnly = reg;
    vsib = vectorIndex;
    int space = assembler.indexOf(' ');
    operands = space < 0 ? new String[0] : assembler.substring(space + 1).split(",");
    memoryUse = MemoryUse.of(mnemonic(), operands);
    boolean vvvv = false;
    boolean is4 = false;
    for (String o : operands) {
      vvvv |= isVex() && (o.charAt(0) == 'H' || o.charAt(0) == 'B');
      is4 |= isVex() && o.charAt(0) == 'L';
    }
    hasVvvv = vvvv;
    hasXmmImmediate = is4;
  }

  private static boolean isHex(String t) {
    return t.length() >= 2 && Character.digit(t.charAt(0), 16) >= 0;
  }

  /** Mnemonic. */
  public String mnemonic() {
    int space = assembler.indexOf(' ');
    return space < 0 ? assembler : assembler.substring(0, space);
  }

  /** The encoding has a VEX prefix. */
  boolean isVex() {
    return map > VEX_MAPS;
  }

  boolean has(int attribute) {
    return (attributes & attribute) != 0;
  }

  int kind() {
    return (attributes >> KIND_SHIFT) & 15;
  }

  @Override
  public String toString() {
    return encoding + "  " + assembler;
  }
}
