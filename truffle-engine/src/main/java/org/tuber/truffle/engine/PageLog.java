package org.tuber.truffle.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tuber.core.mem.GuestRam;

/** Pages of RAM as they were before they were first stored to, to undo that and to compare. */
final class PageLog {
  private static final int PAGE_BYTES = 4096;

  private static final class Page {
    final byte[] before = new byte[PAGE_BYTES];
    final byte[] after = new byte[PAGE_BYTES];
    final byte[] now = new byte[PAGE_BYTES];
    GuestRam ram;
    long offset;
    long gpa;
  }

  private final List<Page> pages = new ArrayList<>();
  private int count;

  /** Forgets all pages. */
  void clear() {
    count = 0;
  }

  /**
   * The page at {@code offset} may be stored to from now on.
   *
   * @param gpa where the guest sees it
   */
  void open(GuestRam ram, long offset, long gpa) {
    for (int i = 0; i < count; i++) {
      if (pages.get(i).offset == offset && pages.get(i).ram == ram) {
        return;
      }
    }
    if (count == pages.size()) {
      pages.add(new Page());
    }
    Page page = pages.get(count++);
    page.ram = ram;
    page.offset = offset;
    page.gpa = gpa;
    ram.read(offset, page.before, 0, PAGE_BYTES);
    // Opened only by the second of two runs: what the first one has left there.
    System.arraycopy(page.before, 0, page.after, 0, PAGE_BYTES);
  }

  /** Keeps what the pages hold now, for {@link #difference}. */
  void take() {
    for (Page page : pages.subList(0, count)) {
      page.ram.read(page.offset, page.after, 0, PAGE_BYTES);
    }
  }

  /** Makes the pages what they were. */
  void undo() {
    for (Page page : pages.subList(0, count)) {
      page.ram.write(page.offset, page.before, 0, PAGE_BYTES);
    }
  }

  /** Where the pages differ from what they held when they were taken, in words; or null. */
  String difference() {
    for (Page page : pages.subList(0, count)) {
      page.ram.read(page.offset, page.now, 0, PAGE_BYTES);
      int i = Arrays.mismatch(page.after, page.now);
      if (i >= 0) {
        return "memory at 0x%x 0x%02x and not 0x%02x"
            .formatted(page.gpa + i, page.after[i] & 0xff, page.now[i] & 0xff);
      }
    }
    return null;
  }
}
