package org.tuber.truffle.engine.special;

import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.reflect.Array;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Partial evaluation from bytecode to bytecode: walks an operation's methods with the instruction's
 * words known and the registers as variables, and writes down what is left.
 *
 * <p>Paths are followed one by one. Where a jump cannot be decided both ways are; where they meet
 * again at the same instruction with the same known values, they are one path again, after what is
 * not known was moved to variables that belong to the place.
 */
public final class Specializer {
  /** Longest walk, in bytecode instructions, and most code left, in pieces. */
  private static final int MAX_STEPS = 6000;

  private static final int MAX_PIECES = 160;
  private static final int MAX_DEPTH = 24;

  /** Trees beyond this are computed into a variable. */
  private static final int MAX_TREE = 12;

  /** Trees up to this are passed on as they are, even if they may be computed more than once. */
  private static final int SMALL_TREE = 3;

  /** Takes the paths' ends. */
  public interface End {
    /** Writes the jump to what follows; {@code outcome} is null of a method without a result. */
    void at(Value outcome);
  }

  private static final Value STATE = new Value.State();
  private static final Value CPU = new Value.Cpu();

  private static final class Frame {
    final MethodCode method;
    final Frame caller;
    final Value[] locals;
    Value[] stack = new Value[8];
    int depth;
    int pc;

    Frame(MethodCode method, Frame caller) {
      this.method = method;
      this.caller = caller;
      locals = new Value[method.maxLocals];
    }

    Frame copy() {
      Frame f = new Frame(method, caller == null ? null : caller.copy());
      System.arraycopy(locals, 0, f.locals, 0, locals.length);
      f.stack = stack.clone();
      f.depth = depth;
      f.pc = pc;
      return f;
    }

    void push(Value v) {
      if (depth == stack.length) {
        stack = Arrays.copyOf(stack, 2 * depth);
      }
      stack[depth++] = v;
    }

    Value pop() {
      return stack[--depth];
    }

    int nesting() {
      int n = 0;
      for (Frame f = this; f != null; f = f.caller) {
        n++;
      }
      return n;
    }
  }

  private record Path(Label label, Frame top, boolean hasNewPc, boolean hasEffect) {}

  private record Place(int frame, int slot, char type) {}

  private final OperationTable table;
  private final ClassLoader loader;
  private final Code code;
  private final Members members;
  private final Calls calls;
  private final Nearby nearby;

  private Value blockPc;

  /** The instruction's first byte, counted from the block's. */
  private int pcOffset;

  private int mode;
  private End end;
  private int steps;
  private int firstPiece;

  /** The path has set the state's {@code pc}, which until then is the block's. */
  private boolean hasNewPc;

  /** The path has changed something: it cannot start over. */
  private boolean hasEffect;

  private boolean mayThrow;

  /** Where to go when memory cannot be accessed fast, or null. */
  private Label slow;

  private boolean isSlowUsed;

  /** Remembers the pages of loads, or null. */
  private LastPages lastPages;

  private Frame top;
  private final Deque<Path> paths = new ArrayDeque<>();
  private final Map<List<Object>, Label> meetings = new HashMap<>();
  private final Map<Place, Value.Temporary> homes = new HashMap<>();

  /** Host addresses, which are not zero. */
  private final Set<Value> hosts = new HashSet<>();

  private final Map<Member, Access> accesses;

  /** Writes to {@code code}. */
  public Specializer(OperationTable table, Map<Member, Access> accesses, Nearby nearby, Code code) {
    this.nearby = nearby;
    this.table = table;
    this.accesses = accesses;
    this.code = code;
    loader = table.cpu().getClassLoader();
    members = new Members(table, loader);
    calls = new Calls(table, loader);
  }

