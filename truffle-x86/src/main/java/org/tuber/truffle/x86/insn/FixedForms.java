package org.tuber.truffle.x86.insn;

import org.tuber.truffle.x86.decode.Word;

/**
 * The frequent 32 and 64-bit forms that {@link IntegerRows#specialize} gives numbers of their own:
 * operation, form and size are constants here, which the host compiler folds as partial evaluation
 * does.
 */
final class FixedForms {
  private FixedForms() {}

  static void addTo(Operations.Step[] t) {
    addArithmetic(t);
    addLogic(t);
    addCompares(t);
    addMoves(t);
  }

  private static void addArithmetic(Operations.Step[] t) {
    t[140] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 2, false);
    t[141] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 3, false);
    t[142] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 2, false);
    t[143] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 3, false);
    t[144] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.GE, 2, true);
    t[145] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.GE, 3, true);
    t[146] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 2, true);
    t[147] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EG, 3, true);
    t[148] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 2, true);
    t[149] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.ADD, Word.EI, 3, true);
    t[170] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 2, false);
    t[171] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 3, false);
    t[172] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 2, false);
    t[173] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 3, false);
    t[174] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.GE, 2, true);
    t[175] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.GE, 3, true);
    t[176] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 2, true);
    t[177] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EG, 3, true);
    t[178] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 2, true);
    t[179] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.SUB, Word.EI, 3, true);
  }

  private static void addLogic(Operations.Step[] t) {
    t[150] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 2, false);
    t[151] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 3, false);
    t[152] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 2, false);
    t[153] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 3, false);
    t[154] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.GE, 2, true);
    t[155] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.GE, 3, true);
    t[156] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 2, true);
    t[157] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EG, 3, true);
    t[158] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 2, true);
    t[159] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.OR, Word.EI, 3, true);
    t[160] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 2, false);
    t[161] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 3, false);
    t[162] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 2, false);
    t[163] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 3, false);
    t[164] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.GE, 2, true);
    t[165] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.GE, 3, true);
    t[166] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 2, true);
    t[167] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EG, 3, true);
    t[168] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 2, true);
    t[169] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.AND, Word.EI, 3, true);
    t[180] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 2, false);
    t[181] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 3, false);
    t[182] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 2, false);
    t[183] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 3, false);
    t[184] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.GE, 2, true);
    t[185] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.GE, 3, true);
    t[186] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 2, true);
    t[187] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EG, 3, true);
    t[188] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 2, true);
    t[189] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.XOR, Word.EI, 3, true);
  }

  private static void addCompares(Operations.Step[] t) {
    t[190] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 2, false);
    t[191] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 3, false);
    t[192] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 2, false);
    t[193] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 3, false);
    t[194] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.GE, 2, true);
    t[195] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.GE, 3, true);
    t[196] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 2, true);
    t[197] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EG, 3, true);
    t[198] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 2, true);
    t[199] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.CMP, Word.EI, 3, true);
    t[200] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 2, false);
    t[201] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 3, false);
    t[202] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 2, false);
    t[203] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 3, false);
    t[204] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.GE, 2, true);
    t[205] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.GE, 3, true);
    t[206] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 2, true);
    t[207] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EG, 3, true);
    t[208] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 2, true);
    t[209] = (s, c, w0, w1) -> Alu.alu(s, c, w0, w1, Alu.TEST, Word.EI, 3, true);
  }

  private static void addMoves(Operations.Step[] t) {
    t[210] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EG, 2, false);
    t[211] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EG, 3, false);
    t[212] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EI, 2, false);
    t[213] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EI, 3, false);
    t[214] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.GE, 2, true);
    t[215] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.GE, 3, true);
    t[216] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EG, 2, true);
    t[217] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EG, 3, true);
    t[218] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EI, 2, true);
    t[219] = (s, c, w0, w1) -> Move.mov(s, c, w0, w1, Word.EI, 3, true);
  }
}
