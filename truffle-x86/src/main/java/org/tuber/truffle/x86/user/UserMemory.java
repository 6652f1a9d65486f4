package org.tuber.truffle.x86.user;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * The address space of a guest process: its mappings, and the pages that were touched so far.
 *
 * <p>A page entry is the page's offset in the {@link FrameArena}, with the rights of the moment in
 * bits 0-2 (the engine's PERMIT_ bits), {@link #PRESENT} and {@link #OWNED}. Pages are entered when
 * they are first touched. A private page that others share lacks the right to write until it is
 * copied.
 *
 * <p>Entries are read without lock by walks; whoever takes rights away waits until every other
 * thread of the process has dropped its translations ({@link #shoot}).
 */
final class UserMemory {
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int PROT_EXEC = 4;

  private static final int PRESENT = 8;

  /** A private frame with a use count; else the page belongs to the mapping's backing. */
  private static final int OWNED = 16;

  private static final int TOP_BITS = 13;
  private static final int MIDDLE_BITS = 13;
  private static final int LEAF_BITS = 9;
  private static final int LEAF = 1 << LEAF_BITS;
  private static final long LEAF_BYTES = (long) LEAF << 12;
  private static final long OFFSET_MASK = -4096L;
  private static final long PAGE_MASK = 4095;

  /** Pages entered at once in large and small anonymous mappings. */
  private static final int AROUND_LARGE = FrameArena.MAX_RUN;

  private static final int AROUND_SMALL = 16;
  private static final long LARGE_BYTES = 1 << 20;

  /** No mapping below: vm.mmap_min_addr. */
  private static final long LOWEST = 0x10000;

  /** The gap that the stack keeps below itself. */
  private static final long STACK_GUARD_BYTES = 4096;

  final FrameArena arena;

  /** Exclusive upper bound of addresses. */
  final long limit;

  /** New mappings are placed below. */
  private final long mapTop;

  private final long[][][] top = new long[1 << TOP_BITS][][];
  private final TreeMap<Long, Vma> mappings = new TreeMap<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final List<GuestThread> threads = new CopyOnWriteArrayList<>();

  /** Most bytes the stack may grow to. */
  private final long stackBytes;

  /** Start and end of the heap that brk moves. */
  long heapStart;

  long heapEnd;

  UserMemory(FrameArena arena, long limit, long mapTop, long stackBytes) {
    this.arena = arena;
    this.limit = limit;
    this.mapTop = mapTop;
    this.stackBytes = stackBytes;
  }

  void attach(GuestThread t) {
    threads.add(t);
  }

  void detach(GuestThread t) {
    threads.remove(t);
    if (threads.isEmpty()) {
      releaseAll();
    }
  }

  /** More than one thread runs in here. */
  boolean isShared() {
    return threads.size() > 1;
  }

  // ---------------------------------------------------------------- page entries

  private long entry(long gva) {
    long page = gva >>> 12;
    if (page >>> (TOP_BITS + MIDDLE_BITS + LEAF_BITS) != 0) {
      return 0;
    }
    long[][] middle = top[(int) (page >>> (MIDDLE_BITS + LEAF_BITS))];
    if (middle == null) {
      return 0;
    }
    long[] leaf = middle[(int) (page >>> LEAF_BITS) & ((1 << MIDDLE_BITS) - 1)];
    return leaf == null ? 0 : leaf[(int) page & (LEAF - 1)];
  }

  /** The leaf of an address, or null when nothing in its 2 MiB was touched. */
  private long[] leaf(long gva) {
    long[][] middle = top[(int) (gva >>> (12 + MIDDLE_BITS + LEAF_BITS))];
    return middle == null ? null : middle[(int) (gva >>> (12 + LEAF_BITS)) & 8191];
  }

  private void setEntry(long gva, long entry) {
    int i = (int) (gva >>> (12 + MIDDLE_BITS + LEAF_BITS));
    if (top[i] == null) {
      top[i] = new long[1 << MIDDLE_BITS][];
    }
    int j = (int) (gva >>> (12 + LEAF_BITS)) & ((1 << MIDDLE_BITS) - 1);
    if (top[i][j] == null) {
      top[i][j] = new long[LEAF];
    }
    top[i][j][(int) (gva >>> 12) & (LEAF - 1)] = entry;
  }

  // ---------------------------------------------------------------- translation

  /** {@code walk} of the engine: translates or throws a page fault. */
  void walk(GuestThread self, X86Cpu c, long gva, int access) {
    long e = entry(gva);
    if ((e >>> access & 1) == 0) {
      e = resolve(self, gva, access);
      if (e <= 0) {
        throw c.pageFault(gva, pageFaultCode(e, access));
      }
    }
    c.walked((e & OFFSET_MASK) | (gva & PAGE_MASK), (int) e & 7);
  }

  /** Error code of a page fault; bit 15, as on no CPU, says that the mapping has no page there. */
  private static int pageFaultCode(long outcome, int access) {
    int code = 4;
    if (access == GuestCpu.ACCESS_WRITE) {
      code |= 2;
    } else if (access == GuestCpu.ACCESS_FETCH) {
      code |= 16;
    }
    return outcome == NO_PAGE ? code | BUS_ERROR : outcome == FORBIDDEN ? code | 1 : code;
  }

  static final int BUS_ERROR = 1 << 15;
  private static final long NOT_MAPPED = 0;
  private static final long FORBIDDEN = -1;
  private static final long NO_PAGE = -2;

  /** The slow half of a translation: touches the page. Not above 0 when that is not allowed. */
  private long resolve(GuestThread self, long gva, int access) {
    boolean replaced = false;
    long e;
    lock.lock();
    try {
      e = entry(gva);
      if ((e >>> access & 1) != 0) {
        return e;
      }
      Vma v = find(gva);
      if (v == null) {
        v = growStack(gva);
      }
      if (v == null) {
        return NOT_MAPPED;
      }
      if ((v.protection >>> access & 1) == 0) {
        return FORBIDDEN;
      }
      boolean present = (e & PRESENT) != 0;
      if (!present) {
        e = touch(v, gva & OFFSET_MASK);
        if (e < 0) {
          return NO_PAGE;
        }
      }
      if (access == GuestCpu.ACCESS_WRITE && (e & PROT_WRITE) == 0) {
        e = own(v, gva & OFFSET_MASK, e);
        replaced = present;
      }
    } finally {
      lock.unlock();
    }
    if (replaced) {
      changed(self, gva & OFFSET_MASK, 1, (e & PROT_EXEC) != 0);
    }
    return e;
  }

  /** Enters an absent page; negative when its mapping has none there. */
  private long touch(Vma v, long page) {
    if (v.backing == null) {
      return touchAnonymous(v, page);
    }
    long offset = v.backing.page(v.offset + (page - v.start));
    if (offset < 0) {
      return -1;
    }
    int rights = v.shared ? v.protection : v.protection & ~PROT_WRITE;
    long e = offset | rights | PRESENT;
    setEntry(page, e);
    return e;
  }

  private long touchAnonymous(Vma v, long page) {
    int around = v.end - v.start >= LARGE_BYTES ? AROUND_LARGE : AROUND_SMALL;
    long from = page;
    if (v.growsDown) {
      while (from > v.start && page - from < AROUND_SMALL << 12 && entry(from - 4096) == 0) {
        from -= 4096;
      }
    }
    long end = Math.min(v.end, (page | ((long) around << 12) - 1) + 1);
    long to = page + 4096;
    while (to < end && entry(to) == 0) {
      to += 4096;
    }
    if (to - from > (long) FrameArena.MAX_RUN << 12) {
      from = page;
    }
    FrameArena.Run run = arena.allocate((int) ((to - from) >>> 12));
    if (run.frames() <= (page - from) >>> 12) {
      // A short run that would not reach the page: end it there.
      from = page - ((long) (run.frames() - 1) << 12);
    }
    for (int i = 0; i < run.frames(); i++) {
      setEntry(
          from + ((long) i << 12),
          run.offset() + ((long) i << 12) | v.protection | PRESENT | OWNED);
    }
    return entry(page);
  }

  /** Makes a private page writable: its own if it is alone already, else a copy. */
  private long own(Vma v, long page, long e) {
    long offset = e & OFFSET_MASK;
    if ((e & OWNED) == 0) {
      offset = arena.copy(offset);
    } else if (!arena.isAlone(offset)) {
      long copy = arena.copy(offset);
      arena.release(offset);
      offset = copy;
    }
    long mine = offset | v.protection | PRESENT | OWNED;
    setEntry(page, mine);
    return mine;
  }

  private Vma growStack(long gva) {
    Map.Entry<Long, Vma> above = mappings.higherEntry(gva);
    if (above == null || !above.getValue().growsDown) {
      return null;
    }
    Vma v = above.getValue();
    long start = gva & OFFSET_MASK;
    if (v.end - start > stackBytes) {
      return null;
    }
    Map.Entry<Long, Vma> below = mappings.lowerEntry(start);
    if (below != null && start - below.getValue().end < STACK_GUARD_BYTES) {
      return null;
    }
    mappings.remove(v.start);
    v.start = start;
    mappings.put(start, v);
    return v;
  }

  // ---------------------------------------------------------------- other threads' translations

  /** Entries were replaced or lost rights: no thread may use what it remembers of them. */
  private void changed(GuestThread self, long from, long pages, boolean code) {
    if (self != null) {
      forget(self, from, pages, code);
    }
    if (threads.size() > (self == null ? 0 : 1)) {
      shoot(self);
    }
  }

  private static void forget(GuestThread t, long from, long pages, boolean code) {
    if (code || pages > 64) {
      t.cpu.flushTlb();
      return;
    }
    for (long i = 0; i < pages; i++) {
      t.cpu.flushDataPage(from + (i << 12));
    }
  }

  /**
   * Makes every other thread drop all its translations, and returns when none can use an old one
   * any more: each has either done so or is inside a system call, at whose end it will.
   */
  private void shoot(GuestThread self) {
    for (GuestThread t : threads) {
      if (t != self) {
        t.flushWanted = true;
        t.cpu.attention();
      }
    }
    boolean wasInKernel = self == null || self.inKernel;
    if (!wasInKernel) {
      self.inKernel = true;
    }
    for (GuestThread t : threads) {
      while (t != self && t.flushWanted && !t.inKernel && !t.ended) {
        Thread.onSpinWait();
      }
    }
    if (!wasInKernel) {
      self.leaveKernel();
    }
  }

  // ---------------------------------------------------------------- mappings

  private Vma find(long gva) {
    Map.Entry<Long, Vma> e = mappings.floorEntry(gva);
    return e != null && gva < e.getValue().end && gva >= 0 ? e.getValue() : null;
  }

  private void insert(Vma v) {
    Map.Entry<Long, Vma> before = mappings.lowerEntry(v.start);
    if (before != null && before.getValue().continues(v)) {
      before.getValue().end = v.end;
      v = before.getValue();
    } else {
      mappings.put(v.start, v);
    }
    Vma next = mappings.get(v.end);
    if (next != null && v.continues(next)) {
      mappings.remove(next.start);
      v.end = next.end;
    }
  }

  /** Cuts mappings at an address. */
  private void cut(long at) {
    Vma v = find(at);
    if (v == null || v.start == at) {
      return;
    }
    Vma upper = v.part(at, v.end);
    v.end = at;
    mappings.put(at, upper);
  }

  private List<Vma> within(long start, long end) {
    return new ArrayList<>(mappings.subMap(start, end).values());
  }

  /** Where a mapping of {@code bytes} goes when the program does not say. */
  private long place(long bytes, long hint, long below) {
    if (hint >= LOWEST && hint <= limit - bytes && isFree(hint, hint + bytes)) {
      return hint;
    }
    long end = Math.min(below, mapTop);
    Map.Entry<Long, Vma> e = mappings.lowerEntry(end);
    while (e != null) {
      long gapStart = Math.max(e.getValue().end, LOWEST);
      if (end - gapStart >= bytes) {
        return end - bytes;
      }
      end = Math.min(end, e.getKey());
      e = mappings.lowerEntry(e.getKey());
    }
    if (end - LOWEST >= bytes) {
      return end - bytes;
    }
    throw new Errno(Errno.ENOMEM);
  }

  private boolean isFree(long start, long end) {
    Map.Entry<Long, Vma> e = mappings.lowerEntry(end);
    return e == null || e.getValue().end <= start;
  }

  /** What {@link #map} shall map. */
  record Source(
      Backing backing, long offset, boolean shared, String name, long fileOffset, Host.Stat file) {
    static final Source ANONYMOUS = new Source(null, 0, false, "", 0, null);
  }

  /** Reading and, where it is implied, executing rights come with others. */
  static int rights(int protection) {
    int p = protection & 7;
    return (p & (PROT_WRITE | PROT_EXEC)) != 0 ? p | PROT_READ : p;
  }

  /**
   * Maps.
   *
   * @param fixed exactly at {@code address}, replacing what is there
   * @param below upper bound where the place is free to choose
   */
  long map(
      GuestThread self,
      long address,
      long bytes,
      int protection,
      boolean fixed,
      boolean growsDown,
      long below,
      Source source) {
    long size = (bytes + PAGE_MASK) & OFFSET_MASK;
    if (size <= 0 || size > limit || fixed && (address > limit - size || address < 0)) {
      throw new Errno(size == 0 ? Errno.EINVAL : Errno.ENOMEM);
    }
    boolean replaces;
    long start;
    lock.lock();
    try {
      start = fixed ? address : place(size, address & OFFSET_MASK, below);
      replaces = fixed && !isFree(start, start + size);
    } finally {
      lock.unlock();
    }
    if (replaces) {
      unmap(self, start, size);
    }
    lock.lock();
    try {
      if (!fixed && !isFree(start, start + size)) {
        start = place(size, 0, below);
      }
      insert(
          new Vma(
              start,
              start + size,
              rights(protection),
              source.shared,
              source.backing,
              source.offset,
              growsDown,
              source.name,
              source.fileOffset,
              source.file));
    } finally {
      lock.unlock();
    }
    return start;
  }

  boolean isFreeRange(long start, long bytes) {
    lock.lock();
    try {
      return isFree(start, start + bytes);
    } finally {
      lock.unlock();
    }
  }

  /** Removes mappings. */
  void unmap(GuestThread self, long start, long bytes) {
    long end = start + ((bytes + PAGE_MASK) & OFFSET_MASK);
    List<Vma> gone;
    long[] frames;
    boolean code = false;
    lock.lock();
    try {
      cut(start);
      cut(end);
      gone = within(start, end);
      for (Vma v : gone) {
        mappings.remove(v.start);
        code |= (v.protection & PROT_EXEC) != 0;
      }
      frames = gone.isEmpty() ? null : clear(start, end);
    } finally {
      lock.unlock();
    }
    if (gone.isEmpty()) {
      return;
    }
    changed(self, start, (end - start) >>> 12, code);
    releaseFrames(frames);
    gone.forEach(Vma::drop);
  }

  /** Forgets the entries of a range; returns the private frames they held, ended by 0. */
  private long[] clear(long start, long end) {
    long[] frames = new long[16];
    int n = 0;
    long page = start;
    while (page < end) {
      long[] leaf = leaf(page);
      long leafEnd = Math.min(end, (page | (LEAF_BYTES - 1)) + 1);
      if (leaf != null) {
        for (; page < leafEnd; page += 4096) {
          int i = (int) (page >>> 12) & (LEAF - 1);
          if ((leaf[i] & OWNED) != 0) {
            if (n + 1 >= frames.length) {
              frames = java.util.Arrays.copyOf(frames, frames.length * 2);
            }
            frames[n++] = leaf[i] & OFFSET_MASK;
          }
          leaf[i] = 0;
        }
      } else if (top[(int) (page >>> 34)] == null) {
        leafEnd = Math.min(end, (page | (1L << 34) - 1) + 1);
      }
      page = leafEnd;
    }
    frames[n] = 0;
    return frames;
  }

  private void releaseFrames(long[] frames) {
    for (int i = 0; frames[i] != 0; i++) {
      arena.release(frames[i]);
    }
  }

  /** Gives back what it has: no thread ever ran in it. */
  void abandon() {
    releaseAll();
  }

  private void releaseAll() {
    long[] frames;
    List<Vma> all;
    lock.lock();
    try {
      frames = clear(0, limit);
      all = new ArrayList<>(mappings.values());
      mappings.clear();
    } finally {
      lock.unlock();
    }
    releaseFrames(frames);
    all.forEach(Vma::drop);
  }

  /** mprotect. */
  void protect(GuestThread self, long start, long bytes, int protection) {
    long end = start + ((bytes + PAGE_MASK) & OFFSET_MASK);
    int rights = rights(protection);
    boolean lost = false;
    boolean code = false;
    lock.lock();
    try {
      if (!isCovered(start, end)) {
        throw new Errno(Errno.ENOMEM);
      }
      cut(start);
      cut(end);
      for (Vma v : within(start, end)) {
        if (mappings.get(v.start) != v) {
          // Became one with its predecessor, which has these rights already.
          continue;
        }
        lost |= (v.protection & ~rights) != 0;
        code |= (v.protection & PROT_EXEC) != 0;
        mappings.remove(v.start);
        v.protection = rights;
        insert(v);
      }
      applyRights(start, end);
    } finally {
      lock.unlock();
    }
    if (lost) {
      changed(self, start, (end - start) >>> 12, code);
    }
  }

  private boolean isCovered(long start, long end) {
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

  /** Gives the entries of a range the rights of their mappings. */
  private void applyRights(long start, long end) {
    long page = start;
    while (page < end) {
      long[] leaf = leaf(page);
      long leafEnd = Math.min(end, (page | (LEAF_BYTES - 1)) + 1);
      if (leaf == null) {
        page = leafEnd;
        continue;
      }
      for (; page < leafEnd; page += 4096) {
        int i = (int) (page >>> 12) & (LEAF - 1);
        long e = leaf[i];
        if ((e & PRESENT) == 0) {
          continue;
        }
        Vma v = find(page);
        int rights = v.protection;
        if (!v.shared && ((e & OWNED) == 0 || !arena.isAlone(e & OFFSET_MASK))) {
          rights &= ~PROT_WRITE;
        }
        leaf[i] = e & ~7L | rights;
      }
    }
  }

  /** madvise(MADV_DONTNEED): private pages go back to what their source says. */
  void discard(GuestThread self, long start, long bytes) {
    long end = start + ((bytes + PAGE_MASK) & OFFSET_MASK);
    long[] frames;
    lock.lock();
    try {
      frames = clear(start, end);
    } finally {
      lock.unlock();
    }
    changed(self, start, (end - start) >>> 12, false);
    releaseFrames(frames);
  }

  /** brk: the end of the heap as it is afterwards. */
  long moveHeapEnd(GuestThread self, long wanted) {
    long oldTop = (heapEnd + PAGE_MASK) & OFFSET_MASK;
    long newTop = (wanted + PAGE_MASK) & OFFSET_MASK;
    if (wanted < heapStart || wanted > limit) {
      return heapEnd;
    }
    if (newTop > oldTop) {
      lock.lock();
      try {
        if (!isFree(oldTop, newTop + 4096)) {
          return heapEnd;
        }
        insert(
            new Vma(
                oldTop, newTop, PROT_READ | PROT_WRITE, false, null, 0, false, "[heap]", 0, null));
      } finally {
        lock.unlock();
      }
    } else if (newTop < oldTop) {
      unmap(self, newTop, oldTop - newTop);
    }
    heapEnd = wanted;
    return wanted;
  }

  /** mremap. */
  long remap(
      GuestThread self,
      long address,
      long oldBytes,
      long newBytes,
      boolean mayMove,
      boolean fixed,
      long target) {
    long oldSize = (oldBytes + PAGE_MASK) & OFFSET_MASK;
    long newSize = (newBytes + PAGE_MASK) & OFFSET_MASK;
    if ((address & PAGE_MASK) != 0 || newSize == 0 || fixed && (target & PAGE_MASK) != 0) {
      throw new Errno(Errno.EINVAL);
    }
    Vma v;
    lock.lock();
    try {
      v = find(address);
      if (v == null
          || oldSize != 0 && address + oldSize > v.end && !isCovered(address, address + oldSize)) {
        throw new Errno(Errno.EFAULT);
      }
      if (!fixed) {
        if (newSize == oldSize) {
          return address;
        }
        boolean grows = newSize > oldSize;
        if (grows && isFree(address + oldSize, address + newSize) && address + newSize <= limit) {
          extend(address + oldSize, address + newSize);
          return address;
        }
        if (grows && !mayMove) {
          throw new Errno(Errno.ENOMEM);
        }
      }
    } finally {
      lock.unlock();
    }
    if (!fixed && newSize < oldSize) {
      unmap(self, address + newSize, oldSize - newSize);
      return address;
    }
    return move(self, address, Math.min(oldSize, newSize), oldSize, newSize, fixed, target);
  }

  /** Adds [from, to) to the mapping that ends at {@code from}. */
  private void extend(long from, long to) {
    Vma last = find(from - 1);
    if (last.backing instanceof Backing.SharedMemory memory) {
      memory.grow(last.offset + (to - last.start));
    }
    if (last.backing instanceof Backing.SharedFile) {
      // The host maps what was asked for and no more.
      throw new Errno(Errno.ENOMEM);
    }
    if (last.end == from) {
      last.end = to;
      Vma next = mappings.get(to);
      if (next != null && last.continues(next)) {
        mappings.remove(to);
        last.end = next.end;
      }
      return;
    }
    throw new Errno(Errno.ENOMEM);
  }

  private long move(
      GuestThread self,
      long address,
      long keptBytes,
      long oldSize,
      long newSize,
      boolean fixed,
      long target) {
    if (fixed) {
      unmap(self, target, newSize);
    }
    long[] frames;
    long to;
    List<Vma> moved;
    lock.lock();
    try {
      to = fixed ? target : place(newSize, 0, mapTop);
      cut(address);
      cut(address + oldSize);
      moved = within(address, address + oldSize);
      for (Vma v : moved) {
        mappings.remove(v.start);
        long end = Math.min(v.end, address + keptBytes);
        if (v.start < end) {
          mappings.put(v.start - address + to, v.moved(v.start, end, v.start - address + to));
        }
      }
      for (long page = 0; page < keptBytes; page += 4096) {
        long e = entry(address + page);
        if (e != 0) {
          setEntry(to + page, e);
          setEntry(address + page, 0);
        }
      }
      frames = clear(address, address + oldSize);
      if (newSize > keptBytes) {
        extend(to + keptBytes, to + newSize);
      }
    } finally {
      lock.unlock();
    }
    changed(
        self,
        address,
        oldSize >>> 12,
        moved.stream().anyMatch(v -> (v.protection & PROT_EXEC) != 0));
    releaseFrames(frames);
    moved.forEach(Vma::drop);
    return to;
  }

  /** Host ranges behind shared file mappings, for msync. */
  int sync(long start, long bytes, long flags) {
    long end = start + ((bytes + PAGE_MASK) & OFFSET_MASK);
    lock.lock();
    try {
      if (!isCovered(start, end)) {
        return -Errno.ENOMEM;
      }
      for (Vma v : mappings.values()) {
        long from = Math.max(start, v.start);
        long to = Math.min(end, v.end);
        if (from < to && v.backing instanceof Backing.SharedFile file) {
          Host.call(26, file.host(v.offset + (from - v.start)), to - from, flags);
        }
      }
      return 0;
    } finally {
      lock.unlock();
    }
  }

  /** shmdt: unmaps the segment that is attached at {@code start}. */
  long detachSegment(GuestThread self, long start) {
    long bytes;
    lock.lock();
    try {
      Vma v = find(start);
      if (v == null || v.start != start || !(v.backing instanceof Backing.HostSegment segment)) {
        return -Errno.EINVAL;
      }
      bytes = segment.bytes - v.offset;
    } finally {
      lock.unlock();
    }
    unmap(self, start, bytes);
    return 0;
  }

  /** True when instructions may be fetched there. */
  boolean isExecutable(long gva) {
    lock.lock();
    try {
      Vma v = find(gva);
      return v != null && (v.protection & PROT_EXEC) != 0;
    } finally {
      lock.unlock();
    }
  }

  /** The file or kind of the mapping around an address and the offset in it, for people. */
  String where(long gva) {
    lock.lock();
    try {
      Vma v = find(gva);
      return v == null || v.name.isEmpty()
          ? ""
          : v.name + "+0x" + Long.toHexString(gva - v.start + v.fileOffset);
    } finally {
      lock.unlock();
    }
  }

  /** True when every page of a range is mapped. */
  boolean isMapped(long start, long bytes) {
    lock.lock();
    try {
      return isCovered(start & OFFSET_MASK, start + bytes);
    } finally {
      lock.unlock();
    }
  }

  // ---------------------------------------------------------------- fork

  /**
   * A copy for a child process. Private pages are shared until one side writes; with other threads
   * about, which may have host calls under way into them, they are copied at once instead.
   */
  UserMemory fork(GuestThread self) {
    UserMemory child = new UserMemory(arena, limit, mapTop, stackBytes);
    child.heapStart = heapStart;
    child.heapEnd = heapEnd;
    boolean eager = isShared();
    lock.lock();
    try {
      for (Vma v : mappings.values()) {
        child.mappings.put(v.start, v.part(v.start, v.end));
      }
      for (int i = 0; i < top.length; i++) {
        if (top[i] != null) {
          child.top[i] = new long[1 << MIDDLE_BITS][];
          for (int j = 0; j < top[i].length; j++) {
            if (top[i][j] != null) {
              child.top[i][j] = forkLeaf(top[i][j], eager);
            }
          }
        }
      }
    } finally {
      lock.unlock();
    }
    if (!eager) {
      self.cpu.flushTlb();
    }
    return child;
  }

  private long[] forkLeaf(long[] leaf, boolean eager) {
    long[] copy = leaf.clone();
    for (int k = 0; k < copy.length; k++) {
      if ((copy[k] & OWNED) == 0) {
        continue;
      }
      if (eager) {
        copy[k] = arena.copy(copy[k] & OFFSET_MASK) | copy[k] & PAGE_MASK;
      } else {
        arena.share(copy[k] & OFFSET_MASK);
        copy[k] &= ~(long) PROT_WRITE;
        leaf[k] = copy[k];
      }
    }
    return copy;
  }

  // ---------------------------------------------------------------- access by the kernel

  /** Offset in the window of {@code gva}, which may be read or written up to its page's end. */
  long at(GuestThread self, long gva, boolean write) {
    int access = write ? GuestCpu.ACCESS_WRITE : GuestCpu.ACCESS_READ;
    long e = gva >= 0 && gva < limit ? entry(gva) : 0;
    if ((e >>> access & 1) == 0) {
      e = gva >= 0 && gva < limit ? resolve(self, gva, access) : NOT_MAPPED;
      if (e <= 0) {
        throw new Errno(Errno.EFAULT);
      }
    }
    return (e & OFFSET_MASK) | (gva & PAGE_MASK);
  }

  /** Copies from the guest. */
  void read(GuestThread self, long gva, byte[] target, int from, int length) {
    int done = 0;
    while (done < length) {
      long offset = at(self, gva + done, false);
      int n = (int) Math.min(length - done, 4096 - (offset & PAGE_MASK));
      arena.ram.read(offset, target, from + done, n);
      done += n;
    }
  }

  /** Copies to the guest. */
  void write(GuestThread self, long gva, byte[] source, int from, int length) {
    int done = 0;
    while (done < length) {
      long offset = at(self, gva + done, true);
      int n = (int) Math.min(length - done, 4096 - (offset & PAGE_MASK));
      arena.forgetCode(offset, n);
      arena.ram.write(offset, source, from + done, n);
      done += n;
    }
  }

  /** Copies to host memory. */
  void readHost(GuestThread self, long gva, long host, long length) {
    long done = 0;
    while (done < length) {
      long offset = at(self, gva + done, false);
      long n = Math.min(length - done, 4096 - (offset & PAGE_MASK));
      GuestRam.hostCopy(arena.host(offset), host + done, n);
      done += n;
    }
  }

  /** Copies from host memory. */
  void writeHost(GuestThread self, long gva, long host, long length) {
    long done = 0;
    while (done < length) {
      long offset = at(self, gva + done, true);
      long n = Math.min(length - done, 4096 - (offset & PAGE_MASK));
      arena.forgetCode(offset, n);
      GuestRam.hostCopy(host + done, arena.host(offset), n);
      done += n;
    }
  }

  // ---------------------------------------------------------------- /proc/self/maps

  /** The text of /proc/self/maps. */
  String describe() {
    StringBuilder text = new StringBuilder();
    lock.lock();
    try {
      for (Vma v : mappings.values()) {
        int p = v.protection;
        long device = v.file == null ? 0 : v.file.device();
        String line =
            String.format(
                "%08x-%08x %c%c%c%c %08x %02x:%02x %d ",
                v.start,
                v.end,
                (p & PROT_READ) != 0 ? 'r' : '-',
                (p & PROT_WRITE) != 0 ? 'w' : '-',
                (p & PROT_EXEC) != 0 ? 'x' : '-',
                v.shared ? 's' : 'p',
                v.fileOffset,
                device >>> 8 & 0xfff,
                device & 0xff | device >>> 12 & 0xfff00,
                v.file == null ? 0 : v.file.inode());
        text.append(line);
        if (!v.name.isEmpty()) {
          text.append(" ".repeat(Math.max(0, 73 - line.length()))).append(v.name);
        }
        text.append('\n');
      }
    } finally {
      lock.unlock();
    }
    return text.toString();
  }

  /** Bytes mapped in total. */
  long mappedBytes() {
    lock.lock();
    try {
      return mappings.values().stream().mapToLong(v -> v.end - v.start).sum();
    } finally {
      lock.unlock();
    }
  }
}
