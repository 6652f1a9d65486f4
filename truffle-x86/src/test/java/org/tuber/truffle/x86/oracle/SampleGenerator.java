package org.tuber.truffle.x86.oracle;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.tuber.truffle.x86.decode.Row;

/**
 * Makes instructions from the rows of the opcode map: every operand size, prefix, register and
 * addressing form that a row allows, with registers such that memory operands lie in the data
 * pages, at their borders, or just outside.
 */
final class SampleGenerator {
  private static final int RSP = 4;
  private static final int FS = 4;
  private static final int GS = 5;

  /** Bytes behind a memory operand that get fresh values. */
  private static final int OPERAND_BYTES = 64;

  private final Values values;

  // The sample in the making.
  private Encoding e;
  private boolean bits64;
  private CpuState s;
  private final boolean[] pinned = new boolean[16];

  /** More than 15 bytes may come out: then both sides refuse the instruction. */
  private final byte[] out = new byte[32];

  private int length;
  private boolean operandSize;
  private boolean addressSize;
  private int segment;
  private boolean lock;
  private int rep;
  private boolean rexW;
  private boolean rexR;
  private boolean rexX;
  private boolean rexB;
  private boolean bareRex;
  private boolean vexL;
  private int vvvv;
  private int modRm;
  private int sib;
  private long displacement;
  private int displacementBytes;
  private boolean ripRelative;
  private int opcodeRegister;
  private boolean memory;
  private long target;

  /** Where branches go; 0: anywhere. */
  private long fixedTarget;

  private Sample last;

  /** Memory operands lie across the border between the two data pages, or close to it. */
  private boolean atBorder;

  SampleGenerator(SplittableRandom random) {
    values = new Values(random);
  }

  Values values() {
    return values;
  }

  /** A sample of {@code encoding}. */
  Sample make(Encoding encoding, boolean in64Bits) {
    int at = values.once(16) ? 4096 - 1 - values.below(14) : 256 + values.below(3000);
    CpuState state = new CpuState();
    values.fill(state);
    return make(encoding, in64Bits, at, state);
  }

  /** A sample at an offset in the code pages, in a state that will be adapted to it. */
  Sample make(Encoding encoding, boolean in64Bits, int at, CpuState state) {
    e = encoding;
    bits64 = in64Bits;
    s = state;
    s.rip = CpuState.CODE + at;
    Arrays.fill(pinned, false);
    length = 0;
    target = 0;
    choosePrefixes();
    chooseOperands();
    ImplicitOperands.prepare(this, e);
    if (memory) {
      address();
    }
    specialMemory();
    emit(at);
    Sample sample = new Sample(e, bits64, Arrays.copyOf(out, length), at, s);
    sample.areaAddress = memory ? target : 0;
    last = sample;
    limitRegisters();
    return sample;
  }

  /** Makes all branches go to {@code address}. */
  void setBranchTarget(long address) {
    fixedTarget = address;
  }

  /** Whether to place all memory operands across the border between the data pages or near it. */
  void setAtBorder(boolean on) {
    atBorder = on;
  }

  boolean isAtBorder() {
    return atBorder;
  }

  /** The sample made last. */
  Sample last() {
    return last;
  }

  /** The registers that the last sample relies on, as bits. */
  int pinned() {
    int mask = 0;
    for (int i = 0; i < 16; i++) {
      mask |= pinned[i] ? 1 << i : 0;
    }
    return mask;
  }

  private void limitRegisters() {
    if (!bits64) {
      for (int i = 0; i < 16; i++) {
        s.r[i] &= i < 8 ? 0xffff_ffffL : 0;
      }
    }
  }

  // ---------------------------------------------------------------- prefixes

