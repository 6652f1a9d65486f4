package org.tuber.devices.block.mapped;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tuber.devices.block.Bytes;
import org.tuber.devices.block.ImageFile;

/**
 * Numbers in tables of an image file, read by the page when needed and kept in bounded memory.
 * Changes stay in memory until {@link #write}, so that the image can order them after the data.
 */
public final class EntryTable {
  private static final int PAGE_BYTES = 4096;
  private static final int MAX_PAGES = 4096;

  /** How entries are stored. */
  public enum Width {
    /** 32 bits, little-endian. */
    LE32(4),
    /** 64 bits, little-endian. */
    LE64(8),
    /** 32 bits, big-endian. */
    BE32(4),
    /** 64 bits, big-endian. */
    BE64(8);

    final int bytes;

    Width(int bytes) {
      this.bytes = bytes;
    }
  }

  /** A piece of one table. */
  private static final class Page {
    final long offset;
    final byte[] data;
    boolean dirty;

    Page(long offset, byte[] data) {
      this.offset = offset;
      this.data = data;
    }
  }

  private final ImageFile file;
  private final Width width;
  private final Map<Long, Page> pages = new HashMap<>();
  private int dirtyPages;

  /** Entries of {@code file}. */
  public EntryTable(ImageFile file, Width width) {
    this.file = file;
    this.width = width;
  }

  private Page page(long table, long entries, long index) throws IOException {
    long at = index * width.bytes & -PAGE_BYTES;
    Long key = table + at;
    Page p = pages.get(key);
    if (p == null) {
      if (pages.size() >= MAX_PAGES + dirtyPages) {
        pages.values().removeIf(q -> !q.dirty);
      }
      int n = (int) Math.min(PAGE_BYTES, entries * width.bytes - at);
      p = new Page(table + at, Bytes.readArray(file, table + at, n));
      pages.put(key, p);
    }
    return p;
  }

  /** Entry {@code index} of the table at {@code table} that has {@code entries} entries. */
  public synchronized long get(long table, long entries, long index) throws IOException {
    Page p = page(table, entries, index);
    int at = (int) (index * width.bytes & PAGE_BYTES - 1);
    return switch (width) {
      case LE32 -> Bytes.leU32(p.data, at);
      case LE64 -> Bytes.le64(p.data, at);
      case BE32 -> Bytes.beU32(p.data, at);
      case BE64 -> Bytes.be64(p.data, at);
    };
  }

  /** Changes an entry. */
  public synchronized void set(long table, long entries, long index, long value)
      throws IOException {
    Page p = page(table, entries, index);
    if (!p.dirty) {
      p.dirty = true;
      dirtyPages++;
    }
    int at = (int) (index * width.bytes & PAGE_BYTES - 1);
    switch (width) {
      case LE32 -> Bytes.putLe32(p.data, at, (int) value);
      case LE64 -> Bytes.putLe64(p.data, at, value);
      case BE32 -> Bytes.putBe32(p.data, at, (int) value);
      case BE64 -> Bytes.putBe64(p.data, at, value);
    }
  }

  /** True if something waits to be written. */
  public synchronized boolean isDirty() {
    return dirtyPages > 0;
  }

  /** True if it is time to write. */
  public synchronized boolean isCrowded() {
    return dirtyPages > MAX_PAGES / 2;
  }

  /** Writes all changes. */
  public synchronized void write() throws IOException {
    if (dirtyPages == 0) {
      return;
    }
    List<Page> dirty = new ArrayList<>();
    pages.values().stream().filter(p -> p.dirty).forEach(dirty::add);
    dirty.sort((a, b) -> Long.compare(a.offset, b.offset));
    for (Page p : dirty) {
      file.write(p.offset, ByteBuffer.wrap(p.data));
      p.dirty = false;
    }
    dirtyPages = 0;
  }
}
