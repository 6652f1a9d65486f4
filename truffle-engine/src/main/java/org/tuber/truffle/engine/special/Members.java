package org.tuber.truffle.engine.special;

import java.lang.invoke.MethodHandles;
import java.lang.reflect.Array;
import java.util.HashMap;
import java.util.Map;

/** Static fields that are constants, and what the written class may name. */
final class Members {
  private final OperationTable table;
  private final ClassLoader loader;
  private final String home;
  private final Map<Member, Value> constants = new HashMap<>();

  Members(OperationTable table, ClassLoader loader) {
    this.table = table;
    this.loader = loader;
    home = table.lookup().lookupClass().getPackageName();
  }

  /** The value of a static final field, or null. */
  Value constant(Member field) {
    if (constants.containsKey(field)) {
      return constants.get(field);
    }
    Value v = read(field);
    constants.put(field, v);
    return v;
  }

  private Value read(Member field) {
    if (field.name().equals("$assertionsDisabled")) {
      return new Value.Constant('I', 1);
    }
    Class<?> owner = declaring(field);
    ClassCode.Field f = ClassCode.of(owner).field(field.name());
    if (f == null || !f.isFinal()) {
      return null;
    }
    try {
      MethodHandles.Lookup inside = MethodHandles.privateLookupIn(owner, table.lookup());
      Object value =
          inside
              .findStaticVarHandle(
                  owner,
                  field.name(),
                  (Class<?>) field.fieldType().resolveConstantDesc(table.lookup()))
              .get();
      return field.fieldType().isPrimitive()
          ? constant(value)
          : value == null
              ? new Value.Constant('A', null)
              : new Value.Known(value, field.fieldType(), f.isStable());
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }

  private Class<?> declaring(Member field) {
    for (Class<?> c = ClassCode.load(field.owner(), loader); c != null; c = c.getSuperclass()) {
      if (ClassCode.of(c).field(field.name()) != null) {
        return c;
      }
    }
    return ClassCode.load(field.owner(), loader);
  }

  /** Throws where the written class may not name the field. */
  void requireAccess(Member field, boolean isStatic) {
    Class<?> owner = declaring(field);
    ClassCode.Field f = ClassCode.of(owner).field(field.name());
    if (f == null || f.isStatic() != isStatic) {
      throw new Unsuited(field + ": not found");
    }
    if (!f.isPublic() && (f.isPrivate() || !owner.getPackageName().equals(home))) {
      throw new Unsuited(field + ": not accessible");
    }
  }

  /** A primitive as a value. */
  static Value constant(Object o) {
    return switch (o) {
      case Integer i -> new Value.Constant('I', i);
      case Long l -> new Value.Constant('J', l);
      case Double d -> new Value.Constant('D', d);
      case Float f -> new Value.Constant('F', f);
      case Boolean b -> new Value.Constant('I', b ? 1 : 0);
      case Byte b -> new Value.Constant('I', (int) b);
      case Short s -> new Value.Constant('I', (int) s);
      case Character c -> new Value.Constant('I', (int) c);
      default -> throw new Unsuited("constant " + o);
    };
  }

  /** Element of an array that never changes. */
  static Value element(Object array, int index) {
    if (array instanceof Object[] objects) {
      Object o = objects[index];
      return o == null
          ? new Value.Constant('A', null)
          : new Value.Known(
              o, array.getClass().getComponentType().describeConstable().orElseThrow(), false);
    }
    return constant(Array.get(array, index));
  }
}
