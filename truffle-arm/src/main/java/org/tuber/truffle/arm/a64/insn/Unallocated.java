package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Decoder;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.sys.BranchTargets;
import org.tuber.truffle.arm.sys.ExceptionEntry;
import org.tuber.truffle.engine.Block;

/**
 * What runs instead of instructions that may not run, by fixed numbers: the decoder appends them in
 * place of the instruction, whose bits are {@code w1}.
 */
public final class Unallocated {
  /** Operation: the encoding does not exist on this CPU. */
  public static final int UNDEFINED = 0;

  /** Operation: FP and Advanced SIMD are disabled. */
  public static final int FP_TRAP = 1;

  /** Operation: an indirect branch where guarded pages are about. */
  public static final int GUARDED_BRANCH = 2;

  /** Operation: the first instruction after an indirect branch, checked to be a landing pad. */
  public static final int LANDING = 3;

  private Unallocated() {}

  static void addTo(A64Rows rows) {
    rows.row("0000000000000000iiiiiiiiiiiiiiii", "UDF #<imm>")
        .ends(
            Block.SYSTEM,
            (s, c, w0, w1) -> {
              throw c.undefined();
            },
            (s, c, w0, w1) -> {
              throw ExceptionEntry.fpAccess(c);
            },
            Branch::guarded,
            (s, c, w0, w1) -> land(s, c, (int) w1));
  }

  /** PSTATE.BTYPE is zero again only when the instruction is through. */
  private static int land(ArmState s, ArmCpu c, int insn) {
    BranchTargets.check(c, insn);
    int type = c.btype;
    c.setBtype(0);
    boolean done = false;
    try {
      Block alone = new Decoder(c, s.pc).decode(1);
      int outcome = A64Interpreter.interpret(s, c, alone.code);
      if (outcome == Block.TO_FALL) {
        s.pc = alone.fallPc;
      } else if (outcome == Block.TO_TAKEN) {
        s.pc = alone.takenPc;
      }
      done = true;
    } finally {
      if (!done) {
        c.setBtype(type);
      }
    }
    return Block.TO_DISPATCHER;
  }
}
