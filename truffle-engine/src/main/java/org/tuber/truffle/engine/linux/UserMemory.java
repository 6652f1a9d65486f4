package org.tuber.truffle.engine.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.CodeMap;
import org.tuber.truffle.engine.GuestCpu;

/**
 * The address space of a guest process: its {@link Mappings}, the {@link PageTable} of the pages
 * that were touched so far, and the threads that run in it.
 *
 * <p>Pages are entered when they are first touched. A private page that others share lacks the
 * right to write until it is copied. Whoever takes rights away waits until every other thread of
 * the process has dropped its translations ({@link Residents}).
 */
final class UserMemory {
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int PROT_EXEC = 4;

  private static final int PRESENT = PageTable.PRESENT;
  private static final int OWNED = PageTable.OWNED;
  private static final long OFFSET_MASK = PageTable.OFFSET_MASK;
  private static final long PAGE_MASK = 4095;

  /** Pages entered at once in large and small anonymous mappings. */
  private static final int AROUND_LARGE = FrameArena.MAX_RUN;

  private static final int AROUND_SMALL = 16;
  private static final long LARGE_BYTES = 1 << 20;

  final FrameArena arena;

  /** Exclusive upper bound of addresses. */
  final long limit;

  private final PageTable pages = new PageTable();
  private final Mappings mappings;
  private final ReentrantLock lock = new ReentrantLock();
  private final Residents residents = new Residents();
  final SystemPages systemPages;

  /** Start and end of the heap that brk moves. */
  long heapStart;

  long heapEnd;

  UserMemory(FrameArena arena, long limit, long mapTop) {
    this.arena = arena;
    this.limit = limit;
    mappings = new Mappings(limit, mapTop);
    systemPages = new SystemPages(arena);
  }

  void attach(GuestThread t) {
    residents.add(t);
  }

  /** See {@link UserCpu#flushTlb}. */
  long epoch() {
    return residents.epoch();
  }

  void detach(GuestThread t) {
    if (residents.remove(t)) {
      releaseAll();
    }
  }

  /** More than one thread runs in here. */
  boolean isShared() {
    return residents.areSeveral();
  }

  // ---------------------------------------------------------------- translation

  /** {@code walk} of the engine: translates or throws a page fault. */
  void walk(GuestThread self, long gva, int access) {
    long e = pages.entry(gva);
    if ((e >>> access & 1) == 0) {
      e = resolve(self, gva, access);
      if (e <= 0) {
        throw self.cpu.pageFault(gva, access, why(e));
      }
    }
    self.cpu.walked((e & OFFSET_MASK) | (gva & PAGE_MASK), (int) e & 7);
  }

  private static UserCpu.PageFault why(long outcome) {
    if (outcome == NO_PAGE) {
      return UserCpu.PageFault.NO_PAGE;
    }
    if (outcome == FORBIDDEN_ABSENT) {
      return UserCpu.PageFault.FORBIDDEN_ABSENT;
    }
    return outcome == FORBIDDEN ? UserCpu.PageFault.FORBIDDEN : UserCpu.PageFault.NOT_MAPPED;
  }

  private static final long NOT_MAPPED = 0;
  private static final long FORBIDDEN = -1;
  private static final long NO_PAGE = -2;
  private static final long FORBIDDEN_ABSENT = -3;

