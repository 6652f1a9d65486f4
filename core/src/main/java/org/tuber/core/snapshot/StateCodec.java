package org.tuber.core.snapshot;

import java.io.ByteArrayOutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes any state record by component name and reads it back from untrusted bytes.
 *
 * <p>Format, little and self-describing: the bytes {@code T S 1}, then one value. A value is a tag
 * byte and its content; lengths and integers are base-128 variable-length numbers, least
 * significant group first (signed ones zigzag-coded).
 *
 * <table>
 * <caption>Tags</caption>
 * <tr><td>0, 1<td>false, true
 * <tr><td>2<td>integer (byte, short, char, int, long)
 * <tr><td>3<td>string: length, UTF-8
 * <tr><td>4<td>byte array: length, bytes
 * <tr><td>5<td>integer array: count, integers
 * <tr><td>6<td>list or array of anything else: count, values
 * <tr><td>7<td>record: shape number, values in the shape's order; a number not seen before is
 *     followed by its definition: record name, version, component count, component names
 * <tr><td>8<td>double: 8 bytes, little-endian
 * </table>
 *
 * <p>Reading trusts nothing: counts are checked against the bytes that are left, nesting is
 * bounded, integers must fit their component, and no class is ever chosen by the input. Every fault
 * is an {@link IllegalArgumentException} that names the component. There are no nulls.
 */
public final class StateCodec {
  private static final byte[] MAGIC = {'T', 'S', '1'};
  private static final int MAX_DEPTH = 24;

  private static final int TAG_FALSE = 0;
  private static final int TAG_TRUE = 1;
  private static final int TAG_INTEGER = 2;
  private static final int TAG_STRING = 3;
  private static final int TAG_BYTES = 4;
  private static final int TAG_INTEGERS = 5;
  private static final int TAG_LIST = 6;
  private static final int TAG_RECORD = 7;
  private static final int TAG_DOUBLE = 8;

  private StateCodec() {}

  /**
   * Encodes a state record.
   *
   * @throws IllegalArgumentException when a component is null or of a type states may not have
   */
  public static byte[] encode(Record state) {
    Writer writer = new Writer();
    writer.out.writeBytes(MAGIC);
    writer.value(state, state.getClass().getSimpleName());
    return writer.out.toByteArray();
  }

  /**
   * Decodes a state record.
   *
   * @throws IllegalArgumentException when the bytes are not a valid state of {@code type}
   */
  public static <R extends Record> R decode(Class<R> type, byte[] bytes) {
    Reader reader = new Reader(bytes);
    for (byte b : MAGIC) {
      if (reader.octet("magic") != b) {
        throw new IllegalArgumentException("not a state: bad magic");
      }
    }
    Object value = reader.value(type, type.getSimpleName(), 0);
    if (reader.position != bytes.length) {
      throw new IllegalArgumentException(
          type.getSimpleName() + ": " + (bytes.length - reader.position) + " bytes too many");
    }
    return type.cast(value);
  }

  private static int versionOf(Class<?> type) {
    StateVersion version = type.getAnnotation(StateVersion.class);
    return version == null ? 1 : version.value();
  }

  private static final class Writer {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(256);
    private final Map<Class<?>, Integer> shapes = new HashMap<>();

    private void unsigned(long value) {
      long v = value;
      while ((v & ~0x7fL) != 0) {
        out.write((int) (v & 0x7f) | 0x80);
        v >>>= 7;
      }
      out.write((int) v);
    }

    private void signed(long value) {
      unsigned((value << 1) ^ (value >> 63));
    }

    private void string(String s) {
      byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
      unsigned(utf8.length);
      out.writeBytes(utf8);
    }

    private void value(Object value, String path) {
      switch (value) {
        case null -> throw new IllegalArgumentException(path + " is null");
        case Boolean b -> out.write(b ? TAG_TRUE : TAG_FALSE);
        case Byte n -> integer(n);
        case Short n -> integer(n);
        case Character n -> integer(n);
        case Integer n -> integer(n);
        case Long n -> integer(n);
        case Double d -> {
          out.write(TAG_DOUBLE);
          long bits = Double.doubleToRawLongBits(d);
          for (int i = 0; i < 8; i++) {
            out.write((int) (bits >>> (8 * i)));
          }
        }
        case String s -> {
          out.write(TAG_STRING);
          string(s);
        }
        case Enum<?> e -> {
          out.write(TAG_STRING);
          string(e.name());
        }
        case byte[] bytes -> {
          out.write(TAG_BYTES);
          unsigned(bytes.length);
          out.writeBytes(bytes);
        }
        case List<?> list -> {
          out.write(TAG_LIST);
          unsigned(list.size());
          for (Object element : list) {
            value(element, path + "[]");
          }
        }
        case Record r -> record(r, path);
        default -> {
          if (!value.getClass().isArray()) {
            throw new IllegalArgumentException(
                path + ": a state may not hold a " + value.getClass().getName());
          }
          array(value, path);
        }
      }
    }

