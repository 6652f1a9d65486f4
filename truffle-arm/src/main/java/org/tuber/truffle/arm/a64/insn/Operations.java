package org.tuber.truffle.arm.a64.insn;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Ending;
import org.tuber.truffle.arm.decode.Step;

/**
 * What each operation number does: one table for all tiers, made from the rows. The interpreter
 * calls through it; under partial evaluation the word is a constant and so is what the table holds
 * for it (ADR 5).
 */
final class Operations {
  @CompilationFinal(dimensions = 1)
  static final Step[] STEPS = A64Rows.INSTANCE.steps();

  /** Null where the operation is a {@link Step}. */
  @CompilationFinal(dimensions = 1)
  static final Ending[] ENDINGS = A64Rows.INSTANCE.endings();

  private Operations() {}
}