  /**
   * Writes what {@code operation} does with these words.
   *
   * @param blockPc address of the block's first byte
   * @param slow where to go, with nothing changed, when memory cannot be accessed fast; null: calls
   * @return true when it may throw
   * @throws Unsuited when that is not possible; what was written then has to go
   */
  public boolean write(
      OperationTable.Target operation,
      long w0,
      long w1,
      Value blockPc,
      int mode,
      Label slow,
      End end) {
    this.slow = slow;
    isSlowUsed = false;
    hasEffect = false;
    hosts.clear();
    this.blockPc = blockPc;
    pcOffset = table.pcOffset().of(w0);
    this.mode = mode;
    this.end = end;
    steps = 0;
    firstPiece = code.size();
    nearby.begin();
    hasNewPc = false;
    mayThrow = false;
    paths.clear();
    meetings.clear();
    homes.clear();
    MethodCode m = ClassCode.of(operation.owner()).method(operation.key());
    if (m == null || m.obstacle != null || !m.isStatic) {
      throw new Unsuited(operation.name() + ": " + (m == null ? "not found" : m.obstacle));
    }
    top = new Frame(m, null);
    int slot = 0;
    for (Value v : operation.values()) {
      top.locals[slot] = v;
      slot += v.isWide() ? 2 : 1;
    }
    top.locals[slot] = STATE;
    top.locals[slot + 1] = CPU;
    top.locals[slot + 2] = new Value.Constant('J', w0);
    top.locals[slot + 4] = new Value.Constant('J', w1);
    walk();
    while (!paths.isEmpty()) {
      Path p = paths.pop();
      code.bind(p.label);
      top = p.top;
      hasNewPc = p.hasNewPc;
      hasEffect = p.hasEffect;
      walk();
    }
    return mayThrow;
  }

  /** From here on loads remember their pages there; null: not. */
  public void remember(LastPages pages) {
    lastPages = pages;
  }

  /** True when the last operation goes where it is slow. */
  public boolean isSlowUsed() {
    return isSlowUsed;
  }

  /** Follows one path to its end. */
  private void walk() {
    while (true) {
      Frame f = top;
      if (nearby.hasForked() && f.method.isTarget[f.pc] && meets()) {
        return;
      }
      if (++steps > MAX_STEPS || code.size() - firstPiece > MAX_PIECES) {
        throw new Unsuited(f.method.name + ": too long");
      }
      Insn i = f.method.code[f.pc++];
      switch (i.kind()) {
        case NOP -> {}
        case CONSTANT -> {
          Value v = (Value) i.value();
          if (v instanceof Value.Known k && k.object() == null) {
            throw unsuited("constant");
          }
          f.push(v);
        }
        case LOAD -> f.push(f.locals[i.slot()]);
        case STORE -> f.locals[i.slot()] = settled(f.pop(), SMALL_TREE);
        case INCREMENT ->
            f.locals[i.slot()] =
                settled(
                    Folding.operator(
                        Opcode.IADD, f.locals[i.slot()], new Value.Constant('I', i.value())),
                    SMALL_TREE);
        case OPERATOR -> operator(f, i.opcode());
        case STACK -> stack(f, i.opcode());
        case GOTO -> f.pc = i.target();
        case BRANCH -> branch(f, i);
        case SWITCH -> choose(f, i);
        case GET_STATIC -> f.push(getStatic((Member) i.value()));
        case GET_FIELD -> f.push(getField(f.pop(), (Member) i.value()));
        case PUT_FIELD -> putField(f, (Member) i.value());
        case INVOKE -> {
          if (!invoke(f, i.opcode(), (Member) i.value())) {
            return;
          }
        }
        case RETURN -> {
          Value result = i.opcode() == Opcode.RETURN ? null : settled(f.pop(), SMALL_TREE);
          if (f.caller == null) {
            end.at(result);
            return;
          }
          top = f.caller;
          if (result != null) {
            top.push(result);
          }
        }
        case ARRAY_LOAD -> arrayLoad(f, i.opcode());
        case ARRAY_STORE -> arrayStore(f, i.opcode());
        case ARRAY_LENGTH -> f.push(arrayLength(f.pop()));
        case CAST -> {
          Value v = f.stack[f.depth - 1];
          if (v instanceof Value.Temporary t) {
            f.depth--;
            Value.Temporary cast = code.temporary('A');
            code.cast(t, (ClassDesc) i.value(), cast);
            f.push(cast);
          }
        }
        case THROW -> {
          mayThrow = true;
          code.raise(f.pop());
          return;
        }
        case OTHER -> throw unsuited(i.opcode().name());
      }
    }
  }

  private Unsuited unsuited(String why) {
    return new Unsuited(top.method.name + ": " + why);
  }

  // ---------------------------------------------------------------- meeting of paths

