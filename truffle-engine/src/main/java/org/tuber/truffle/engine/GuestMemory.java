package org.tuber.truffle.engine;

import com.oracle.truffle.api.CompilerDirectives.TruffleBoundary;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;

/**
 * How a vCPU gets at memory where {@link SoftTlb} does not know the way: walks, fills, devices,
 * page crossings, and stores to what is translated or watched.
 */
public abstract class GuestMemory {
  /** Access kind: data read. */
  public static final int ACCESS_READ = 0;

  /** Access kind: data write. */
  public static final int ACCESS_WRITE = 1;

  /** Access kind: instruction fetch. */
  public static final int ACCESS_FETCH = 2;

  /** Permission bit of {@link #walkPermissions}. */
  public static final int PERMIT_READ = 1;

  /** Permission bit of {@link #walkPermissions}. */
  public static final int PERMIT_WRITE = 2;

  /** Permission bit of {@link #walkPermissions}. */
  public static final int PERMIT_FETCH = 4;

  static final int PAGE_SHIFT = 12;
  static final long PAGE_MASK = -1L << PAGE_SHIFT;

  /** The code cache that all vCPUs of the machine share. */
  public final Engine engine;

  /** Guest-physical memory. */
  public final AddressSpace memory;

  /** The one fault object, see {@link GuestFault}. */
  public final GuestFault fault = new GuestFault();

  /** Outcome of {@link #walk}: guest-physical address. */
  protected long walkGpa;

  /** Outcome of {@link #walk}: {@code PERMIT_} bits that hold for the whole page in this mode. */
  protected int walkPermissions;

  private boolean checksAlignment;

  /** Stores to pages of code through {@link #writableHostSlow}, done by {@link #dropRewritten}. */
  private final List<long[]> rewritten = new ArrayList<>();

  /** True while one instruction runs alone: it may overwrite itself. */
  boolean alone;

  /**
   * What the last instruction hit, to be reported before the next: bits of {@link DebugPoints}, and
   * above them bits of the ISA's own.
   */
  public int debugHits;

  /** Address of the access behind {@link #debugHits}. */
  long watchedAddress;

  /** Null while nothing is watched. */
  DebugPoints watching;

  /** The block that is being interpreted, or null. */
  Block currentBlock;

  /** The region that runs, or the first of a chain of classes; null in the interpreter. */
  Region currentRegion;

  /** Changes whenever a virtual mapping of code may have changed that this CPU looked at since. */
  long epoch;

  /** Pages whose mapping was looked at for code in this {@link #epoch}. */
  private final PageFilter codeSeen = new PageFilter();

  /** Runs regions twice; null until the first region of an engine that wants it. */
  Lockstep lockstep;

  private final long[] tables;
  private final AddressSpace.Range[] lastRange = new AddressSpace.Range[1];

  GuestMemory(Engine engine, AddressSpace memory, int mmuModes) {
    this.engine = engine;
    this.memory = memory;
    tables = new long[engine.isLockstep ? 2 * mmuModes : mmuModes];
    for (int i = 0; i < tables.length; i++) {
      tables[i] = SoftTlb.allocate();
    }
    epoch = engine.nextEpoch();
  }

  /** The home of this CPU's registers. */
  public abstract GuestState state();

  /**
   * Walks the guest's page tables for {@code gva} in the present mode, setting {@link #walkGpa} and
   * {@link #walkPermissions}.
   *
   * @throws GuestFault (prepared in {@link #fault}) when the access is not allowed
   */
  protected abstract void walk(long gva, int access);

  /** The exception of an access that is not aligned while {@link #checksAlignment}, prepared. */
  protected RuntimeException misaligned(long gva) {
    throw new UnsupportedOperationException("alignment checks at " + Long.toHexString(gva));
  }

  /** {@link #dropRewritten} has to be called when the instruction is through. */
  abstract void codeRewritten();

  // ---------------------------------------------------------------- TLB

  /** Host address of the TLB table of an MMU mode. */
  protected final long table(int mmuMode) {
    return tables[mmuMode];
  }

  /**
   * Begins or ends checking the alignment of accesses of 2, 4 and 8 bytes: meanwhile no fast path
   * is opened.
   */
  protected final void setChecksAlignment(boolean checks) {
    if (checks && !checksAlignment) {
      flushData();
    }
    checksAlignment = checks;
  }

  private void requireAligned(long gva, int size) {
    if (checksAlignment && size <= 8 && (gva & size - 1) != 0) {
      throw misaligned(gva);
    }
  }

