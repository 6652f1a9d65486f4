package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.CompilerDirectives.CompilationFinal;
import java.io.Serializable;
import java.util.Arrays;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.StringOps;
import org.tuber.truffle.x86.sys.SystemRows;

/**
 * What each operation number does: one table for all tiers. The interpreter calls through it; under
 * partial evaluation the word is a constant and so is what the table holds for it.
 *
 * <p>Why a table and not a switch: the host compiler moves what two arms of a switch have in common
 * before the switch, which for us is taking apart every field of the word. Separate methods compute
 * only what they use, and compile early, one by one (ADR 5).
 */
final class Operations {
  /** An operation that goes on to the next one, or may. */
  @FunctionalInterface
  interface Step extends Serializable {
    void run(X86State s, X86Cpu c, long w0, long w1);
  }

  /** An operation that may end a block; gives one of the {@code Block.TO_} outcomes. */
  @FunctionalInterface
  interface Ending extends Serializable {
    int run(X86State s, X86Cpu c, long w0, long w1);
  }

  /** Three kinds of producer, sixteen conditions each. */
  private static final int CONDITIONS = 48;

  /** Stands for all operations that have no entry of their own. */
  private static final Step RARE = Operations::rare;

  private static final Ending RARE_ENDING = Operations::rare;

  @CompilationFinal(dimensions = 1)
  static final Step[] STEPS = steps();

  /** Null where the operation is a {@link Step} that never ends a block. */
  @CompilationFinal(dimensions = 1)
  static final Ending[] ENDINGS = endings();

  private Operations() {}