  /** True when this path goes on as another one did; else it is the first that is written here. */
  private boolean meets() {
    List<Object> key = new ArrayList<>();
    key.add(hasNewPc);
    key.add(hasEffect);
    List<Value> from = new ArrayList<>();
    List<Value.Temporary> to = new ArrayList<>();
    int nesting = top.nesting();
    for (Frame f = top; f != null; f = f.caller) {
      key.add(f.method);
      key.add(f.pc);
      BitSet live = f.method.live(f.pc);
      for (int n = 0; n < f.locals.length; n++) {
        Value v = f.locals[n];
        if (v != null) {
          f.locals[n] = live.get(n) ? home(v, nesting, n, from, to) : null;
        }
        key.add(f.locals[n]);
      }
      for (int n = 0; n < f.depth; n++) {
        f.stack[n] = home(f.stack[n], nesting, 1000 + n, from, to);
        key.add(f.stack[n]);
      }
      nesting--;
    }
    if (!from.isEmpty()) {
      code.move(from, to);
    }
    Label known = meetings.get(key);
    if (known != null) {
      code.jump(known);
      return true;
    }
    Label label = code.label();
    meetings.put(key, label);
    code.bind(label);
    return false;
  }

  /** The value as it has to be where paths meet. */
  private Value home(Value v, int frame, int slot, List<Value> from, List<Value.Temporary> to) {
    if (v instanceof Value.Temporary || !v.isSimple()) {
      Value.Temporary home =
          homes.computeIfAbsent(new Place(frame, slot, v.type()), p -> code.temporary(p.type()));
      if (!home.equals(v)) {
        from.add(v);
        to.add(home);
      }
      return home;
    }
    return v;
  }

  /** {@code v}, computed now when it is bigger than {@code limit}. */
  private Value settled(Value v, int limit) {
    if (v.isSimple() || v.size() <= limit) {
      return v;
    }
    if (v instanceof Value.Choice && v.size() <= MAX_TREE) {
      return v;
    }
    return compute(v);
  }

  private Value compute(Value v) {
    Value.Temporary t = code.temporary(v.type());
    code.assign(t, v);
    return t;
  }

  /** Before register {@code number} changes: what was computed from it is computed now. */
  private void freeze(int number) {
    Map<Value, Value> done = null;
    for (Frame f = top; f != null; f = f.caller) {
      for (int n = 0; n < f.locals.length; n++) {
        Value v = f.locals[n];
        if (v != null && v.uses(number)) {
          done = done == null ? new HashMap<>() : done;
          f.locals[n] = done.computeIfAbsent(v, this::compute);
        }
      }
      for (int n = 0; n < f.depth; n++) {
        Value v = f.stack[n];
        if (v.uses(number)) {
          done = done == null ? new HashMap<>() : done;
          f.stack[n] = done.computeIfAbsent(v, this::compute);
        }
      }
    }
  }

  // ---------------------------------------------------------------- computing

  private void operator(Frame f, Opcode opcode) {
    boolean isUnary = Folding.isUnary(opcode);
    Value b = isUnary ? null : f.pop();
    Value a = f.pop();
    if (a.size() + (b == null ? 0 : b.size()) > MAX_TREE) {
      a = settled(a, 1);
      b = b == null ? null : settled(b, 1);
    }
    Value v = Folding.operator(opcode, a, b);
    if (Folding.mayThrow(opcode) && !(v instanceof Value.Constant)) {
      mayThrow = true;
      v = compute(v);
    }
    f.push(v);
  }

  private void stack(Frame f, Opcode opcode) {
    switch (opcode) {
      case POP -> f.pop();
      case POP2 -> {
        if (!f.pop().isWide()) {
          f.pop();
        }
      }
      case DUP -> duplicate(f, 1, 0);
      case DUP2 -> duplicate(f, f.stack[f.depth - 1].isWide() ? 1 : 2, 0);
      case DUP_X1 -> duplicate(f, 1, 1);
      case DUP_X2 -> duplicate(f, 1, f.stack[f.depth - 2].isWide() ? 1 : 2);
      case DUP2_X1 -> duplicate(f, f.stack[f.depth - 1].isWide() ? 1 : 2, 1);
      case DUP2_X2 -> {
        int n = f.stack[f.depth - 1].isWide() ? 1 : 2;
        duplicate(f, n, f.stack[f.depth - 1 - n].isWide() ? 1 : 2);
      }
      case SWAP -> {
        Value b = f.pop();
        Value a = f.pop();
        f.push(b);
        f.push(a);
      }
      default -> throw unsuited(opcode.name());
    }
  }