  /** Another table for the MMU mode of {@code table}, for {@link Lockstep}. */
  final long tableForLockstep(long table) {
    int i = 0;
    while (tables[i] != table) {
      i++;
    }
    return tables[i + tables.length / 2];
  }

  /** Forgets all translations; those of code stay what they were. */
  public final void flushData() {
    for (long t : tables) {
      SoftTlb.flush(t);
    }
  }

  /** Forgets all translations; every block's mapping is checked again before it runs. */
  public final void flushTlb() {
    flushData();
    checkCodeAgain();
  }

  private void checkCodeAgain() {
    codeSeen.clear();
    epoch = engine.nextEpoch();
  }

  /**
   * Forgets all translations, for an address space that several CPUs run in.
   *
   * @param codeEpoch blocks whose mapping was checked in it need not be checked again; all CPUs of
   *     the address space have the same
   */
  public final void flushTlb(long codeEpoch) {
    flushData();
    epoch = codeEpoch;
  }

  /** A new number for a state of the address space; see {@link #flushTlb(long)}. */
  public final long newEpoch() {
    return engine.nextEpoch();
  }

  /**
   * Forgets the translations of one page. Blocks' mappings are checked again only if there may be
   * code in it: a guest that copies on write does this for each page of data it copies.
   *
   * <p>Not for an address space that several CPUs run in: what the others looked at is not known.
   */
  public final void flushTlbPage(long gva) {
    for (long t : tables) {
      SoftTlb.flushPage(t, gva);
    }
    if (codeSeen.mayContain(gva)) {
      checkCodeAgain();
    }
  }

  /** The machine's memory map has changed. */
  final void memoryMapChanged() {
    lastRange[0] = null;
    flushTlb();
  }

  /** Closes the fast write path to a host page in all tables. */
  final void closeWritePath(long hostPage) {
    for (long t : tables) {
      SoftTlb.closeWritePath(t, hostPage);
    }
  }

  private AddressSpace.Range rangeOf(long gpa) {
    AddressSpace.Range r = lastRange[0];
    if (r != null
        && Long.compareUnsigned(gpa, r.start) >= 0
        && Long.compareUnsigned(gpa, r.last) <= 0) {
      return r;
    }
    r = memory.find(gpa);
    lastRange[0] = r;
    return r;
  }

  /**
   * Enters the outcome of the last {@link #walk} of {@code gva}.
   *
   * @return host address of the page, or 0 when it is not wholly RAM
   */
  private long fillTlb(long gva) {
    long pageGpa = walkGpa & PAGE_MASK;
    AddressSpace.Range r = rangeOf(pageGpa);
    if (r == null
        || r.ram == null
        || Long.compareUnsigned(r.last - pageGpa, 4095) < 0
        || (r.offsetOf(pageGpa) & 4095) != 0) {
      return 0;
    }
    long offset = r.offsetOf(pageGpa);
    long hostPage = r.ram.hostBase() + offset;
    long page = gva & PAGE_MASK;
    boolean writable =
        (walkPermissions & PERMIT_WRITE) != 0 && !r.readOnly && r.ram.pageFlags(offset) == 0;
    if (lockstep != null && (walkPermissions & PERMIT_WRITE) != 0) {
      lockstep.beforeStore(r.ram, offset, pageGpa);
    }
    boolean readable = (walkPermissions & PERMIT_READ) != 0;
    if (watching != null) {
      writable &= !watching.watchesWrites(page);
      readable &= !watching.watchesReads(page);
    }
    readable &= !checksAlignment;
    writable &= readable;
    SoftTlb.fill(
        state().tlb,
        gva,
        readable ? page : SoftTlb.INVALID,
        writable ? page : SoftTlb.INVALID,
        (walkPermissions & PERMIT_FETCH) != 0 ? page : SoftTlb.INVALID,
        hostPage);
    if (writable && engine.hasSeveralCpus()) {
      // Another CPU may have made it a page of code before it could see this entry.
      VarHandle.fullFence();
      if (r.ram.pageFlags(offset) != 0) {
        GuestRam.hostStore64(SoftTlb.entry(state().tlb, gva) + SoftTlb.WRITE, SoftTlb.INVALID);
      }
    }
    return hostPage;
  }