  private static Step[] steps() {
    Step[] t = new Step[Op.COUNT];
    Arrays.fill(t, RARE);
    t[IntegerRows.ADD] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.ADD);
    t[IntegerRows.OR] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.OR);
    t[IntegerRows.ADC] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.ADC);
    t[IntegerRows.SBB] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.SBB);
    t[IntegerRows.AND] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.AND);
    t[IntegerRows.SUB] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.SUB);
    t[IntegerRows.XOR] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.XOR);
    t[IntegerRows.CMP] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.CMP);
    t[IntegerRows.TEST] = (s, c, w0, w1) -> Alu.generic(s, c, w0, w1, Alu.TEST);
    t[IntegerRows.MOV] = (s, c, w0, w1) -> Move.generic(s, c, w0, w1);
    t[IntegerRows.MOV_WIDE] = (s, c, w0, w1) -> Move.movWide(s, w0, w1);
    t[IntegerRows.MOVZX_B] = (s, c, w0, w1) -> Move.movzx(s, c, w0, w1, 0);
    t[IntegerRows.MOVZX_W] = (s, c, w0, w1) -> Move.movzx(s, c, w0, w1, 1);
    t[IntegerRows.MOVSX_B] = (s, c, w0, w1) -> Move.movsx(s, c, w0, w1, 0);
    t[IntegerRows.MOVSX_W] = (s, c, w0, w1) -> Move.movsx(s, c, w0, w1, 1);
    t[IntegerRows.MOVSX_D] = (s, c, w0, w1) -> Move.movsx(s, c, w0, w1, 2);
    t[IntegerRows.LEA] = (s, c, w0, w1) -> Move.lea(s, w0, w1);
    t[IntegerRows.INC] = (s, c, w0, w1) -> Alu.incDec(s, c, w0, w1, 1);
    t[IntegerRows.DEC] = (s, c, w0, w1) -> Alu.incDec(s, c, w0, w1, -1);
    t[IntegerRows.SHIFT_IMM] = (s, c, w0, w1) -> Shift.shift(s, c, w0, w1, (int) w1 & 0xff);
    t[IntegerRows.SHIFT_ONE] = (s, c, w0, w1) -> Shift.shift(s, c, w0, w1, 1);
    t[IntegerRows.SHIFT_CL] = (s, c, w0, w1) -> Shift.shift(s, c, w0, w1, (int) s.r[1] & 0xff);
    t[IntegerRows.PUSH] = (s, c, w0, w1) -> Stack.push(s, c, w0, w1);
    t[IntegerRows.PUSH_IMM] = (s, c, w0, w1) -> Stack.pushImmediate(s, c, w0, w1);
    t[IntegerRows.POP] = (s, c, w0, w1) -> Stack.pop(s, c, w0, w1);
    t[IntegerRows.LEAVE] = (s, c, w0, w1) -> Stack.leave(s, c, w0);
    t[IntegerRows.SETCC] = (s, c, w0, w1) -> BitOps.setcc(s, c, w0, w1);
    t[IntegerRows.CMOVCC] = (s, c, w0, w1) -> Move.cmov(s, c, w0, w1);
    t[IntegerRows.IMUL2] = (s, c, w0, w1) -> MulDiv.imul2(s, c, w0, w1);
    t[IntegerRows.IMUL3] = (s, c, w0, w1) -> MulDiv.imul3(s, c, w0, w1);
    t[IntegerRows.MOVS_B] = (s, c, w0, w1) -> StringOps.moveOne(s, c, w0, 0);
    t[IntegerRows.MOVS] = (s, c, w0, w1) -> StringOps.moveOne(s, c, w0, Word.size(w0));
    t[IntegerRows.CMPS_B] = (s, c, w0, w1) -> StringOps.compareOne(s, c, w0, 0);
    t[IntegerRows.CMPS] = (s, c, w0, w1) -> StringOps.compareOne(s, c, w0, Word.size(w0));
    t[IntegerRows.STOS] = (s, c, w0, w1) -> StringOps.storeOne(s, c, w0, Word.size(w0));
    t[IntegerRows.LODS] = (s, c, w0, w1) -> StringOps.loadOne(s, c, w0, Word.size(w0));
    t[IntegerRows.SCAS] = (s, c, w0, w1) -> StringOps.scanOne(s, c, w0, Word.size(w0));
    t[IntegerRows.NOP] = (s, c, w0, w1) -> {};
    FixedForms.addTo(t);
    return t;
  }

  private static Ending[] endings() {
    Ending[] t = new Ending[Op.COUNT];
    for (int op = 0; op < Op.COUNT; op++) {
      if (STEPS[op] == RARE) {
        t[op] = RARE_ENDING;
      }
    }
    t[IntegerRows.JMP] = (s, c, w0, w1) -> Block.TO_TAKEN;
    t[IntegerRows.JMP_E] = (s, c, w0, w1) -> Branch.jumpIndirect(s, c, w0, w1);
    t[IntegerRows.CALL] = (s, c, w0, w1) -> Branch.call(s, c, w0);
    t[IntegerRows.CALL_E] = (s, c, w0, w1) -> Branch.callIndirect(s, c, w0, w1);
    t[IntegerRows.RET] = (s, c, w0, w1) -> Branch.ret(s, c, w0, 0);
    t[IntegerRows.RET_IMM] = (s, c, w0, w1) -> Branch.ret(s, c, w0, (int) w1 & 0xffff);
    addConditionalJumps(t);
    return t;
  }

  /** By what set the flags and by condition; the ones that are not named here are rare. */
  private static void addConditionalJumps(Ending[] t) {
    for (int i = 0; i < CONDITIONS; i++) {
      t[IntegerRows.JCC_FIXED + i] =
          (s, c, w0, w1) -> branch(Jcc.taken(s, (int) (w0 & 0x3ff) - IntegerRows.JCC_FIXED));
    }
    // After CMP or SUB.
    t[IntegerRows.JCC_FIXED + 0x12] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x12));
    t[IntegerRows.JCC_FIXED + 0x13] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x13));
    t[IntegerRows.JCC_FIXED + 0x14] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x14));
    t[IntegerRows.JCC_FIXED + 0x15] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x15));
    t[IntegerRows.JCC_FIXED + 0x16] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x16));
    t[IntegerRows.JCC_FIXED + 0x17] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x17));
    t[IntegerRows.JCC_FIXED + 0x18] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x18));
    t[IntegerRows.JCC_FIXED + 0x19] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x19));
    t[IntegerRows.JCC_FIXED + 0x1c] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x1c));
    t[IntegerRows.JCC_FIXED + 0x1d] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x1d));
    t[IntegerRows.JCC_FIXED + 0x1e] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x1e));
    t[IntegerRows.JCC_FIXED + 0x1f] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x1f));
    // After TEST, AND, OR, XOR.
    t[IntegerRows.JCC_FIXED + 0x24] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x24));
    t[IntegerRows.JCC_FIXED + 0x25] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x25));
    t[IntegerRows.JCC_FIXED + 0x28] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x28));
    t[IntegerRows.JCC_FIXED + 0x29] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x29));
    t[IntegerRows.JCC_FIXED + 0x2e] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x2e));
    t[IntegerRows.JCC_FIXED + 0x2f] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x2f));
    // After anything.
    t[IntegerRows.JCC_FIXED + 0x02] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x02));
    t[IntegerRows.JCC_FIXED + 0x03] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x03));
    t[IntegerRows.JCC_FIXED + 0x04] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x04));
    t[IntegerRows.JCC_FIXED + 0x05] = (s, c, w0, w1) -> branch(Jcc.taken(s, 0x05));
  }

  /** An operation without an entry of its own. */
  static boolean isRare(int op) {
    return ENDINGS[op] == RARE_ENDING;
  }

  private static int branch(boolean taken) {
    return taken ? Block.TO_TAKEN : Block.TO_FALL;
  }

  private static int rare(X86State s, X86Cpu c, long w0, long w1) {
    int op = Word.op(w0);
    if (op < Op.SYSTEM) {
      return RareInteger.run(s, c, w0, w1, op);
    }
    if (op < Op.SSE) {
      s.pc = Branch.nextPc(s, w0);
      return SystemRows.run(s, c, w0, w1, op);
    }
    if (op < Op.X87) {
      if (op >= Op.SYSTEM_SSE) {
        s.pc = Branch.nextPc(s, w0);
        FxSave.run(s, c, w0, w1, op);
        return Block.TO_DISPATCHER;
      }
      SseRows.run(s, c, w0, w1, op);
    } else if (op >= Op.VEX) {
      AvxRows.run(s, c, w0, w1, op);
    } else {
      X87Rows.run(s, c, w0, w1, op);
    }
    return Block.TO_FALL;
  }
}
