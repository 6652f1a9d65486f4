package org.tuber.truffle.x86.insn;

import com.oracle.truffle.api.nodes.ExplodeLoop;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.x86.decode.Op;
import org.tuber.truffle.x86.decode.Word;
import org.tuber.truffle.x86.state.X86Cpu;
import org.tuber.truffle.x86.state.X86State;
import org.tuber.truffle.x86.sys.SystemRows;

/**
 * The one switch over decoded instructions. The interpreter tier loops in it; partial evaluation
 * unrolls it over constant words, which leaves the single method of each instruction.
 *
 * <p>Frequent 32 and 64-bit forms have numbers of their own whose calls fix operation, form and
 * size as constants: the host compiler folds them as partial evaluation would. Everything here must
 * stay below 8,000 bytecodes, or HotSpot never compiles it.
 */
public final class X86Interpreter {
  private X86Interpreter() {}

  /** Runs {@code code[from, to)}; see {@code Isa.run}. */
  @ExplodeLoop
  public static int run(X86State s, X86Cpu c, long[] code, int from, int to) {
    int outcome = Block.TO_FALL;
    for (int i = from; i < to; i += 2) {
      long w0 = code[i];
      long w1 = code[i + 1];
      s.pcOffset = (int) (w0 >>> Word.OFFSET_SHIFT) & 0xfff;
      switch ((int) w0 & 0x3ff) {
        case IntegerRows.ADD -> Alu.generic(s, c, w0, w1, Alu.ADD);
        case IntegerRows.OR -> Alu.generic(s, c, w0, w1, Alu.OR);
        case IntegerRows.ADC -> Alu.generic(s, c, w0, w1, Alu.ADC);
        case IntegerRows.SBB -> Alu.generic(s, c, w0, w1, Alu.SBB);
        case IntegerRows.AND -> Alu.generic(s, c, w0, w1, Alu.AND);
        case IntegerRows.SUB -> Alu.generic(s, c, w0, w1, Alu.SUB);
        case IntegerRows.XOR -> Alu.generic(s, c, w0, w1, Alu.XOR);
        case IntegerRows.CMP -> Alu.generic(s, c, w0, w1, Alu.CMP);
        case IntegerRows.TEST -> Alu.generic(s, c, w0, w1, Alu.TEST);
        case IntegerRows.MOV -> Move.generic(s, c, w0, w1);
        case IntegerRows.MOV_WIDE -> Move.movWide(s, w0, w1);
        case IntegerRows.MOVZX_B -> Move.movzx(s, c, w0, w1, 0);
        case IntegerRows.MOVZX_W -> Move.movzx(s, c, w0, w1, 1);
        case IntegerRows.MOVSX_B -> Move.movsx(s, c, w0, w1, 0);
        case IntegerRows.MOVSX_W -> Move.movsx(s, c, w0, w1, 1);
        case IntegerRows.MOVSX_D -> Move.movsx(s, c, w0, w1, 2);
        case IntegerRows.LEA -> Move.lea(s, w0, w1);
        case IntegerRows.INC -> Alu.incDec(s, c, w0, w1, 1);
        case IntegerRows.DEC -> Alu.incDec(s, c, w0, w1, -1);
        case IntegerRows.SHIFT_IMM -> Shift.shift(s, c, w0, w1, (int) w1 & 0xff);
        case IntegerRows.SHIFT_ONE -> Shift.shift(s, c, w0, w1, 1);
        case IntegerRows.SHIFT_CL -> Shift.shift(s, c, w0, w1, (int) s.r[1] & 0xff);
        case IntegerRows.PUSH -> Stack.push(s, c, w0, w1);
        case IntegerRows.PUSH_IMM -> Stack.pushImmediate(s, c, w0, w1);
        case IntegerRows.POP -> Stack.pop(s, c, w0, w1);
        case IntegerRows.LEAVE -> Stack.leave(s, c, w0);
        case IntegerRows.SETCC -> BitOps.setcc(s, c, w0, w1);
        case IntegerRows.CMOVCC -> Move.cmov(s, c, w0, w1);
        case IntegerRows.NOP -> {}
        case IntegerRows.IMUL2 -> MulDiv.imul2(s, c, w0, w1);
        case IntegerRows.IMUL3 -> MulDiv.imul3(s, c, w0, w1);
        case IntegerRows.JMP -> outcome = Block.TO_TAKEN;
        case IntegerRows.JMP_E -> outcome = Branch.jumpIndirect(s, c, w0, w1);
        case IntegerRows.CALL -> outcome = Branch.call(s, c, w0);
        case IntegerRows.CALL_E -> outcome = Branch.callIndirect(s, c, w0, w1);
        case IntegerRows.RET -> outcome = Branch.ret(s, c, w0, 0);
        case IntegerRows.RET_IMM -> outcome = Branch.ret(s, c, w0, (int) w1 & 0xffff);
        case 140 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 2, false);
        case 141 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 3, false);
        case 142 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 2, false);
        case 143 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 3, false);
        case 144 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.GE, 2, true);
        case 145 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.GE, 3, true);
        case 146 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 2, true);
        case 147 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 3, true);
        case 148 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 2, true);
        case 149 -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 3, true);
        case 150 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 2, false);
        case 151 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 3, false);
        case 152 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 2, false);
        case 153 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 3, false);
        case 154 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.GE, 2, true);
        case 155 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.GE, 3, true);
        case 156 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 2, true);
        case 157 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 3, true);
        case 158 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 2, true);
        case 159 -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 3, true);
        case 160 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 2, false);
        case 161 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 3, false);
        case 162 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 2, false);
        case 163 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 3, false);
        case 164 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.GE, 2, true);
        case 165 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.GE, 3, true);
        case 166 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 2, true);
        case 167 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 3, true);
        case 168 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 2, true);
        case 169 -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 3, true);
        case 170 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 2, false);
        case 171 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 3, false);
        case 172 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 2, false);
        case 173 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 3, false);
        case 174 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.GE, 2, true);
        case 175 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.GE, 3, true);
        case 176 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 2, true);
        case 177 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 3, true);
        case 178 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 2, true);
        case 179 -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 3, true);
        case 180 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 2, false);
        case 181 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 3, false);
        case 182 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 2, false);
        case 183 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 3, false);
        case 184 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.GE, 2, true);
        case 185 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.GE, 3, true);
        case 186 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 2, true);
        case 187 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 3, true);
        case 188 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 2, true);
        case 189 -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 3, true);
        case 190 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 2, false);
        case 191 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 3, false);
        case 192 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 2, false);
        case 193 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 3, false);
        case 194 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.GE, 2, true);
        case 195 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.GE, 3, true);
        case 196 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 2, true);
        case 197 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 3, true);
        case 198 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 2, true);
        case 199 -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 3, true);
        case 200 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 2, false);
        case 201 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 3, false);
        case 202 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 2, false);
        case 203 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 3, false);
        case 204 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.GE, 2, true);
        case 205 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.GE, 3, true);
        case 206 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 2, true);
        case 207 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 3, true);
        case 208 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 2, true);
        case 209 -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 3, true);
        case 210 -> Move.mov(s, c, w0, w1, Word.EG, 2, false);
        case 211 -> Move.mov(s, c, w0, w1, Word.EG, 3, false);
        case 212 -> Move.mov(s, c, w0, w1, Word.EI, 2, false);
        case 213 -> Move.mov(s, c, w0, w1, Word.EI, 3, false);
        case 214 -> Move.mov(s, c, w0, w1, Word.GE, 2, true);
        case 215 -> Move.mov(s, c, w0, w1, Word.GE, 3, true);
        case 216 -> Move.mov(s, c, w0, w1, Word.EG, 2, true);
        case 217 -> Move.mov(s, c, w0, w1, Word.EG, 3, true);
        case 218 -> Move.mov(s, c, w0, w1, Word.EI, 2, true);
        case 219 -> Move.mov(s, c, w0, w1, Word.EI, 3, true);
        default -> {
          int jcc = ((int) w0 & 0x3ff) - IntegerRows.JCC_FIXED;
          if (jcc >= 0 && jcc < 48) {
            outcome = Jcc.taken(s, jcc) ? Block.TO_TAKEN : Block.TO_FALL;
          } else {
            outcome = rare(s, c, w0, w1);
          }
        }
      }
    }
    return outcome;
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
