package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import com.oracle.truffle.api.nodes.Node;

/**
 * One guest instruction in a region: its decoded words, constant under partial evaluation, so that
 * {@link Isa#run} folds to that instruction's semantics.
 */
final class InstructionNode extends Node {
  private final Isa isa;

  @CompilationFinal(dimensions = 1)
  private final long[] words;

  InstructionNode(Isa isa, long w0, long w1) {
    this.isa = isa;
    this.words = new long[] {w0, w1};
  }

  int execute(GuestState s, GuestCpu cpu) {
    return isa.run(s, cpu, words, 0, 2);
  }
}
