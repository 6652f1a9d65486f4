package org.tuber.truffle.x86.mmu;

import org.tuber.truffle.engine.GuestCpu;
import org.tuber.truffle.engine.GuestFault;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * Address translation: 32-bit, PAE, 4-level and 5-level paging (SDM vol. 3, chapter 4).
 *
 * <p>Runs at every TLB miss. Accessed bits are set on the way down, as processors do; the dirty bit
 * only by a store that is allowed, and a page whose entry is not dirty is not entered as writable,
 * so that the first store comes here again.
 *
 * <p>Deviations: the PDPTEs of PAE paging are read from memory at each walk instead of being loaded
 * with CR3; the global bit has no effect because the TLB is flushed whole.
 */
public final class PageWalk {
  // Page-table entry bits.
  private static final long P = 1;
  private static final long W = 1 << 1;
  private static final long U = 1 << 2;
  private static final long A = 1 << 5;
  private static final long D = 1 << 6;
  private static final long PS = 1 << 7;
  private static final long NX = Long.MIN_VALUE;

  // Page-fault error code bits.
  private static final int ERROR_P = 1;
  private static final int ERROR_W = 1 << 1;
  private static final int ERROR_U = 1 << 2;
  private static final int ERROR_RSVD = 1 << 3;
  private static final int ERROR_ID = 1 << 4;
  private static final int ERROR_PK = 1 << 5;

  private static final int KEY_SHIFT = 59;

  private static final long ADDRESS_MASK = 0x000f_ffff_ffff_f000L;
  private static final int ALL =
      GuestCpu.PERMIT_READ | GuestCpu.PERMIT_WRITE | GuestCpu.PERMIT_FETCH;

  private PageWalk() {}

  /**
   * Translates {@code gva} for {@code access} at the present CPL and reports it by {@link
   * X86Cpu#walked}.
   *
   * @throws GuestFault #PF, or #GP(0) for a non-canonical address
   */
  public static void walk(X86Cpu c, long gva, int access) {
    if ((c.efer & Cr.EFER_LMA) != 0) {
      walkLong(c, gva, access);
    } else if ((c.cr0 & Cr.CR0_PG) == 0) {
      c.walked(gva & 0xffff_ffffL, ALL);
    } else if ((c.cr4 & Cr.CR4_PAE) != 0) {
      walkPae(c, gva & 0xffff_ffffL, access);
    } else {
      walk32(c, gva & 0xffff_ffffL, access);
    }
  }

  /** INVLPG: forgets the translation of the page around {@code gva}, whatever its size. */
  public static void flushPage(X86Cpu c, long gva) {
    if (c.largePages.mayContain(gva)) {
      flush(c);
    } else {
      c.flushTlbPage(gva);
    }
  }

  /** Forgets all translations. */
  public static void flush(X86Cpu c) {
    c.largePages.clear();
    c.flushTlb();
  }

  private static void walkLong(X86Cpu c, long gva, int access) {
    int levels = (c.cr4 & Cr.CR4_LA57) != 0 ? 5 : 4;
    int unused = levels == 5 ? 64 - 57 : 64 - 48;
    if (gva << unused >> unused != gva) {
      throw nonCanonical(c, gva, access);
    }
    walkTree(c, gva, access, c.cr3 & ADDRESS_MASK, levels);
  }

  /** #GP, or #SS where it was meant for the stack, of an address that is none. */
  public static GuestFault nonCanonical(X86Cpu c, long gva, int access) {
    c.fault.address = gva;
    GuestFault f = c.gp(0);
    c.nonCanonical = access != GuestCpu.ACCESS_FETCH;
    return f;
  }

  private static void walkPae(X86Cpu c, long gva, int access) {
    long gpa = ((c.cr3 & 0xffff_ffe0L) + (gva >>> 30 << 3)) & c.a20Mask;
    long entry = c.physical.load64(gpa);
    if ((entry & P) == 0) {
      throw fault(c, gva, access, 0);
    }
    if ((entry & (reserved(c) | NX | 0x1e6)) != 0) {
      throw fault(c, gva, access, ERROR_P | ERROR_RSVD);
    }
    walkTree(c, gva, access, entry & ADDRESS_MASK, 2);
  }

  /** The address bits that the model does not have. */
  private static long reserved(X86Cpu c) {
    return ADDRESS_MASK & -(1L << c.model.physicalBits());
  }

  /** Levels of 512 eight-byte entries, {@code level} being the number of levels left. */
  private static void walkTree(X86Cpu c, long gva, int access, long root, int levels) {
    long reserved = reserved(c) | ((c.efer & Cr.EFER_NXE) != 0 ? 0 : NX);
    long table = root;
    long rights = W | U;
    long nx = 0;
    int level = levels;
    while (true) {
      int shift = 3 + 9 * level;
      long gpa = (table + (((gva >>> shift) & 511) << 3)) & c.a20Mask;
      long entry = c.physical.load64(gpa);
      if ((entry & P) == 0) {
        throw fault(c, gva, access, 0);
      }
      if ((entry & reserved) != 0) {
        throw fault(c, gva, access, ERROR_P | ERROR_RSVD);
      }
      long below = rights & entry;
      long noExecute = nx | (entry & NX);
      boolean leaf = level == 1;
      if (!leaf && (entry & PS) != 0) {
        if (level > 3 || level == 3 && !c.model.hasGigabytePages()) {
          throw fault(c, gva, access, ERROR_P | ERROR_RSVD);
        }
        // Bit 12 of a large page is its PAT bit; the bits up to the page's size must be zero.
        if ((entry & ((1L << shift) - 1) & ~0x1fffL) != 0) {
          throw fault(c, gva, access, ERROR_P | ERROR_RSVD);
        }
        leaf = true;
      }
      if (!leaf) {
        if ((entry & A) == 0 && !c.physical.replace64(gpa, entry, entry | A)) {
          continue;
        }
        rights = below;
        nx = noExecute;
        table = entry & ADDRESS_MASK;
        level--;
        continue;
      }
      int permits = permits(c, gva, access, below, noExecute != 0);
      if ((c.cr4 & Cr.CR4_PKE) != 0 && (below & U) != 0 && (c.efer & Cr.EFER_LMA) != 0) {
        permits &= keyPermits(c, gva, access, (int) (entry >>> KEY_SHIFT) & 15);
      }
      long marked = entry | A | (access == GuestCpu.ACCESS_WRITE ? D : 0);
      if (marked != entry && !c.physical.replace64(gpa, entry, marked)) {
        continue;
      }
      if (level > 1) {
        c.largePages.add(gva, shift);
      }
      long inPage = (1L << shift) - 1;
      long page = entry & ADDRESS_MASK & ~inPage;
      c.walked(page | (gva & inPage), (marked & D) != 0 ? permits : permits & ~2);
      return;
    }
  }

