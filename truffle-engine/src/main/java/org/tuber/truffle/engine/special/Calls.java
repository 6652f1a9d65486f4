package org.tuber.truffle.engine.special;

import java.lang.classfile.Opcode;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What to do with a call: walk into it, write it down, or know its result. */
final class Calls {
  /** Longest method without a state that is walked for the sake of known arguments. */
  private static final int MAX_INLINE = 250;

  private static final Set<String> PURE =
      Set.of(
          "java.lang.Math",
          "java.lang.StrictMath",
          "java.lang.Integer",
          "java.lang.Long",
          "java.lang.Double",
          "java.lang.Float");

  private static final Set<String> IMPURE_NAMES =
      Set.of("divideUnsigned", "remainderUnsigned", "floorDiv", "floorMod", "ceilDiv", "valueOf");

  /** Kinds of decision. */
  enum How {
    /** It has no effect and no result. */
    NOTHING,
    /** Its result is known or computed when needed. */
    RESULT,
    /** Walk through it. */
    WALK,
    /** Write the call. */
    CALL
  }

  /**
   * The decision.
   *
   * @param method to walk, or that is called if it is known
   * @param arguments of a walk, where they are others than the call's
   * @param handle how to call a method that the written class may not name, or null
   */
  record Decision(
      How how, Value result, MethodCode method, Value[] arguments, MethodHandle handle) {
    /** A call of what is too slow, or too rare, to be compiled with its callers. */
    boolean isBoundary() {
      return method != null && method.isBoundary;
    }

    static Decision result(Value v) {
      return new Decision(How.RESULT, v, null, null, null);
    }
  }

  private static final Decision NOTHING = new Decision(How.NOTHING, null, null, null, null);
  private static final Decision CALL = new Decision(How.CALL, null, null, null, null);

  private final OperationTable table;
  private final ClassLoader loader;
  private final String home;
  private final Map<Member, Class<?>> owners = new HashMap<>();
  private final Map<Member, MethodHandle> handles = new HashMap<>();

  Calls(OperationTable table, ClassLoader loader) {
    this.table = table;
    this.loader = loader;
    home = table.lookup().lookupClass().getPackageName();
  }

  Decision decide(Opcode opcode, Member m, Value[] arguments) {
    boolean hasState = false;
    boolean hasKnown = false;
    boolean isStatic = opcode == Opcode.INVOKESTATIC;
    for (int i = 0; i < arguments.length; i++) {
      Value v = arguments[i];
      hasState |= v instanceof Value.State || v instanceof Value.Registers;
      hasKnown |=
          v instanceof Value.Constant || (v instanceof Value.Known k && (k.isStable() || i > 0));
    }
    String owner = m.owner().packageName();
    if (owner.startsWith("com.oracle.truffle")) {
      return directive(m, arguments);
    }
    if (owner.startsWith("java.") || owner.startsWith("sun.") || owner.startsWith("jdk.")) {
      return library(m, arguments, isStatic, hasState);
    }
    if (opcode == Opcode.INVOKEINTERFACE && arguments[0] instanceof Value.Known k) {
      Decision inside = lambda(k.object(), arguments);
      if (inside != null) {
        return inside;
      }
    }
    Class<?> start = receiver(opcode, m, arguments);
    if (start == null) {
      if (hasState) {
        throw new Unsuited(m + ": receiver not known");
      }
      return call(m, isStatic, null, null);
    }
    Class<?> declaring = start;
    MethodCode method = null;
    while (declaring != null && declaring != Object.class) {
      method = ClassCode.of(declaring).method(m.key());
      if (method != null) {
        break;
      }
      declaring = declaring.getSuperclass();
    }
    if (method == null) {
      if (hasState) {
        throw new Unsuited(m + ": not found");
      }
      return call(m, isStatic, null, null);
    }
    boolean canWalk = !method.isBoundary && method.obstacle == null;
    if (hasState && !canWalk) {
      throw new Unsuited(m + ": " + (method.isBoundary ? "boundary" : method.obstacle));
    }
    boolean isCpuCall = !isStatic && arguments[0] instanceof Value.Cpu;
    if (canWalk
        && (hasState
            || (hasKnown && !isCpuCall && method.code.length <= MAX_INLINE)
            || (!isCpuCall && method.code.length <= 4))) {
      return new Decision(How.WALK, null, method, null, null);
    }
    return call(m, isStatic, declaring, method);
  }

