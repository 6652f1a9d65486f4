package org.tuber.truffle.arm.decode;

import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.ArmFeature;
import org.tuber.truffle.engine.Block;

/**
 * One row of the A64 index: the manual's bit diagram, the assembler form, and what it does.
 *
 * <p>The diagram has 32 characters besides blanks, bit 31 first: {@code 0} and {@code 1} are fixed,
 * {@code x} is ignored, any other letter names a field. Letters for registers, and the slot of
 * {@link Word} they are decoded into:
 *
 * <pre>
 * d D   destination, slot d; capital: 31 is SP, else 31 is XZR
 * n N   first source or base, slot n; capital: 31 is SP
 * m M   second source, slot m; capital: 31 is SP      a     third source, slot a
 * t u   loaded registers, slots d and a  r q   stored registers, slots d and a
 * w     status of a store-exclusive, slot m
 * </pre>
 *
 * <p>Letters listed by {@link #vector} are vector registers. Other letters are free: {@code s} for
 * sf, {@code i} for an immediate, {@code z} for a size. A letter may occur in two places; the
 * leftmost then is the high part.
 *
 * <p>More fixed bits win over fewer where one row's diagram includes the other's.
 */
public final class Row {
  /** Gives {@link Word}'s second long. */
  @FunctionalInterface
  public interface Immediate {
    long of(Row row, int insn, long pc);
  }

  /** Gives {@link Word#extra} or an index of an operation. */
  @FunctionalInterface
  public interface Choice {
    int of(Row row, int insn);
  }

  /** Tells allocated encodings from unallocated ones. */
  @FunctionalInterface
  public interface Condition {
    boolean holds(Row row, int insn);
  }

  /** Registers a decoded instruction uses besides those in its slots. */
  @FunctionalInterface
  public interface Uses {
    long of(long w0, long w1);
  }

  /** {@link #uses}: bit of vector register 0. */
  public static final int VECTOR_SHIFT = 32;

  private static final String SLOT_D = "dDtr";
  private static final String SLOT_N = "nN";
  private static final String SLOT_M = "mMw";
  private static final String SLOT_A = "auq";
  private static final String WRITTEN = "dtuw";
  private static final String STACK = "DNM";

  public final String diagram;
  public final String assembler;
  final int mask;
  final int value;

  /**
   * First place of each letter: low bit, width; second place likewise, width 0 if there is none.
   */
  private final byte[] low = new byte[128];

  private final byte[] width = new byte[128];
  private final byte[] low2 = new byte[128];
  private final byte[] width2 = new byte[128];

  private char letterD;
  private char letterN;
  private char letterM;
  private char letterA;

  private final A64Rows rows;
  private String vectors = "";
  private ArmFeature feature;
  private Immediate immediate = (row, insn, pc) -> insn & 0xffff_ffffL;
  private boolean isAddress;
  private Choice extra;
  private Choice choice = (row, insn) -> 0;
  private Condition condition;
  private Uses uses;
  int firstOp = -1;
  int variants;
  private boolean[] unallocated = {};
  int kind = Block.FALL;
  int flags = -1;
  boolean readsFlags;
  private boolean choosesByFlags;
  boolean isFloat;
  boolean accessesMemory;

  Row(A64Rows rows, String diagram, String assembler) {
    this.rows = rows;
    this.diagram = diagram;
    this.assembler = assembler;
    String bits = diagram.replace(" ", "");
    if (bits.length() != 32) {
      throw new IllegalArgumentException(bits.length() + " bits in '" + diagram + "'");
    }
    int fixed = 0;
    int ones = 0;
    for (int i = 0; i < 32; i++) {
      char letter = bits.charAt(i);
      int bit = 31 - i;
      switch (letter) {
        case '0' -> fixed |= 1 << bit;
        case '1' -> {
          fixed |= 1 << bit;
          ones |= 1 << bit;
        }
        case 'x' -> {}
        default -> place(letter, bit);
      }
    }
    mask = fixed;
    value = ones;
    letterD = letterOf(SLOT_D);
    letterN = letterOf(SLOT_N);
    letterM = letterOf(SLOT_M);
    letterA = letterOf(SLOT_A);
  }

  private void place(char letter, int bit) {
    if (width[letter] == 0) {
      low[letter] = (byte) bit;
      width[letter] = 1;
    } else if (width2[letter] == 0 && low[letter] == bit + 1) {
      low[letter]--;
      width[letter]++;
    } else if (width2[letter] == 0) {
      low2[letter] = (byte) bit;
      width2[letter] = 1;
    } else if (low2[letter] == bit + 1) {
      low2[letter]--;
      width2[letter]++;
    } else {
      throw new IllegalArgumentException("three places of " + letter + " in '" + diagram + "'");
    }
  }

