package org.tuber.truffle.arm.a64.insn;

import static com.oracle.truffle.api.CompilerDirectives.SLOWPATH_PROBABILITY;
import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;
import static org.tuber.truffle.arm.decode.Word.d;
import static org.tuber.truffle.arm.decode.Word.extra;
import static org.tuber.truffle.arm.decode.Word.n;

import java.util.Arrays;
import org.tuber.truffle.arm.decode.A64Rows;
import org.tuber.truffle.arm.decode.Ending;
import org.tuber.truffle.arm.decode.Row;
import org.tuber.truffle.arm.decode.Word;
import org.tuber.truffle.arm.state.ArmCpu;
import org.tuber.truffle.arm.state.ArmState;
import org.tuber.truffle.arm.state.Nzcv;
import org.tuber.truffle.arm.sys.BranchTargets;
import org.tuber.truffle.engine.Block;

/** Branches (Arm ARM C4.1.94) but for those with pointer authentication. */
final class Branch {
  private static final int LR = 30;

  private Branch() {}

  static void addTo(A64Rows rows) {
    rows.row("000101iiiiiiiiiiiiiiiiiiiiiiiiii", "B <label>")
        .address(Branch::target)
        .ends(Block.JUMP, (s, c, w0, w1) -> Block.TO_TAKEN);
    rows.row("100101iiiiiiiiiiiiiiiiiiiiiiiiii", "BL <label>")
        .address(Branch::target)
        .uses((w0, w1) -> 1L << LR)
        .ends(
            Block.CALL,
            (s, c, w0, w1) -> {
              s.r[LR] = next(s, w0);
              return Block.TO_TAKEN;
            });
    rows.row("01010100iiiiiiiiiiiiiiiiiii0cccc", "B.<cond> <label>")
        .address(Branch::target)
        .endsByCondition(Block.BRANCH, conditions());
    rows.row("s0110100iiiiiiiiiiiiiiiiiiirrrrr", "CBZ <Xt>, <label>")
        .address(Branch::target)
        .ends(
            Block.BRANCH,
            "s",
            (s, c, w0, w1) -> taken((int) s.r[d(w0)] == 0),
            (s, c, w0, w1) -> taken(s.r[d(w0)] == 0));
    rows.row("s0110101iiiiiiiiiiiiiiiiiiirrrrr", "CBNZ <Xt>, <label>")
        .address(Branch::target)
        .ends(
            Block.BRANCH,
            "s",
            (s, c, w0, w1) -> taken((int) s.r[d(w0)] != 0),
            (s, c, w0, w1) -> taken(s.r[d(w0)] != 0));
    rows.row("b0110110bbbbbiiiiiiiiiiiiiirrrrr", "TBZ <Xt>, #<bit>, <label>")
        .address(Branch::target)
        .extra((row, insn) -> row.get(insn, 'b'))
        .ends(Block.BRANCH, (s, c, w0, w1) -> taken((s.r[d(w0)] >>> extra(w0) & 1) == 0));
    rows.row("b0110111bbbbbiiiiiiiiiiiiiirrrrr", "TBNZ <Xt>, #<bit>, <label>")
        .address(Branch::target)
        .extra((row, insn) -> row.get(insn, 'b'))
        .ends(Block.BRANCH, (s, c, w0, w1) -> taken((s.r[d(w0)] >>> extra(w0) & 1) != 0));
    rows.row("1101011000011111000000nnnnn00000", "BR <Xn>")
        .ends(Block.JUMP_INDIRECT, (s, c, w0, w1) -> jump(s, c, w0, s.r[n(w0)]));
    rows.row("1101011000111111000000nnnnn00000", "BLR <Xn>")
        .uses((w0, w1) -> 1L << LR)
        .ends(Block.CALL_INDIRECT, (s, c, w0, w1) -> call(s, c, w0, s.r[n(w0)]));
    rows.row("1101011001011111000000nnnnn00000", "RET {<Xn>}")
        .ends(Block.RETURN, (s, c, w0, w1) -> ret(s, c, s.r[n(w0)]));
  }

