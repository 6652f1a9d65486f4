package org.tuber.truffle.engine.special;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The state's fields and array elements that a method keeps in variables. */
public final class RegisterFile {
  /**
   * One of them.
   *
   * @param index in the array {@code field}, or -1 where the field itself is the register
   */
  public record Entry(String field, int index, char type) {}

  private final List<Entry> entries = new ArrayList<>();
  private final Map<Entry, Integer> numbers = new HashMap<>();

  /** Its number; new ones are counted up. */
  public int number(String field, int index, char type) {
    return numbers.computeIfAbsent(
        new Entry(field, index, type),
        e -> {
          entries.add(e);
          return entries.size() - 1;
        });
  }

  /** How many there are. */
  public int count() {
    return entries.size();
  }

  /** {@code I J F D}. */
  public char type(int number) {
    return entries.get(number).type;
  }

  /** The one with this number. */
  public Entry entry(int number) {
    return entries.get(number);
  }
}