  /** Copies the top {@code n} values to below the {@code under} values under them. */
  private void duplicate(Frame f, int n, int under) {
    Value[] all = new Value[n + under];
    for (int i = all.length - 1; i >= 0; i--) {
      all[i] = f.pop();
    }
    for (int i = under; i < all.length; i++) {
      all[i] = settled(all[i], 1);
      f.push(all[i]);
    }
    for (Value v : all) {
      f.push(v);
    }
  }

  // ---------------------------------------------------------------- control flow

  private void branch(Frame f, Insn i) {
    Opcode jump = i.opcode();
    Value b = Folding.comparesTwo(jump) ? f.pop() : null;
    Value a = f.pop();
    if ((jump == Opcode.IFEQ || jump == Opcode.IFNE) && isTestOfHost(a)) {
      if (jump == Opcode.IFNE) {
        f.pc = i.target();
      }
      return;
    }
    Folding.Test test = Folding.test(jump, a, b);
    if (test.known() != null) {
      if (test.known()) {
        f.pc = i.target();
      }
      return;
    }
    if (asChoice(f, i, test)) {
      return;
    }
    nearby.fork();
    Label label = code.label();
    Frame other = f.copy();
    other.pc = i.target();
    paths.push(new Path(label, other, hasNewPc, hasEffect));
    code.jumpIf(test.jump(), test.a(), test.b(), label);
  }

  /** Recognizes {@code condition ? x : y} with simple arms, which needs no second path. */
  private boolean asChoice(Frame f, Insn i, Folding.Test test) {
    Insn[] all = f.method.code;
    int at = f.pc;
    if (i.target() != at + 2
        || at + 3 > all.length
        || all[at + 1].kind() != Insn.Kind.GOTO
        || all[at + 1].target() != at + 3) {
      return false;
    }
    Value otherwise = arm(f, all[at]);
    Value then = arm(f, all[at + 2]);
    if (otherwise == null || then == null || then.type() != otherwise.type()) {
      return false;
    }
    Value a = settled(test.a(), 6);
    Value b = test.b() == null ? null : settled(test.b(), 6);
    Value v =
        then.equals(otherwise)
            ? then
            : new Value.Choice(test.jump(), a, b, then.type(), then, otherwise);
    f.push(v);
    f.pc = at + 3;
    return true;
  }

  private static Value arm(Frame f, Insn i) {
    Value v =
        switch (i.kind()) {
          case CONSTANT -> (Value) i.value();
          case LOAD -> f.locals[i.slot()];
          default -> null;
        };
    return v != null && v.type() != 'A' && v.isSimple() ? v : null;
  }

  private void choose(Frame f, Insn i) {
    Value v = f.pop();
    int[] keys = (int[]) i.value();
    if (v instanceof Value.Constant c) {
      int at = Arrays.stream(keys).boxed().toList().indexOf(c.asInt());
      f.pc = at < 0 ? i.target() : i.targets()[at];
      return;
    }
    nearby.fork();
    Label[] labels = new Label[keys.length];
    for (int n = 0; n < keys.length; n++) {
      Frame other = f.copy();
      other.pc = i.targets()[n];
      labels[n] = code.label();
      paths.push(new Path(labels[n], other, hasNewPc, hasEffect));
    }
    Label rest = code.label();
    code.choose(v, keys, labels, rest);
    code.bind(rest);
    f.pc = i.target();
  }

  // ---------------------------------------------------------------- fields and arrays

  private Value getStatic(Member field) {
    Value known = members.constant(field);
    if (known != null) {
      return known;
    }
    members.requireAccess(field, true);
    Value.Temporary t = code.temporary(Folding.typeOf(field.fieldType()));
    code.getStatic(field, t);
    return t;
  }

