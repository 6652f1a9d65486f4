package org.tuber.truffle.arm.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.Block;

/**
 * Random streams of instructions made from the rows: straight-line code that keeps to registers X0
 * to X28, V0 to V31 and to memory near X30.
 */
final class StreamGenerator {
  /** Rows whose outcome the architecture leaves open, or that need a system around them. */
  private static final Set<String> LEFT_OUT =
      Set.of("MRS", "MSR", "SYS", "SYSL", "DC", "UDF", "HINT");

  /**
   * Rows that the oracle has wrong: the scalar form of FCVTZS extends its negative results beyond
   * the halfword, and FJCVTZS of a flushed subnormal sets Z.
   */
  private static final Set<String> DOUBTED =
      Set.of("FCVTZS <Hd>, <Hn>, #<fbits>", "FJCVTZS <Wd>, <Dn>");

  private static final int LAST = 28;
  private static final int BASE = 30;

  private final RandomGenerator random;
  private final boolean vectors;
  private final List<Row> rows = new ArrayList<>();
  private final List<Row> vectorRows = new ArrayList<>();

  /** With {@code vectors}, three of four instructions use vector registers; else none does. */
  StreamGenerator(RandomGenerator random, boolean vectors) {
    this.random = random;
    this.vectors = vectors;
    for (Row r : A64Rows.INSTANCE.rows()) {
      boolean isPlain = r.isImplemented() && r.blockKind() == Block.FALL;
      boolean isLiteral = r.mnemonic().startsWith("LDR") && r.assembler.contains("<label>");
      boolean isLeftOut = LEFT_OUT.contains(r.mnemonic()) || DOUBTED.contains(r.assembler);
      // The oracle's keys are random; these have a test of their own.
      boolean isSigning = r.mnemonic().matches("(PAC|AUT|XPAC|LDRA).*");
      if (isPlain && !isLiteral && !isLeftOut && !isSigning) {
        (r.isFloat() ? vectorRows : rows).add(r);
      }
    }
  }

  /** A random instruction. */
  int next() {
    while (true) {
      List<Row> from = vectors && random.nextInt(4) != 0 ? vectorRows : rows;
      Row row = from.get(random.nextInt(from.size()));
      for (int i = 0; i < 50; i++) {
        int insn = row.fixedValue() | random.nextInt() & ~row.fixedMask();
        if (row.isMemory()) {
          insn = insn & ~(31 << 5) | BASE << 5;
          if (row.mnemonic().startsWith("LDAPUR") || row.mnemonic().equals("STLUR")) {
            // Ordered accesses may have to be aligned.
            insn &= ~(15 << 12);
          }
        }
        if (A64Rows.INSTANCE.find(insn) == row && isSafe(row, insn)) {
          return insn;
        }
      }
    }
  }

  private boolean isSafe(Row row, int insn) {
    long w0 = row.decode(insn);
    if (row.isMemory()) {
      return isSafeAccess(row, w0);
    }
    return isFree(row, 'd', Word.d(w0))
        && isFree(row, 'n', Word.n(w0))
        && isFree(row, 'm', Word.m(w0))
        && isFree(row, 'a', Word.a(w0));
  }

  private static boolean isFree(Row row, char slot, int register) {
    return row.isVector(slot) || register <= LAST || register > ArmState.SP;
  }

  /** Base plus a small constant; the registers that are loaded or stored are free ones. */
  private boolean isSafeAccess(Row row, long w0) {
    boolean registers =
        isFree(row, 'd', Word.d(w0))
            && isFree(row, 'a', Word.a(w0))
            && isFree(row, 'm', Word.m(w0));
    boolean hasRegisterOffset = row.mnemonic().startsWith("LD") && row.assembler.contains("<Xm>");
    boolean indexed = hasRegisterOffset || row.assembler.contains("[<Xn|SP>, <Xm>");
    // A load of two registers into one is unpredictable.
    boolean isPairLoad = row.bits('u') != 0 || row.mnemonic().matches("LDN?P") && row.isVector('a');
    boolean same = isPairLoad && Word.d(w0) == Word.a(w0);
    boolean exclusive = row.mnemonic().contains("X") && row.bits('w') != 0;
    // CASP uses the registers after those named too.
    boolean fits = !row.mnemonic().equals("CASP") || Word.d(w0) < LAST && Word.m(w0) < LAST;
    return registers && !indexed && !same && !exclusive && fits;
  }

  /** A random value, of kinds that make carries, overflows and special floats likely. */
  long value() {
    long v = random.nextLong();
    return switch (random.nextInt(14)) {
      case 0 -> v >> random.nextInt(64);
      case 1 -> v >>> random.nextInt(64);
      case 2 -> 1L << random.nextInt(64);
      case 3 -> -1L << random.nextInt(64);
      case 4 -> random.nextInt(-4, 5);
      case 5 -> Long.MAX_VALUE + random.nextInt(-2, 3);
      case 6 -> (long) random.nextInt(-2, 3) << 32 | random.nextInt(-2, 3) & 0xffff_ffffL;
      case 7 -> Double.doubleToRawLongBits(random.nextGaussian() * 1000);
      case 8 -> float32() << 32 | float32();
      case 9 -> float32() << 32 | float32();
      case 10 -> float16() << 48 | float16() << 32 | float16() << 16 | float16();
      case 11 -> special(52) | random.nextLong() >>> 40 + random.nextInt(24);
      case 12 -> special(23) << 32 & -1L << 32 | special(23) & 0xffff_ffffL;
      default -> v;
    };
  }

  private long float32() {
    return Float.floatToRawIntBits((float) random.nextGaussian()) & 0xffff_ffffL;
  }

  private long float16() {
    return Float.floatToFloat16((float) random.nextGaussian()) & 0xffffL;
  }

  /** Zeros, infinities, NaNs, powers of two near the ends of the range, with either sign. */
  private long special(int fractionBits) {
    long field = fractionBits == 52 ? 0x7ff : 0xff;
    long e =
        random.nextInt(3) == 0 ? field : random.nextInt(3) == 0 ? 0 : random.nextLong() & field;
    long top = random.nextLong(3) << (fractionBits - 2 + random.nextInt(2));
    long fraction = top | random.nextInt(2);
    long sign = random.nextInt(2);
    return (sign * (field + 1) | e) << fractionBits | fraction & (1L << fractionBits) - 1;
  }
}
