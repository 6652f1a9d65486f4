package org.tuber.truffle.engine.special;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.ArrayLoadInstruction;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.ConvertInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.IncrementInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.LookupSwitchInstruction;
import java.lang.classfile.instruction.NopInstruction;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.classfile.instruction.StackInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.classfile.instruction.TableSwitchInstruction;
import java.lang.classfile.instruction.ThrowInstruction;
import java.lang.classfile.instruction.TypeCheckInstruction;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A method's bytecode as an array, with what flow analysis says about it. */
final class MethodCode {
  final String name;
  final MethodTypeDesc type;
  final boolean isStatic;
  final boolean isPrivate;
  final boolean isPublic;

  /** Partial evaluation stops here too. */
  final boolean isBoundary;

  final int maxLocals;
  final Insn[] code;

  /** Reached by a jump. */
  final boolean[] isTarget;

  /** Why no specialisation is possible, or null. */
  final String obstacle;

  /** Variables that are still read, by instruction. */
  private BitSet[] live;

  MethodCode(MethodModel m) {
    name = m.methodName().stringValue();
    type = m.methodTypeSymbol();
    isStatic = (m.flags().flagsMask() & ClassFile.ACC_STATIC) != 0;
    isPrivate = (m.flags().flagsMask() & ClassFile.ACC_PRIVATE) != 0;
    isPublic = (m.flags().flagsMask() & ClassFile.ACC_PUBLIC) != 0;
    isBoundary = ClassCode.isAnnotated(m, "$TruffleBoundary") || ClassCode.isAnnotated(m, "/Rare");
    CodeModel body = m.code().orElse(null);
    if (body == null) {
      obstacle = "no code";
      maxLocals = 0;
      code = new Insn[0];
      isTarget = new boolean[0];
      return;
    }
    obstacle = body.exceptionHandlers().isEmpty() ? null : "exception handlers";
    maxLocals = ((CodeAttribute) body).maxLocals();
    List<Instruction> instructions = new ArrayList<>();
    Map<Label, Integer> labels = new HashMap<>();
    for (CodeElement e : body) {
      if (e instanceof LabelTarget l) {
        labels.put(l.label(), instructions.size());
      } else if (e instanceof Instruction i) {
        instructions.add(i);
      }
    }
    code = new Insn[instructions.size()];
    isTarget = new boolean[code.length];
    for (int i = 0; i < code.length; i++) {
      code[i] = decode(instructions.get(i), labels);
      if (code[i].target() >= 0) {
        isTarget[code[i].target()] = true;
      }
      if (code[i].targets() != null) {
        for (int t : code[i].targets()) {
          isTarget[t] = true;
        }
      }
    }
  }

