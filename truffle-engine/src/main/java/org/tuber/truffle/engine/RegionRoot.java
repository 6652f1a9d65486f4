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

  private final Isa isa;
  private final long registerMask;
  private final String name;

  /** Index of the block at each entry. */
  @CompilationFinal(dimensions = 1)
  private final int[] entries;

  @Children private final RegionBlock[] blocks;

  RegionRoot(
      TruffleLanguage<?> language,
      Isa isa,
      RegionBlock[] blocks,
      int[] entries,
      long registerMask) {
    super(language);
    this.isa = isa;
    this.blocks = blocks;
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
      outcome = LEFT;
    } catch (GuestFault f) {
      outcome = FAULTED;
    }
    isa.leaveRegion(s, home, registerMask);
    return outcome;
  }

  /**
   * Leaves with {@code s.pc} set. The only state that differs between iterations is the index.
   * Every cycle has an edge to a lower or equal index: those look for requests.
   */
  @ExplodeLoop(kind = LoopExplosionKind.MERGE_EXPLODE)
  private void runBlocks(GuestState s, GuestCpu cpu, int entry) {
    // -1, -2, ... compare with entry 0, 1, ...: a chain of tests before the first block.
    int index = -1;
    while (true) {
      CompilerAsserts.partialEvaluationConstant(index);
      if (index < 0) {
        int number = -index - 1;
        if (number == entries.length - 1 || entry == number) {
          index = entries[number];
        } else {
          index--;
        }
        continue;
      }
      RegionBlock b = blocks[index];
      isa.enterBlock(s, b.pc);
      // In case of a fault: the block's address; the offset is added where the fault arrives.
      s.pc = b.pc;
      int outcome = b.execute(s, cpu);
      s.instructions += b.instructionCount;
      switch (b.kind) {
        case Block.BRANCH -> {
          if (CompilerDirectives.injectBranchProbability(
              b.takenProbability, outcome == Block.TO_TAKEN)) {
            if (b.takenIndex < 0
                || (b.takenIndex <= index
                    && CompilerDirectives.injectBranchProbability(
                        CompilerDirectives.SLOWPATH_PROBABILITY, cpu.pending != 0))) {
              s.pc = b.takenPc;
              s.pcOffset = 0;
              return;
            }
            index = b.takenIndex;
            continue;
          }
          if (b.fallIndex < 0
              || (b.fallIndex <= index
                  && CompilerDirectives.injectBranchProbability(
                      CompilerDirectives.SLOWPATH_PROBABILITY, cpu.pending != 0))) {
            s.pc = b.fallPc;
            s.pcOffset = 0;
            return;
          }
          index = b.fallIndex;
          continue;
        }
        case Block.JUMP, Block.CALL -> {
          if (b.takenIndex < 0
              || (b.takenIndex <= index
                  && CompilerDirectives.injectBranchProbability(
                      CompilerDirectives.SLOWPATH_PROBABILITY, cpu.pending != 0))) {
            s.pc = b.takenPc;
            s.pcOffset = 0;
            return;
          }
          index = b.takenIndex;
          continue;
        }
        case Block.FALL -> {
          if (b.fallIndex < 0
              || (b.fallIndex <= index
                  && CompilerDirectives.injectBranchProbability(
                      CompilerDirectives.SLOWPATH_PROBABILITY, cpu.pending != 0))) {
            s.pc = b.fallPc;
            s.pcOffset = 0;
            return;
          }
          index = b.fallIndex;
          continue;
        }
        default -> {
          if (b.returnIndex >= 0
              && CompilerDirectives.injectBranchProbability(0.999, s.pc == b.returnPc)
              && !(b.returnIndex <= index
                  && CompilerDirectives.injectBranchProbability(
                      CompilerDirectives.SLOWPATH_PROBABILITY, cpu.pending != 0))) {
            index = b.returnIndex;
            continue;
          }
          s.pcOffset = 0;
          return;
        }
      }
    }
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