  private Value getField(Value of, Member field) {
    if (of instanceof Value.State) {
      if (field.name().equals("pc") && !hasNewPc) {
        return blockPc;
      }
      if (field.name().equals("pcOffset")) {
        // The interpreter writes it before each instruction; here nobody does.
        return new Value.Constant('I', pcOffset);
      }
      if (field.fieldType().isPrimitive()) {
        return register(field.name(), -1, Folding.typeOf(field.fieldType()));
      }
      if (field.fieldType().descriptorString().equals("[J")) {
        return new Value.Registers(field.name());
      }
      throw unsuited("state's " + field.name());
    }
    if (of instanceof Value.Cpu && field.name().equals("mode")) {
      return new Value.Constant('I', mode);
    }
    members.requireAccess(field, false);
    mayThrow = mayThrow || !(of instanceof Value.Cpu);
    Value.Temporary t = code.temporary(Folding.typeOf(field.fieldType()));
    code.getField(of, field, t);
    return t;
  }

  private void putField(Frame f, Member field) {
    Value v = f.pop();
    Value of = f.pop();
    if (of instanceof Value.State) {
      if (!field.fieldType().isPrimitive()) {
        throw unsuited("state's " + field.name());
      }
      hasNewPc |= field.name().equals("pc");
      setRegister(field.name(), -1, Folding.typeOf(field.fieldType()), v);
      return;
    }
    requireNoState(v);
    members.requireAccess(field, false);
    mayThrow = mayThrow || !(of instanceof Value.Cpu);
    hasEffect = true;
    code.putField(of, field, v);
  }

  private Value register(String field, int index, char type) {
    Value fixed = table.fixed().valueOf(field, index, blockPc);
    return fixed != null
        ? fixed
        : new Value.Register(type, code.registers().number(field, index, type));
  }

  private void setRegister(String field, int index, char type, Value v) {
    if (table.fixed().valueOf(field, index, blockPc) != null) {
      throw unsuited("writes a fixed register");
    }
    int number = code.registers().number(field, index, type);
    if (v.equals(new Value.Register(type, number))) {
      return;
    }
    requireNoState(v);
    freeze(number);
    hasEffect = true;
    code.setRegister(number, v);
  }

  private void requireNoState(Value v) {
    if (v instanceof Value.State || v instanceof Value.Registers) {
      throw unsuited("state escapes");
    }
  }

  private void arrayLoad(Frame f, Opcode opcode) {
    Value index = f.pop();
    Value array = f.pop();
    if (array instanceof Value.Registers r) {
      if (!(index instanceof Value.Constant c) || opcode != Opcode.LALOAD) {
        throw unsuited("register by a computed number");
      }
      f.push(register(r.field(), c.asInt(), 'J'));
      return;
    }
    if (array instanceof Value.Known k && k.isStable() && index instanceof Value.Constant c) {
      f.push(Members.element(k.object(), c.asInt()));
      return;
    }
    mayThrow = true;
    Value.Temporary t = code.temporary(Folding.elementType(opcode));
    code.arrayLoad(opcode, array, index, t);
    f.push(t);
  }

  private void arrayStore(Frame f, Opcode opcode) {
    Value v = f.pop();
    Value index = f.pop();
    Value array = f.pop();
    if (array instanceof Value.Registers r) {
      if (!(index instanceof Value.Constant c) || opcode != Opcode.LASTORE) {
        throw unsuited("register by a computed number");
      }
      setRegister(r.field(), c.asInt(), 'J', v);
      return;
    }
    requireNoState(v);
    mayThrow = true;
    code.arrayStore(opcode, array, index, v);
  }

  private Value arrayLength(Value array) {
    if (array instanceof Value.Known k) {
      return new Value.Constant('I', Array.getLength(k.object()));
    }
    if (array instanceof Value.Registers) {
      throw unsuited("length of registers");
    }
    mayThrow = true;
    Value.Temporary t = code.temporary('I');
    code.arrayLength(array, t);
    return t;
  }

  // ---------------------------------------------------------------- calls

