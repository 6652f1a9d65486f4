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

  private static final int LAST = 28;
  private static final int BASE = 30;

  private final RandomGenerator random;
  private final List<Row> rows = new ArrayList<>();

  StreamGenerator(RandomGenerator random) {
    this.random = random;
    for (Row r : A64Rows.INSTANCE.rows()) {
      boolean isPlain = r.isImplemented() && r.blockKind() == Block.FALL;
      boolean isLiteral = r.mnemonic().startsWith("LDR") && r.assembler.contains("<label>");
      if (isPlain && !isLiteral && !LEFT_OUT.contains(r.mnemonic())) {
        rows.add(r);
      }
    }
  }

  /** A random instruction. */
  int next() {
    while (true) {
      Row row = rows.get(random.nextInt(rows.size()));
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
    boolean same = row.bits('u') != 0 && Word.d(w0) == Word.a(w0);
    boolean exclusive = row.mnemonic().contains("X") && row.bits('w') != 0;
    // CASP uses the registers after those named too.
    boolean fits = !row.mnemonic().equals("CASP") || Word.d(w0) < LAST && Word.m(w0) < LAST;
    return registers && !indexed && !same && !exclusive && fits;
  }

  /** A random value, of kinds that make carries, overflows and special floats likely. */
  long value() {
    long v = random.nextLong();
    return switch (random.nextInt(8)) {
      case 0 -> v >> random.nextInt(64);
      case 1 -> v >>> random.nextInt(64);
      case 2 -> 1L << random.nextInt(64);
      case 3 -> -1L << random.nextInt(64);
      case 4 -> random.nextInt(-4, 5);
      case 5 -> Long.MAX_VALUE + random.nextInt(-2, 3);
      case 6 -> (long) random.nextInt(-2, 3) << 32 | random.nextInt(-2, 3) & 0xffff_ffffL;
      default -> v;
    };
  }
}