  private char letterOf(String letters) {
    for (int i = 0; i < letters.length(); i++) {
      if (width[letters.charAt(i)] != 0) {
        return letters.charAt(i);
      }
    }
    return 0;
  }

  // ---------------------------------------------------------------- registration

  /** Runs these operations; the fields in {@code letters}, joined, are the index. Null: none. */
  public Row by(String letters, Step... steps) {
    choice = indexOf(letters);
    return by(steps);
  }

  /** Runs these operations by an index of the row's own. */
  public Row by(Choice index, Step... steps) {
    choice = index;
    return by(steps);
  }

  private Row by(Step... steps) {
    unallocated = new boolean[steps.length];
    for (int i = 0; i < steps.length; i++) {
      unallocated[i] = steps[i] == null;
      operation(rows.operation(this, steps[i], null));
    }
    return this;
  }

  /** Runs this operation. */
  public Row does(Step step) {
    return by(step);
  }

  /** Ends a block of {@code blockKind}; the fields in {@code letters}, joined, are the index. */
  public Row ends(int blockKind, String letters, Ending... endings) {
    choice = indexOf(letters);
    return ends(blockKind, endings);
  }

  /** Ends a block of {@code blockKind}, by an index of the row's own. */
  public Row ends(int blockKind, Choice index, Ending... endings) {
    choice = index;
    return ends(blockKind, endings);
  }

  /** Ends a block of {@code blockKind}. */
  public Row ends(int blockKind, Ending... endings) {
    kind = blockKind;
    unallocated = new boolean[endings.length];
    for (Ending e : endings) {
      operation(rows.operation(this, null, e));
    }
    return this;
  }

  /**
   * Runs in the interpreter only, alone; anything goes. The state's {@code pc} is the address of
   * the next instruction when it is called, and may be overwritten.
   */
  public Row system(Step step) {
    return ends(
        Block.SYSTEM,
        (s, c, w0, w1) -> {
          s.pc += Word.offset(w0) + 4;
          step.run(s, c, w0, w1);
          return Block.TO_DISPATCHER;
        });
  }

  private void operation(int op) {
    if (firstOp < 0) {
      firstOp = op;
    }
    variants++;
  }

  private static Choice indexOf(String letters) {
    char[] names = letters.toCharArray();
    return (row, insn) -> {
      int index = 0;
      for (char c : names) {
        index = index << row.bits(c) | row.get(insn, c);
      }
      return index;
    };
  }

  /** Only for CPU models with {@code f}. */
  public Row needs(ArmFeature f) {
    feature = f;
    return this;
  }

  /** Only encodings with this property are allocated. */
  public Row when(Condition c) {
    Condition old = condition;
    condition = old == null ? c : (row, insn) -> old.holds(row, insn) && c.holds(row, insn);
    return this;
  }

  /** What becomes {@code w1}; without it, the instruction itself. */
  public Row immediate(Immediate i) {
    immediate = i;
    return this;
  }

  /**
   * An address in the guest's code becomes {@code w1} as its distance from the block's first
   * instruction, so that the block may be mapped anywhere. During the block the state's {@code pc}
   * is where that is.
   */
  public Row address(Immediate i) {
    isAddress = true;
    return immediate(i);
  }

  /** What becomes {@link Word#extra}. */
  public Row extra(Choice e) {
    extra = e;
    return this;
  }

  /** These letters are vector registers. */
  public Row vector(String letters) {
    vectors += letters;
    return fp();
  }

  /** Traps where FP and Advanced SIMD are disabled. */
  public Row fp() {
    isFloat = true;
    return this;
  }

  /** Also uses these registers: X0 is bit 0, V0 is bit {@link #VECTOR_SHIFT}. */
  public Row uses(Uses u) {
    uses = u;
    return this;
  }

  /** Accesses memory at a base in slot n. */
  public Row memory() {
    accessesMemory = true;
    return this;
  }

  /** Sets the condition flags as one of {@code Nzcv.PRODUCER_}. */
  public Row flags(int producer) {
    flags = producer;
    return this;
  }

  /**
   * Reads a condition: {@link Word#extra} is {@code producer << 4 | cond} of the field {@code c}.
   */
  public Row condition() {
    readsFlags = true;
    return this;
  }

  /** One operation for each {@code producer << 4 | cond}. */
  public Row endsByCondition(int blockKind, Ending... endings) {
    choosesByFlags = true;
    return condition().ends(blockKind, endings);
  }

  /** True when something is registered that runs it. */
  public boolean isImplemented() {
    return firstOp >= 0;
  }

  /** The feature it needs, or null. */
  public ArmFeature feature() {
    return feature;
  }

  /** Mnemonic. */
  public String mnemonic() {
    int space = assembler.indexOf(' ');
    return space < 0 ? assembler : assembler.substring(0, space);
  }

