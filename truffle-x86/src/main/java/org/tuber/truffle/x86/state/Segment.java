package org.tuber.truffle.x86.state;

/** A segment register with its hidden part (SDM vol. 3, 3.4.3). */
public final class Segment {
  /** {@link #attributes}: accessed (data and code). */
  public static final int ACCESSED = 1;

  /** {@link #attributes}: writable data or readable code. */
  public static final int WRITABLE_READABLE = 2;

  /** {@link #attributes}: expand-down data or conforming code. */
  public static final int EXPAND_DOWN_CONFORMING = 4;

  /** {@link #attributes}: code, where {@link #NON_SYSTEM} is set. */
  public static final int CODE = 8;

  /** {@link #attributes}: S bit: code or data. */
  public static final int NON_SYSTEM = 0x10;

  public static final int DPL_SHIFT = 5;

  /** {@link #attributes}: present. */
  public static final int PRESENT = 0x80;

  /** {@link #attributes}: L bit: 64-bit code. */
  public static final int LONG = 0x2000;

  /** {@link #attributes}: D/B bit. */
  public static final int DEFAULT_32 = 0x4000;

  /** {@link #attributes}: granularity; {@link #limit} is in bytes already. */
  public static final int GRANULARITY = 0x8000;

  public int selector;
  public long base;

  /** Limit in bytes, unsigned 32 bits. */
  public long limit;

  /** Descriptor bits 8-15 as bits 0-7 and 20-23 as bits 12-15; 0 for a null selector. */
  public int attributes;

  public void set(int selector, long base, long limit, int attributes) {
    this.selector = selector;
    this.base = base;
    this.limit = limit;
    this.attributes = attributes;
  }

  public void copyFrom(Segment other) {
    set(other.selector, other.base, other.limit, other.attributes);
  }

  public boolean isPresent() {
    return (attributes & PRESENT) != 0;
  }

  /** True for a segment that holds a null selector. */
  public boolean isNull() {
    return attributes == 0;
  }

  public boolean isLong() {
    return (attributes & LONG) != 0;
  }

  public boolean isDefault32() {
    return (attributes & DEFAULT_32) != 0;
  }

  public boolean isCode() {
    return (attributes & (NON_SYSTEM | CODE)) == (NON_SYSTEM | CODE);
  }

  /** Data that may be written. */
  public boolean isWritable() {
    return (attributes & (CODE | WRITABLE_READABLE)) == WRITABLE_READABLE;
  }

  /** Data, or code that may be read. */
  public boolean isReadable() {
    return (attributes & (CODE | WRITABLE_READABLE)) != CODE;
  }

  public boolean isExpandDown() {
    return (attributes & (NON_SYSTEM | CODE | EXPAND_DOWN_CONFORMING))
        == (NON_SYSTEM | EXPAND_DOWN_CONFORMING);
  }

  /** True when offsets up to the limit are all there is to it: present and not expand-down. */
  public boolean isPresentExpandUp() {
    return (attributes & (PRESENT | NON_SYSTEM | EXPAND_DOWN_CONFORMING)) == (PRESENT | NON_SYSTEM);
  }

  /** True when [{@code offset}, +{@code bytes}) lies in the segment (SDM vol. 3, 5.3). */
  public boolean contains(long offset, int bytes) {
    if (isNull()) {
      return false;
    }
    long last = offset + bytes - 1;
    if (isExpandDown()) {
      return offset > limit && last <= (isDefault32() ? 0xffff_ffffL : 0xffff);
    }
    return last <= limit;
  }

  public int dpl() {
    return (attributes >> DPL_SHIFT) & 3;
  }
}
