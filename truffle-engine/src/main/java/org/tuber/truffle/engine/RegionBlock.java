package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import com.oracle.truffle.api.nodes.Node;

/**
 * A block inside a region, in one calling context: where each way out leads, by index, or -1 where
 * it leaves the region.
 */
final class RegionBlock extends Node {
  final Block block;
  final long pc;
  final int kind;
  final long takenPc;
  final long fallPc;
  final int instructionCount;

  /** Probability of the taken branch as the interpreter saw it. */
  final double takenProbability;

  /** Index of the successor at {@link #takenPc}. */
  @CompilationFinal int takenIndex = -1;

  /** Index of the successor at {@link #fallPc}. */
  @CompilationFinal int fallIndex = -1;

  /** For a return in an inlined callee: where the caller goes on, and its index. */
  @CompilationFinal long returnPc;

  @CompilationFinal int returnIndex = -1;

  @Children private final InstructionNode[] instructions;

  RegionBlock(Isa isa, Block b) {
    block = b;
    pc = b.pc;
    kind = b.kind;
    takenPc = b.takenPc;
    fallPc = b.fallPc;
    instructionCount = b.instructions();
    int runs = Math.max(b.executions, 1);
    takenProbability = Math.min(0.999, Math.max(0.001, (double) b.taken / runs));
    instructions = new InstructionNode[instructionCount];
    for (int i = 0; i < instructionCount; i++) {
      instructions[i] = new InstructionNode(isa, b.code[2 * i], b.code[2 * i + 1]);
    }
  }

  /** Runs all instructions; returns the outcome of the last. */
  @ExplodeLoop
  int execute(GuestState s, GuestCpu cpu) {
    int outcome = Block.TO_FALL;
    for (InstructionNode instruction : instructions) {
      outcome = instruction.execute(s, cpu);
    }
    return outcome;
  }
}
