package org.tuber.perf.bench.footprint;

/**
 * Instructions as words in one array for each block and a switch: operation and registers in one
 * word, the immediate in the same or in the next.
 */
final class FlatCode {
  private static final int A_SHIFT = 8;
  private static final int B_SHIFT = 12;
  private static final int OFFSET_SHIFT = 16;
  private static final int IMMEDIATE_SHIFT = 32;

  private static final class Block {
    final long[] code;
    Block next;

    Block(long[] code) {
      this.code = code;
    }
  }

  private final Block first;
  private final int blocks;
  private final int words;

  /**
   * Encodes a program.
   *
   * @param words of an instruction: 1, or 2 with a second one that real instruction sets need for
   *     their longer operands
   */
  FlatCode(Program program, int words) {
    this.words = words;
    blocks = program.blocks();
    Block[] all = new Block[blocks];
    for (int i = 0; i < blocks; i++) {
      int length = program.operations()[i].length;
      long[] code = new long[words * length];
      for (int k = 0; k < length; k++) {
        int operands = program.operands()[i][k];
        long word =
            program.operations()[i][k]
                | (long) (operands / Machine.REGISTERS) << A_SHIFT
                | (long) (operands % Machine.REGISTERS) << B_SHIFT
                | 4L * k << OFFSET_SHIFT;
        if (words == 1) {
          code[k] = word | program.immediates()[i][k] << IMMEDIATE_SHIFT;
        } else {
          code[2 * k] = word;
          code[2 * k + 1] = program.immediates()[i][k];
        }
      }
      all[i] = new Block(code);
    }
    int[] order = program.order();
    for (int i = 0; i < blocks; i++) {
      all[order[i]].next = all[order[(i + 1) % blocks]];
    }
    first = all[order[0]];
  }

  void round(Machine m) {
    Block block = first;
    if (words == 1) {
      for (int i = blocks; i > 0; i--) {
        runOne(m, block.code);
        block = block.next;
      }
    } else {
      for (int i = blocks; i > 0; i--) {
        runTwo(m, block.code);
        block = block.next;
      }
    }
  }

  private static void runOne(Machine m, long[] code) {
    for (long word : code) {
      step(m, word, word >> IMMEDIATE_SHIFT);
    }
  }

  private static void runTwo(Machine m, long[] code) {
    for (int i = 0; i < code.length; i += 2) {
      step(m, code[i], code[i + 1]);
    }
  }

  private static void step(Machine m, long word, long immediate) {
    int a = (int) (word >>> A_SHIFT) & 15;
    int b = (int) (word >>> B_SHIFT) & 15;
    m.offset = (int) (word >>> OFFSET_SHIFT) & 0xfff;
    switch ((int) word & 0xff) {
      case Semantics.MOVE -> Semantics.move(m, a, b);
      case Semantics.MOVE_IMMEDIATE -> Semantics.moveImmediate(m, a, immediate);
      case Semantics.ADD -> Semantics.add(m, a, b);
      case Semantics.ADD_IMMEDIATE -> Semantics.addImmediate(m, a, immediate);
      case Semantics.SUBTRACT -> Semantics.subtract(m, a, b);
      case Semantics.AND -> Semantics.and(m, a, b);
      case Semantics.EXCLUSIVE_OR -> Semantics.exclusiveOr(m, a, b);
      case Semantics.SHIFT -> Semantics.shift(m, a, immediate);
      case Semantics.LOAD -> Semantics.load(m, a, b, immediate);
      case Semantics.STORE -> Semantics.store(m, a, b, immediate);
      case Semantics.ADDRESS -> Semantics.address(m, a, b, immediate);
      case Semantics.COMPARE -> Semantics.compare(m, a, b);
      default -> throw new IllegalStateException("operation");
    }
  }
}
