package org.tuber.truffle.x86.decode;

/**
 * A decoded instruction: two longs.
 *
 * <pre>
 * w0  0-9 op   10-11 size (log2 bytes)   12-15 length   16-20 reg   21-25 rm   26 rm is memory
 *     27-31 base   32-36 index   37-38 scale   39-41 segment + 1 (0: flat)   42 addr32   43 addr16
 *     44 lock   45 rep (F3)   46 repne (F2)   47-48 flag producer   49 REX.W
 *     50-61 offset from the block's first byte   62-63 form
 * w1  0-31 immediate (sign-extended)   32-63 displacement (sign-extended)   or 64 bits of immediate
 *     with VEX: 0-7 immediate   8-11 vvvv   12 VEX.L   16-25 sub-operation   32-63 displacement
 * </pre>
 *
 * <p>Byte registers: 0-15 are the low bytes, 20-23 are AH CH DH BH. Base and index 16 read as zero;
 * base 17 is the block's first address, the displacement then counts from there (RIP-relative).
 * Everything is extracted by shifts of a word that is constant under partial evaluation.
 */
public final class Word {
  public static final int SIZE_SHIFT = 10;
  public static final int LENGTH_SHIFT = 12;
  public static final int REG_SHIFT = 16;
  public static final int RM_SHIFT = 21;
  public static final int BASE_SHIFT = 27;
  public static final int INDEX_SHIFT = 32;
  public static final int SCALE_SHIFT = 37;
  public static final int SEGMENT_SHIFT = 39;
  public static final int PRODUCER_SHIFT = 47;
  public static final int OFFSET_SHIFT = 50;
  public static final int OFFSET_MASK = 0xfff;
  public static final int OP_MASK = 0x3ff;
  public static final int FORM_SHIFT = 62;

  public static final long MEMORY = 1L << 26;
  public static final long ADDR32 = 1L << 42;
  public static final long ADDR16 = 1L << 43;
  public static final long LOCK = 1L << 44;
  public static final long REP = 1L << 45;
  public static final long REPNE = 1L << 46;
  public static final long REX_W = 1L << 49;

  /** In w1 of rows with a VEX prefix: VEX.L. */
  public static final long VEX_L = 1 << 12;

  /** For rows with {@link Row#STACK}: the stack pointer is ESP. */
  public static final long STACK32 = LOCK;

  /** For rows with {@link Row#STACK}: the stack pointer is SP. */
  public static final long STACK16 = REPNE;

  /** For rows with {@link Row#STACK}: CS or SS has a base. */
  public static final long SEGMENTED = REP;

  /** Bits that make an effective address more than base + index * scale + displacement. */
  public static final long COMPLEX_ADDRESS = 7L << SEGMENT_SHIFT | ADDR32 | ADDR16;

  /** Form: E op= G. */
  public static final int EG = 0;

  /** Form: G op= E. */
  public static final int GE = 1;

  /** Form: E op= immediate. */
  public static final int EI = 2;

  private Word() {}

  public static int op(long w0) {
    return (int) w0 & OP_MASK;
  }

  /** log2 of the operand size in bytes: 0 to 3. */
  public static int size(long w0) {
    return (int) (w0 >>> SIZE_SHIFT) & 3;
  }

  /** Instruction length in bytes, 1 to 15. */
  public static int length(long w0) {
    return (int) (w0 >>> LENGTH_SHIFT) & 15;
  }

  public static int reg(long w0) {
    return (int) (w0 >>> REG_SHIFT) & 31;
  }

  public static int rm(long w0) {
    return (int) (w0 >>> RM_SHIFT) & 31;
  }

  public static boolean isMemory(long w0) {
    return (w0 & MEMORY) != 0;
  }

  public static int base(long w0) {
    return (int) (w0 >>> BASE_SHIFT) & 31;
  }

  public static int index(long w0) {
    return (int) (w0 >>> INDEX_SHIFT) & 31;
  }

  public static int scale(long w0) {
    return (int) (w0 >>> SCALE_SHIFT) & 3;
  }

  /** Segment register number 0-5 (ES CS SS DS FS GS), or -1 where the base is zero. */
  public static int segment(long w0) {
    return ((int) (w0 >>> SEGMENT_SHIFT) & 7) - 1;
  }

  /** Condition of SETcc and CMOVcc: the opcode's low 4 bits, kept in the index and scale fields. */
  public static int condition(long w1) {
    return (int) (w1 & 15);
  }

  public static int producer(long w0) {
    return (int) (w0 >>> PRODUCER_SHIFT) & 3;
  }

  /** Offset of the instruction's first byte from the block's first byte. */
  public static int offset(long w0) {
    return (int) (w0 >>> OFFSET_SHIFT) & 0xfff;
  }

  /** {@link #EG}, {@link #GE} or {@link #EI}. */
  public static int form(long w0) {
    return (int) (w0 >>> FORM_SHIFT);
  }

  /** For rows with a VEX prefix: VEX.vvvv, not inverted. */
  public static int vvvv(long w1) {
    return (int) w1 >> 8 & 15;
  }

  /** For rows with a VEX prefix: VEX.L, the operands have 256 bits. */
  public static boolean is256(long w1) {
    return (w1 & VEX_L) != 0;
  }

  /** For rows with a VEX prefix: the operation proper. */
  public static int sub(long w1) {
    return (int) w1 >> 16 & 0x3ff;
  }

  /** 32-bit immediate, sign-extended. */
  public static long immediate(long w1) {
    return (int) w1;
  }

  /** 32-bit displacement, sign-extended. */
  public static long displacement(long w1) {
    return w1 >> 32;
  }
}