    private void integer(long value) {
      out.write(TAG_INTEGER);
      signed(value);
    }

    private void array(Object array, String path) {
      int length = Array.getLength(array);
      Class<?> element = array.getClass().getComponentType();
      boolean integers =
          element == int.class
              || element == long.class
              || element == short.class
              || element == char.class;
      out.write(integers ? TAG_INTEGERS : TAG_LIST);
      unsigned(length);
      for (int i = 0; i < length; i++) {
        if (element == char.class) {
          signed(Array.getChar(array, i));
        } else if (integers) {
          signed(Array.getLong(array, i));
        } else {
          value(Array.get(array, i), path + "[]");
        }
      }
    }

    private void record(Record r, String path) {
      out.write(TAG_RECORD);
      Class<?> type = r.getClass();
      RecordComponent[] components = type.getRecordComponents();
      Integer known = shapes.get(type);
      if (known != null) {
        unsigned(known);
      } else {
        unsigned(shapes.size());
        shapes.put(type, shapes.size());
        string(type.getSimpleName());
        unsigned(versionOf(type));
        unsigned(components.length);
        for (RecordComponent c : components) {
          string(c.getName());
        }
      }
      for (RecordComponent c : components) {
        value(read(r, c), path + "." + c.getName());
      }
    }

    private static Object read(Record r, RecordComponent c) {
      try {
        Method accessor = c.getAccessor();
        accessor.setAccessible(true);
        return accessor.invoke(r);
      } catch (ReflectiveOperationException e) {
        throw new IllegalArgumentException(c.getName() + " is not readable", e);
      }
    }
  }

  private record Shape(String name, int version, String[] components) {}

  private static final class Reader {
    private final byte[] bytes;
    private final List<Shape> shapes = new ArrayList<>();
    private int position;

    Reader(byte[] bytes) {
      this.bytes = bytes;
    }

    private int octet(String path) {
      if (position >= bytes.length) {
        throw new IllegalArgumentException(path + ": state ends too early");
      }
      return bytes[position++] & 0xff;
    }

    private long unsigned(String path) {
      long value = 0;
      for (int shift = 0; shift < 64; shift += 7) {
        int b = octet(path);
        value |= (b & 0x7fL) << shift;
        if (b < 0x80) {
          return value;
        }
      }
      throw new IllegalArgumentException(path + ": number too long");
    }

    private long signed(String path) {
      long v = unsigned(path);
      return (v >>> 1) ^ -(v & 1);
    }

    /** A count of things that take at least one byte each. */
    private int count(String path) {
      long n = unsigned(path);
      if (n < 0 || n > bytes.length - position) {
        throw new IllegalArgumentException(path + ": count beyond the end of the state");
      }
      return (int) n;
    }

    private String string(String path) {
      int length = count(path);
      String s = new String(bytes, position, length, StandardCharsets.UTF_8);
      position += length;
      return s;
    }

    private Object value(Type type, String path, int depth) {
      if (depth > MAX_DEPTH) {
        throw new IllegalArgumentException(path + ": nested too deeply");
      }
      int tag = octet(path);
      return switch (tag) {
        case TAG_FALSE, TAG_TRUE -> {
          expect(type == boolean.class || type == Boolean.class, path, type, "a boolean");
          yield tag == TAG_TRUE;
        }
        case TAG_INTEGER -> integer(type, signed(path), path);
        case TAG_DOUBLE -> {
          expect(type == double.class || type == Double.class, path, type, "a double");
          long bits = 0;
          for (int i = 0; i < 8; i++) {
            bits |= (long) octet(path) << (8 * i);
          }
          yield Double.longBitsToDouble(bits);
        }
        case TAG_STRING -> text(type, string(path), path);
        case TAG_BYTES -> {
          expect(type == byte[].class, path, type, "bytes");
          int length = count(path);
          byte[] copy = new byte[length];
          System.arraycopy(bytes, position, copy, 0, length);
          position += length;
          yield copy;
        }
        case TAG_INTEGERS -> integers(type, path);
        case TAG_LIST -> list(type, path, depth);
        case TAG_RECORD -> record(type, path, depth);
        default -> throw new IllegalArgumentException(path + ": unknown tag " + tag);
      };
    }

    private static void expect(boolean ok, String path, Type type, String found) {
      if (!ok) {
        throw new IllegalArgumentException(
            path + ": found " + found + ", expected " + type.getTypeName());
      }
    }

    private static Object integer(Type type, long value, String path) {
      if (type == int.class || type == Integer.class) {
        range(value == (int) value, value, path);
        return (int) value;
      } else if (type == long.class || type == Long.class) {
        return value;
      } else if (type == short.class || type == Short.class) {
        range(value == (short) value, value, path);
        return (short) value;
      } else if (type == byte.class || type == Byte.class) {
        range(value == (byte) value, value, path);
        return (byte) value;
      } else if (type == char.class || type == Character.class) {
        range(value == (char) value, value, path);
        return (char) value;
      }
      expect(false, path, type, "an integer");
      return value;
    }

