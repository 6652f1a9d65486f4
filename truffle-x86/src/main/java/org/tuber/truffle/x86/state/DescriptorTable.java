package org.tuber.truffle.x86.state;

/** GDTR or IDTR. */
public final class DescriptorTable {
  public long base;

  /** Limit in bytes, 16 bits. */
  public int limit = 0xffff;
}
