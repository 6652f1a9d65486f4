package org.tuber.truffle.arm.a64.insn;

import org.tuber.truffle.arm.decode.A64Rows;
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
            });
  }
}