  private static Insn decode(Instruction i, Map<Label, Integer> labels) {
    return switch (i) {
      case LoadInstruction l -> Insn.local(Insn.Kind.LOAD, l.opcode(), l.slot(), null);
      case StoreInstruction l -> Insn.local(Insn.Kind.STORE, l.opcode(), l.slot(), null);
      case ConstantInstruction c -> Insn.of(Insn.Kind.CONSTANT, c.opcode(), constant(c));
      case IncrementInstruction c ->
          Insn.local(Insn.Kind.INCREMENT, c.opcode(), c.slot(), c.constant());
      case OperatorInstruction o ->
          Insn.of(
              o.opcode() == Opcode.ARRAYLENGTH ? Insn.Kind.ARRAY_LENGTH : Insn.Kind.OPERATOR,
              o.opcode());
      case ConvertInstruction c -> Insn.of(Insn.Kind.OPERATOR, c.opcode());
      case StackInstruction s -> Insn.of(Insn.Kind.STACK, s.opcode());
      case BranchInstruction b ->
          switch (b.opcode()) {
            case GOTO, GOTO_W -> Insn.jump(Insn.Kind.GOTO, b.opcode(), labels.get(b.target()));
            default -> Insn.jump(Insn.Kind.BRANCH, b.opcode(), labels.get(b.target()));
          };
      case TableSwitchInstruction t ->
          choice(t.opcode(), t.cases(), labels.get(t.defaultTarget()), labels);
      case LookupSwitchInstruction t ->
          choice(t.opcode(), t.cases(), labels.get(t.defaultTarget()), labels);
      case FieldInstruction f ->
          Insn.of(
              switch (f.opcode()) {
                case GETSTATIC -> Insn.Kind.GET_STATIC;
                case GETFIELD -> Insn.Kind.GET_FIELD;
                case PUTFIELD -> Insn.Kind.PUT_FIELD;
                default -> Insn.Kind.OTHER;
              },
              f.opcode(),
              new Member(
                  f.owner().asSymbol(), f.name().stringValue(), null, f.typeSymbol(), false));
      case InvokeInstruction v ->
          Insn.of(
              Insn.Kind.INVOKE,
              v.opcode(),
              new Member(
                  v.owner().asSymbol(),
                  v.name().stringValue(),
                  v.typeSymbol(),
                  null,
                  v.isInterface()));
      case ReturnInstruction r -> Insn.of(Insn.Kind.RETURN, r.opcode());
      case ArrayLoadInstruction a -> Insn.of(Insn.Kind.ARRAY_LOAD, a.opcode());
      case ArrayStoreInstruction a -> Insn.of(Insn.Kind.ARRAY_STORE, a.opcode());
      case ThrowInstruction t -> Insn.of(Insn.Kind.THROW, t.opcode());
      case TypeCheckInstruction t ->
          t.opcode() == Opcode.CHECKCAST
              ? Insn.of(Insn.Kind.CAST, t.opcode(), t.type().asSymbol())
              : Insn.of(Insn.Kind.OTHER, t.opcode());
      case NopInstruction n -> Insn.of(Insn.Kind.NOP, n.opcode());
      default -> Insn.of(Insn.Kind.OTHER, i.opcode());
    };
  }

  private static Value constant(ConstantInstruction c) {
    Object value = c.constantValue();
    return switch (value) {
      case Integer v -> new Value.Constant('I', v);
      case Long v -> new Value.Constant('J', v);
      case Float v -> new Value.Constant('F', v);
      case Double v -> new Value.Constant('D', v);
      case String v -> new Value.Known(v, ConstantDescs.CD_String, false);
      default ->
          value == ConstantDescs.NULL
              ? new Value.Constant('A', null)
              : new Value.Known(null, null, false);
    };
  }

  private static Insn choice(
      Opcode opcode, List<SwitchCase> cases, int other, Map<Label, Integer> labels) {
    int[] keys = new int[cases.size()];
    int[] targets = new int[keys.length];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = cases.get(i).caseValue();
      targets[i] = labels.get(cases.get(i).target());
    }
    return new Insn(Insn.Kind.SWITCH, opcode, 0, keys, other, targets);
  }

  /** Variables that may be read from instruction {@code at} on. */
  BitSet live(int at) {
    if (live == null) {
      live = analyse();
    }
    return live[at];
  }

  private BitSet[] analyse() {
    BitSet[] before = new BitSet[code.length];
    for (int i = 0; i < code.length; i++) {
      before[i] = new BitSet(maxLocals);
    }
    boolean changed = true;
    while (changed) {
      changed = false;
      for (int i = code.length - 1; i >= 0; i--) {
        BitSet now = after(i, before);
        Insn insn = code[i];
        switch (insn.kind()) {
          case STORE -> now.clear(insn.slot());
          case LOAD, INCREMENT -> now.set(insn.slot());
          default -> {}
        }
        if (!now.equals(before[i])) {
          before[i] = now;
          changed = true;
        }
      }
    }
    return before;
  }

  private BitSet after(int i, BitSet[] before) {
    Insn insn = code[i];
    BitSet now = new BitSet(maxLocals);
    switch (insn.kind()) {
      case RETURN, THROW -> {}
      case GOTO -> now.or(before[insn.target()]);
      case SWITCH -> {
        now.or(before[insn.target()]);
        for (int t : insn.targets()) {
          now.or(before[t]);
        }
      }
      default -> {
        if (insn.kind() == Insn.Kind.BRANCH) {
          now.or(before[insn.target()]);
        }
        if (i + 1 < code.length) {
          now.or(before[i + 1]);
        }
      }
    }
    return now;
  }
}
