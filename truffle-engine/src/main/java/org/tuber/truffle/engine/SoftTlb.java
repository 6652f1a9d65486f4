package org.tuber.truffle.engine;

import static com.oracle.truffle.api.CompilerDirectives.injectBranchProbability;

import com.oracle.truffle.api.CompilerDirectives;
import org.tuber.core.mem.GuestRam;

/**
 * The software TLB's layout and its fast paths.
 *
 * <p>A table has {@link #ENTRIES} entries of 32 bytes in raw memory: tag for reads, for writes, for
 * instruction fetches, and the addend that turns a guest-virtual address into a host address. A tag
 * is the page's virtual address, or {@link #INVALID}. Device pages, and for writes pages that hold
 * translated code or are being watched, keep {@link #INVALID} and so always take the slow path. A
 * page that may be written fast may also be read fast.
 *
 * <p>The compare is against the page of the <em>last</em> byte while the entry is chosen by the
 * first: an access that crosses a page can never match, so alignment needs no test of its own.
 */
public final class SoftTlb {
  /** log2 of {@link #ENTRIES}: 32 MiB of guest memory without a miss. */
  public static final int ENTRIES_SHIFT = 13;

  /** Entries of one table. */
  public static final int ENTRIES = 1 << ENTRIES_SHIFT;

  /** Bytes of one table. */
  public static final long TABLE_BYTES = (long) ENTRIES << 5;

  /**
   * So many fills after a flush are remembered, behind the table: their number, then the host
   * addresses of the entries. A guest that switches address spaces fills few in between, and to
   * forget them must not cost more the larger the table is.
   */
  private static final int MAX_REMEMBERED = 512;

  private static final long REMEMBERED = TABLE_BYTES + 8;
  private static final long ALLOCATED_BYTES = REMEMBERED + 8L * MAX_REMEMBERED;

  /** A tag that matches no page. */
  public static final long INVALID = -1;

  /** Byte offset of the read tag in an entry. */
  public static final int READ = 0;

  /** Byte offset of the write tag in an entry. */
  public static final int WRITE = 8;

  /** Byte offset of the fetch tag in an entry. */
  public static final int FETCH = 16;

  /** Byte offset of the addend in an entry. */
  public static final int ADDEND = 24;

  private static final long PAGE_MASK = -4096L;
  private static final long INDEX_MASK = (long) (ENTRIES - 1) << 5;

  /** Without it the compiler lays out hits as the exception and misses in line. */
  private static final double HIT = CompilerDirectives.FASTPATH_PROBABILITY;

  private SoftTlb() {}

  /** Host address of the entry for {@code gva} in the table at {@code tlb}. */
  public static long entry(long tlb, long gva) {
    return tlb + ((gva >>> 7) & INDEX_MASK);
  }

  /** A fresh table without any translation. */
  public static long allocate() {
    long tlb = GuestRam.hostAllocate(ALLOCATED_BYTES);
    GuestRam.hostStore64(tlb + TABLE_BYTES, MAX_REMEMBERED + 1L);
    flush(tlb);
    return tlb;
  }

  /** Forgets everything. */
  public static void flush(long tlb) {
    long filled = GuestRam.hostLoad64(tlb + TABLE_BYTES);
    GuestRam.hostStore64(tlb + TABLE_BYTES, 0);
    if (filled > MAX_REMEMBERED) {
      GuestRam.hostFill(tlb, TABLE_BYTES, (byte) -1);
      return;
    }
    for (long at = tlb + REMEMBERED; filled > 0; filled--, at += 8) {
      flushEntry(GuestRam.hostLoad64(at));
    }
  }

  private static void flushEntry(long e) {
    GuestRam.hostStore64(e + READ, INVALID);
    GuestRam.hostStore64(e + WRITE, INVALID);
    GuestRam.hostStore64(e + FETCH, INVALID);
  }

  /** Forgets the page of {@code gva}. */
  public static void flushPage(long tlb, long gva) {
    flushEntry(entry(tlb, gva));
  }