  /** Loads 1, 2, 4 or 8 bytes the slow way: TLB miss, page crossing or device. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long loadSlow(long gva, int size) {
    requireAligned(gva, size);
    if (watching != null) {
      watch(gva, size, false);
    }
    if (((gva + size - 1) ^ gva) >>> 12 != 0) {
      return loadCrossing(gva, size);
    }
    walk(gva, ACCESS_READ);
    long gpa = walkGpa;
    long hostPage = fillTlb(gva);
    if (hostPage != 0) {
      long host = hostPage + (gva & 4095);
      return switch (size) {
        case 1 -> GuestRam.hostLoad8(host);
        case 2 -> GuestRam.hostLoad16(host);
        case 4 -> GuestRam.hostLoad32(host);
        default -> GuestRam.hostLoad64(host);
      };
    }
    if (lockstep != null) {
      lockstep.beforeDevice();
    }
    return memory.read(gpa, size);
  }

  private long loadCrossing(long gva, int size) {
    walk(gva, ACCESS_READ);
    long first = walkGpa;
    long secondGva = (gva | 4095) + 1;
    walk(secondGva, ACCESS_READ);
    long second = walkGpa;
    int head = (int) (secondGva - gva);
    if (lockstep != null && (!isRam(first) || !isRam(second))) {
      lockstep.beforeDevice();
    }
    long value = 0;
    for (int i = 0; i < size; i++) {
      long gpa = i < head ? first + i : second + (i - head);
      value |= (memory.read(gpa, 1) & 0xff) << (8 * i);
    }
    return value;
  }

  /** Stores 1, 2, 4 or 8 bytes the slow way. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public void storeSlow(long gva, long value, int size) {
    requireAligned(gva, size);
    if (watching != null) {
      watch(gva, size, true);
    }
    if (((gva + size - 1) ^ gva) >>> 12 != 0) {
      storeCrossing(gva, value, size);
      return;
    }
    walk(gva, ACCESS_WRITE);
    long gpa = walkGpa;
    long hostPage = fillTlb(gva);
    if (hostPage == 0) {
      if (lockstep != null) {
        tellLockstep(gpa);
      }
      memory.write(gpa, value, size);
      return;
    }
    boolean code = beforeStore(gpa, size);
    memory.write(gpa, value, size);
    if (code) {
      afterStore(gpa, size);
    }
  }

  private void storeCrossing(long gva, long value, int size) {
    walk(gva, ACCESS_WRITE);
    long first = walkGpa;
    long secondGva = (gva | 4095) + 1;
    walk(secondGva, ACCESS_WRITE);
    long second = walkGpa;
    int head = (int) (secondGva - gva);
    boolean firstIsCode = beforeStore(first, head);
    boolean secondIsCode = beforeStore(second, size - head);
    if (lockstep != null) {
      tellLockstep(first);
      tellLockstep(second);
    }
    for (int i = 0; i < size; i++) {
      long gpa = i < head ? first + i : second + (i - head);
      memory.write(gpa, (value >>> (8 * i)) & 0xff, 1);
    }
    if (firstIsCode) {
      afterStore(first, head);
    }
    if (secondIsCode) {
      afterStore(second, size - head);
    }
  }

  /** See {@link SoftTlb#writableHost}. */
  @TruffleBoundary(transferToInterpreterOnException = false)
  public long writableHostSlow(long gva, int size) {
    requireAligned(gva, size);
    if (watching != null && !alone) {
      watch(gva, size, false);
      watch(gva, size, true);
    }
    if (((gva + size - 1) ^ gva) >>> 12 != 0) {
      walk((gva | 4095) + 1, ACCESS_WRITE);
      walk(gva, ACCESS_WRITE);
      return 0;
    }
    walk(gva, ACCESS_WRITE);
    long gpa = walkGpa;
    long hostPage = fillTlb(gva);
    if (hostPage == 0) {
      return 0;
    }
    AddressSpace.Range r = rangeOf(gpa);
    long page = gva & PAGE_MASK;
    boolean watched =
        watching != null && (watching.watchesReads(page) || watching.watchesWrites(page));
    if (r.readOnly || watched) {
      return 0;
    }
    if (beforeStore(gpa, size) && engine.hasSeveralCpus()) {
      rewritten.add(new long[] {gpa, size});
      codeRewritten();
    }
    return hostPage + (gva & 4095);
  }

  private boolean isRam(long gpa) {
    AddressSpace.Range r = rangeOf(gpa);
    return r != null && r.ram != null;
  }

