package org.tuber.truffle.engine;

import com.oracle.truffle.api.nodes.Node;

/**
 * One guest instruction in a region: its decoded words, constant under partial evaluation, so that
 * {@link Isa#run} folds to that instruction's semantics.
 */
final class InstructionNode extends Node {
  private final Isa isa;

  private final long w0;
  private final long w1;

  InstructionNode(Isa isa, long w0, long w1) {
    this.isa = isa;
    this.w0 = w0;
    this.w1 = w1;
  }

  int execute(GuestState s, GuestCpu cpu) {
    return isa.run(s, cpu, w0, w1);
  }
}