  /** The slow half of a translation: touches the page. Not above 0 when that is not allowed. */
  private long resolve(GuestThread self, long gva, int access) {
    boolean replaced = false;
    long e;
    lock.lock();
    try {
      e = pages.entry(gva);
      if ((e >>> access & 1) != 0) {
        return e;
      }
      Vma v = mappings.find(gva);
      if (v == null) {
        v = mappings.growStack(gva, self.process.limits);
      }
      if (v == null) {
        return NOT_MAPPED;
      }
      if ((v.protection >>> access & 1) == 0) {
        // Linux takes pages away that nobody may touch.
        boolean isThere = (e & PRESENT) != 0 && v.protection != 0;
        return isThere ? FORBIDDEN : FORBIDDEN_ABSENT;
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
      residents.changed(self, gva & OFFSET_MASK, 1, (e & PROT_EXEC) != 0);
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
    pages.set(page, e);
    return e;
  }

  private long touchAnonymous(Vma v, long page) {
    int around = v.end - v.start >= LARGE_BYTES ? AROUND_LARGE : AROUND_SMALL;
    long from = page;
    if (v.growsDown) {
      while (from > v.start && page - from < AROUND_SMALL << 12 && pages.entry(from - 4096) == 0) {
        from -= 4096;
      }
    }
    long end = Math.min(v.end, (page | ((long) around << 12) - 1) + 1);
    long to = page + 4096;
    while (to < end && pages.entry(to) == 0) {
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
      pages.set(
          from + ((long) i << 12),
          run.offset() + ((long) i << 12) | v.protection | PRESENT | OWNED);
    }
    return pages.entry(page);
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
    pages.set(page, mine);
    return mine;
  }

  // ---------------------------------------------------------------- mappings

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
    // None for what a loader maps: only the program itself can be told.
    Limits limits = self == null ? null : self.process.limits;
    lock.lock();
    try {
      start = fixed ? address : mappings.place(size, address & OFFSET_MASK, below);
      replaces = fixed && !mappings.isFree(start, start + size);
      long more = replaces ? size - mappings.bytesWithin(start, start + size) : size;
      boolean data = Vma.isData(rights(protection), source.shared, growsDown);
      if (limits != null && !mappings.mayGrow(limits, more, data)) {
        throw new Errno(Errno.ENOMEM);
      }
    } finally {
      lock.unlock();
    }
    if (replaces) {
      unmap(self, start, size);
    }
    lock.lock();
    try {
      if (!fixed && !mappings.isFree(start, start + size)) {
        start = mappings.place(size, 0, below);
      }
      mappings.insert(
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
      return mappings.isFree(start, start + bytes);
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
      mappings.cut(start);
      mappings.cut(end);
      gone = mappings.within(start, end);
      for (Vma v : gone) {
        mappings.remove(v);
        code |= (v.protection & PROT_EXEC) != 0;
      }
      frames = gone.isEmpty() ? null : pages.clear(start, end);
    } finally {
      lock.unlock();
    }
    if (gone.isEmpty()) {
      return;
    }
    residents.changed(self, start, (end - start) >>> 12, code);
    releaseFrames(frames);
    gone.forEach(Vma::drop);
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
      frames = pages.clear(0, limit);
      all = mappings.clear();
    } finally {
      lock.unlock();
    }
    releaseFrames(frames);
    systemPages.release();
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
      if (!mappings.isCovered(start, end)) {
        throw new Errno(Errno.ENOMEM);
      }
      mappings.cut(start);
      mappings.cut(end);
      requireData(self, mappings.within(start, end), rights);
      for (Vma v : mappings.within(start, end)) {
        if (!mappings.contains(v)) {
          // Became one with its predecessor, which has these rights already.
          continue;
        }
        lost |= (v.protection & ~rights) != 0;
        code |= (v.protection & PROT_EXEC) != 0;
        mappings.remove(v);
        v.protection = rights;
        mappings.insert(v);
      }
      pages.applyRights(start, end, mappings, arena);
    } finally {
      lock.unlock();
    }
    if (lost) {
      residents.changed(self, start, (end - start) >>> 12, code);
    }
  }

  /** ENOMEM where the rights to come make more data than RLIMIT_DATA allows. */
  private void requireData(GuestThread self, List<Vma> range, int rights) {
    if (self == null || (rights & PROT_WRITE) == 0) {
      return;
    }
    long more = 0;
    for (Vma v : range) {
      boolean becomes = !v.isData() && Vma.isData(rights, v.shared, v.growsDown);
      more += becomes ? v.bytes() : 0;
    }
    if (more != 0 && !mappings.mayBecomeData(self.process.limits, more)) {
      throw new Errno(Errno.ENOMEM);
    }
  }

  /** madvise(MADV_DONTNEED): private pages go back to what their source says. */
  void discard(GuestThread self, long start, long bytes) {
    long end = start + ((bytes + PAGE_MASK) & OFFSET_MASK);
    long[] frames;
    lock.lock();
    try {
      frames = pages.clear(start, end);
    } finally {
      lock.unlock();
    }
    residents.changed(self, start, (end - start) >>> 12, false);
    releaseFrames(frames);
  }