  private static long target(Row row, int insn, long pc) {
    return pc + (row.signed(insn, 'i') << 2);
  }

  /** Address of the next instruction. */
  static long next(ArmState s, long w0) {
    return s.pc + Word.offset(w0) + 4;
  }

  /** Returns to {@code target}, whose tag is removed where tags are ignored. */
  static int ret(ArmState s, ArmCpu c, long target) {
    long to = target;
    if (injectBranchProbability(SLOWPATH_PROBABILITY, to << 8 >> 8 != to)) {
      to = c.branchAddress(to);
    }
    s.pc = to;
    return Block.TO_PC;
  }

  /** BR and its like; the register in slot n says what kind of landing pad it may reach. */
  static int jump(ArmState s, ArmCpu c, long w0, long target) {
    ret(s, c, target);
    if (c.hasGuards) {
      int register = n(w0);
      boolean isVeneer = register == 16 || register == 17;
      c.landing = s.pc | (isVeneer ? BranchTargets.VENEER : BranchTargets.JUMP);
    }
    return Block.TO_PC;
  }

  /** BLR and its like. */
  static int call(ArmState s, ArmCpu c, long w0, long target) {
    long link = next(s, w0);
    ret(s, c, target);
    if (c.hasGuards) {
      c.landing = s.pc | BranchTargets.CALL;
    }
    s.r[LR] = link;
    return Block.TO_PC;
  }

  /**
   * Any of these where guarded pages are about: leaves to the dispatcher, as PSTATE.BTYPE is part
   * of the mode. Alone in its block; {@code w1} is the instruction, of the rows above or of {@link
   * PointerCodes}.
   */
  static int guarded(ArmState s, ArmCpu c, long w0, long w1) {
    long from = s.pc;
    long word = A64Rows.INSTANCE.find((int) w1).decode((int) w1);
    Operations.ENDINGS[Word.op(word)].run(s, c, word, w1);
    BranchTargets.branched(c, from);
    return Block.TO_DISPATCHER;
  }

  private static int taken(boolean condition) {
    return condition ? Block.TO_TAKEN : Block.TO_FALL;
  }

  /** By what set the flags and by condition; those that are not named here take the long way. */
  private static Ending[] conditions() {
    Ending[] t = new Ending[Nzcv.PRODUCERS << 4];
    Arrays.fill(t, (Ending) (s, c, w0, w1) -> taken(ConditionalSelect.holds(s, w0)));
    int sub = Nzcv.PRODUCER_SUB << 4;
    t[sub] = (s, c, w0, w1) -> taken(s.fz == 0);
    t[sub + 1] = (s, c, w0, w1) -> taken(s.fz != 0);
    t[sub + 2] = (s, c, w0, w1) -> taken(Long.compareUnsigned(s.fx, ~s.fy) >= 0);
    t[sub + 3] = (s, c, w0, w1) -> taken(Long.compareUnsigned(s.fx, ~s.fy) < 0);
    t[sub + 8] = (s, c, w0, w1) -> taken(Long.compareUnsigned(s.fx, ~s.fy) > 0);
    t[sub + 9] = (s, c, w0, w1) -> taken(Long.compareUnsigned(s.fx, ~s.fy) <= 0);
    t[sub + 10] = (s, c, w0, w1) -> taken(s.fx >= ~s.fy);
    t[sub + 11] = (s, c, w0, w1) -> taken(s.fx < ~s.fy);
    t[sub + 12] = (s, c, w0, w1) -> taken(s.fx > ~s.fy);
    t[sub + 13] = (s, c, w0, w1) -> taken(s.fx <= ~s.fy);
    int logic = Nzcv.PRODUCER_LOGIC << 4;
    t[logic] = (s, c, w0, w1) -> taken(s.fz == 0);
    t[logic + 1] = (s, c, w0, w1) -> taken(s.fz != 0);
    t[logic + 4] = (s, c, w0, w1) -> taken(s.fz < 0);
    t[logic + 5] = (s, c, w0, w1) -> taken(s.fz >= 0);
    return t;
  }
}
