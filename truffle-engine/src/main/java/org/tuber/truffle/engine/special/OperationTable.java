package org.tuber.truffle.engine.special;

import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An instruction set's operations as objects, for regions as host classes. A step object has a
 * method {@code void run(State, Cpu, long, long)}, an ending object the same with an {@code int}
 * outcome; both by interfaces that the look-up class can see.
 *
 * @param lookup with full access to the package where classes are put
 * @param state class of the registers
 * @param cpu class of the CPU, final
 * @param step interface of the steps
 * @param ending interface of the endings
 * @param steps by first word; null where the word is of the other kind
 * @param endings by first word; null where the word is of the other kind
 * @param pcOffset an instruction's bytes from its block's first, by first word
 * @param fixed registers that are constants
 */
public record OperationTable(
    MethodHandles.Lookup lookup,
    Class<?> state,
    Class<?> cpu,
    Class<?> step,
    Class<?> ending,
    ByWord steps,
    ByWord endings,
    OffsetOf pcOffset,
    FixedRegister fixed) {
  private static final Map<Object, Optional<Target>> TARGETS = new ConcurrentHashMap<>();

  /** Gives the object for an instruction's first word. */
  @FunctionalInterface
  public interface ByWord {
    /** The object, or null where the word is of the other kind. */
    Object of(long w0);
  }

  /** Gives the offset of an instruction from its block's first byte. */
  @FunctionalInterface
  public interface OffsetOf {
    /** Bytes. */
    int of(long w0);
  }

  /** Tells registers that have the same value throughout a block. */
  @FunctionalInterface
  public interface FixedRegister {
    /**
     * Its value, or null where it is a register like others.
     *
     * @param index in the array {@code field}, or -1
     */
    Value valueOf(String field, int index, Value blockPc);
  }

  /**
   * The method behind an operation.
   *
   * @param captured its first arguments
   */
  public record Target(Class<?> owner, String name, String descriptor, List<Object> captured) {
    String key() {
      return name + descriptor;
    }

    /** The captured arguments as the method's parameters declare them. */
    List<Value> values() {
      List<ClassDesc> types = MethodTypeDesc.ofDescriptor(descriptor).parameterList();
      List<Value> values = new ArrayList<>();
      for (int i = 0; i < captured.size(); i++) {
        Object o = captured.get(i);
        values.add(
            types.get(i).isPrimitive()
                ? Members.constant(o)
                : o == null
                    ? new Value.Constant('A', null)
                    : new Value.Known(o, types.get(i), false));
      }
      return values;
    }
  }

  /**
   * The method behind {@code lambda}, whose interface has to be serializable, or null.
   *
   * @param inside access to the class that made it
   */
  public static Target targetOf(Object lambda, MethodHandles.Lookup inside) {
    return TARGETS.computeIfAbsent(lambda, l -> Optional.ofNullable(find(l, inside))).orElse(null);
  }

  private static Target find(Object lambda, MethodHandles.Lookup inside) {
    try {
      Method replace = lambda.getClass().getDeclaredMethod("writeReplace");
      replace.setAccessible(true);
      SerializedLambda s = (SerializedLambda) replace.invoke(lambda);
      List<Object> captured = new ArrayList<>();
      for (int i = 0; i < s.getCapturedArgCount(); i++) {
        captured.add(s.getCapturedArg(i));
      }
      Class<?> owner = inside.findClass(s.getImplClass().replace('/', '.'));
      return new Target(owner, s.getImplMethodName(), s.getImplMethodSignature(), captured);
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }
}
