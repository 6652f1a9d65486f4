package org.tuber.truffle.engine;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * All numbers in a CPU's registers, to put them back as they were. Unlike a snapshot it keeps what
 * is derived and what the host's code means by it, so nothing has to be flushed when it is put
 * back.
 *
 * <p>Found by reflection: the fields of the CPU's class and of what it consists of, that is objects
 * of classes in the CPU's own package.
 */
final class RegisterImage {
  /** A field or array of numbers, and what it held. */
  private interface Cell {
    void take();

    void putBack();

    boolean isSame();
  }

  private static final class FieldCell implements Cell {
    private final Object owner;
    private final Field field;
    private Object value;

    FieldCell(Object owner, Field field) {
      this.owner = owner;
      this.field = field;
    }

    @Override
    public void take() {
      value = get(field, owner);
    }

    @Override
    public void putBack() {
      try {
        field.set(owner, value);
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(field.toString(), e);
      }
    }

    @Override
    public boolean isSame() {
      return get(field, owner).equals(value);
    }
  }

  private static final class ArrayCell implements Cell {
    private final Object array;
    private final Object copy;
    private final int length;

    ArrayCell(Object array) {
      this.array = array;
      length = Array.getLength(array);
      copy = Array.newInstance(array.getClass().getComponentType(), length);
    }

    @Override
    public void take() {
      System.arraycopy(array, 0, copy, 0, length);
    }

    @Override
    public void putBack() {
      System.arraycopy(copy, 0, array, 0, length);
    }

    @Override
    public boolean isSame() {
      return Objects.deepEquals(array, copy);
    }
  }

  private final List<Cell> cells = new ArrayList<>();
  private final String home;

  /** An image of {@code cpu}, empty yet. */
  RegisterImage(GuestCpu cpu) {
    home = cpu.getClass().getPackageName();
    Set<Object> known = Collections.newSetFromMap(new IdentityHashMap<>());
    known.add(cpu);
    known.add(cpu.state());
    fields(cpu, GuestCpu.class, known);
    fields(cpu.state(), Object.class, known);
  }

  /** The fields of {@code owner} that its classes below {@code top} declare. */
  private void fields(Object owner, Class<?> top, Set<Object> known) {
    for (Class<?> c = owner.getClass(); c != top; c = c.getSuperclass()) {
      for (Field field : c.getDeclaredFields()) {
        if (Modifier.isStatic(field.getModifiers())) {
          continue;
        }
        field.setAccessible(true);
        if (!field.getType().isPrimitive()) {
          part(get(field, owner), known);
        } else if (!Modifier.isFinal(field.getModifiers())) {
          cells.add(new FieldCell(owner, field));
        }
      }
    }
  }

  private void part(Object part, Set<Object> known) {
    if (part == null || !known.add(part)) {
      return;
    }
    Class<?> type = part.getClass();
    if (type.isArray() && type.getComponentType().isPrimitive()) {
      cells.add(new ArrayCell(part));
    } else if (part instanceof Object[] parts) {
      for (Object p : parts) {
        part(p, known);
      }
    } else if (type.getPackageName().equals(home)) {
      fields(part, Object.class, known);
    }
  }

  private static Object get(Field field, Object owner) {
    try {
      return field.get(owner);
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(field.toString(), e);
    }
  }

  /** Takes the registers as they are now. */
  void take() {
    cells.forEach(Cell::take);
  }

  /** True while the registers are what they were when they were taken. */
  boolean isSame() {
    for (Cell cell : cells) {
      if (!cell.isSame()) {
        return false;
      }
    }
    return true;
  }

  /** Makes the registers what they were. */
  void putBack() {
    cells.forEach(Cell::putBack);
  }
}
