package org.tuber.truffle.engine.special;

import java.lang.classfile.Opcode;

/**
 * One bytecode instruction, taken apart once so that walking it again costs little.
 *
 * @param slot local variable, or increment's variable
 * @param value constant; {@link Member}; for an increment its step; for a switch its keys
 * @param target index of the jump's target, or of a switch's default
 * @param targets a switch's targets
 */
record Insn(Kind kind, Opcode opcode, int slot, Object value, int target, int[] targets) {
  /** What a walk tells apart. */
  enum Kind {
    NOP,
    CONSTANT,
    LOAD,
    STORE,
    INCREMENT,
    OPERATOR,
    STACK,
    GOTO,
    BRANCH,
    SWITCH,
    GET_STATIC,
    GET_FIELD,
    PUT_FIELD,
    INVOKE,
    RETURN,
    ARRAY_LOAD,
    ARRAY_STORE,
    ARRAY_LENGTH,
    CAST,
    THROW,
    OTHER
  }

  static Insn of(Kind kind, Opcode opcode) {
    return new Insn(kind, opcode, 0, null, -1, null);
  }

  static Insn of(Kind kind, Opcode opcode, Object value) {
    return new Insn(kind, opcode, 0, value, -1, null);
  }

  static Insn local(Kind kind, Opcode opcode, int slot, Object value) {
    return new Insn(kind, opcode, slot, value, -1, null);
  }

  static Insn jump(Kind kind, Opcode opcode, int target) {
    return new Insn(kind, opcode, 0, null, target, null);
  }
}