  /** Forgets that the page at {@code hostPage} may be written fast: it holds code from now on. */
  static void closeWritePath(long tlb, long hostPage) {
    long filled = GuestRam.hostLoad64(tlb + TABLE_BYTES);
    if (filled > MAX_REMEMBERED) {
      for (long e = tlb; e < tlb + TABLE_BYTES; e += 32) {
        closeEntry(e, hostPage);
      }
      return;
    }
    for (long at = tlb + REMEMBERED; filled > 0; filled--, at += 8) {
      closeEntry(GuestRam.hostLoad64(at), hostPage);
    }
  }

  private static void closeEntry(long e, long hostPage) {
    long tag = GuestRam.hostLoad64(e + WRITE);
    if (tag != INVALID && tag + GuestRam.hostLoad64(e + ADDEND) == hostPage) {
      GuestRam.hostStore64(e + WRITE, INVALID);
    }
  }

  /** Enters a translation; each tag is the page address or {@link #INVALID}. */
  public static void fill(long tlb, long gva, long read, long write, long fetch, long hostPage) {
    long e = entry(tlb, gva);
    long filled = GuestRam.hostLoad64(tlb + TABLE_BYTES);
    if (filled < MAX_REMEMBERED) {
      GuestRam.hostStore64(tlb + REMEMBERED + 8 * filled, e);
    }
    if (filled <= MAX_REMEMBERED) {
      GuestRam.hostStore64(tlb + TABLE_BYTES, filled + 1);
    }
    GuestRam.hostStore64(e + READ, read);
    GuestRam.hostStore64(e + WRITE, write);
    GuestRam.hostStore64(e + FETCH, fetch);
    GuestRam.hostStore64(e + ADDEND, hostPage - (gva & PAGE_MASK));
  }

  /** Loads 8 bits, sign-extended. */
  public static long load8(GuestState s, GuestCpu c, long gva) {
    return load8(s.tlb, c, gva);
  }