  /** What PKRU leaves of the rights to a user page; faults when not {@code access}. */
  private static int keyPermits(X86Cpu c, long gva, int access, int key) {
    int rights = c.pkru >>> (2 * key) & 3;
    int permits = ALL;
    if ((rights & 1) != 0) {
      permits = GuestCpu.PERMIT_FETCH;
    } else if ((rights & 2) != 0 && (c.cpl == 3 || (c.cr0 & Cr.CR0_WP) != 0)) {
      permits &= ~GuestCpu.PERMIT_WRITE;
    }
    if ((permits >> access & 1) == 0) {
      throw fault(c, gva, access, ERROR_P | ERROR_PK);
    }
    return permits;
  }

  private static void walk32(X86Cpu c, long gva, int access) {
    boolean pse = (c.cr4 & Cr.CR4_PSE) != 0;
    while (true) {
      long pdeGpa = ((c.cr3 & 0xffff_f000L) + (gva >>> 22 << 2)) & c.a20Mask;
      long pde = c.physical.load32(pdeGpa);
      if ((pde & P) == 0) {
        throw fault(c, gva, access, 0);
      }
      boolean large = pse && (pde & PS) != 0;
      if (large && (pde & 1 << 21) != 0) {
        throw fault(c, gva, access, ERROR_P | ERROR_RSVD);
      }
      long gpa = pdeGpa;
      long entry = pde;
      long rights = pde & (W | U);
      if (!large) {
        if ((pde & A) == 0 && !c.physical.replace32(pdeGpa, pde, pde | A)) {
          continue;
        }
        gpa = ((pde & 0xffff_f000L) + ((gva >>> 12 & 1023) << 2)) & c.a20Mask;
        entry = c.physical.load32(gpa);
        if ((entry & P) == 0) {
          throw fault(c, gva, access, 0);
        }
        rights &= entry;
      }
      int permits = permits(c, gva, access, rights, false);
      long marked = entry | A | (access == GuestCpu.ACCESS_WRITE ? D : 0);
      if (marked != entry && !c.physical.replace32(gpa, entry, marked)) {
        continue;
      }
      if (large) {
        c.largePages.add(gva, 22);
      }
      // PSE-36: bits 20-13 of a large page are address bits 39-32.
      long address =
          large
              ? (entry & 0xffc0_0000L) | (entry & 0x1f_e000L) << 19 | (gva & 0x3f_ffff)
              : (entry & 0xffff_f000L) | (gva & 0xfff);
      c.walked(address, (marked & D) != 0 ? permits : permits & ~GuestCpu.PERMIT_WRITE);
      return;
    }
  }

  /** What the present CPL may do with a page (SDM vol. 3, 4.6); faults when not {@code access}. */
  private static int permits(X86Cpu c, long gva, int access, long rights, boolean nx) {
    boolean userPage = (rights & U) != 0;
    boolean writable = (rights & W) != 0;
    int permits;
    if (c.cpl == 3) {
      if (!userPage) {
        throw fault(c, gva, access, ERROR_P);
      }
      permits = GuestCpu.PERMIT_READ | (writable ? GuestCpu.PERMIT_WRITE : 0);
      permits |= nx ? 0 : GuestCpu.PERMIT_FETCH;
    } else {
      permits = 0;
      if (!userPage || !c.isSmapInForce()) {
        permits = GuestCpu.PERMIT_READ;
        if (writable || (c.cr0 & Cr.CR0_WP) == 0) {
          permits |= GuestCpu.PERMIT_WRITE;
        }
      }
      if (!nx && (!userPage || (c.cr4 & Cr.CR4_SMEP) == 0)) {
        permits |= GuestCpu.PERMIT_FETCH;
      }
    }
    if ((permits >> access & 1) == 0) {
      throw fault(c, gva, access, ERROR_P);
    }
    return permits;
  }

  private static RuntimeException fault(X86Cpu c, long gva, int access, int code) {
    int error = code | (c.cpl == 3 ? ERROR_U : 0);
    if (access == GuestCpu.ACCESS_WRITE) {
      error |= ERROR_W;
    } else if (access == GuestCpu.ACCESS_FETCH
        && ((c.efer & Cr.EFER_NXE) != 0 && (c.cr4 & Cr.CR4_PAE) != 0
            || (c.cr4 & Cr.CR4_SMEP) != 0)) {
      error |= ERROR_ID;
    }
    return c.pageFault(gva, error);
  }
}
