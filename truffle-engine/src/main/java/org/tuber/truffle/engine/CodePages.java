package org.tuber.truffle.engine;

import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.core.mem.GuestRam;
import org.tuber.core.mem.RamObserver;

/**
 * Which pages of RAM hold translated code, and what is thrown away when bytes of them change.
 *
 * <p>Invalidation is by byte: a store to a code page that hits no translated instruction (data
 * beside code) throws nothing away; it merely is slow. A page whose last block went loses its mark.
 *
 * <p>A page is marked before its bytes are read for translation, and a store to a marked page looks
 * for translations before and after it writes, so of a store and a translation at the same time
 * either sees the other. One gap is left: a store that has passed the check of its TLB entry, but
 * has not written yet, while another CPU runs the first code of that page.
 */
public final class CodePages implements RamObserver {
  /** By number: addresses of pages differ in bits that a hash map of this size does not look at. */
  private final Map<Long, CodePage> byHostPage = new HashMap<>();

  private final Engine engine;

  CodePages(Engine engine) {
    this.engine = engine;
  }

  private static Long number(long hostPage) {
    return hostPage / GuestRam.PAGE_SIZE;
  }

  CodePage find(long hostPage) {
    return byHostPage.get(number(hostPage));
  }

  /** The page, marked as code; every fast write path to it is closed. */
  CodePage open(GuestRam ram, long ramOffset) {
    long hostPage = ram.hostBase() + ramOffset;
    CodePage page = find(hostPage);
    if (page == null) {
      page = new CodePage(ram, ramOffset, !engine.hasSeveralCpus());
      byHostPage.put(number(hostPage), page);
      ram.setPageFlags(ramOffset, GuestRam.PAGE_CODE);
      VarHandle.fullFence();
      engine.closeWritePath(hostPage);
    }
    return page;
  }

  /** Bytes of RAM are about to change or have changed: drops every translation made from them. */
  @Override
  public void written(GuestRam ram, long offset, long length) {
    drop(ram, offset, length);
  }

  /** The same; true when there were translations. */
  boolean drop(GuestRam ram, long offset, long length) {
    boolean isHit = false;
    long last = offset + length - 1;
    // The mark is looked at after the store.
    VarHandle.fullFence();
    for (long page = offset & -GuestRam.PAGE_SIZE; page <= last; page += GuestRam.PAGE_SIZE) {
      if ((ram.pageFlags(page) & GuestRam.PAGE_CODE) != 0) {
        synchronized (engine) {
          isHit |=
              invalidate(ram, page, Math.max(offset, page) - page, Math.min(last - page, 4095));
        }
      }
    }
    return isHit;
  }

  private boolean invalidate(GuestRam ram, long pageOffset, long first, long last) {
    CodePage page = find(ram.hostBase() + pageOffset);
    if (page == null) {
      return false;
    }
    List<Block> hit = new ArrayList<>();
    for (Block bucket : page.buckets) {
      for (Block b = bucket; b != null; b = b.nextInBucket) {
        long start = b.pc & 4095;
        if (start <= last && start + b.bytes > first) {
          hit.add(b);
        }
      }
    }
    for (Block b : page.crossing) {
      if (b.bytes - (4096 - (b.pc & 4095)) > first) {
        hit.add(b);
      }
    }
    for (Block b : hit) {
      drop(b);
    }
    if (!hit.isEmpty()) {
      engine.leaveRegions();
    }
    if (page.isEmpty()) {
      byHostPage.remove(number(page.hostPage));
      ram.clearPageFlags(pageOffset, GuestRam.PAGE_CODE);
    }
    return !hit.isEmpty();
  }

  private void drop(Block b) {
    b.valid = false;
    engine.blocksInvalidated++;
    b.page.remove(b);
    if (b.secondPage != null) {
      b.secondPage.removeCrossing(b);
    }
    engine.invalidated(b);
  }

  int size() {
    return byHostPage.size();
  }
}
