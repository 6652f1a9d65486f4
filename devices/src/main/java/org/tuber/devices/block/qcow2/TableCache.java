package org.tuber.devices.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.tuber.devices.block.ImageFile;

/**
 * Pages of L2 tables and refcount blocks, bounded in number.
 *
 * <p>Lookups by readers are lock-free. Pages change only under the image's write lock; changed
 * pages stay until {@link #write} has stored them, in the order the image asks for. Victims are
 * chosen by the clock algorithm among the unchanged pages.
 */
final class TableCache {
  /** What a page is part of, which decides when it may be written. */
  enum Kind {
    REFCOUNTS,
    L2
  }

  /** A piece of a table. */
  static final class Page {
    final long offset;
    final byte[] data;
    final Kind kind;
    boolean dirty;
    volatile boolean used;

    Page(long offset, byte[] data, Kind kind) {
      this.offset = offset;
      this.data = data;
      this.kind = kind;
    }
  }

  private static final int MAX_PAGE_BYTES = 4096;

  private final ImageFile file;
  private final int pageBytes;

  /** Offsets themselves would all fall into few slots of the map. */
  private final int pageShift;

  private final int maxPages;
  private final ConcurrentHashMap<Long, Page> pages = new ConcurrentHashMap<>();
  private final List<Page> ring = new ArrayList<>();
  private final List<Page> dirtyRefcounts = new ArrayList<>();
  private final List<Page> dirtyL2 = new ArrayList<>();
  private int hand;

  TableCache(ImageFile file, int clusterBytes, long maxBytes) {
    this.file = file;
    this.pageBytes = Math.min(MAX_PAGE_BYTES, clusterBytes);
    this.pageShift = Integer.numberOfTrailingZeros(pageBytes);
    this.maxPages = Math.clamp(maxBytes / pageBytes, 16, 1 << 20);
  }

  int pageBytes() {
    return pageBytes;
  }

  /** The page at a page-aligned file offset. */
  Page get(long offset, Kind kind) throws IOException {
    Page p = pages.get(offset >>> pageShift);
    if (p != null) {
      p.used = true;
      return p;
    }
    return load(offset, kind);
  }

  private synchronized Page load(long offset, Kind kind) throws IOException {
    Page p = pages.get(offset >>> pageShift);
    if (p == null) {
      byte[] data = new byte[pageBytes];
      file.read(offset, ByteBuffer.wrap(data));
      p = new Page(offset, data, kind);
      insert(p);
    }
    p.used = true;
    return p;
  }

  private void insert(Page p) {
    if (ring.size() < maxPages) {
      ring.add(p);
    } else {
      int victim = findVictim();
      if (victim >= 0) {
        pages.remove(ring.get(victim).offset >>> pageShift);
        ring.set(victim, p);
      } else {
        ring.add(p);
      }
    }
    pages.put(p.offset >>> pageShift, p);
  }

  private int findVictim() {
    for (int i = 0; i < 2 * ring.size(); i++) {
      hand = hand + 1 < ring.size() ? hand + 1 : 0;
      Page p = ring.get(hand);
      if (!p.dirty && !p.used) {
        return hand;
      }
      p.used = false;
    }
    return -1;
  }

  /** Notes that the caller is about to change a page. */
  void markDirty(Page p) {
    if (!p.dirty) {
      p.dirty = true;
      (p.kind == Kind.L2 ? dirtyL2 : dirtyRefcounts).add(p);
    }
  }

  boolean hasDirty(Kind kind) {
    return !(kind == Kind.L2 ? dirtyL2 : dirtyRefcounts).isEmpty();
  }

  /** True when so many pages wait that it is time to write them. */
  boolean isCrowded() {
    return dirtyL2.size() + dirtyRefcounts.size() > maxPages / 2;
  }

  /** Stores the changed pages of one kind. */
  void write(Kind kind) throws IOException {
    List<Page> dirty = kind == Kind.L2 ? dirtyL2 : dirtyRefcounts;
    if (dirty.isEmpty()) {
      return;
    }
    dirty.sort(Comparator.comparingLong(p -> p.offset));
    for (Page p : dirty) {
      file.write(p.offset, ByteBuffer.wrap(p.data));
      p.dirty = false;
    }
    dirty.clear();
    trim();
  }

  private synchronized void trim() {
    while (ring.size() > maxPages) {
      int victim = findVictim();
      if (victim < 0) {
        return;
      }
      pages.remove(ring.get(victim).offset >>> pageShift);
      Page last = ring.remove(ring.size() - 1);
      if (victim < ring.size()) {
        ring.set(victim, last);
      }
      hand = 0;
    }
  }

  /** Forgets the pages of a range: its clusters have become something else. */
  synchronized void drop(long offset, long length) {
    for (long at = offset; at < offset + length; at += pageBytes) {
      Page p = pages.remove(at >>> pageShift);
      if (p != null) {
        ring.remove(p);
        if (p.dirty) {
          (p.kind == Kind.L2 ? dirtyL2 : dirtyRefcounts).remove(p);
        }
      }
    }
    hand = 0;
  }

  /** Forgets everything; nothing may be dirty that matters. */
  synchronized void clear() {
    pages.clear();
    ring.clear();
    dirtyL2.clear();
    dirtyRefcounts.clear();
    hand = 0;
  }
}
