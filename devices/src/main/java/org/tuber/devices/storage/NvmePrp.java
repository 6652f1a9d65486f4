package org.tuber.devices.storage;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.tuber.core.mem.DmaView;
import org.tuber.core.mem.RamPieces;

/**
 * The memory of one NVMe command as its physical region pages describe it (NVM Express 1.4, 4.3):
 * moves bytes between that memory and an array.
 */
final class NvmePrp {
  private final long[] addresses;
  private final int[] lengths;
  private int count;

  private NvmePrp(int pages) {
    addresses = new long[pages];
    lengths = new int[pages];
  }

  /** Reads the pages for {@code bytes}; null when an entry is not aligned. */
  static NvmePrp of(DmaView memory, long prp1, long prp2, int bytes, int pageBytes) {
    int mask = pageBytes - 1;
    NvmePrp prp = new NvmePrp(bytes / pageBytes + 2);
    int first = Math.min(bytes, pageBytes - (int) (prp1 & mask));
    prp.add(prp1, first);
    int left = bytes - first;
    if (left <= 0) {
      return prp;
    }
    if (left <= pageBytes) {
      if ((prp2 & mask) != 0) {
        return null;
      }
      prp.add(prp2, left);
      return prp;
    }
    long list = prp2;
    while (left > 0) {
      long entry = memory.readValue(list, 8);
      boolean lastOfPage = (list & mask) == pageBytes - 8;
      if (lastOfPage && left > pageBytes) {
        // The last entry of a full list page leads to the next one.
        list = entry;
        if ((list & 7) != 0 || (list & mask) != 0) {
          return null;
        }
        continue;
      }
      if ((entry & mask) != 0) {
        return null;
      }
      int n = Math.min(left, pageBytes);
      prp.add(entry, n);
      left -= n;
      list += 8;
    }
    return prp;
  }

  private void add(long address, int bytes) {
    addresses[count] = address;
    lengths[count++] = bytes;
  }

  /** The same memory for data that comes at once; null when not all of it is RAM. */
  RamPieces pieces(DmaView memory) {
    RamPieces pieces = memory.pieces();
    for (int i = 0; i < count; i++) {
      if (!pieces.add(addresses[i], lengths[i])) {
        return null;
      }
    }
    return pieces;
  }

  void write(DmaView memory, byte[] source) {
    int done = 0;
    for (int i = 0; i < count; i++) {
      memory.write(addresses[i], source, done, lengths[i]);
      done += lengths[i];
    }
  }

  /**
   * Moves what a buffer holds, all of an array or memory outside the Java heap, to the guest's
   * memory.
   */
  void write(DmaView memory, MemorySegment source) {
    if (source.heapBase().orElse(null) instanceof byte[] array) {
      write(memory, array);
      return;
    }
    RamPieces pieces = pieces(memory);
    if (pieces != null) {
      pieces.copyFrom(source);
    } else {
      write(memory, source.toArray(ValueLayout.JAVA_BYTE));
    }
  }

  /** Fills a buffer, all of an array or memory outside the Java heap, from the guest's memory. */
  void read(DmaView memory, MemorySegment target) {
    if (target.heapBase().orElse(null) instanceof byte[] array) {
      read(memory, array);
      return;
    }
    RamPieces pieces = pieces(memory);
    if (pieces != null) {
      pieces.copyTo(target);
    } else {
      byte[] data = new byte[(int) target.byteSize()];
      read(memory, data);
      target.copyFrom(MemorySegment.ofArray(data));
    }
  }

  void read(DmaView memory, byte[] target) {
    int done = 0;
    for (int i = 0; i < count; i++) {
      memory.read(addresses[i], target, done, lengths[i]);
      done += lengths[i];
    }
  }
}
