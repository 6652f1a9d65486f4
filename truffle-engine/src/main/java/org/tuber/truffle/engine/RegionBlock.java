package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import com.oracle.truffle.api.nodes.Node;
import java.util.Arrays;

/**
 * A block inside a region, in one calling context: where each way out leads, by index, or -1 where
 * it leaves the region.
 */
final class RegionBlock extends Node {
  final long pc;
  final int kind;

  /** Target of a conditional jump that is taken. */
  final long takenPc;

  /** Where every other direct way out leads. */
  final long nextPc;

  final int instructionCount;

  /** Probability of the taken branch as the interpreter saw it. */
  final double takenProbability;

  /** Index of the successor at {@link #takenPc}. */
  @CompilationFinal int takenIndex = -1;

  /** Index of the successor at {@link #nextPc}. */
  @CompilationFinal int nextIndex = -1;

  /** Number of the first guess where an indirect jump goes, or -1. */
  @CompilationFinal int firstGuess = -1;

  /** True when one of the guesses leads back. */
  @CompilationFinal boolean isBackward;

  /** The decoded words, see {@link Block#code}. */
  final long[] code;

  @Children private InstructionNode[] instructions;

  RegionBlock(Block b) {
    pc = b.pc;
    kind = b.kind;
    takenPc = b.takenPc;
    nextPc = b.kind == Block.JUMP || b.kind == Block.CALL ? b.takenPc : b.fallPc;
    instructionCount = b.instructions();
    takenProbability = Math.min(0.999, Math.max(0.001, b.takenShare()));
    code = b.code;
  }

  /** The first {@code instructions} of a block, which lead to {@code nextPc}. */
  RegionBlock(Block b, int instructions, long nextPc) {
    pc = b.pc;
    kind = Block.FALL;
    takenPc = 0;
    this.nextPc = nextPc;
    instructionCount = instructions;
    takenProbability = 0.001;
    code = Arrays.copyOf(b.code, 2 * instructions);
  }

  /** Makes the nodes for partial evaluation. */
  RegionBlock withNodes(Isa isa) {
    instructions = new InstructionNode[instructionCount];
    for (int i = 0; i < instructionCount; i++) {
      instructions[i] = new InstructionNode(isa, code[2 * i], code[2 * i + 1]);
    }
    return this;
  }

  /** Goes where the state's {@code pc} says. */
  boolean isIndirect() {
    return kind == Block.RETURN || kind == Block.JUMP_INDIRECT || kind == Block.CALL_INDIRECT;
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
