package org.tuber.truffle.engine;

import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Says in words where two states differ. */
final class Difference {
  /** Kept, because the JVM makes each anew, and slow at first. */
  private static final ClassValue<List<Method>> ACCESSORS =
      new ClassValue<>() {
        @Override
        protected List<Method> computeValue(Class<?> type) {
          List<Method> all = new ArrayList<>();
          for (RecordComponent part : type.getRecordComponents()) {
            part.getAccessor().setAccessible(true);
            all.add(part.getAccessor());
          }
          return all;
        }
      };

  private Difference() {}

  /** The first difference of two values of one type, records and arrays taken apart; or null. */
  static String between(String name, Object a, Object b) {
    if (a == null || b == null) {
      return a == b ? null : text(name, a, b);
    }
    if (a instanceof Record) {
      for (Method part : ACCESSORS.get(a.getClass())) {
        String found = between(part.getName(), get(part, a), get(part, b));
        if (found != null) {
          return name.isEmpty() ? found : name + "." + found;
        }
      }
      return null;
    }
    if (a instanceof List<?> some && b instanceof List<?> others) {
      return between(name, some.toArray(), others.toArray());
    }
    if (!a.getClass().isArray()) {
      return Objects.equals(a, b) ? null : text(name, a, b);
    }
    int length = Array.getLength(a);
    if (Array.getLength(b) != length) {
      return text(name + " length", length, Array.getLength(b));
    }
    for (int i = 0; i < length; i++) {
      String found = between(name + "[" + i + "]", Array.get(a, i), Array.get(b, i));
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private static Object get(Method part, Object of) {
    try {
      return part.invoke(of);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(part.toString(), e);
    }
  }

  private static String text(String name, Object a, Object b) {
    return name + " " + show(a) + " and not " + show(b);
  }

  private static String show(Object value) {
    return switch (value) {
      case null -> "none";
      case Long n -> "0x" + Long.toHexString(n);
      case Integer n -> "0x" + Integer.toHexString(n);
      case Byte n -> "0x" + Integer.toHexString(n & 0xff);
      default -> value.toString();
    };
  }
}