  private void choosePrefixes() {
    boolean branch = (e.row.attributes >> Row.KIND_SHIFT & 15) != 0;
    boolean sized = e.hasVariableSize();
    rexW = bits64 && values.once(sized ? 3 : 8) && !(e.vex && e.vexW == 0);
    if (e.vex) {
      rexW = e.vexW == Encoding.ANY ? values.once(2) && bits64 : e.vexW == 1;
      vexL = e.vexL == Encoding.ANY ? values.once(4) : e.vexL == 1;
    }
    bareRex = bits64 && values.once(4);
    operandSize = !e.vex && e.prefix != 0x66 && e.prefix != 0 && sized && values.once(4);
    // AMD and Intel disagree on 66 with near branches in 64-bit code.
    operandSize &= !branch || !bits64;
    // In 32-bit code it would cut EIP to 16 bits: nothing is mapped there.
    operandSize &= !branch;
    addressSize = bits64 && values.once(8);
    // A variant's random indexes, cut to 32 bits, are where the host's JVM has memory of its own.
    addressSize &= !e.vsib;
    segment = -1;
    if (values.once(10)) {
      segment = values.once(2) ? FS : GS;
    } else if (values.once(20) && bits64) {
      segment = values.below(4);
    }
    lock = !e.vex && e.has(Row.LOCKABLE) && values.once(5);
    rep = 0;
    rexR = false;
    rexX = false;
    rexB = false;
    ripRelative = false;
    displacementBytes = 0;
    vvvv = 0;
  }

  // ---------------------------------------------------------------- operands

  int register() {
    return values.below(bits64 ? 16 : 8);
  }

  private void chooseOperands() {
    memory = false;
    opcodeRegister = 0;
    modRm = -1;
    if (e.registerInOpcode) {
      opcodeRegister = register();
      rexB = opcodeRegister > 7;
    }
    if (e.vex && e.hasOperand("HB")) {
      vvvv = register();
    }
    if (!e.hasModRm) {
      return;
    }
    if (e.exactModRm >= 0) {
      modRm = e.exactModRm;
      return;
    }
    int reg = e.digit >= 0 ? e.digit : register();
    if (e.hasOperand("S")) {
      // CS cannot be loaded, 6 and 7 do not exist.
      reg = values.below(8);
    } else if (hasControlRegister()) {
      reg = e.operands.contains("Cq") ? new int[] {0, 2, 3, 4}[values.below(4)] : values.below(8);
    }
    rexR = reg > 7;
    modRm = (reg & 7) << 3;
    memory = e.memoryOnly || !e.registerOnly && values.once(2);
    // With a register it is nothing at all: #UD on AMD, a NOP on Intel.
    memory |= e.mnemonic().startsWith("prefetchw");
    if (!memory) {
      int rm = register();
      rexB = rm > 7;
      modRm |= 0xc0 | rm & 7;
    }
  }

  private boolean hasControlRegister() {
    return e.operands.contains("Cq") || e.operands.contains("Dq");
  }

  /** Number of the reg operand. */
  int reg() {
    return modRm >> 3 & 7 | (rexR ? 8 : 0);
  }

  /** Number of the r/m operand where it is a register. */
  int rm() {
    return modRm & 7 | (rexB ? 8 : 0);
  }

  boolean isMemory() {
    return memory;
  }

  boolean isIn64Bits() {
    return bits64;
  }

  CpuState state() {
    return s;
  }

  /** Bytes of an operand whose size varies. */
  int operandBytes() {
    return rexW && bits64 ? 8 : operandSize ? 2 : 4;
  }

  /** The selector of the running code segment. */
  int codeSelector() {
    return bits64 ? 0x33 : 0x23;
  }

  void setRm(int n) {
    rexB = n > 7;
    modRm = modRm & ~7 | n & 7;
  }

  void setRep(int prefix) {
    rep = prefix;
  }

  void setLock() {
    lock = true;
  }

  void clearOperandSize() {
    operandSize = false;
  }

  void clearSegment() {
    segment = -1;
  }

  /** Address the memory operand will have; chosen at the first call. */
  long target() {
    if (target == 0) {
      boolean vector = e.hasOperand("VWPQ") || e.row.mnemonic().contains("x");
      target = place(vector ? values.once(6) ? 1 : 16 << values.below(3) : 1 << values.below(6));
      if (e.mnemonic().startsWith("sha")) {
        // AMD does not ask for the alignment that the manuals do.
        target &= -16;
      }
      boolean pages = target < CpuState.DATA + CpuState.DATA_BYTES - OPERAND_BYTES;
      int kind = values.below(5);
      for (int i = 0; i < OPERAND_BYTES && pages; i += 8) {
        s.poke(target + i, values.half(Math.min(kind, 3)), 8);
      }
      if (kind == 4) {
        int n = values.below(8);
        long significand = s.significand[n];
        int high = s.signExponent[n];
        values.extended(s, n);
        s.poke(target, s.significand[n], 8);
        s.poke(target + 8, s.signExponent[n], 2);
        s.significand[n] = significand;
        s.signExponent[n] = high;
      }
    }
    return target;
  }

