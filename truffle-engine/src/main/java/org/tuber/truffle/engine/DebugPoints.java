package org.tuber.truffle.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The addresses of one CPU that are watched: by the guest with its debug registers, and by a
 * debugger outside, of which the guest must not notice anything.
 *
 * <p>Nothing of it costs anything while nothing is watched. With breakpoints the dispatcher looks
 * at each block before it runs it, and neither links blocks nor enters regions; with watchpoints
 * the pages concerned are kept out of the fast TLB paths, and every other page is as fast as ever.
 */
public final class DebugPoints {
  /** Bits of hits: slot n of the guest is bit n. */
  public static final int GUEST = 0xffff;

  /** Bit of hits: the debugger outside. */
  public static final int HOST = 1 << 16;

  private static final int GUEST_SLOTS = 16;
  private static final long PAGE_MASK = -4096L;

  /** Bytes that are watched; {@code hit} is the bit reported. */
  private record Watch(long address, long bytes, boolean read, boolean write, int hit) {
    boolean covers(long gva, int size) {
      // Differences, so that ranges may end at the top of the address space.
      return gva - address >= 0 && gva - address < bytes
          || address - gva >= 0 && address - gva < size;
    }

    boolean touches(long page) {
      long first = address & PAGE_MASK;
      long last = (address + bytes - 1) & PAGE_MASK;
      return Long.compareUnsigned(page, first) >= 0 && Long.compareUnsigned(page, last) <= 0;
    }
  }

  private final GuestCpu cpu;
  private final List<Watch> watches = new ArrayList<>();
  private long[] breakpoints = {};
  private int[] breakpointHits = {};

  DebugPoints(GuestCpu cpu) {
    this.cpu = cpu;
  }

  /** Slot {@code slot} stops before the instruction at {@code address}. */
  public void breakpoint(int slot, long address) {
    addBreakpoint(address, 1 << slot);
  }

  /** Slot {@code slot} reports accesses to these bytes. */
  public void watch(int slot, long address, int bytes, boolean read, boolean write) {
    add(new Watch(address, bytes, read, write, 1 << slot));
  }

  /** Empties all of the guest's slots. */
  public void clearGuest() {
    boolean changed = watches.removeIf(w -> w.hit != HOST);
    for (int slot = 0; slot < GUEST_SLOTS; slot++) {
      removeBreakpoints(1 << slot);
    }
    cpu.debugPointsChanged(changed);
  }

  private void add(Watch w) {
    watches.add(w);
    cpu.debugPointsChanged(true);
  }

  void addHost(long address, long bytes, boolean read, boolean write) {
    add(new Watch(address, bytes, read, write, HOST));
  }

  void removeHost(long address, long bytes, boolean read, boolean write) {
    watches.remove(new Watch(address, bytes, read, write, HOST));
    cpu.debugPointsChanged(true);
  }

  void addBreakpoint(long address, int hit) {
    int n = breakpoints.length;
    breakpoints = Arrays.copyOf(breakpoints, n + 1);
    breakpointHits = Arrays.copyOf(breakpointHits, n + 1);
    breakpoints[n] = address;
    breakpointHits[n] = hit;
    cpu.debugPointsChanged(false);
  }

  void removeHostBreakpoint(long address) {
    for (int i = 0; i < breakpoints.length; i++) {
      if (breakpoints[i] == address && breakpointHits[i] == HOST) {
        remove(i);
        cpu.debugPointsChanged(false);
        return;
      }
    }
  }

  private void removeBreakpoints(int hit) {
    for (int i = breakpoints.length - 1; i >= 0; i--) {
      if (breakpointHits[i] == hit) {
        remove(i);
      }
    }
  }

  private void remove(int i) {
    int last = breakpoints.length - 1;
    breakpoints[i] = breakpoints[last];
    breakpointHits[i] = breakpointHits[last];
    breakpoints = Arrays.copyOf(breakpoints, last);
    breakpointHits = Arrays.copyOf(breakpointHits, last);
  }

  boolean isEmpty() {
    return watches.isEmpty() && breakpoints.length == 0;
  }

  boolean hasBreakpoints() {
    return breakpoints.length != 0;
  }

  /** Who has a breakpoint at {@code pc}, as bits. */
  int breakpointsAt(long pc) {
    int hits = 0;
    for (int i = 0; i < breakpoints.length; i++) {
      if (breakpoints[i] == pc) {
        hits |= breakpointHits[i];
      }
    }
    return hits;
  }

  /** True when a breakpoint lies behind the first byte of {@code b}. */
  boolean isInside(Block b) {
    for (long pc : breakpoints) {
      long distance = pc - b.pc;
      if (distance > 0 && distance < b.bytes) {
        return true;
      }
    }
    return false;
  }

  /** Who watches an access, as bits. */
  int hits(long gva, int size, boolean write) {
    int hits = 0;
    for (int i = 0; i < watches.size(); i++) {
      Watch w = watches.get(i);
      if ((write ? w.write : w.read) && w.covers(gva, size)) {
        hits |= w.hit;
      }
    }
    return hits;
  }

  /** True when reads of some bytes of {@code page} are watched. */
  boolean watchesReads(long page) {
    for (int i = 0; i < watches.size(); i++) {
      if (watches.get(i).read && watches.get(i).touches(page)) {
        return true;
      }
    }
    return false;
  }

  /** True when writes to some bytes of {@code page} are watched. */
  boolean watchesWrites(long page) {
    for (int i = 0; i < watches.size(); i++) {
      if (watches.get(i).write && watches.get(i).touches(page)) {
        return true;
      }
    }
    return false;
  }
}
