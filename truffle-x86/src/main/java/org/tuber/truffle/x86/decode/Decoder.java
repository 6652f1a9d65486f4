package org.tuber.truffle.x86.decode;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.x86.insn.IntegerRows;
import org.tuber.truffle.x86.insn.SseRows;
import org.tuber.truffle.x86.state.Flags;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/**
 * Decodes one block: prefixes, opcode map, ModRM and SIB, displacement, immediate (SDM vol. 2,
 * chapter 2). One object decodes one block.
 *
 * <p>A block's addresses are linear (CS base included). It stays on one page; an instruction that
 * crosses the page's end gets a block of its own.
 */
public final class Decoder {
  private static final Logger LOG = LoggerFactory.getLogger(Decoder.class);
  private static final int MAX_LENGTH = 15;
  private static final int MAX_BLOCK_BYTES = 4000;
  private static final java.util.Set<String> REPORTED =
      java.util.concurrent.ConcurrentHashMap.newKeySet();

  /** Thrown (without a trace) when an instruction is longer than 15 bytes or crosses the page. */
  private static final class Stop extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Stop() {
      super(null, null, false, false);
    }
  }

  private final Stop tooLong = new Stop();
  private final Stop crossesPage = new Stop();

  private final X86Cpu cpu;
  private final long blockPc;
  private final boolean bits64;
  private final boolean default32;
  private final boolean segmented;
  private long[] code = new long[32];
  private int count;
  private int offset;

  // The instruction being decoded.
  private int position;
  private int opcode;
  private int legacyPrefix;
  private boolean operandPrefix;
  private boolean addressPrefix;
  private boolean lock;
  private int rex;
  private int segmentPrefix;
  private int modRm;
  private long w0;
  private long displacement;

  /** The segment of the memory operand does not allow what the instruction does there: #GP. */
  private boolean isForbidden;

  private boolean ripRelative;
  private long immediate;
  private boolean wideImmediate;
  private Row row;
  private final VexPrefix vex = new VexPrefix();
  private int producer = Flags.PRODUCER_UNKNOWN;

  /** A decoder for the block at linear address {@code pc}. */
  public Decoder(X86Cpu cpu, long pc) {
    this.cpu = cpu;
    this.blockPc = pc;
    this.bits64 = (cpu.mode & X86Cpu.MODE_64) != 0;
    this.default32 = (cpu.mode & X86Cpu.MODE_CS32) != 0;
    this.segmented = (cpu.mode & X86Cpu.MODE_SEGMENTED) != 0;
  }

  /** Decodes up to {@code maxInstructions}. */
  public Block decode(int maxInstructions) {
    while (count < maxInstructions && offset < MAX_BLOCK_BYTES) {
      if (count > 0 && ((blockPc + offset) & 4095) == 0) {
        break;
      }
      try {
        decodeInstruction();
      } catch (Stop stop) {
        if (stop == crossesPage) {
          break;
        }
        illegal(IntegerRows.FORBIDDEN);
      }
      int kind = row == null ? Block.SYSTEM : row.kind();
      if (row != null && row.has(Row.SYSTEM)) {
        kind = Block.SYSTEM;
      }
      if (kind == Block.SYSTEM && count > 0) {
        break;
      }
      append();
      if (kind != Block.FALL) {
        return finish(kind);
      }
      if (((blockPc ^ (blockPc + offset - 1)) & -4096L) != 0) {
        break;
      }
    }
    return finish(Block.FALL);
  }

  private Block finish(int kind) {
    long fall = next(offset);
    long taken = 0;
    if (Block.isDirect(kind)) {
      long base = segmented ? cpu.segmentBase[X86Cpu.CS] : 0;
      long target = fall - base + immediate;
      if (!bits64) {
        target &= operandSize() == 1 ? 0xffff : 0xffff_ffffL;
        target = (target + base) & 0xffff_ffffL;
      }
      taken = target;
    }
    return new Block(
        blockPc,
        cpu.mode,
        java.util.Arrays.copyOf(code, 2 * count),
        kind,
        taken,
        fall,
        offset,
        addressMask(kind));
  }

  /** The bits of addresses where all of the block's follow that of its first byte, else 0. */
  private long addressMask(int kind) {
    if (bits64) {
      return -1;
    }
    // Jumps by 16-bit operands stay in the segment's first 64 KiB.
    boolean isShort = Block.isDirect(kind) && operandSize() == 1;
    return default32 && !segmented && !isShort ? 0xffff_ffffL : 0;
  }

  private long next(int at) {
    long pc = blockPc + at;
    return bits64 ? pc : pc & 0xffff_ffffL;
  }

  private void append() {
    if (2 * count + 2 > code.length) {
      code = java.util.Arrays.copyOf(code, 2 * code.length);
    }
    code[2 * count] = w0;
    code[2 * count + 1] =
        wideImmediate ? immediate : displacement << 32 | (immediate & 0xffff_ffffL);
    count++;
    offset += position;
  }

  private void illegal(int op) {
    w0 =
        op | (long) Math.max(1, position) << Word.LENGTH_SHIFT | (long) offset << Word.OFFSET_SHIFT;
    displacement = 0;
    immediate = 0;
    wideImmediate = false;
    row = null;
  }

  private int fetch() {
    if (position >= MAX_LENGTH) {
      throw tooLong;
    }
    long at = blockPc + offset + position;
    if (count > 0 && ((at ^ blockPc) & -4096L) != 0) {
      throw crossesPage;
    }
    if (segmented && at - cpu.segmentBase[X86Cpu.CS] > cpu.segments[X86Cpu.CS].limit) {
      if (count > 0) {
        throw crossesPage;
      }
      throw cpu.gp(0);
    }
    position++;
    return cpu.fetch8(bits64 ? at : at & 0xffff_ffffL);
  }

  private long fetch(int bytes) {
    long v = 0;
    for (int i = 0; i < bytes; i++) {
      v |= (long) fetch() << (8 * i);
    }
    return v;
  }

  private void decodeInstruction() {
    position = 0;
    legacyPrefix = 0;
    operandPrefix = false;
    addressPrefix = false;
    lock = false;
    rex = 0;
    segmentPrefix = -1;
    displacement = 0;
    immediate = 0;
    wideImmediate = false;
    ripRelative = false;
    modRm = -1;
    isForbidden = false;
    opcode = prefixes();
    if ((opcode == 0xc4 || opcode == 0xc5) && startsVex()) {
      row = vexRow();
    } else {
      row = plainRow();
    }
    if (row == null) {
      reportUnknown();
      illegal(IntegerRows.ILLEGAL);
      return;
    }
    if (!isAvailable(row) || row.has(Row.AVX) && (cpu.mode & X86Cpu.MODE_AVX) == 0) {
      illegal(IntegerRows.ILLEGAL);
      return;
    }
    if (row.has(Row.SSE) && (cpu.mode & X86Cpu.MODE_NO_SSE) != 0
        || row.has(Row.FPU) && (cpu.mode & X86Cpu.MODE_NO_FPU) != 0
        || row.has(Row.AVX) && (cpu.mode & X86Cpu.MODE_TASK_SWITCHED) != 0) {
      // x87 alone does not end in #UD but in #NM when CR0.EM is set.
      boolean x87 = row.op >= Op.SYSTEM_SSE && row.op < Op.VEX;
      boolean sse = row.has(Row.SSE);
      illegal(x87 || row.has(Row.AVX) ? IntegerRows.NO_FPU : IntegerRows.NO_SSE);
      immediate = sse ? 1 : 0;
      return;
    }
    operands();
    if (row != null && lock && (!row.has(Row.LOCKABLE) || (w0 & Word.MEMORY) == 0)) {
      illegal(IntegerRows.ILLEGAL);
    }
    if (row != null && isForbidden) {
      illegal(IntegerRows.FORBIDDEN);
    }
  }

  private Row plainRow() {
    int map = 0;
    if (opcode == 0x0f) {
      map = 1;
      opcode = fetch();
      if (opcode == 0x38 || opcode == 0x3a) {
        map = opcode == 0x38 ? 2 : 3;
        opcode = fetch();
      }
    }
    int prefix = legacyPrefix != 0 ? legacyPrefix : operandPrefix ? 0x66 : 0;
    int peeked = 0xc0;
    if (OpcodeMap.INSTANCE.needsModRm(map, opcode)) {
      peeked = fetch();
      position--;
    }
    Row r = OpcodeMap.INSTANCE.find(map, opcode, prefix, peeked, bits64);
    if (r != null && (r.op == IntegerRows.TZCNT || r.op == IntegerRows.LZCNT) && !isAvailable(r)) {
      // Older processors ignore the prefix: BSF and BSR.
      return OpcodeMap.INSTANCE.find(map, opcode, 0, peeked, bits64);
    }
    return r;
  }

  private boolean isAvailable(Row r) {
    return cpu.model.hasRowFeature(r.attributes >>> Row.FEATURE_SHIFT & 127);
  }

  /** In 64-bit code C4 and C5 are nothing else; elsewhere LES and LDS have memory operands. */
  private boolean startsVex() {
    if (bits64) {
      return true;
    }
    if ((cpu.mode & X86Cpu.MODE_PROTECTED) == 0) {
      return false;
    }
    int next = fetch();
    position--;
    return next >= 0xc0;
  }

  /** The row after a VEX prefix, which allows neither LOCK, 66, F2, F3 nor REX before it. */
  private Row vexRow() {
    if (opcode == 0xc5) {
      vex.decode2(fetch());
    } else {
      int first = fetch();
      vex.decode3(first, fetch());
    }
    opcode = fetch();
    if (lock || operandPrefix || legacyPrefix != 0 || rex != 0) {
      return null;
    }
    int peeked = 0xc0;
    if (OpcodeMap.INSTANCE.needsModRm(vex, opcode)) {
      peeked = fetch();
      position--;
    }
    Row r = OpcodeMap.INSTANCE.find(vex, opcode, peeked, bits64);
    if (r == null || vex.vvvv != 0 && !r.hasVvvv) {
      return null;
    }
    if (r.vsib && ((peeked & 7) != 4 || !bits64 && default32 == addressPrefix)) {
      // No SIB byte, no vector of indices.
      return null;
    }
    rex = bits64 ? 0x40 | vex.rxb | (vex.w ? 8 : 0) : 0;
    if (!bits64) {
      vex.vvvv &= 7;
    }
    return r;
  }

  private int prefixes() {
    while (true) {
      int b = fetch();
      switch (b) {
        case 0x66 -> operandPrefix = true;
        case 0x67 -> addressPrefix = true;
        case 0xf0 -> lock = true;
        case 0xf2, 0xf3 -> legacyPrefix = b;
        case 0x26, 0x2e, 0x36, 0x3e -> segmentPrefix = bits64 ? segmentPrefix : (b >> 3) & 3;
        case 0x64 -> segmentPrefix = X86Cpu.FS;
        case 0x65 -> segmentPrefix = X86Cpu.GS;
        default -> {
          if (bits64 && (b & 0xf0) == 0x40) {
            rex = b;
            int next = fetch();
            if (isLegacyPrefix(next) || (next & 0xf0) == 0x40) {
              // A REX that is not last is ignored.
              rex = 0;
              position--;
              continue;
            }
            return next;
          }
          return b;
        }
      }
    }
  }

  private static boolean isLegacyPrefix(int b) {
    return switch (b) {
      case 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 -> true;
      default -> false;
    };
  }

  /** log2 of the operand size in bytes: 1, 2 or 3. */
  private int operandSize() {
    if (bits64) {
      if ((rex & 8) != 0 || row.has(Row.F64)) {
        return 3;
      }
      if (operandPrefix && row.prefix != 0x66) {
        return 1;
      }
      return row.has(Row.D64) ? 3 : 2;
    }
    return default32 != (operandPrefix && row.prefix != 0x66) ? 2 : 1;
  }

  private int sizeOf(char letter) {
    return switch (letter) {
      case 'b' -> 0;
      case 'w' -> 1;
      case 'd' -> 2;
      case 'q' -> 3;
      case 'y' -> (rex & 8) != 0 && bits64 ? 3 : 2;
      default -> operandSize();
    };
  }

  private void operands() {
    w0 = row.op;
    w0 |= (long) X86State.ZERO << Word.BASE_SHIFT | (long) X86State.ZERO << Word.INDEX_SHIFT;
    if (row.hasModRm) {
      modRm = fetch();
    }
    int size = -1;
    int form = Word.EG;
    boolean first = true;
    int immediateBytes = 0;
    int secondImmediateBytes = 0;
    for (String o : row.operands) {
      char kind = o.charAt(0);
      char letter = o.length() > 1 ? o.charAt(1) : 'x';
      switch (kind) {
        case 'E', 'M', 'W', 'Q' -> {
          if (modRm >= 0xc0) {
            if (kind == 'M') {
              illegal(IntegerRows.ILLEGAL);
              return;
            }
            int n = modRm & 7 | (rex & 1) << 3;
            if (kind == 'E' && letter == 'b') {
              n = byteRegister(n);
            } else if (kind == 'Q') {
              n &= 7;
            }
            w0 |= (long) n << Word.RM_SHIFT;
          } else {
            memory();
          }
          if (kind != 'W' && kind != 'Q' && size < 0 && letter != 'x') {
            size = sizeOf(letter);
          }
        }
        case 'G', 'V', 'P', 'S', 'C', 'D' -> {
          if (kind == 'D' && letter == 'X') {
            break;
          }
          if (kind == 'C' && letter == 'L') {
            break;
          }
          int n = (modRm >> 3) & 7;
          if (kind != 'P' && kind != 'S') {
            n |= (rex & 4) << 1;
          }
          if (kind == 'G' && letter == 'b') {
            n = byteRegister(n);
          }
          w0 |= (long) n << Word.REG_SHIFT;
          if (first) {
            form = Word.GE;
          }
          if (kind == 'G' && size < 0) {
            size = sizeOf(letter);
          }
        }
        case 'Z' -> {
          int n = opcode & 7 | (rex & 1) << 3;
          if (letter == 'b') {
            n = byteRegister(n);
          }
          w0 |= (long) n << Word.RM_SHIFT;
          if (size < 0) {
            size = sizeOf(letter);
          }
        }
        case 'L' -> {
          if (row.isVex()) {
            immediateBytes = 1;
          }
        }
        case 'I' -> {
          form = form == Word.GE ? form : Word.EI;
          int bytes = immediateSize(letter);
          if (immediateBytes == 0) {
            immediateBytes = bytes;
          } else {
            secondImmediateBytes = bytes;
          }
        }
        case 'J' -> immediateBytes = letter == 'b' ? 1 : operandSize() == 1 && !bits64 ? 2 : 4;
        case 'A' -> {
          if (letter == 'L') {
            size = size < 0 ? 0 : size;
          } else {
            immediateBytes = operandSize() == 1 ? 2 : 4;
            secondImmediateBytes = 2;
          }
        }
        case 'r' -> size = size < 0 ? operandSize() : size;
        case 'O' -> {
          int bytes = bits64 ? addressPrefix ? 4 : 8 : default32 != addressPrefix ? 4 : 2;
          immediate = fetch(bytes);
          wideImmediate = true;
          segment(X86Cpu.DS);
        }
        default -> {}
      }
      first = false;
    }
    if (size < 0) {
      size = operandSize();
    }
    if (immediateBytes != 0) {
      immediates(immediateBytes, secondImmediateBytes);
    }
    if (row.isVex()) {
      vexFields();
    }
    finishWord(size, form);
  }

  /** The immediate's place in w1 also holds what the VEX prefix says. */
  private void vexFields() {
    long low =
        row.vsib ? vex.vsibIndex : immediate & (bits64 || !row.hasXmmImmediate ? 0xff : 0x7f);
    immediate = low | (long) vex.vvvv << 8 | (vex.is256 ? Word.VEX_L : 0) | (long) row.sub << 16;
  }

  private int immediateSize(char letter) {
    return switch (letter) {
      case 'b' -> 1;
      case 'w' -> 2;
      case 'd' -> 4;
      case 'z' -> operandSize() == 1 ? 2 : 4;
      default -> 1 << operandSize();
    };
  }

  private void immediates(int bytes, int second) {
    long v = fetch(bytes);
    int shift = 64 - 8 * bytes;
    v = v << shift >> shift;
    if (second != 0) {
      // Far pointer (offset, selector) and ENTER (size, level): both halves in one 64-bit word.
      wideImmediate = true;
      long high = fetch(second);
      v = (v & 0xffff_ffffL) | high << 32;
    } else if (bytes == 8) {
      wideImmediate = true;
    }
    immediate = v;
  }

  private void finishWord(int size, int form) {
    w0 |= (long) size << Word.SIZE_SHIFT;
    w0 |= (long) position << Word.LENGTH_SHIFT;
    w0 |= (long) offset << Word.OFFSET_SHIFT;
    w0 |= (long) form << Word.FORM_SHIFT;
    if ((rex & 8) != 0) {
      w0 |= Word.REX_W;
    }
    if (row.has(Row.STACK)) {
      if (!bits64) {
        w0 |= (cpu.mode & X86Cpu.MODE_SS32) != 0 ? Word.STACK32 : Word.STACK16;
        w0 |= segmented ? Word.SEGMENTED : 0;
      }
    } else {
      w0 |= lock ? Word.LOCK : 0;
      w0 |= legacyPrefix == 0xf3 ? Word.REP : legacyPrefix == 0xf2 ? Word.REPNE : 0;
    }
    if (row.op >= Op.SYSTEM && row.op < Op.SSE && (w0 & Word.MEMORY) == 0 && !wideImmediate
        || SseRows.hasImpliedAddress(row.isVex() ? row.sub : row.op)) {
      stringAddressing();
    }
    if (ripRelative) {
      long d = displacement + offset + position;
      if (d == (int) d) {
        displacement = d;
      } else {
        // Cannot be expressed from the block's start; start a block of its own where it can.
        illegalDisplacement();
      }
    }
    specialFields();
    w0 |= (long) producer << Word.PRODUCER_SHIFT;
    if (!row.has(Row.FLAGS_KEPT)) {
      producer =
          row.has(Row.FLAGS_SUB)
              ? Flags.PRODUCER_SUB
              : row.has(Row.FLAGS_LOGIC) ? Flags.PRODUCER_LOGIC : Flags.PRODUCER_UNKNOWN;
    }
    w0 = row.op == IntegerRows.JCC ? IntegerRows.jcc(w0, opcode & 15) : IntegerRows.specialize(w0);
  }

  /** Parts of the opcode that the operation wants to see in the words. */
  private void specialFields() {
    if (row.digit >= 0) {
      w0 |= (long) row.digit << Word.REG_SHIFT;
    }
    if (IntegerRows.isString(row.op)) {
      string(row.op);
    }
    switch (row.op) {
      case IntegerRows.SETCC, IntegerRows.CMOVCC -> immediate = opcode & 15;
      case IntegerRows.LOOP, IntegerRows.LOOPE, IntegerRows.LOOPNE, IntegerRows.JCXZ ->
          addressSize();
      case IntegerRows.XLAT -> {
        addressSize();
        segment(X86Cpu.DS);
      }
      case IntegerRows.XCHG -> {
        if (opcode == 0x90 && row.map == 0 && (rex & 1) == 0) {
          w0 = (w0 & ~0x3ffL) | IntegerRows.NOP;
        }
      }
      default -> {}
    }
  }

  private void illegalDisplacement() {
    if (count > 0) {
      throw crossesPage;
    }
    displacement = (int) (displacement + position);
  }

  /** String and other system instructions without ModRM: address size and segment override. */
  private void stringAddressing() {
    addressSize();
    if (segmentPrefix >= 0 || segmented) {
      w0 |= (long) ((segmentPrefix >= 0 ? segmentPrefix : X86Cpu.DS) + 1) << Word.SEGMENT_SHIFT;
    }
  }

  /** A string instruction without repeat prefix, from RSI or to RDI or both. */
  private void string(int op) {
    stringAddressing();
    boolean stores = op != IntegerRows.LODS && op != IntegerRows.SCAS;
    stores &= op != IntegerRows.CMPS_B && op != IntegerRows.CMPS;
    boolean loadsCode = segmentPrefix == X86Cpu.CS;
    loadsCode &= op != IntegerRows.STOS && op != IntegerRows.SCAS;
    isForbidden =
        stores && (cpu.mode & X86Cpu.readOnly(X86Cpu.ES)) != 0
            || loadsCode && (cpu.mode & X86Cpu.MODE_CS_UNREADABLE) != 0;
  }

  private int byteRegister(int n) {
    return rex == 0 && n >= 4 ? n + 16 : n;
  }

  private void addressSize() {
    if (bits64) {
      w0 |= addressPrefix ? Word.ADDR32 : 0;
    } else {
      w0 |= default32 != addressPrefix ? Word.ADDR32 : Word.ADDR16;
    }
  }

  private void segment(int byDefault) {
    int segment = segmentPrefix >= 0 ? segmentPrefix : byDefault;
    isForbidden =
        switch (row.memoryUse) {
          case WRITE -> (cpu.mode & X86Cpu.readOnly(segment)) != 0;
          case READ -> segment == X86Cpu.CS && (cpu.mode & X86Cpu.MODE_CS_UNREADABLE) != 0;
          case NONE -> false;
        };
    if (segment >= X86Cpu.FS || segmented && !bits64) {
      w0 |= (long) (segment + 1) << Word.SEGMENT_SHIFT;
    }
  }

  private void memory() {
    w0 |= Word.MEMORY;
    addressSize();
    if ((w0 & Word.ADDR16) != 0) {
      memory16();
      return;
    }
    int mod = modRm >> 6;
    int rm = modRm & 7;
    int base = rm | (rex & 1) << 3;
    int defaultSegment = X86Cpu.DS;
    boolean noBase = mod == 0 && rm == 5;
    if (rm == 4) {
      int sib = fetch();
      int index = (sib >> 3) & 7 | (rex & 2) << 2;
      base = sib & 7 | (rex & 1) << 3;
      if (row.vsib) {
        vex.vsibIndex = index;
        setIndex(X86State.ZERO, sib >> 6);
      } else if (index != 4) {
        setIndex(index, sib >> 6);
      }
      noBase = mod == 0 && (sib & 7) == 5;
    } else if (noBase && bits64) {
      ripRelative = true;
    }
    if (ripRelative) {
      setBase(X86State.BLOCK_PC);
    } else if (!noBase) {
      setBase(base);
      if (base == 4 || base == 5) {
        defaultSegment = X86Cpu.SS;
      }
    }
    if (mod == 1) {
      displacement = (byte) fetch();
    } else if (mod == 2 || noBase) {
      displacement = (int) fetch(4);
    }
    segment(defaultSegment);
  }

  private void setBase(int base) {
    w0 = (w0 & ~(31L << Word.BASE_SHIFT)) | (long) base << Word.BASE_SHIFT;
  }

  private void setIndex(int index, int scale) {
    w0 = (w0 & ~(31L << Word.INDEX_SHIFT)) | (long) index << Word.INDEX_SHIFT;
    w0 |= (long) scale << Word.SCALE_SHIFT;
  }

  /** 16-bit addressing forms, SDM vol. 2, table 2-1. */
  private void memory16() {
    int mod = modRm >> 6;
    int rm = modRm & 7;
    boolean noBase = mod == 0 && rm == 6;
    int defaultSegment = X86Cpu.DS;
    if (!noBase) {
      setBase(
          switch (rm) {
            case 0, 1, 7 -> 3;
            case 2, 3, 6 -> 5;
            case 4 -> 6;
            default -> 7;
          });
      if (rm < 4) {
        setIndex((rm & 1) == 0 ? 6 : 7, 0);
      }
      if (rm == 2 || rm == 3 || rm == 6) {
        defaultSegment = X86Cpu.SS;
      }
    }
    if (mod == 1) {
      displacement = (byte) fetch();
    } else if (mod == 2 || noBase) {
      displacement = (short) fetch(2);
    }
    segment(defaultSegment);
  }

  private void reportUnknown() {
    StringBuilder bytes = new StringBuilder();
    for (int i = 0; i < Math.min(position + 1, MAX_LENGTH); i++) {
      long at = blockPc + offset + i;
      if (((at ^ blockPc) & -4096L) != 0) {
        break;
      }
      bytes.append(String.format("%02x ", cpu.fetch8(at)));
    }
    if (REPORTED.add(bytes.toString())) {
      LOG.warn(
          "undefined or unimplemented opcode {}at 0x{}: raises #UD",
          bytes,
          Long.toHexString(blockPc + offset));
    }
  }
}