  /**
   * A file is about to end at {@code fileBytes}: forgets its pages beyond, copies among them.
   *
   * @param self the calling thread if it runs in here, else null
   * @return what has been told to have no more pages
   */
  List<Backing> cutOff(GuestThread self, Host.Stat file, long fileBytes) {
    List<Backing> cut = new ArrayList<>();
    List<Vma> beyond = new ArrayList<>();
    List<long[]> frames = new ArrayList<>();
    lock.lock();
    try {
      for (Vma v : mappings.all()) {
        boolean mapped =
            v.backing != null
                && v.file != null
                && v.file.inode() == file.inode()
                && v.file.device() == file.device()
                && v.fileOffset + (v.end - v.start) > fileBytes;
        if (mapped) {
          v.backing.cutOff(fileBytes);
          cut.add(v.backing);
          beyond.add(v);
          long from = v.start + Math.max(0, fileBytes - v.fileOffset);
          frames.add(pages.clear(from, v.end));
        }
      }
    } finally {
      lock.unlock();
    }
    for (Vma v : beyond) {
      residents.changed(self, v.start, (v.end - v.start) >>> 12, (v.protection & PROT_EXEC) != 0);
    }
    frames.forEach(this::releaseFrames);
    return cut;
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
        Limits limits = self.process.limits;
        if (!mappings.isFree(oldTop, newTop + 4096)
            || !mappings.mayGrow(limits, newTop - oldTop, true)) {
          return heapEnd;
        }
        mappings.insert(
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
      v = mappings.find(address);
      if (v == null
          || oldSize != 0
              && address + oldSize > v.end
              && !mappings.isCovered(address, address + oldSize)) {
        throw new Errno(Errno.EFAULT);
      }
      if (!fixed) {
        if (newSize == oldSize) {
          return address;
        }
        boolean grows = newSize > oldSize;
        if (grows && !mappings.mayGrow(self.process.limits, newSize - oldSize, v.isData())) {
          throw new Errno(Errno.ENOMEM);
        }
        if (grows
            && mappings.isFree(address + oldSize, address + newSize)
            && address + newSize <= limit) {
          mappings.extend(address + oldSize, address + newSize);
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
      to = fixed ? target : mappings.place(newSize, 0, mappings.top);
      mappings.cut(address);
      mappings.cut(address + oldSize);
      moved = mappings.within(address, address + oldSize);
      for (Vma v : moved) {
        mappings.remove(v);
        long end = Math.min(v.end, address + keptBytes);
        if (v.start < end) {
          mappings.put(v.moved(v.start, end, v.start - address + to));
        }
      }
      pages.move(address, keptBytes, to);
      frames = pages.clear(address, address + oldSize);
      if (newSize > keptBytes) {
        mappings.extend(to + keptBytes, to + newSize);
      }
    } finally {
      lock.unlock();
    }
    residents.changed(
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
      if (!mappings.isCovered(start, end)) {
        return -Errno.ENOMEM;
      }
      for (Vma v : mappings.all()) {
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
      Vma v = mappings.find(start);
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
      Vma v = mappings.find(gva);
      return v != null && (v.protection & PROT_EXEC) != 0;
    } finally {
      lock.unlock();
    }
  }

  /** The file or kind of the mapping around an address and the offset in it, for people. */
  String where(long gva) {
    lock.lock();
    try {
      Vma v = mappings.find(gva);
      return v == null || v.name.isEmpty()
          ? ""
          : v.name + "+0x" + Long.toHexString(gva - v.start + v.fileOffset);
    } finally {
      lock.unlock();
    }
  }

  /** The mapping around an address, for profiles; null where there is none. */
  CodeMap.Range range(long gva) {
    lock.lock();
    try {
      Vma v = mappings.find(gva);
      return v == null ? null : new CodeMap.Range(v.start, v.end, v.name, v.fileOffset);
    } finally {
      lock.unlock();
    }
  }

  /** True when every page of a range is mapped. */
  boolean isMapped(long start, long bytes) {
    lock.lock();
    try {
      return mappings.isCovered(start & OFFSET_MASK, start + bytes);
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
    UserMemory child = new UserMemory(arena, limit, mappings.top);
    child.heapStart = heapStart;
    child.heapEnd = heapEnd;
    boolean eager = isShared();
    lock.lock();
    try {
      for (Vma v : mappings.all()) {
        child.mappings.put(v.part(v.start, v.end));
      }
      pages.fork(child.pages, arena, eager);
      systemPages.copyTo(child.systemPages);
    } finally {
      lock.unlock();
    }
    if (!eager) {
      self.cpu.flushTlb(epoch());
    }
    return child;
  }

  // ---------------------------------------------------------------- access by the kernel

  /** Offset in the window of {@code gva}, which may be read or written up to its page's end. */
  long at(GuestThread self, long gva, boolean write) {
    int access = write ? GuestCpu.ACCESS_WRITE : GuestCpu.ACCESS_READ;
    long e = gva >= 0 && gva < limit ? pages.entry(gva) : 0;
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
    lock.lock();
    try {
      return mappings.describe();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes of pages that were touched. */
  long residentBytes() {
    lock.lock();
    try {
      return pages.present() << 12;
    } finally {
      lock.unlock();
    }
  }

  /** Bytes mapped in total. */
  long mappedBytes() {
    lock.lock();
    try {
      return mappings.bytes();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes mapped as data, stacks among them. */
  long dataBytes() {
    lock.lock();
    try {
      return mappings.dataBytes() + mappings.stackBytes();
    } finally {
      lock.unlock();
    }
  }
}
