package org.tuber.devices.storage;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;

/**
 * Buffers for requests on their way to an image and back: outside the Java heap, so that the host's
 * kernel takes them as they are, at page borders, so that images without a cache do, too, and used
 * again, so that nobody clears them. What is small lies on the heap: it is cheaper to make than to
 * keep. Used under the device lock.
 */
final class TransferBuffers {
  private static final int MIN_BYTES = 16 << 10;
  private static final int PAGE_BYTES = 4096;

  /** As many are kept as a guest usually has under way; more are made and dropped. */
  private static final int MOST_KEPT = 8;

  /**
   * One request's buffer.
   *
   * @param data as long as was asked for
   * @param whole what is kept of it; null: nothing
   */
  record Buffer(MemorySegment data, MemorySegment whole) {}

  private final ArrayDeque<MemorySegment> free = new ArrayDeque<>();
  private final int longestBytes;

  /** For requests of at most {@code longestBytes}. */
  TransferBuffers(int longestBytes) {
    this.longestBytes = longestBytes;
  }

  /** A buffer of {@code bytes}, with anything in it. */
  Buffer take(int bytes) {
    if (bytes < MIN_BYTES) {
      return new Buffer(MemorySegment.ofArray(new byte[bytes]), null);
    }
    MemorySegment whole = free.poll();
    if (whole == null) {
      whole = Arena.ofAuto().allocate(longestBytes, PAGE_BYTES);
    }
    return new Buffer(whole.asSlice(0, bytes), whole);
  }

  /** Nobody uses a buffer any more that {@link #take} gave. */
  void giveBack(Buffer buffer) {
    if (buffer.whole != null && free.size() < MOST_KEPT) {
      free.push(buffer.whole);
    }
  }
}