  /** A store that no fast path is opened for. */
  private void tellLockstep(long gpa) {
    AddressSpace.Range r = rangeOf(gpa);
    if (r == null || r.ram == null) {
      lockstep.beforeDevice();
    } else {
      long page = gpa & PAGE_MASK;
      lockstep.beforeStore(r.ram, r.offsetOf(page), page);
    }
  }

  /**
   * Drops translations of the bytes about to be stored. When that hits code that is running now,
   * the instruction starts over alone, before it changed anything.
   *
   * @return true when translations were looked for: {@link #afterStore} has to
   */
  private boolean beforeStore(long gpa, int size) {
    AddressSpace.Range r = rangeOf(gpa);
    if (r == null || r.ram == null || r.readOnly) {
      return false;
    }
    long offset = r.offsetOf(gpa);
    int flags = r.ram.pageFlags(offset);
    if (flags == 0) {
      return false;
    }
    if ((flags & (GuestRam.PAGE_WATCH_DISPLAY | GuestRam.PAGE_WATCH_SNAPSHOT)) != 0) {
      r.ram.clearPageFlags(offset, GuestRam.PAGE_WATCH_DISPLAY | GuestRam.PAGE_WATCH_SNAPSHOT);
    }
    if ((flags & GuestRam.PAGE_CODE) == 0) {
      return false;
    }
    boolean isHit = engine.codePages.drop(r.ram, offset, size);
    if (!alone) {
      Region region = currentRegion;
      // Which class of a chain runs now nobody keeps.
      boolean isUndermined = region != null && (region.code != null ? isHit : !region.isValid());
      if (isUndermined || region == null && currentBlock != null && !currentBlock.valid) {
        fault.kind = GuestFault.RESTART;
        throw fault;
      }
    }
    return true;
  }

  /** Between the two another CPU may have translated the old bytes again. */
  private void afterStore(long gpa, int size) {
    if (engine.hasSeveralCpus()) {
      AddressSpace.Range r = rangeOf(gpa);
      engine.codePages.written(r.ram, r.offsetOf(gpa), size);
    }
  }

  final void dropRewritten() {
    for (long[] store : rewritten) {
      AddressSpace.Range r = rangeOf(store[0]);
      if (r != null && r.ram != null) {
        engine.codePages.written(r.ram, r.offsetOf(store[0]), store[1]);
      }
    }
    rewritten.clear();
  }

  /** An access the slow way while something is watched. */
  private void watch(long gva, int size, boolean write) {
    int hits = watching.hits(gva, size, write);
    if (hits == 0) {
      return;
    }
    if (alone) {
      debugHits |= hits;
      watchedAddress = gva;
    } else if (currentRegion != null || currentBlock != null) {
      // What follows the access must not run before it is reported.
      fault.kind = GuestFault.RESTART;
      throw fault;
    }
  }

  // ---------------------------------------------------------------- code

  /** Host address of the page of {@code pc}, for fetching, or 0 when it is no RAM. */
  final long fetchHostPage(long pc) {
    codeSeen.add(pc, PAGE_SHIFT);
    long e = SoftTlb.entry(state().tlb, pc);
    if (GuestRam.hostLoad64(e + SoftTlb.FETCH) != (pc & PAGE_MASK)) {
      walk(pc, ACCESS_FETCH);
      if (fillTlb(pc) == 0) {
        return 0;
      }
    }
    return (pc & PAGE_MASK) + GuestRam.hostLoad64(e + SoftTlb.ADDEND);
  }

  /** Guest-physical address of {@code pc}, for fetching. */
  final long fetchGpa(long pc) {
    walk(pc, ACCESS_FETCH);
    return walkGpa;
  }

  /** One byte of code at {@code gva}, zero-extended, for decoders. */
  public final int fetch8(long gva) {
    long hostPage = fetchHostPage(gva);
    if (hostPage != 0) {
      return GuestRam.hostLoad8(hostPage + (gva & 4095));
    }
    return (int) memory.read(fetchGpa(gva), 1) & 0xff;
  }

  /** Four aligned bytes of code at {@code gva}, little-endian, for decoders. */
  public final int fetch32(long gva) {
    long hostPage = fetchHostPage(gva);
    if (hostPage != 0) {
      return GuestRam.hostLoad32(hostPage + (gva & 4095));
    }
    return (int) memory.read(fetchGpa(gva), 4);
  }

  /** Gives the tables back. */
  final void freeTables() {
    for (long t : tables) {
      GuestRam.hostFree(t);
    }
  }
}
