package org.tuber.truffle.x86.insn;

import java.lang.invoke.MethodHandles;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.BlockInterpreter;
import org.tuber.truffle.engine.Isa;
import org.tuber.truffle.engine.special.OperationSwitch;
import org.tuber.truffle.engine.special.OperationTable;
import org.tuber.truffle.engine.special.Value;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;

/** Runs decoded instructions by the table of {@link Operations}. */
public final class X86Interpreter {
  private X86Interpreter() {}

  /** Runs a whole block; see {@code Isa.interpret}. */
  public static int interpret(X86State s, X86Cpu c, long[] code) {
    Operations.Step[] steps = Operations.STEPS;
    int last = code.length - 2;
    for (int i = 0; i < last; i += 2) {
      long w0 = code[i];
      s.pcOffset = offset(w0);
      steps[Word.op(w0)].run(s, c, w0, code[i + 1]);
    }
    return run(s, c, code[last], code[last + 1]);
  }

  /** Runs one instruction; see {@code Isa.run}. */
  public static int run(X86State s, X86Cpu c, long w0, long w1) {
    s.pcOffset = offset(w0);
    int op = Word.op(w0);
    Operations.Ending ending = Operations.ENDINGS[op];
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
        X86State.class,
        X86Cpu.class,
        Operations.Step.class,
        Operations.Ending.class,
        w0 -> Operations.STEPS[Word.op(w0)],
        w0 -> Operations.ENDINGS[Word.op(w0)],
        X86Interpreter::offset,
        X86Interpreter::fixed);
  }

  /** All that is not rare as one switch; see {@code Isa.fasterInterpreter}. */
  public static BlockInterpreter asSwitch(Isa isa) {
    OperationSwitch.Layout layout =
        new OperationSwitch.Layout(Word.OP_MASK, Word.OFFSET_SHIFT, Word.OFFSET_MASK);
    OperationSwitch made = new OperationSwitch(isa, layout);
    for (int op = 0; op < Operations.STEPS.length; op++) {
      if (!Operations.isRare(op)) {
        if (Operations.ENDINGS[op] != null) {
          made.addEnding(op, Operations.ENDINGS[op]);
        } else {
          made.addStep(op, Operations.STEPS[op]);
        }
      }
    }
    return made.write();
  }

  private static Value fixed(String field, int index, Value blockPc) {
    if (!field.equals("r")) {
      return null;
    }
    return index == X86State.ZERO
        ? new Value.Constant('J', 0L)
        : index == X86State.BLOCK_PC ? blockPc : null;
  }

  private static int offset(long w0) {
    return (int) (w0 >>> Word.OFFSET_SHIFT) & Word.OFFSET_MASK;
  }
}
