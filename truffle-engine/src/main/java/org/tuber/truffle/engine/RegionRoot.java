package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerAsserts;
import com.oracle.truffle.api.CompilerDirectives;
import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.TruffleLanguage;
import com.oracle.truffle.api.frame.VirtualFrame;
import com.oracle.truffle.api.nodes.ExplodeLoop;
import com.oracle.truffle.api.nodes.ExplodeLoop.LoopExplosionKind;
import com.oracle.truffle.api.nodes.RootNode;

/**
 * A region of hot guest code. Partial evaluation merges its exploded loop by block index, which
 * gives back the guest's own control-flow graph with all registers in a dissolved local object.
 *
 * <p>Never runs in the host interpreter: there it reports "not compiled", which counts as a call,
 * and the engine goes on interpreting blocks, which is faster than interpreting this tree.
 */
final class RegionRoot extends RootNode {
  /** The region ran and left normally. */
  static final Object LEFT = "left";

  /** The region ran and left by a fault that is ready in the CPU. */
  static final Object FAULTED = "faulted";

  /** Where an indirect jump that ends a block may go on: a list of guesses. */
  record Guesses(long[] pcs, int[] indexes) {}

  private final Isa isa;
  private final long registerMask;
  private final String name;

  /** Index of the block at each entry. */
  @CompilationFinal(dimensions = 1)
  private final int[] entries;

  @Children private final RegionBlock[] blocks;

  /** All blocks' guesses, one after the other; see {@link RegionBlock#firstGuess}. */
  @CompilationFinal(dimensions = 1)
  private final long[] guessedPcs;

  @CompilationFinal(dimensions = 1)
  private final int[] guessedIndexes;

  RegionRoot(
      TruffleLanguage<?> language,
      Isa isa,
      RegionBlock[] blocks,
      Guesses guesses,
      int[] entries,
      long registerMask) {
    super(language);
    this.isa = isa;
    this.blocks = blocks;
    this.guessedPcs = guesses.pcs;
    this.guessedIndexes = guesses.indexes;
    this.entries = entries;
    this.registerMask = registerMask;
    this.name = "0x" + Long.toHexString(blocks[0].pc) + "+" + blocks.length;
  }

  @Override
  public Object execute(VirtualFrame frame) {
    if (CompilerDirectives.inInterpreter()) {
      return null;
    }
    GuestCpu cpu = isa.castCpu(frame.getArguments()[0]);
    GuestState home = isa.stateOf(cpu);
    int entry = (int) frame.getArguments()[1];
    GuestState s = isa.newState();
    isa.enterRegion(s, home, registerMask);
    Object outcome;
    try {
      runBlocks(s, cpu, entry);
      s.pcOffset = 0;
      outcome = LEFT;
    } catch (GuestFault f) {
      outcome = FAULTED;
    }
    isa.leaveRegion(s, home, registerMask);
    return outcome;
  }

  /**
   * Leaves with {@code s.pc} set. The only state that differs between iterations is the index: of a
   * block, beyond the last block of a guess, below 0 of an entry. Each choice goes straight back to
   * the top, because an index merged from both arms would be no constant.
   *
   * <p>Every cycle has an edge to a lower or equal block index: those look for requests.
   */
  @ExplodeLoop(kind = LoopExplosionKind.MERGE_EXPLODE)
  private void runBlocks(GuestState s, GuestCpu cpu, int entry) {
    int index = -1;
    while (true) {
      CompilerAsserts.partialEvaluationConstant(index);
      if (index < 0) {
        // -1, -2, ... compare with entry 0, 1, ...: a chain of tests before the first block.
        int number = -index - 1;
        if (number == entries.length - 1 || entry == number) {
          index = entries[number];
        } else {
          index--;
        }
        continue;
      }
      if (index >= blocks.length) {
        int number = index - blocks.length;
        if (guessedIndexes[number] < 0) {
          return;
        }
        if (CompilerDirectives.injectBranchProbability(
            CompilerDirectives.LIKELY_PROBABILITY, s.pc == guessedPcs[number])) {
          index = guessedIndexes[number];
        } else {
          index++;
        }
        continue;
      }
      RegionBlock b = blocks[index];
      isa.enterBlock(s, b.pc);
      // In case of a fault: the block's address; the offset is added where the fault arrives.
      s.pc = b.pc;
      int outcome = b.execute(s, cpu);
      s.instructions += b.instructionCount;
      if (b.kind == Block.BRANCH) {
        if (CompilerDirectives.injectBranchProbability(
            b.takenProbability, outcome == Block.TO_TAKEN)) {
          if (leaves(cpu, index, b.takenIndex)) {
            s.pc = b.takenPc;
            return;
          }
          index = b.takenIndex;
          continue;
        }
      } else if (b.firstGuess >= 0) {
        if (b.isBackward && isWanted(cpu)) {
          return;
        }
        index = blocks.length + b.firstGuess;
        continue;
      } else if (b.isIndirect()) {
        return;
      }
      if (leaves(cpu, index, b.nextIndex)) {
        s.pc = b.nextPc;
        return;
      }
      index = b.nextIndex;
    }
  }

  /** True when the block at {@code to} is not ours, or on a way back with a request waiting. */
  private static boolean leaves(GuestCpu cpu, int from, int to) {
    return to < 0 || (to <= from && isWanted(cpu));
  }

  /** True when something outside waits for this CPU. */
  private static boolean isWanted(GuestCpu cpu) {
    // As an if: the compiler takes a probability at nothing else.
    if (CompilerDirectives.injectBranchProbability(
        CompilerDirectives.SLOWPATH_PROBABILITY, cpu.pending != 0)) {
      return true;
    }
    return false;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public String toString() {
    return name;
  }
}