  /** An address in, at the borders of, or close to the data pages. */
  long place(int alignment) {
    if (atBorder) {
      long border = CpuState.DATA + 4096;
      return switch (values.below(8)) {
        case 0 -> border - 1;
        case 1 -> border - 1 - values.below(4);
        case 2 -> border - 1 - values.below(8);
        case 3 -> border - 1 - values.below(64);
        case 4 -> border - 16 * values.below(20);
        case 5 -> border - 64 * values.below(12);
        case 6 -> border;
        default -> border + values.below(80) - 16;
      };
    }
    long end = CpuState.DATA + CpuState.DATA_BYTES;
    return switch (values.below(24)) {
      case 0, 1, 2 -> CpuState.DATA + 4096 - 1 - values.below(16);
      case 3 -> end - values.below(70);
      case 4 -> CpuState.DATA - values.below(20);
      case 5 -> CpuState.DATA + 4096 - 16 * values.below(4);
      default -> CpuState.DATA + 1024 + (values.below(5000) & -alignment);
    };
  }

  /** Gives a general register a value that must stay. */
  void pin(int n, long value) {
    s.r[n] = value;
    pinned[n] = true;
  }

  /** Offset of an address from the base of the segment override, if there is one. */
  long inSegment(long address) {
    return segment == FS ? address - s.fsBase : segment == GS ? address - s.gsBase : address;
  }

  /** For implicit addresses: with 67 only the low half counts. */
  long implicitAddress(long address) {
    if (segment >= FS && (addressSize || !bits64)) {
      nearSegmentBase();
    }
    long offset = inSegment(address);
    return addressSize ? offset & 0xffff_ffffL | values.integer() << 32 : offset;
  }

  /** Offsets of 32 bits have to reach the data. */
  private void nearSegmentBase() {
    s.fsBase = CpuState.DATA - 0x800 + values.below(0x400);
    s.gsBase = CpuState.DATA - 0x1000 + values.below(0x400);
  }

  /** An address in the code pages where INT3 stands whatever the instruction is. */
  long codeTarget() {
    if (fixedTarget != 0) {
      return fixedTarget;
    }
    return CpuState.CODE + 4096 + 64 + values.below(3900);
  }

  // ---------------------------------------------------------------- addressing

  private void address() {
    long to = target();
    if (segment >= FS && (addressSize || !bits64)) {
      nearSegmentBase();
    }
    to = inSegment(to);
    boolean narrow = addressSize || !bits64;
    if (e.vsib) {
      vectorIndexed(to);
      return;
    }
    switch (values.below(8)) {
      case 0 -> {
        if (bits64 && values.once(2)) {
          modRm |= 5;
          ripRelative = true;
          displacementBytes = 4;
          displacement = to;
          if (!narrow && segment >= FS) {
            // The distance from here to an offset may be anything.
            absolute(to);
          }
        } else {
          absolute(to);
        }
      }
      case 1, 2, 3 -> based(to, narrow);
      default -> indexed(to, narrow);
    }
  }

  private void absolute(long to) {
    ripRelative = false;
    if (to != (int) to && !(addressSize && to >>> 32 == 0)) {
      clearSegmentInto();
      absolute(inSegment(target));
      return;
    }
    modRm &= ~0xc7;
    rexB = false;
    rexX = false;
    displacementBytes = 4;
    displacement = to;
    if (bits64 || values.once(2)) {
      modRm |= 4;
      sib = 0x25;
    } else {
      modRm |= 5;
    }
  }

  private void clearSegmentInto() {
    segment = -1;
  }

