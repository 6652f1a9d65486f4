package org.tuber.truffle.engine;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.List;
import org.tuber.truffle.engine.special.Code;
import org.tuber.truffle.engine.special.OperationTable;
import org.tuber.truffle.engine.special.RegisterFile;
import org.tuber.truffle.engine.special.Specializer;
import org.tuber.truffle.engine.special.Unsuited;
import org.tuber.truffle.engine.special.Value;

/**
 * Writes a region as a Java method: guest registers are local variables, the guest's jumps the
 * method's, and each instruction is what {@link Specializer} leaves of its operation. The host's
 * own compilers, which are warm when ours is not, do the rest.
 *
 * <p>Same control flow as {@link RegionRoot}, which see for the polls. An operation that cannot be
 * specialised is called as it is, with all registers at home.
 */
final class RegionClass {
  /** The host compiles no longer methods. */
  private static final int MAX_CODE_LENGTH = 8000;

  /** Twice as many gave the same speed, and the host's compiler took three times as long. */
  static final int MAX_INSTRUCTIONS = 60;

  private static final ClassDesc STATE = ClassDesc.of(GuestState.class.getName());
  private static final ClassDesc CPU = ClassDesc.of(GuestCpu.class.getName());
  private static final ClassDesc ISA = ClassDesc.of(Isa.class.getName());
  private static final ClassDesc BASE = ClassDesc.of(RegionCode.class.getName());
  private static final ClassDesc LONGS = ClassDesc.ofDescriptor("[J");

  // Local variables; 0 is this.
  private static final int STATE_ARGUMENT = 1;
  private static final int CPU_ARGUMENT = 2;
  private static final int ENTRY = 3;
  private static final int S = 4;
  private static final int C = 5;

  /** Guest instructions executed since the method was entered. */
  private static final int COUNT = 6;

  /** Which instruction runs: block number and offset in the block, for faults. */
  private static final int AT = 8;

  private static final int FIRST_FREE = 9;
  private static final int AT_SHIFT = 12;

  private final Engine engine;
  private final OperationTable table;
  private final Isa isa;
  private final RegionPlan plan;
  private final int mode;
  private final ClassDesc state;
  private final ClassDesc cpu;
  private List<Object> constants = List.of();

  private Code code;
  private Specializer specializer;
  private Label[] labels;
  private Label left;
  private int pc;

  private RegionClass(Engine engine, RegionPlan plan) {
    this.engine = engine;
    this.isa = engine.isa;
    this.table = isa.operations();
    this.plan = plan;
    mode = plan.blocks()[0].mode;
    state = table.state().describeConstable().orElseThrow();
    cpu = table.cpu().describeConstable().orElseThrow();
  }

  /** The class for {@code plan}, ready to run, or null where it would be too long. */
  static RegionCode write(Engine engine, RegionPlan plan) {
    return new RegionClass(engine, plan).define();
  }

