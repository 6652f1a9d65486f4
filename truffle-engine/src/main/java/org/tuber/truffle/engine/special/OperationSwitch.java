package org.tuber.truffle.engine.special;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.tuber.truffle.engine.Block;
import org.tuber.truffle.engine.BlockInterpreter;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestState;
import org.tuber.truffle.engine.Isa;

/**
 * Writes an interpreter's loop as a class: a switch between operations, each in a method of its
 * own.
 *
 * <p>Calling an object of a table by its interface costs the host five loads in a row, each from
 * another line of its cache, and with some hundred operations these are not all there. The switch
 * has one. Its methods must not be inlined, or the host compiles all operations as one: {@code
 * tuber.flags} says so (docs/adr/0005).
 */
public final class OperationSwitch {
  private static final ClassDesc STATE = ClassDesc.of(GuestState.class.getName());
  private static final ClassDesc CPU = ClassDesc.of(GuestCpu.class.getName());
  private static final ClassDesc ISA = ClassDesc.of(Isa.class.getName());
  private static final ClassDesc BASE = ClassDesc.of(BlockInterpreter.class.getName());
  private static final MethodTypeDesc INTERPRET =
      MethodTypeDesc.of(ConstantDescs.CD_int, STATE, CPU, ConstantDescs.CD_long.arrayType());
  private static final MethodTypeDesc RUN =
      MethodTypeDesc.of(
          ConstantDescs.CD_int, STATE, CPU, ConstantDescs.CD_long, ConstantDescs.CD_long);

  /** Beyond this the host leaves a method in its interpreter. */
  private static final int MAX_CODE_LENGTH = 8000;

  // Local variables of the loop.
  private static final int STATE_ARGUMENT = 1;
  private static final int CPU_ARGUMENT = 2;
  private static final int CODE = 3;
  private static final int NEXT = 4;
  private static final int W0 = 5;
  private static final int W1 = 7;
  private static final int S = 9;
  private static final int C = 10;
  private static final int LENGTH = 11;

  /**
   * Where an instruction's first word says what it is.
   *
   * @param operationMask of the lowest bits: the operation
   * @param offsetShift of the offset from the block's first byte
   * @param offsetMask of the offset, after shifting
   */
  public record Layout(int operationMask, int offsetShift, int offsetMask) {}

  private record Operation(Object body, boolean isEnding) {}

  private final Isa isa;
  private final OperationTable table;
  private final Layout layout;
  private final Map<Integer, Operation> operations = new TreeMap<>();
  private final ClassDesc self;
  private final ClassDesc state;
  private final ClassDesc cpu;
  private final Constants constants;

  /** A switch without operations, for {@code isa}, which runs all others. */
  public OperationSwitch(Isa isa, Layout layout) {
    this.isa = isa;
    this.table = isa.operations();
    this.layout = layout;
    self = ClassDesc.of(table.lookup().lookupClass().getPackageName() + ".InsnSwitch");
    state = ClassDesc.of(table.state().getName());
    cpu = ClassDesc.of(table.cpu().getName());
    constants = new Constants(self);
  }

  /** Gives a step its own case. */
  public void addStep(int number, Object step) {
    operations.put(number, new Operation(step, false));
  }

  /** Gives an ending its own case. */
  public void addEnding(int number, Object ending) {
    operations.put(number, new Operation(ending, true));
  }

  /**
   * The interpreter.
   *
   * @throws IllegalStateException if the host would not compile it, or does not take it
   */
  public BlockInterpreter write() {
    int isaNumber = constants.add(isa);
    WrittenClass made =
        new WrittenClass(
            table,
            self,
            BASE,
            constants,
            c -> {
              c.withMethodBody(
                  "interpret", INTERPRET, ClassFile.ACC_PUBLIC, b -> loop(b, isaNumber));
              operations.forEach((number, o) -> method(c, number, o));
            });
    if (made.codeLength() > MAX_CODE_LENGTH) {
      throw new IllegalStateException("an interpreter's loop of " + made.codeLength() + " bytes");
    }
    return made.make(BlockInterpreter.class);
  }

  private MethodTypeDesc type(Operation o) {
    return MethodTypeDesc.of(
        o.isEnding ? ConstantDescs.CD_int : ConstantDescs.CD_void,
        state,
        cpu,
        ConstantDescs.CD_long,
        ConstantDescs.CD_long);
  }

  private void method(ClassBuilder c, int number, Operation o) {
    ClassDesc type = ClassDesc.of((o.isEnding ? table.ending() : table.step()).getName());
    int body = constants.add(o.body);
    c.withMethodBody(
        name(number),
        type(o),
        ClassFile.ACC_PRIVATE | ClassFile.ACC_STATIC,
        b -> {
          constants.load(b, body, type);
          b.aload(0).aload(1).lload(2).lload(4).invokeinterface(type, "run", type(o));
          if (o.isEnding) {
            b.ireturn();
          } else {
            b.return_();
          }
        });
  }

  private static String name(int number) {
    return "op" + number;
  }

  private void loop(CodeBuilder b, int isaNumber) {
    b.aload(STATE_ARGUMENT).checkcast(state).astore(S);
    b.aload(CPU_ARGUMENT).checkcast(cpu).astore(C);
    b.aload(CODE).arraylength().istore(LENGTH);
    b.iconst_0().istore(NEXT);
    Label again = b.newBoundLabel();
    b.aload(CODE).iload(NEXT).laload().lstore(W0);
    b.aload(CODE).iload(NEXT).iconst_1().iadd().laload().lstore(W1);
    b.iinc(NEXT, 2);
    b.aload(S).lload(W0).loadConstant(layout.offsetShift).lushr().l2i();
    b.loadConstant(layout.offsetMask).iand();
    b.putfield(state, "pcOffset", ConstantDescs.CD_int);
    b.lload(W0).l2i().loadConstant(layout.operationMask).iand();
    Label other = b.newLabel();
    Label next = b.newLabel();
    Map<Integer, Label> labels = new TreeMap<>();
    List<SwitchCase> cases = new ArrayList<>();
    for (int number : operations.keySet()) {
      labels.put(number, b.newLabel());
      cases.add(SwitchCase.of(number, labels.get(number)));
    }
    b.tableswitch(other, cases);
    operations.forEach(
        (number, o) -> {
          b.labelBinding(labels.get(number));
          b.aload(S).aload(C).lload(W0).lload(W1).invokestatic(self, name(number), type(o));
          if (o.isEnding) {
            b.ireturn();
          } else {
            b.goto_(next);
          }
        });
    b.labelBinding(other);
    constants.load(b, isaNumber, ISA);
    b.aload(STATE_ARGUMENT).aload(CPU_ARGUMENT).lload(W0).lload(W1);
    b.invokevirtual(ISA, "run", RUN);
    Label goesOn = b.newLabel();
    b.iload(NEXT).iload(LENGTH).if_icmplt(goesOn);
    b.ireturn();
    b.labelBinding(goesOn).pop();
    b.labelBinding(next);
    b.iload(NEXT).iload(LENGTH).if_icmplt(again);
    b.loadConstant(Block.TO_FALL).ireturn();
  }
}