    private static void range(boolean ok, long value, String path) {
      if (!ok) {
        throw new IllegalArgumentException(path + ": " + value + " is out of range");
      }
    }

    private static Object text(Type type, String s, String path) {
      if (type == String.class) {
        return s;
      }
      if (type instanceof Class<?> c && c.isEnum()) {
        for (Object constant : c.getEnumConstants()) {
          if (((Enum<?>) constant).name().equals(s)) {
            return constant;
          }
        }
        throw new IllegalArgumentException(path + ": no constant " + s);
      }
      expect(false, path, type, "a string");
      return s;
    }

    private Object integers(Type type, String path) {
      expect(
          type == int[].class
              || type == long[].class
              || type == short[].class
              || type == char[].class,
          path,
          type,
          "integers");
      int length = count(path);
      Class<?> element = ((Class<?>) type).getComponentType();
      Object array = Array.newInstance(element, length);
      for (int i = 0; i < length; i++) {
        Array.set(array, i, integer(element, signed(path), path));
      }
      return array;
    }

    private Object list(Type type, String path, int depth) {
      int length = count(path);
      if (type instanceof ParameterizedType p && p.getRawType() == List.class) {
        Type element = p.getActualTypeArguments()[0];
        List<Object> list = new ArrayList<>(Math.min(length, 1024));
        for (int i = 0; i < length; i++) {
          list.add(value(element, path + "[" + i + "]", depth + 1));
        }
        return List.copyOf(list);
      }
      expect(type instanceof Class<?> c && c.isArray(), path, type, "a list");
      Class<?> element = ((Class<?>) type).getComponentType();
      Object array = Array.newInstance(element, length);
      for (int i = 0; i < length; i++) {
        Array.set(array, i, value(element, path + "[" + i + "]", depth + 1));
      }
      return array;
    }

    private Shape shape(String path) {
      long number = unsigned(path);
      if (number == shapes.size()) {
        String name = string(path);
        long version = unsigned(path);
        String[] components = new String[count(path)];
        for (int i = 0; i < components.length; i++) {
          components[i] = string(path);
        }
        range(version > 0 && version == (int) version, version, path);
        shapes.add(new Shape(name, (int) version, components));
      }
      range(number >= 0 && number < shapes.size(), number, path);
      return shapes.get((int) number);
    }

    private Object record(Type type, String path, int depth) {
      Shape shape = shape(path);
      expect(type instanceof Class<?> c && c.isRecord(), path, type, "record " + shape.name);
      Class<?> recordType = (Class<?>) type;
      int version = versionOf(recordType);
      if (!recordType.getSimpleName().equals(shape.name)) {
        expect(false, path, type, "record " + shape.name);
      }
      if (shape.version > version) {
        throw new IllegalArgumentException(
            path + ": state version " + shape.version + " is newer than " + version);
      }
      RecordComponent[] components = recordType.getRecordComponents();
      Object[] values = new Object[components.length];
      for (String name : shape.components) {
        int index = indexOf(components, name);
        if (index < 0 || values[index] != null) {
          throw new IllegalArgumentException(path + ": unexpected component " + name);
        }
        values[index] = value(components[index].getGenericType(), path + "." + name, depth + 1);
      }
      Class<?>[] types = new Class<?>[components.length];
      for (int i = 0; i < components.length; i++) {
        types[i] = components[i].getType();
        if (values[i] == null) {
          StateVersion since = components[i].getAnnotation(StateVersion.class);
          if (since == null || since.value() <= shape.version) {
            throw new IllegalArgumentException(
                path + ": component " + components[i].getName() + " is missing");
          }
          values[i] = empty(types[i], path + "." + components[i].getName());
        }
      }
      try {
        Constructor<?> constructor = recordType.getDeclaredConstructor(types);
        constructor.setAccessible(true);
        return constructor.newInstance(values);
      } catch (InvocationTargetException e) {
        throw new IllegalArgumentException(path + ": " + e.getCause().getMessage(), e);
      } catch (ReflectiveOperationException e) {
        throw new IllegalArgumentException(path + " cannot be built", e);
      }
    }

    private static int indexOf(RecordComponent[] components, String name) {
      for (int i = 0; i < components.length; i++) {
        if (components[i].getName().equals(name)) {
          return i;
        }
      }
      return -1;
    }

    private static Object empty(Class<?> type, String path) {
      if (type == String.class) {
        return "";
      } else if (type == List.class) {
        return List.of();
      } else if (type.isArray()) {
        return Array.newInstance(type.getComponentType(), 0);
      } else if (type.isPrimitive()) {
        return Array.get(Array.newInstance(type, 1), 0);
      }
      throw new IllegalArgumentException(path + " is missing and has no empty value");
    }
  }
}
