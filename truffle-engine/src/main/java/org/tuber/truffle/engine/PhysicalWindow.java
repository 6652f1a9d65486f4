package org.tuber.truffle.engine;

import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;

/**
 * A CPU's door to page tables in guest-physical memory: remembers the range of RAM that answered
 * last, so that a page walk does not search the memory map at each level.
 */
public final class PhysicalWindow {
  private static final int WATCHES = GuestRam.PAGE_WATCH_DISPLAY | GuestRam.PAGE_WATCH_SNAPSHOT;

  private final AddressSpace memory;
  private AddressSpace.Range range;
  private long first = 1;
  private long last;
  private long hostMinusGpa;
  private int epoch;

  public PhysicalWindow(AddressSpace memory) {
    this.memory = memory;
  }

  /** Makes the window cover {@code size} aligned bytes at {@code gpa}; false: not RAM. */
  private boolean covers(long gpa, int size) {
    if (gpa >= first && gpa + size - 1 <= last && epoch == memory.epoch()) {
      return true;
    }
    int seen = memory.epoch();
    AddressSpace.Range r = memory.find(gpa);
    if (r == null || r.ram == null || r.start < 0 || r.last - gpa < size - 1) {
      first = 1;
      last = 0;
      return false;
    }
    range = r;
    first = r.start;
    last = r.last;
    hostMinusGpa = r.ram.hostBase() + r.offset - r.start;
    epoch = seen;
    return true;
  }

  /** True when an aligned entry of 8 bytes at {@code gpa} lies in RAM. */
  public boolean isRam(long gpa) {
    return covers(gpa, 8);
  }

  /** 64 bits at an aligned address. */
  public long load64(long gpa) {
    return covers(gpa, 8) ? GuestRam.hostLoad64(gpa + hostMinusGpa) : memory.read(gpa, 8);
  }

  /** 32 bits at an aligned address, zero-extended. */
  public long load32(long gpa) {
    return (covers(gpa, 4) ? GuestRam.hostLoad32(gpa + hostMinusGpa) : memory.read(gpa, 4))
        & 0xffff_ffffL;
  }

  /** Replaces an aligned 64-bit entry unless another CPU changed it meanwhile. */
  public boolean replace64(long gpa, long expected, long value) {
    if (!covers(gpa, 8)) {
      memory.write(gpa, value, 8);
      return true;
    }
    if (range.readOnly) {
      return true;
    }
    touch(gpa);
    return GuestRam.hostCas64(gpa + hostMinusGpa, expected, value);
  }

  /** Replaces an aligned 32-bit entry unless another CPU changed it meanwhile. */
  public boolean replace32(long gpa, long expected, long value) {
    if (!covers(gpa, 4)) {
      memory.write(gpa, value, 4);
      return true;
    }
    if (range.readOnly) {
      return true;
    }
    touch(gpa);
    return GuestRam.hostCas32(gpa + hostMinusGpa, (int) expected, (int) value);
  }

  /** Watchers of the page hear of the store; no instruction is made of accessed and dirty bits. */
  private void touch(long gpa) {
    long offset = range.offsetOf(gpa);
    if ((range.ram.pageFlags(offset) & WATCHES) != 0) {
      range.ram.clearPageFlags(offset, WATCHES);
    }
  }
}