  /** Loads from the table at {@code tlb}. */
  public static long load8(long tlb, GuestCpu c, long gva) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e) == (gva & PAGE_MASK))) {
      return (byte) GuestRam.hostLoad8(gva + GuestRam.hostLoad64(e + ADDEND));
    }
    return (byte) c.loadSlow(gva, 1);
  }

  /** Loads 16 bits, sign-extended. */
  public static long load16(GuestState s, GuestCpu c, long gva) {
    return load16(s.tlb, c, gva);
  }

  /** Loads from the table at {@code tlb}. */
  public static long load16(long tlb, GuestCpu c, long gva) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e) == ((gva + 1) & PAGE_MASK))) {
      return (short) GuestRam.hostLoad16(gva + GuestRam.hostLoad64(e + ADDEND));
    }
    return (short) c.loadSlow(gva, 2);
  }

  /** Loads 32 bits, sign-extended. */
  public static long load32(GuestState s, GuestCpu c, long gva) {
    return load32(s.tlb, c, gva);
  }

  /** Loads from the table at {@code tlb}. */
  public static long load32(long tlb, GuestCpu c, long gva) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e) == ((gva + 3) & PAGE_MASK))) {
      return GuestRam.hostLoad32(gva + GuestRam.hostLoad64(e + ADDEND));
    }
    return (int) c.loadSlow(gva, 4);
  }

  /** Loads 64 bits. */
  public static long load64(GuestState s, GuestCpu c, long gva) {
    return load64(s.tlb, c, gva);
  }

  /** Loads from the table at {@code tlb}. */
  public static long load64(long tlb, GuestCpu c, long gva) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e) == ((gva + 7) & PAGE_MASK))) {
      return GuestRam.hostLoad64(gva + GuestRam.hostLoad64(e + ADDEND));
    }
    return c.loadSlow(gva, 8);
  }

  /** Stores the low 8 bits. */
  public static void store8(GuestState s, GuestCpu c, long gva, long value) {
    store8(s.tlb, c, gva, value);
  }

  /** Stores by the table at {@code tlb}. */
  public static void store8(long tlb, GuestCpu c, long gva, long value) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e + WRITE) == (gva & PAGE_MASK))) {
      GuestRam.hostStore8(gva + GuestRam.hostLoad64(e + ADDEND), (int) value);
    } else {
      c.storeSlow(gva, value, 1);
    }
  }

  /** Stores the low 16 bits. */
  public static void store16(GuestState s, GuestCpu c, long gva, long value) {
    store16(s.tlb, c, gva, value);
  }

  /** Stores by the table at {@code tlb}. */
  public static void store16(long tlb, GuestCpu c, long gva, long value) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e + WRITE) == ((gva + 1) & PAGE_MASK))) {
      GuestRam.hostStore16(gva + GuestRam.hostLoad64(e + ADDEND), (int) value);
    } else {
      c.storeSlow(gva, value, 2);
    }
  }

  /** Stores the low 32 bits. */
  public static void store32(GuestState s, GuestCpu c, long gva, long value) {
    store32(s.tlb, c, gva, value);
  }

  /** Stores by the table at {@code tlb}. */
  public static void store32(long tlb, GuestCpu c, long gva, long value) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e + WRITE) == ((gva + 3) & PAGE_MASK))) {
      GuestRam.hostStore32(gva + GuestRam.hostLoad64(e + ADDEND), (int) value);
    } else {
      c.storeSlow(gva, value, 4);
    }
  }

  /** Stores 64 bits. */
  public static void store64(GuestState s, GuestCpu c, long gva, long value) {
    store64(s.tlb, c, gva, value);
  }

  /** Stores by the table at {@code tlb}. */
  public static void store64(long tlb, GuestCpu c, long gva, long value) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e + WRITE) == ((gva + 7) & PAGE_MASK))) {
      GuestRam.hostStore64(gva + GuestRam.hostLoad64(e + ADDEND), value);
    } else {
      c.storeSlow(gva, value, 8);
    }
  }

  /**
   * Host address of {@code size} bytes that may be read in place, or 0 when they have to be loaded
   * by {@link GuestCpu#loadSlow} (not translated yet, device, page crossing). Never faults. For
   * operands wider than 64 bits: one look-up serves all parts.
   */
  public static long readableHost(GuestState s, long gva, int size) {
    return readableHost(s.tlb, gva, gva + size - 1);
  }

  /** The same by the table at {@code tlb}, to the byte {@code last}. */
  public static long readableHost(long tlb, long gva, long last) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e) == (last & PAGE_MASK))) {
      return gva + GuestRam.hostLoad64(e + ADDEND);
    }
    return 0;
  }

  /**
   * Host address of {@code size} bytes that may be read and written in place, or 0 when the slow
   * path has to be taken (device, page crossing, code page). Faults like a store. For
   * read-modify-write: one look-up serves both halves.
   */
  public static long writableHost(GuestState s, GuestCpu c, long gva, int size) {
    return writableHost(s.tlb, c, gva, gva + size - 1);
  }

  /** The same by the table at {@code tlb}, to the byte {@code last}. */
  public static long writableHost(long tlb, GuestCpu c, long gva, long last) {
    long e = tlb + ((gva >>> 7) & INDEX_MASK);
    if (injectBranchProbability(HIT, GuestRam.hostLoad64(e + WRITE) == (last & PAGE_MASK))) {
      return gva + GuestRam.hostLoad64(e + ADDEND);
    }
    return c.writableHostSlow(gva, (int) (last - gva) + 1);
  }

  // What the fast paths above are made of, for regions as host classes.

  /** True when the bytes from {@code gva} to {@code last} cannot be read in place. */
  public static boolean misses(long tlb, long gva, long last) {
    return GuestRam.hostLoad64(entry(tlb, gva)) != (last & PAGE_MASK);
  }

  /** True when the bytes from {@code gva} to {@code last} cannot be written in place. */
  public static boolean missesWrite(long tlb, long gva, long last) {
    return GuestRam.hostLoad64(entry(tlb, gva) + WRITE) != (last & PAGE_MASK);
  }

  /** Host address of {@code gva} where that is not missed. */
  public static long host(long tlb, long gva) {
    return gva + GuestRam.hostLoad64(entry(tlb, gva) + ADDEND);
  }
}
