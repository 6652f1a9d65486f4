package org.tuber.machine.firmware;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A PC's map of physical memory as firmware reports it (ACPI 6.5, section 15): sorted, without
 * overlaps.
 */
public final class E820 {
  /** What a range is. The numbers are ACPI's. */
  public enum Type {
    /** Memory for the system. */
    RAM(1),
    /** Not for the system. */
    RESERVED(2),
    /** ACPI tables: free once read. */
    ACPI(3),
    /** ACPI memory that must survive sleep. */
    NVS(4);

    private final int number;

    Type(int number) {
      this.number = number;
    }

    /** The number in the table. */
    public int number() {
      return number;
    }
  }

  /** One range of {@code length} bytes at {@code base}. */
  public record Entry(long base, long length, Type type) {
    /** First address after the range. */
    public long end() {
      return base + length;
    }
  }

  private final List<Entry> entries = new ArrayList<>();

  /** Adds a range; it must not overlap another. */
  public E820 add(long base, long length, Type type) {
    for (Entry e : entries) {
      if (base < e.end() && e.base < base + length) {
        throw new IllegalArgumentException(
            "range 0x%x+0x%x overlaps 0x%x+0x%x".formatted(base, length, e.base, e.length));
      }
    }
    entries.add(new Entry(base, length, type));
    entries.sort(Comparator.comparingLong(Entry::base));
    return this;
  }

  /** All ranges in ascending order. */
  public List<Entry> entries() {
    return List.copyOf(entries);
  }

  /** True when [{@code base}, +{@code length}) lies inside one range of RAM. */
  public boolean isRam(long base, long length) {
    for (Entry e : entries) {
      if (e.type == Type.RAM && base >= e.base && base + length <= e.end()) {
        return base >= 0 && length >= 0 && base + length >= base;
      }
    }
    return false;
  }

  /** End of the RAM that starts at 1 MiB. */
  public long lowRamEnd() {
    for (Entry e : entries) {
      if (e.type == Type.RAM && e.base == 0x10_0000) {
        return e.end();
      }
    }
    throw new IllegalStateException("no RAM at 1 MiB");
  }
}
