package org.tuber.truffle.engine.linux;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongUnaryOperator;
import org.tuber.core.mem.AddressSpace;
import org.tuber.core.mem.GuestRam;
import org.tuber.truffle.engine.Engine;

/**
 * The memory of all guest processes: one window of host address space, which the engine sees as one
 * RAM. Page frames with use counts grow from its bottom; host mappings of files and shared memory
 * are placed from its top. "Offset" means a byte offset into the window.
 *
 * <p>One window for all, so that processes can share frames after a fork and the text of the files
 * they run, and with these the code that was translated from them.
 */
final class FrameArena implements AutoCloseable {
  static final int PAGE = 4096;

  private static final long[] WINDOW_BYTES = {32L << 30, 8L << 30, 2L << 30};

  /** Most frames of one {@link #allocate}. */
  static final int MAX_RUN = 64;

  /** Free frames are used again once there are this many: before that, fresh ones are zero. */
  private static final int REUSE_FRAMES = 8192;

  final GuestRam ram;
  private final Engine engine;
  private final long sizeBytes;
  private char[] uses = new char[1 << 14];
  private final BitSet free = new BitSet();
  private int freeFrames;
  private int reuseCursor;

  /** First frame never used. */
  private int fresh = 1;

  /** Lowest offset of the mappings' part. */
  private long floor;

  /** Free ranges of the mappings' part: offset to size. */
  private final TreeMap<Long, Long> gaps = new TreeMap<>();

  FrameArena(Engine engine) {
    this.engine = engine;
    long host = -1;
    long size = 0;
    for (long bytes : WINDOW_BYTES) {
      host = Host.reserve(bytes);
      size = bytes;
      if (host > 0) {
        break;
      }
    }
    Host.must("no address space for guest memory", host);
    sizeBytes = size;
    floor = size;
    ram = GuestRam.over(host, size);
  }

  /** An address space with this window at 0, for one CPU. */
  AddressSpace addressSpace() {
    AddressSpace space = new AddressSpace("user", 0, new ReentrantLock());
    space.mapRam(0, sizeBytes, ram, 0);
    return space;
  }

  /** Host address of an offset. */
  long host(long offset) {
    return ram.hostBase() + offset;
  }

  // ---------------------------------------------------------------- frames

  /**
   * Takes up to {@code wanted} adjacent zeroed frames, each with one user.
   *
   * @return offset of the first and, in {@link Run#frames}, how many
   */
  synchronized Run allocate(int wanted) {
    int n = Math.min(wanted, MAX_RUN);
    if (freeFrames >= REUSE_FRAMES || (long) (fresh + n) * PAGE > floor) {
      Run run = reuse(n);
      if (run != null) {
        return run;
      }
    }
    if ((long) (fresh + n) * PAGE > floor) {
      throw new Errno(Errno.ENOMEM);
    }
    int first = fresh;
    fresh += n;
    while (fresh > uses.length) {
      uses = Arrays.copyOf(uses, uses.length * 2);
    }
    Arrays.fill(uses, first, first + n, (char) 1);
    return new Run((long) first * PAGE, n);
  }

  /** Adjacent frames. */
  record Run(long offset, int frames) {}

  private Run reuse(int wanted) {
    int first = free.nextSetBit(reuseCursor);
    if (first < 0) {
      first = free.nextSetBit(0);
      if (first < 0) {
        return null;
      }
    }
    int n = Math.min(wanted, free.nextClearBit(first) - first);
    free.clear(first, first + n);
    freeFrames -= n;
    reuseCursor = first + n;
    Arrays.fill(uses, first, first + n, (char) 1);
    GuestRam.hostFill(host((long) first * PAGE), (long) n * PAGE, (byte) 0);
    return new Run((long) first * PAGE, n);
  }

  /** One more user of a frame. */
  synchronized void share(long offset) {
    uses[(int) (offset / PAGE)]++;
  }

  /** True when the caller is the only user. */
  synchronized boolean isAlone(long offset) {
    return uses[(int) (offset / PAGE)] == 1;
  }

  /** One user less; translations of the last user's code go. */
  synchronized void release(long offset) {
    int frame = (int) (offset / PAGE);
    if (--uses[frame] == 0) {
      forgetCode(offset, PAGE);
      free.set(frame);
      freeFrames++;
    }
  }

  /** A copy of a frame, with one user. */
  long copy(long offset) {
    long copy = allocate(1).offset;
    GuestRam.hostCopy(host(offset), host(copy), PAGE);
    return copy;
  }

  /** Bytes are about to change, or have changed, behind the CPUs' backs. */
  void forgetCode(long offset, long bytes) {
    for (long page = offset & -PAGE; page < offset + bytes; page += PAGE) {
      if ((ram.pageFlags(page) & GuestRam.PAGE_CODE) != 0) {
        long from = Math.max(page, offset);
        engine.codePages().written(ram, from, Math.min(page + PAGE, offset + bytes) - from);
      }
    }
  }

  // ---------------------------------------------------------------- mappings

  /**
   * Maps a host file into the window.
   *
   * @param sharing {@link Host#MAP_SHARED} or {@link Host#MAP_PRIVATE}
   * @return offset in the window
   */
  long map(int fd, long fileOffset, long bytes, int protection, int sharing) {
    long size = (bytes + PAGE - 1) & -PAGE;
    return mapAt(
        size,
        host ->
            Host.call(Host.MMAP, host, size, protection, sharing | Host.MAP_FIXED, fd, fileOffset));
  }

  /**
   * Lets the host map something into the window.
   *
   * @param mapping given a host address, puts whole pages of {@code size} bytes there; a negative
   *     result is an error
   * @return offset in the window
   */
  long mapAt(long size, LongUnaryOperator mapping) {
    long offset = place(size);
    long result = mapping.applyAsLong(host(offset));
    if (result < 0 && result > -4096) {
      unplace(offset, size);
      throw new Errno((int) -result);
    }
    return offset;
  }

  /** Ends a {@link #map}. */
  void unmap(long offset, long bytes) {
    long size = (bytes + PAGE - 1) & -PAGE;
    forgetCode(offset, size);
    Host.clear(host(offset), size);
    unplace(offset, size);
  }

  private synchronized long place(long size) {
    Map.Entry<Long, Long> found = null;
    for (Map.Entry<Long, Long> gap : gaps.entrySet()) {
      if (gap.getValue() >= size) {
        found = gap;
        break;
      }
    }
    if (found != null) {
      long offset = found.getKey();
      long left = found.getValue() - size;
      gaps.remove(offset);
      if (left > 0) {
        gaps.put(offset + size, left);
      }
      return offset;
    }
    if (floor - size < (long) fresh * PAGE) {
      throw new Errno(Errno.ENOMEM);
    }
    floor -= size;
    return floor;
  }

  private synchronized void unplace(long offset, long size) {
    long start = offset;
    long bytes = size;
    Map.Entry<Long, Long> before = gaps.lowerEntry(start);
    if (before != null && before.getKey() + before.getValue() == start) {
      gaps.remove(before.getKey());
      start = before.getKey();
      bytes += before.getValue();
    }
    Long after = gaps.remove(start + bytes);
    if (after != null) {
      bytes += after;
    }
    if (start == floor) {
      floor += bytes;
    } else {
      gaps.put(start, bytes);
    }
  }

  @Override
  public void close() {
    ram.close();
    Host.call(Host.MUNMAP, ram.hostBase(), sizeBytes);
  }
}
