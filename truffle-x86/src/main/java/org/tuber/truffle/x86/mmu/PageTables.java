package org.tuber.truffle.x86.mmu;

import java.util.ArrayList;
import java.util.List;
import org.tuber.core.cpu.DebugControl.Mapping;
import org.tuber.truffle.x86.state.Cr;
import org.tuber.truffle.x86.state.X86Cpu;

/**
 * The guest's page tables as a debugger looks at them: no rights are checked, no accessed or dirty
 * bit is set, no fault is raised (SDM vol. 3, chapter 4). What the CPU itself does is {@link
 * PageWalk}.
 *
 * <p>Deviation: reserved bits are not checked.
 */
public final class PageTables {
  private static final long P = 1;
  private static final long W = 1 << 1;
  private static final long U = 1 << 2;
  private static final long PS = 1 << 7;
  private static final long NX = Long.MIN_VALUE;
  private static final long ADDRESS_MASK = 0x000f_ffff_ffff_f000L;
  private static final long NOT_MAPPED = -1;

  /** A listing ends here: the tables are the guest's and may point to themselves. */
  private static final int MOST_MAPPINGS = 1 << 20;

  private PageTables() {}

  /** Where {@code gva} is in guest-physical memory, or -1. */
  public static long translate(X86Cpu c, long gva) {
    long gpa;
    if ((c.efer & Cr.EFER_LMA) != 0) {
      int levels = (c.cr4 & Cr.CR4_LA57) != 0 ? 5 : 4;
      int unused = 64 - 12 - 9 * levels;
      gpa =
          gva << unused >> unused != gva
              ? NOT_MAPPED
              : walk(c, gva, c.cr3 & ADDRESS_MASK, levels, true);
    } else if ((c.cr0 & Cr.CR0_PG) == 0) {
      gpa = gva & 0xffff_ffffL;
    } else if ((c.cr4 & Cr.CR4_PAE) != 0) {
      long low = gva & 0xffff_ffffL;
      long root = load(c, (c.cr3 & 0xffff_ffe0L) + (low >>> 30 << 3), true);
      gpa = (root & P) == 0 ? NOT_MAPPED : walk(c, low, root & ADDRESS_MASK, 2, true);
    } else {
      gpa = walk(c, gva & 0xffff_ffffL, c.cr3 & 0xffff_f000L, 2, false);
    }
    return gpa == NOT_MAPPED ? NOT_MAPPED : gpa & c.a20Mask;
  }

  private static long load(X86Cpu c, long gpa, boolean wide) {
    long at = gpa & c.a20Mask;
    return wide ? c.physical.load64(at) : c.physical.load32(at) & 0xffff_ffffL;
  }

  private static boolean isLarge(X86Cpu c, long entry, int level, boolean wide) {
    return level > 1 && (entry & PS) != 0 && (wide ? level <= 3 : (c.cr4 & Cr.CR4_PSE) != 0);
  }

  private static int shift(int level, boolean wide) {
    return wide ? 3 + 9 * level : 2 + 10 * level;
  }

  /** First byte of the page that the leaf {@code entry} maps. */
  private static long frame(long entry, int level, boolean wide) {
    if (wide) {
      return entry & ADDRESS_MASK & -(1L << shift(level, true));
    }
    // PSE-36: bits 20-13 of a large page are address bits 39-32.
    return level == 1 ? entry & 0xffff_f000L : (entry & 0xffc0_0000L) | (entry & 0x1f_e000L) << 19;
  }

  private static long walk(X86Cpu c, long gva, long root, int levels, boolean wide) {
    long table = root;
    for (int level = levels; ; level--) {
      int shift = shift(level, wide);
      long index = gva >>> shift & (wide ? 511 : 1023);
      long entry = load(c, table + index * (wide ? 8 : 4), wide);
      if ((entry & P) == 0) {
        return NOT_MAPPED;
      }
      if (level == 1 || isLarge(c, entry, level, wide)) {
        return frame(entry, level, wide) | gva & (1L << shift) - 1;
      }
      table = entry & ADDRESS_MASK;
    }
  }

  /** All pages that are mapped now. */
  public static List<Mapping> mappings(X86Cpu c) {
    List<Mapping> found = new ArrayList<>();
    if ((c.cr0 & Cr.CR0_PG) == 0) {
      return found;
    }
    if ((c.efer & Cr.EFER_LMA) != 0) {
      int levels = (c.cr4 & Cr.CR4_LA57) != 0 ? 5 : 4;
      list(c, found, c.cr3 & ADDRESS_MASK, 0, levels, levels, true, W | U);
    } else if ((c.cr4 & Cr.CR4_PAE) != 0) {
      for (long i = 0; i < 4; i++) {
        long root = load(c, (c.cr3 & 0xffff_ffe0L) + 8 * i, true);
        if ((root & P) != 0) {
          list(c, found, root & ADDRESS_MASK, i << 30, 2, 2, true, W | U);
        }
      }
    } else {
      list(c, found, c.cr3 & 0xffff_f000L, 0, 2, 2, false, W | U);
    }
    return found;
  }

  private static void list(
      X86Cpu c,
      List<Mapping> found,
      long table,
      long base,
      int level,
      int levels,
      boolean wide,
      long rights) {
    int shift = shift(level, wide);
    for (long i = 0; i < (wide ? 512 : 1024) && found.size() < MOST_MAPPINGS; i++) {
      long entry = load(c, table + i * (wide ? 8 : 4), wide);
      if ((entry & P) == 0) {
        continue;
      }
      long gva = base | i << shift;
      if (wide && level == levels && levels > 2) {
        int unused = 64 - 12 - 9 * levels;
        gva = gva << unused >> unused;
      }
      // The right to execute travels as the inverse of NX.
      long below = (rights & entry & (W | U)) | (rights | entry) & NX;
      if (level == 1 || isLarge(c, entry, level, wide)) {
        found.add(
            new Mapping(
                gva,
                frame(entry, level, wide),
                1L << shift,
                (below & W) != 0,
                (below & U) != 0,
                (below & NX) == 0,
                entry));
      } else {
        list(c, found, entry & ADDRESS_MASK, gva, level - 1, levels, wide, below);
      }
    }
  }
}