  private RegionCode define() {
    String name = table.lookup().lookupClass().getPackageName() + ".Region";
    ClassLoader loader = table.cpu().getClassLoader();
    byte[] bytes =
        ClassFile.of(
                ClassFile.ClassHierarchyResolverOption.of(
                    ClassHierarchyResolver.ofClassLoading(loader)))
            .build(
                ClassDesc.of(name),
                c ->
                    c.withSuperclass(BASE)
                        .withFlags(ClassFile.ACC_FINAL)
                        .withMethodBody(
                            ConstantDescs.INIT_NAME,
                            ConstantDescs.MTD_void,
                            ClassFile.ACC_PUBLIC,
                            b ->
                                b.aload(0)
                                    .invokespecial(
                                        BASE, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                                    .return_())
                        .withMethodBody(
                            "run",
                            MethodTypeDesc.of(
                                ConstantDescs.CD_void, STATE, CPU, ConstantDescs.CD_int),
                            ClassFile.ACC_PUBLIC,
                            this::body));
    if (codeLength(bytes) > MAX_CODE_LENGTH) {
      return null;
    }
    try {
      MethodHandles.Lookup made =
          table.lookup().defineHiddenClassWithClassData(bytes, new ArrayList<>(constants), true);
      return (RegionCode)
          made.findConstructor(made.lookupClass(), MethodType.methodType(void.class))
              .asType(MethodType.methodType(RegionCode.class))
              .invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException("a region's class", e);
    }
  }

  /** Bytes of the one long method. */
  private static int codeLength(byte[] bytes) {
    return ClassFile.of().parse(bytes).methods().stream()
        .mapToInt(m -> m.code().map(c -> ((CodeAttribute) c).codeLength()).orElse(0))
        .max()
        .orElse(0);
  }

  private void body(CodeBuilder b) {
    code = new Code(b, S, C, FIRST_FREE);
    specializer = new Specializer(table, code);
    pc = code.registers().number("pc", -1, 'J');
    code.registers().written(pc);
    labels = new Label[plan.nodes().length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = b.newLabel();
    }
    left = b.newLabel();
    for (int i = 0; i < labels.length; i++) {
      code.bind(labels[i]);
      block(i);
    }
    constants = code.constants();

    b.aload(STATE_ARGUMENT).checkcast(state).astore(S);
    b.aload(CPU_ARGUMENT).checkcast(cpu).astore(C);
    b.lconst_0().lstore(COUNT);
    b.iconst_0().istore(AT);
    Label end = b.newLabel();
    loadRegisters(b);
    int[] entries = plan.entries();
    for (int i = 1; i < entries.length; i++) {
      b.iload(ENTRY).loadConstant(i).if_icmpeq(labels[entries[i]]);
    }
    b.goto_(labels[entries[0]]);
    Label start = b.newBoundLabel();
    code.writeTo(b);
    b.labelBinding(end);
    b.labelBinding(left);
    storeRegisters(b);
    addCount(b);
    b.return_();
    Label failed = b.newBoundLabel();
    b.exceptionCatchAll(start, end, failed);
    storeRegisters(b);
    addCount(b);
    long[] pcs = new long[labels.length];
    for (int i = 0; i < pcs.length; i++) {
      pcs[i] = plan.nodes()[i].pc;
    }
    b.aload(S);
    Code.loadConstant(b, code.constant(pcs), LONGS);
    b.iload(AT).loadConstant(AT_SHIFT).iushr().laload();
    b.iload(AT).loadConstant((1 << AT_SHIFT) - 1).iand().i2l().ladd();
    b.putfield(state, "pc", ConstantDescs.CD_long);
    b.athrow();
  }

  private void addCount(CodeBuilder b) {
    b.aload(S).dup().getfield(state, "instructions", ConstantDescs.CD_long);
    b.lload(COUNT).ladd().putfield(state, "instructions", ConstantDescs.CD_long);
  }

  private void loadRegisters(CodeBuilder b) {
    RegisterFile registers = code.registers();
    for (int i = 0; i < registers.count(); i++) {
      RegisterFile.Entry e = registers.entry(i);
      b.aload(S);
      if (e.index() < 0) {
        b.getfield(state, e.field(), typeOf(e));
      } else {
        b.getfield(state, e.field(), LONGS).loadConstant(e.index()).laload();
      }
      b.storeLocal(kind(e.type()), code.registerLocal(i));
    }
  }

  private void storeRegisters(CodeBuilder b) {
    RegisterFile registers = code.registers();
    for (int i = 0; i < registers.count(); i++) {
      RegisterFile.Entry e = registers.entry(i);
      if (!registers.isWritten(i)) {
        continue;
      }
      b.aload(S);
      if (e.index() < 0) {
        b.loadLocal(kind(e.type()), code.registerLocal(i));
        b.putfield(state, e.field(), typeOf(e));
      } else {
        b.getfield(state, e.field(), LONGS).loadConstant(e.index());
        b.loadLocal(kind(e.type()), code.registerLocal(i)).lastore();
      }
    }
  }

  private static TypeKind kind(char type) {
    return type == 'J' ? TypeKind.LONG : TypeKind.INT;
  }

  private ClassDesc typeOf(RegisterFile.Entry e) {
    try {
      return table.state().getField(e.field()).getType().describeConstable().orElseThrow();
    } catch (NoSuchFieldException x) {
      throw new IllegalStateException(x);
    }
  }

  private void block(int index) {
    RegionBlock node = plan.nodes()[index];
    long[] words = node.code;
    int first = code.size();
    code.resetTemporaries();
    for (int i = 0; i < words.length - 2; i += 2) {
      step(index, node.pc, words[i], words[i + 1]);
    }
    long w0 = words[words.length - 2];
    long w1 = words[words.length - 1];
    if (table.endings().of(w0) == null) {
      step(index, node.pc, w0, w1);
      go(index, node, null);
    } else {
      operation(index, node.pc, table.endings().of(w0), true, w0, w1, o -> go(index, node, o));
    }
    code.sweep(first);
  }

  private void step(int index, long blockPc, long w0, long w1) {
    Label next = code.label();
    int[] ends = new int[1];
    operation(
        index,
        blockPc,
        table.steps().of(w0),
        false,
        w0,
        w1,
        o -> {
          ends[0]++;
          code.jump(next);
        });
    if (ends[0] != 1 || !code.unjump(next)) {
      code.bind(next);
    }
  }

  private void operation(
      int index,
      long blockPc,
      Object operation,
      boolean isEnding,
      long w0,
      long w1,
      Specializer.End end) {
    int at = index << AT_SHIFT | table.pcOffset().of(w0);
    int before = code.size();
    // Goes again where the operation cannot throw; one piece, so that it can be replaced.
    code.add(false, b -> b.loadConstant(at).istore(AT));
    try {
      OperationTable.Target target = OperationTable.targetOf(operation, table.lookup());
      if (target == null) {
        throw new Unsuited("no method");
      }
      boolean mayThrow = specializer.write(target, w0, w1, blockPc, mode, end);
      if (!mayThrow) {
        code.remove(before);
      }
      return;
    } catch (Unsuited e) {
      engine.unsuited(e.getMessage());
      code.truncate(before);
    }
    Value.Temporary outcome = isEnding ? code.temporary('I') : null;
    call(at, blockPc, operation, outcome, w0, w1);
    end.at(outcome);
  }

  /** Calls the operation with all registers at home. */
  private void call(
      int at, long blockPc, Object operation, Value.Temporary outcome, long w0, long w1) {
    ClassDesc owner =
        (outcome != null ? table.ending() : table.step()).describeConstable().orElseThrow();
    ClassDesc result = outcome != null ? ConstantDescs.CD_int : ConstantDescs.CD_void;
    int number = code.constant(operation);
    int isaNumber = code.constant(isa);
    code.add(
        true,
        b -> {
          b.loadConstant(at).istore(AT);
          storeRegisters(b);
          Code.loadConstant(b, isaNumber, ISA);
          b.aload(S).loadConstant(blockPc);
          b.invokevirtual(
              ISA,
              "enterBlock",
              MethodTypeDesc.of(ConstantDescs.CD_void, STATE, ConstantDescs.CD_long));
          b.aload(S).loadConstant(at & ((1 << AT_SHIFT) - 1));
          b.putfield(state, "pcOffset", ConstantDescs.CD_int);
          Code.loadConstant(b, number, owner);
          b.aload(S).aload(C).loadConstant(w0).loadConstant(w1);
          b.invokeinterface(
              owner,
              "run",
              MethodTypeDesc.of(result, state, cpu, ConstantDescs.CD_long, ConstantDescs.CD_long));
          if (outcome != null) {
            code.store(b, outcome);
          }
          loadRegisters(b);
        });
  }

  /** Goes on after a block; {@code outcome} is that of its last instruction, or null. */
  private void go(int index, RegionBlock node, Value outcome) {
    code.add(
        false, b -> b.lload(COUNT).loadConstant((long) node.instructionCount).ladd().lstore(COUNT));
    if (node.kind == Block.BRANCH) {
      if (outcome instanceof Value.Constant c) {
        if (c.value().equals(Block.TO_TAKEN)) {
          leave(index, node.takenIndex, node.takenPc);
        } else {
          leave(index, node.nextIndex, node.nextPc);
        }
        return;
      }
      Label taken = code.label();
      if (outcome instanceof Value.Choice v
          && v.then().equals(new Value.Constant('I', Block.TO_TAKEN))
          && v.otherwise().equals(new Value.Constant('I', Block.TO_FALL))) {
        code.jumpIf(v.jump(), v.a(), v.b(), taken);
      } else {
        code.jumpIf(Opcode.IF_ICMPEQ, outcome, new Value.Constant('I', Block.TO_TAKEN), taken);
      }
      leave(index, node.nextIndex, node.nextPc);
      code.bind(taken);
      leave(index, node.takenIndex, node.takenPc);
      return;
    }
    if (node.firstGuess >= 0) {
      if (node.isBackward) {
        poll(left);
      }
      RegionRoot.Guesses guesses = plan.guesses();
      Value target = new Value.Register('J', pc);
      for (int g = node.firstGuess; guesses.indexes()[g] >= 0; g++) {
        Label to = labels[guesses.indexes()[g]];
        code.jumpIf(
            Opcode.IFEQ,
            new Value.Operator(Opcode.LCMP, 'I', target, new Value.Constant('J', guesses.pcs()[g])),
            null,
            to);
      }
      code.jump(left);
    } else if (node.isIndirect()) {
      code.jump(left);
    } else {
      leave(index, node.nextIndex, node.nextPc);
    }
  }

  /** On to the block {@code to}, or out with {@code target}. */
  private void leave(int from, int to, long target) {
    if (to < 0) {
      code.setRegister(pc, new Value.Constant('J', target));
      code.jump(left);
      return;
    }
    if (to <= from) {
      Label out = code.label();
      poll(out);
      code.jump(labels[to]);
      code.bind(out);
      code.setRegister(pc, new Value.Constant('J', target));
      code.jump(left);
    } else {
      code.jump(labels[to]);
    }
  }

  private void poll(Label out) {
    code.add(
        true,
        b -> b.aload(C).getfield(CPU, "pending", ConstantDescs.CD_int).branch(Opcode.IFNE, out));
  }
}