  private void chooseDisplacement() {
    switch (values.below(3)) {
      case 0 -> {
        displacementBytes = 0;
        displacement = 0;
      }
      case 1 -> {
        displacementBytes = 1;
        displacement = (byte) values.integer();
      }
      default -> {
        displacementBytes = 4;
        displacement = values.once(2) ? values.random.nextInt() : (int) values.integer();
      }
    }
  }

  private void based(long to, boolean narrow) {
    int base = register();
    chooseDisplacement();
    if (!solve(base, 16, 0, to, narrow)) {
      absolute(to);
      return;
    }
    encode(base, 16, 0);
  }

  private void indexed(long to, boolean narrow) {
    int base = register();
    int index = register();
    if (index == RSP) {
      index = 16;
    }
    int scale = values.below(4);
    boolean noBase = values.once(6);
    chooseDisplacement();
    if (noBase) {
      displacementBytes = 4;
    }
    if (!solve(noBase ? 16 : base, index, scale, to, narrow)) {
      absolute(to);
      return;
    }
    if (noBase) {
      modRm |= 4;
      sib = scale << 6 | (index == 16 ? 4 : index & 7) << 3 | 5;
      rexX = index < 16 && index > 7;
      rexB = false;
    } else {
      encode(base, index, scale);
    }
  }

  /** Makes base + index * scale + displacement reach {@code to}; false: it cannot. */
  private boolean solve(int base, int index, int scale, long to, boolean narrow) {
    long indexValue = index == 16 ? 0 : s.r[index] << scale;
    if (base < 16 && base != index && !pinned[base]) {
      long value = to - indexValue - displacement;
      s.r[base] = narrow && bits64 ? value & 0xffff_ffffL | values.integer() << 32 : value;
      pinned[base] = true;
      if (index < 16) {
        pinned[index] = true;
      }
      return true;
    }
    long distance = to - indexValue - (base == 16 ? 0 : s.r[base]);
    long d = narrow ? (int) distance : distance;
    if (d != (int) d) {
      return false;
    }
    displacement = d;
    displacementBytes = 4;
    if (base < 16) {
      pinned[base] = true;
    }
    if (index < 16) {
      pinned[index] = true;
    }
    return true;
  }

  private void encode(int base, int index, int scale) {
    rexB = base > 7;
    if (displacementBytes == 0 && (base & 7) == 5) {
      displacementBytes = 1;
    }
    modRm |= displacementBytes == 0 ? 0 : displacementBytes == 1 ? 0x40 : 0x80;
    if (index == 16 && (base & 7) != 4 && !values.once(8)) {
      modRm |= base & 7;
      return;
    }
    modRm |= 4;
    sib = scale << 6 | (index == 16 ? 4 : index & 7) << 3 | base & 7;
    rexX = index < 16 && index > 7;
  }

  /** A vector of indices near the target. */
  private void vectorIndexed(long to) {
    int index = register();
    int base = register();
    int scale = values.below(4);
    boolean words = e.mnemonic().startsWith("vpgatherd") || e.mnemonic().startsWith("vgatherd");
    for (int i = 0; i < 4; i++) {
      long[] half = i < 2 ? s.x : s.yh;
      long low = values.below(200) - 100L;
      half[2 * index + (i & 1)] =
          words ? low & 0xffff_ffffL | (values.below(200) - 100L) << 32 : low;
    }
    chooseDisplacement();
    s.r[base] = to - displacement;
    pinned[base] = true;
    if (addressSize) {
      s.r[base] = s.r[base] & 0xffff_ffffL | values.integer() << 32;
    }
    encode(base, index & 7, scale);
    if (sib == 0 || (modRm & 7) != 4) {
      modRm = modRm & ~7 | 4;
    }
    sib = scale << 6 | (index & 7) << 3 | base & 7;
    rexX = index > 7;
  }

  // ---------------------------------------------------------------- memory with a meaning

  private void specialMemory() {
    if (memory) {
      SaveAreas.prepare(values, e.mnemonic(), s, target());
    }
  }

  // ---------------------------------------------------------------- bytes

  private void put(long v, int bytes) {
    for (int i = 0; i < bytes; i++) {
      out[length++] = (byte) (v >>> (8 * i));
    }
  }