  /** False: the path ends here. */
  private boolean invoke(Frame f, Opcode opcode, Member m) {
    if (opcode == Opcode.INVOKEDYNAMIC) {
      throw unsuited("invokedynamic");
    }
    boolean isStatic = opcode == Opcode.INVOKESTATIC;
    int count = m.type().parameterCount();
    Value[] arguments = new Value[count + (isStatic ? 0 : 1)];
    for (int n = arguments.length - 1; n >= 0; n--) {
      arguments[n] = f.pop();
    }
    Access access = accesses.get(m);
    if (access != null && access(f, access, arguments)) {
      return true;
    }
    Calls.Decision d = calls.decide(opcode, m, arguments);
    switch (d.how()) {
      case NOTHING -> {}
      case RESULT -> f.push(d.result());
      case WALK -> {
        if (f.nesting() >= MAX_DEPTH) {
          throw unsuited("too deep");
        }
        Frame callee = new Frame(d.method(), f);
        int slot = 0;
        for (Value v : d.arguments() == null ? arguments : d.arguments()) {
          callee.locals[slot] = settled(v, SMALL_TREE);
          slot += v.isWide() ? 2 : 1;
        }
        top = callee;
      }
      case CALL -> {
        if (slow != null && nearby.hasForked() && !hasEffect && d.isBoundary()) {
          // Made in a rare case only, but it would cost the others their host registers.
          isSlowUsed = true;
          code.jump(slow);
          return false;
        }
        mayThrow = true;
        hasEffect = true;
        Value.Temporary t =
            m.type().returnType().descriptorString().equals("V")
                ? null
                : code.temporary(Folding.typeOf(m.type().returnType()));
        code.call(d, opcode, m, List.of(arguments), t);
        code.forgetPages();
        if (t != null) {
          f.push(t);
        }
      }
    }
    return true;
  }

  /** Writes the fast part of an access; false: it has to be a call. */
  private boolean access(Frame f, Access a, Value[] arguments) {
    if (a.kind() == Access.Kind.RAW) {
      if (a.raw().type().returnType().equals(ConstantDescs.CD_void)) {
        hasEffect = true;
        code.raw(a.raw(), List.of(arguments), null);
        return true;
      }
      Value.Temporary t = code.temporary(Folding.typeOf(a.raw().type().returnType()));
      code.raw(a.raw(), List.of(arguments), t);
      f.push(t);
      return true;
    }
    int n = arguments.length - 1;
    Value address = arguments[a.kind() == Access.Kind.LOAD ? n : n - 1];
    long bytes = a.kind() == Access.Kind.ADDRESS ? nearby.bytes(address, arguments[n]) : a.bytes();
    boolean mayLeave = slow != null && !hasEffect;
    Nearby.Hit hit = bytes == 0 ? null : nearby.find(address, bytes, a.isWrite(), mayLeave);
    if (hit == null && !mayLeave) {
      return false;
    }
    Value host;
    if (hit != null && !hit.isNew()) {
      host = hit.host();
    } else {
      isSlowUsed = true;
      Value table = settled(arguments[0], 1);
      int number = a.kind() == Access.Kind.LOAD && lastPages != null ? lastPages.of(address) : -1;
      Value settled = settled(address, 1);
      if (hit != null) {
        code.findRun(hit, a, table, settled, number, slow);
        host = hit.host();
      } else {
        Value last =
            a.kind() == Access.Kind.ADDRESS
                ? arguments[n]
                : Folding.operator(Opcode.LADD, settled, new Value.Constant('J', a.bytes() - 1L));
        Value test = new Value.Pure(a.test(), 'I', List.of(table, settled, last));
        code.jumpIf(Opcode.IFNE, test, null, slow);
        host = new Value.Pure(a.host(), 'J', List.of(table, settled));
      }
    }
    switch (a.kind()) {
      case LOAD -> {
        Value.Temporary t = code.temporary(a.bytes() == 8 ? 'J' : 'I');
        code.raw(a.raw(), List.of(host), t);
        f.push(
            switch (a.bytes()) {
              case 1 -> extended(new Value.Operator(Opcode.I2B, 'I', t, null));
              case 2 -> extended(new Value.Operator(Opcode.I2S, 'I', t, null));
              case 4 -> extended(t);
              default -> t;
            });
      }
      case STORE -> {
        hasEffect = true;
        Value v = arguments[n];
        code.raw(
            a.raw(),
            List.of(host, a.bytes() == 8 ? v : new Value.Operator(Opcode.L2I, 'I', v, null)),
            null);
      }
      default -> {
        Value.Temporary t = code.temporary('J');
        code.assign(t, host);
        hosts.add(t);
        f.push(t);
      }
    }
    return true;
  }

  private static Value extended(Value v) {
    return new Value.Operator(Opcode.I2L, 'J', v, null);
  }

  /** True when the test is whether a host address is zero. */
  private boolean isTestOfHost(Value a) {
    return a instanceof Value.Operator o
        && o.opcode() == Opcode.LCMP
        && o.b().equals(new Value.Constant('J', 0L))
        && hosts.contains(o.a());
  }
}
