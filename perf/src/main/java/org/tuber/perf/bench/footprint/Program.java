package org.tuber.perf.bench.footprint;

import java.util.SplittableRandom;

/**
 * A random program of straight blocks: the operations of each, with operands, and the order in
 * which a round visits the blocks. The mix follows compiled kernel code: a third memory accesses,
 * many moves and compares.
 */
record Program(int[][] operations, int[][] operands, long[][] immediates, int[] order) {
  private static final int[] MIX = {
    Semantics.MOVE, Semantics.MOVE, Semantics.MOVE_IMMEDIATE, Semantics.ADD,
    Semantics.ADD_IMMEDIATE, Semantics.SUBTRACT, Semantics.AND, Semantics.EXCLUSIVE_OR,
    Semantics.SHIFT, Semantics.LOAD, Semantics.LOAD, Semantics.LOAD,
    Semantics.LOAD, Semantics.STORE, Semantics.STORE, Semantics.ADDRESS,
    Semantics.COMPARE, Semantics.COMPARE
  };

  /**
   * Code that runs in sequence tends to have been met in sequence: this many blocks stay together.
   */
  private static final int TOGETHER = 8;

  private static final int LEAST = 4;
  private static final int SPREAD = 5;

  /** {@code blocks} blocks of 4 to 8 instructions, always the same ones. */
  static Program random(int blocks) {
    SplittableRandom random = new SplittableRandom(blocks);
    int[][] operations = new int[blocks][];
    int[][] operands = new int[blocks][];
    long[][] immediates = new long[blocks][];
    for (int i = 0; i < blocks; i++) {
      int length = LEAST + random.nextInt(SPREAD);
      operations[i] = new int[length];
      operands[i] = new int[length];
      immediates[i] = new long[length];
      for (int k = 0; k < length; k++) {
        operations[i][k] = MIX[random.nextInt(MIX.length)];
        operands[i][k] = random.nextInt(Machine.REGISTERS * Machine.REGISTERS);
        immediates[i][k] = random.nextInt(1 << 16);
      }
    }
    return new Program(operations, operands, immediates, order(blocks, random));
  }

  private static int[] order(int blocks, SplittableRandom random) {
    int groups = (blocks + TOGETHER - 1) / TOGETHER;
    int[] shuffled = new int[groups];
    for (int i = 0; i < groups; i++) {
      int other = random.nextInt(i + 1);
      shuffled[i] = shuffled[other];
      shuffled[other] = i;
    }
    int[] order = new int[blocks];
    int at = 0;
    for (int group : shuffled) {
      for (int i = group * TOGETHER; i < Math.min(blocks, (group + 1) * TOGETHER); i++) {
        order[at++] = i;
      }
    }
    return order;
  }

  int blocks() {
    return operations.length;
  }

  long instructions() {
    long sum = 0;
    for (int[] block : operations) {
      sum += block.length;
    }
    return sum;
  }
}