  private void emit(int at) {
    if (addressSize && (memory || hasImplicitAddress())) {
      put(0x67, 1);
    } else {
      addressSize = false;
    }
    if (segment >= 0 && (memory || hasImplicitAddress())) {
      put(new int[] {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}[segment], 1);
    }
    if (lock) {
      put(0xf0, 1);
    }
    if (e.vex) {
      emitVex();
    } else {
      emitLegacy();
    }
    put(e.opcode + (e.registerInOpcode ? opcodeRegister & 7 : 0), 1);
    int displacementAt = 0;
    if (modRm >= 0) {
      put(modRm, 1);
      if (memory && (modRm & 7) == 4) {
        put(sib, 1);
      }
      if (memory) {
        displacementAt = length;
        put(displacement, displacementBytes);
      }
    }
    for (String o : e.operands) {
      immediate(o, at);
    }
    if (e.vex && e.hasOperand("L")) {
      put(values.random.nextInt(), 1);
    }
    if (ripRelative) {
      int end = length;
      length = displacementAt;
      put(displacement - (CpuState.CODE + at + end), 4);
      length = end;
    }
  }

  private boolean hasImplicitAddress() {
    return e.hasOperand("XYO")
        || e.mnemonic().startsWith("loop")
        || e.mnemonic().equals("jcxz")
        || e.mnemonic().equals("xlat")
        || e.mnemonic().contains("maskmov");
  }

  private void emitLegacy() {
    if (operandSize) {
      put(0x66, 1);
    }
    if (rep != 0) {
      put(rep, 1);
    }
    if (e.prefix > 0) {
      put(e.prefix, 1);
    }
    int rex = (rexW ? 8 : 0) | (rexR ? 4 : 0) | (rexX ? 2 : 0) | (rexB ? 1 : 0);
    if (rex != 0 || bareRex) {
      put(0x40 | rex, 1);
    }
    if (e.map > 0) {
      put(0x0f, 1);
    }
    if (e.map > 1) {
      put(e.map == 2 ? 0x38 : 0x3a, 1);
    }
  }

  private void emitVex() {
    int pp = e.prefix == 0x66 ? 1 : e.prefix == 0xf3 ? 2 : e.prefix == 0xf2 ? 3 : 0;
    int last = (~vvvv & 15) << 3 | (vexL ? 4 : 0) | pp;
    if (e.map == 1 && !rexW && !rexX && !rexB && values.once(2)) {
      put(0xc5, 1);
      put((rexR ? 0 : 0x80) | last, 1);
      return;
    }
    put(0xc4, 1);
    put((rexR ? 0 : 0x80) | (rexX ? 0 : 0x40) | (rexB ? 0 : 0x20) | e.map, 1);
    put((rexW ? 0x80 : 0) | last, 1);
  }

  private boolean isWord() {
    return operandSize && !(rexW && bits64);
  }

  private void immediate(String operand, int at) {
    char size = operand.length() > 1 ? operand.charAt(1) : 'x';
    switch (operand.charAt(0)) {
      case 'I' -> {
        switch (size) {
          case 'b' -> put(ImplicitOperands.immediate8(values, e), 1);
          case 'w' -> put(ImplicitOperands.immediate16(values, e), 2);
          case 'd' -> put(values.integer(), 4);
          case 'z' -> put(values.integer(), isWord() ? 2 : 4);
          default -> put(values.integer(), rexW && bits64 ? 8 : operandSize ? 2 : 4);
        }
      }
      case 'O' -> {
        if (bits64 && !addressSize) {
          put(inSegment(target()), 8);
        } else {
          if (segment >= FS && inSegment(target()) >>> 32 != 0) {
            nearSegmentBase();
          }
          put(inSegment(target()), 4);
        }
      }
      case 'J' -> {
        if (size == 'b' && fixedTarget != 0) {
          put(fixedTarget - (CpuState.CODE + at + length + 1), 1);
        } else if (size == 'b') {
          int d = values.below(128);
          put(at > 200 && values.once(2) ? -d - 16 - length : d, 1);
        } else {
          put(codeTarget() - (CpuState.CODE + at + length + 4), 4);
        }
      }
      default -> {}
    }
  }
}