  /** A walk of the method behind a lambda, or null. */
  private Decision lambda(Object object, Value[] arguments) {
    OperationTable.Target target = OperationTable.targetOf(object, table.lookup());
    MethodCode method = target == null ? null : ClassCode.of(target.owner()).method(target.key());
    if (method == null || !method.isStatic || method.isBoundary || method.obstacle != null) {
      return null;
    }
    List<Value> all = target.values();
    all.addAll(Arrays.asList(arguments).subList(1, arguments.length));
    return new Decision(How.WALK, null, method, all.toArray(Value[]::new), null);
  }

  /** Class to look the method up from, or null where the object's class is not known. */
  private Class<?> receiver(Opcode opcode, Member m, Value[] arguments) {
    if (opcode == Opcode.INVOKESTATIC || opcode == Opcode.INVOKESPECIAL) {
      return owner(m);
    }
    return switch (arguments[0]) {
      case Value.Cpu c -> table.cpu();
      case Value.State s -> table.state();
      case Value.Known k -> k.object().getClass();
      default -> {
        Class<?> named = owner(m);
        yield Modifier.isFinal(named.getModifiers()) ? named : null;
      }
    };
  }

  private Class<?> owner(Member m) {
    return owners.computeIfAbsent(m, x -> ClassCode.load(x.owner(), loader));
  }

  private Decision call(Member m, boolean isStatic, Class<?> declaring, MethodCode method) {
    if (method == null
        || method.isPublic
        || (!method.isPrivate && declaring.getPackageName().equals(home))) {
      return new Decision(How.CALL, null, method, null, null);
    }
    return new Decision(
        How.CALL,
        null,
        method,
        null,
        handles.computeIfAbsent(m, x -> handle(x, isStatic, declaring)));
  }

  private MethodHandle handle(Member m, boolean isStatic, Class<?> declaring) {
    try {
      MethodHandles.Lookup inside = MethodHandles.privateLookupIn(declaring, table.lookup());
      MethodType type = m.type().resolveConstantDesc(inside);
      return isStatic
          ? inside.findStatic(declaring, m.name(), type)
          : inside.findVirtual(declaring, m.name(), type);
    } catch (ReflectiveOperationException e) {
      throw new Unsuited(m + ": " + e.getMessage());
    }
  }

  private static Decision directive(Member m, Value[] arguments) {
    return switch (m.name()) {
      case "injectBranchProbability" -> Decision.result(arguments[1]);
      case "inInterpreter" -> Decision.result(new Value.Constant('I', 0));
      case "inCompiledCode" -> Decision.result(new Value.Constant('I', 1));
      case "transferToInterpreter",
          "transferToInterpreterAndInvalidate",
          "partialEvaluationConstant",
          "compilationConstant" ->
          NOTHING;
      case "castExact" -> Decision.result(arguments[0]);
      default -> throw new Unsuited(m.toString());
    };
  }

  private Decision library(Member m, Value[] arguments, boolean isStatic, boolean hasState) {
    if (hasState) {
      throw new Unsuited(m + " with the state");
    }
    String owner = m.owner().packageName() + "." + m.owner().displayName();
    boolean isPure =
        isStatic
            && PURE.contains(owner)
            && !IMPURE_NAMES.contains(m.name())
            && !m.name().endsWith("Exact")
            && m.type().returnType().isPrimitive()
            && m.type().parameterList().stream().allMatch(p -> p.isPrimitive());
    if (!isPure) {
      return CALL;
    }
    boolean isKnown = true;
    int size = 0;
    for (Value v : arguments) {
      isKnown &= v instanceof Value.Constant;
      size += v.size();
    }
    if (isKnown) {
      return Decision.result(evaluate(m, arguments));
    }
    return size > 10
        ? CALL
        : Decision.result(
            new Value.Pure(m, Folding.typeOf(m.type().returnType()), List.of(arguments)));
  }

  private Value evaluate(Member m, Value[] arguments) {
    try {
      MethodType type = m.type().resolveConstantDesc(table.lookup());
      Method method = owner(m).getMethod(m.name(), type.parameterArray());
      Object[] values = new Object[arguments.length];
      for (int i = 0; i < values.length; i++) {
        Object v = ((Value.Constant) arguments[i]).value();
        Class<?> p = type.parameterType(i);
        values[i] =
            p == byte.class
                ? (Object) ((Integer) v).byteValue()
                : p == short.class
                    ? (Object) ((Integer) v).shortValue()
                    : p == boolean.class
                        ? (Object) ((Integer) v != 0)
                        : p == char.class ? (Object) (char) (int) (Integer) v : v;
      }
      return Members.constant(method.invoke(null, values));
    } catch (ReflectiveOperationException e) {
      throw new Unsuited(m + ": " + e);
    }
  }
}
