package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The mappings of an address space by address, none overlapping another. Guarded by the lock of the
 * {@link UserMemory} they belong to.
 */
final class Mappings {
  /** No mapping is placed below: vm.mmap_min_addr. */
  private static final long LOWEST = 0x10000;

  /** The gap that the stack keeps below itself. */
  private static final long STACK_GUARD_BYTES = 4096;

  private final TreeMap<Long, Vma> byStart = new TreeMap<>();

  /** Exclusive upper bound of addresses. */
  private final long limit;

  /** New mappings are placed below. */
  final long top;

  Mappings(long limit, long top) {
    this.limit = limit;
    this.top = top;
  }

  Collection<Vma> all() {
    return byStart.values();
  }

  /** The mapping around an address, or null. */
  Vma find(long gva) {
    Map.Entry<Long, Vma> e = byStart.floorEntry(gva);
    return e != null && gva < e.getValue().end && gva >= 0 ? e.getValue() : null;
  }

  /** Adds one where there is none, as part of its neighbours if it can be. */
  void insert(Vma added) {
    Vma v = added;
    Map.Entry<Long, Vma> before = byStart.lowerEntry(v.start);
    if (before != null && before.getValue().continues(v)) {
      before.getValue().end = v.end;
      v = before.getValue();
    } else {
      byStart.put(v.start, v);
    }
    joinNext(v);
  }

  private void joinNext(Vma v) {
    Vma next = byStart.get(v.end);
    if (next != null && v.continues(next)) {
      byStart.remove(next.start);
      v.end = next.end;
    }
  }

  /** Adds one that stays by itself. */
  void put(Vma v) {
    byStart.put(v.start, v);
  }

  void remove(Vma v) {
    byStart.remove(v.start);
  }

  /** Is it still one of these, and not part of another? */
  boolean contains(Vma v) {
    return byStart.get(v.start) == v;
  }

  /** Forgets all and returns them. */
  List<Vma> clear() {
    List<Vma> all = new ArrayList<>(byStart.values());
    byStart.clear();
    return all;
  }

  /** Cuts a mapping at an address. */
  void cut(long at) {
    Vma v = find(at);
    if (v == null || v.start == at) {
      return;
    }
    Vma upper = v.part(at, v.end);
    v.end = at;
    byStart.put(at, upper);
  }

  /** Those that begin in a range. */
  List<Vma> within(long start, long end) {
    return new ArrayList<>(byStart.subMap(start, end).values());
  }

  /** The mapping that ends at {@code from} goes on to {@code to}. */
  void extend(long from, long to) {
    Vma last = find(from - 1);
    if (last.backing instanceof Backing.SharedMemory memory) {
      memory.grow(last.offset + (to - last.start));
    }
    // Of a file the host maps what was asked for and no more.
    if (last.backing instanceof Backing.SharedFile || last.end != from) {
      throw new Errno(Errno.ENOMEM);
    }
    last.end = to;
    joinNext(last);
  }

  /** The stack below which an address is grows down to it; null when there is none or no room. */
  Vma growStack(long gva, Limits limits) {
    Map.Entry<Long, Vma> above = byStart.higherEntry(gva);
    if (above == null || !above.getValue().growsDown) {
      return null;
    }
    Vma v = above.getValue();
    long start = gva & PageTable.OFFSET_MASK;
    if (v.end - start > limits.stackBytes() || !mayGrow(limits, v.start - start, false)) {
      return null;
    }
    Map.Entry<Long, Vma> below = byStart.lowerEntry(start);
    if (below != null && start - below.getValue().end < STACK_GUARD_BYTES) {
      return null;
    }
    byStart.remove(v.start);
    v.start = start;
    byStart.put(start, v);
    return v;
  }

  /** Where a mapping of {@code bytes} goes when the program does not say. */
  long place(long bytes, long hint, long below) {
    if (hint >= LOWEST && hint <= limit - bytes && isFree(hint, hint + bytes)) {
      return hint;
    }
    long end = Math.min(below, top);
    Map.Entry<Long, Vma> e = byStart.lowerEntry(end);
    while (e != null) {
      long gapStart = Math.max(e.getValue().end, LOWEST);
      if (end - gapStart >= bytes) {
        return end - bytes;
      }
      end = Math.min(end, e.getKey());
      e = byStart.lowerEntry(e.getKey());
    }
    if (end - LOWEST >= bytes) {
      return end - bytes;
    }
    throw new Errno(Errno.ENOMEM);
  }

  boolean isFree(long start, long end) {
    Map.Entry<Long, Vma> e = byStart.lowerEntry(end);
    return e == null || e.getValue().end <= start;
  }

  /** True when every page of a range is mapped. */
  boolean isCovered(long start, long end) {
    long at = start;
    while (at < end) {
      Vma v = find(at);
      if (v == null) {
        return false;
      }
      at = v.end;
    }
    return true;
  }

  /** The text of /proc/self/maps. */
  String describe() {
    StringBuilder text = new StringBuilder();
    for (Vma v : byStart.values()) {
      String line = v.describe();
      text.append(line);
      if (!v.name.isEmpty()) {
        text.append(" ".repeat(Math.max(0, 73 - line.length()))).append(v.name);
      }
      text.append('\n');
    }
    return text.toString();
  }

  /** Bytes mapped in total. */
  long bytes() {
    return byStart.values().stream().mapToLong(Vma::bytes).sum();
  }

  /** Bytes that count as data: private, to be written, and no stack. */
  long dataBytes() {
    return byStart.values().stream().filter(Vma::isData).mapToLong(Vma::bytes).sum();
  }

  /** Bytes of mappings that grow down. */
  long stackBytes() {
    return byStart.values().stream().filter(v -> v.growsDown).mapToLong(Vma::bytes).sum();
  }

  /**
   * Do RLIMIT_AS and RLIMIT_DATA let a process have more?
   *
   * @param more bytes that are mapped in addition
   * @param data they are data as {@link Vma#isData} says
   */
  boolean mayGrow(Limits limits, long more, boolean data) {
    return (limits.isInfinite(Limits.AS) || fits(bytes() + more, limits.soft(Limits.AS)))
        && (!data || mayBecomeData(limits, more));
  }

  /** The same for what is mapped already and becomes data. */
  boolean mayBecomeData(Limits limits, long bytes) {
    return limits.isInfinite(Limits.DATA) || fits(dataBytes() + bytes, limits.soft(Limits.DATA));
  }

  /** In pages: of a limit the bytes beyond the last full one do not count. */
  private static boolean fits(long bytes, long limit) {
    return bytes >>> 12 <= limit >>> 12;
  }

  /** Bytes of a range that are mapped. */
  long bytesWithin(long start, long end) {
    long bytes = 0;
    for (Vma v : byStart.headMap(end).values()) {
      bytes += Math.max(0, Math.min(end, v.end) - Math.max(start, v.start));
    }
    return bytes;
  }
}