  // ---------------------------------------------------------------- decoding

  /** The field {@code letter} of {@code insn}, zero-extended; 0 where the row has none. */
  public int get(int insn, char letter) {
    int v = insn >>> low[letter] & (1 << width[letter]) - 1;
    int w2 = width2[letter];
    return w2 == 0 ? v : v << w2 | insn >>> low2[letter] & (1 << w2) - 1;
  }

  /** The field {@code letter} of {@code insn}, sign-extended. */
  public long signed(int insn, char letter) {
    int unused = 64 - bits(letter);
    return (long) get(insn, letter) << unused >> unused;
  }

  /** Width of the field {@code letter}. */
  public int bits(char letter) {
    return width[letter] + width2[letter];
  }

  boolean matches(int insn) {
    return (insn & mask) == value;
  }

  /** True when {@code insn}, which matches, is allocated. */
  boolean isAllocated(int insn) {
    if (condition != null && !condition.holds(this, insn)) {
      return false;
    }
    int index = choice.of(this, insn);
    return index >= 0 && (unallocated.length == 0 || !unallocated[index]);
  }

  /** First word but for offset and checks. */
  long w0(int insn, int producer) {
    int variant = choosesByFlags ? producer << 4 | get(insn, 'c') : choice.of(this, insn);
    long w = (long) firstOp + variant;
    w |= register(insn, letterD) << Word.D_SHIFT;
    w |= register(insn, letterN) << Word.N_SHIFT;
    w |= register(insn, letterM) << Word.M_SHIFT;
    w |= register(insn, letterA) << Word.A_SHIFT;
    if (readsFlags) {
      w |= (long) (producer << 4 | get(insn, 'c')) << Word.EXTRA_SHIFT;
    } else if (extra != null) {
      w |= (long) (extra.of(this, insn) & Word.EXTRA_MASK) << Word.EXTRA_SHIFT;
    }
    return w;
  }

  long w1(int insn, long pc, long blockPc) {
    return immediate.of(this, insn, pc) - (isAddress ? blockPc : 0);
  }

  private long register(int insn, char letter) {
    if (letter == 0) {
      return 0;
    }
    int n = get(insn, letter);
    if (n != 31 || vectors.indexOf(letter) >= 0 || STACK.indexOf(letter) >= 0) {
      return n;
    }
    return WRITTEN.indexOf(letter) >= 0 ? ArmState.SINK : ArmState.ZERO;
  }

  /** Registers that a decoded instruction of this row reads or writes. */
  public long registerMask(long w0, long w1) {
    long m = used(letterD, Word.d(w0)) | used(letterN, Word.n(w0));
    m |= used(letterM, Word.m(w0)) | used(letterA, Word.a(w0));
    return uses == null ? m : m | uses.of(w0, w1);
  }

  private long used(char letter, int number) {
    if (letter == 0 || number > 31) {
      return 0;
    }
    return 1L << (vectors.indexOf(letter) >= 0 ? VECTOR_SHIFT + number : number);
  }

  /** What is known of the flags after this instruction. */
  int producerAfter(int before) {
    return flags < 0 ? before : flags;
  }

  /** True when some encoding belongs to both rows. */
  public boolean overlaps(Row other) {
    int both = mask & other.mask;
    return (value & both) == (other.value & both);
  }

  /** True when every encoding of {@code other} is one of this row. */
  public boolean includes(Row other) {
    return (mask & other.mask) == mask && (other.value & mask) == value;
  }

  /** Kind of block that it ends, {@code Block.FALL} for none. */
  public int blockKind() {
    return kind;
  }

  /** It traps where FP and Advanced SIMD are disabled. */
  public boolean isFloat() {
    return isFloat;
  }

  /** It accesses memory at a base register. */
  public boolean isMemory() {
    return accessesMemory;
  }

  /** The register in slot {@code d}, {@code n}, {@code m} or {@code a} of the word is a vector. */
  public boolean isVector(char slot) {
    char letter =
        switch (slot) {
          case 'd' -> letterD;
          case 'n' -> letterN;
          case 'm' -> letterM;
          default -> letterA;
        };
    return letter != 0 && vectors.indexOf(letter) >= 0;
  }

  /** The first word of {@code insn}, an encoding of this row, as the decoder makes it. */
  public long decode(int insn) {
    return w0(insn, 0);
  }

  /** Number of fixed bits. */
  int fixedBits() {
    return Integer.bitCount(mask);
  }

  /** Bits that the diagram fixes. */
  public int fixedMask() {
    return mask;
  }

  /** Their values. */
  public int fixedValue() {
    return value;
  }

  @Override
  public String toString() {
    return diagram + "  " + assembler;
  }
}
