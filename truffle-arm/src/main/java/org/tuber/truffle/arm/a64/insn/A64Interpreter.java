package org.tuber.truffle.arm.a64.insn;

import java.lang.invoke.MethodHandles;
import org.tuber.truffle.arm.decode.Ending;
import org.tuber.truffle.arm.decode.Step;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.special.OperationTable;
import org.tuber.truffle.engine.special.Value;

/** Runs decoded instructions by the table of {@link Operations}. */
public final class A64Interpreter {
  private A64Interpreter() {}

  /** Runs a whole block; see {@code Isa.interpret}. */
  public static int interpret(ArmState s, ArmCpu c, long[] code) {
    Step[] steps = Operations.STEPS;
    int last = code.length - 2;
    for (int i = 0; i < last; i += 2) {
      long w0 = code[i];
      s.pcOffset = Word.offset(w0);
      steps[Word.op(w0)].run(s, c, w0, code[i + 1]);
    }
    return run(s, c, code[last], code[last + 1]);
  }

  /** Runs one instruction; see {@code Isa.run}. */
  public static int run(ArmState s, ArmCpu c, long w0, long w1) {
    s.pcOffset = Word.offset(w0);
    int op = Word.op(w0);
    Ending ending = Operations.ENDINGS[op];
    if (ending != null) {
      return ending.run(s, c, w0, w1);
    }
    Operations.STEPS[op].run(s, c, w0, w1);
    return Block.TO_FALL;
  }

  /** All operations one by one; see {@code Isa.operations}. */
  public static OperationTable table() {
    return new OperationTable(
        MethodHandles.lookup(),
        ArmState.class,
        ArmCpu.class,
        Step.class,
        Ending.class,
        w0 -> Operations.STEPS[Word.op(w0)],
        w0 -> Operations.ENDINGS[Word.op(w0)],
        Word::offset,
        A64Interpreter::fixed);
  }

  private static Value fixed(String field, int index, Value blockPc) {
    return field.equals("r") && index == ArmState.ZERO ? new Value.Constant('J', 0L) : null;
  }
}
