package org.tuber.devices.block.live;

import java.util.EnumMap;
import java.util.Map;

/** What a device has done with its disk. Safe for several threads. */
public final class DiskStats {
  /** Kinds of requests. */
  public enum Kind {
    /** Reading. */
    READ,
    /** Writing, also zeros. */
    WRITE,
    /** Returning all written to stable storage. */
    FLUSH,
    /** Giving space back. */
    UNMAP
  }

  /**
   * The numbers of one kind.
   *
   * @param operations requests that were done
   * @param bytes of these
   * @param nanos time they took together
   * @param failed requests that failed
   */
  public record Numbers(long operations, long bytes, long nanos, long failed) {
    /** Nothing was done. */
    public static final Numbers NONE = new Numbers(0, 0, 0, 0);
  }

  private final Map<Kind, Numbers> numbers = new EnumMap<>(Kind.class);
  private long highestWrite;
  private long lastNanos;

  synchronized void account(Kind kind, long offset, long length, long tookNanos, boolean good) {
    lastNanos = System.nanoTime();
    Numbers n = of(kind);
    numbers.put(
        kind,
        good
            ? new Numbers(n.operations + 1, n.bytes + length, n.nanos + tookNanos, n.failed)
            : new Numbers(n.operations, n.bytes, n.nanos, n.failed + 1));
    if (good && kind == Kind.WRITE) {
      highestWrite = Math.max(highestWrite, offset + length);
    }
  }

  /** The numbers of one kind so far. */
  public synchronized Numbers of(Kind kind) {
    return numbers.getOrDefault(kind, Numbers.NONE);
  }

  /** End of the highest write. */
  public synchronized long highestWriteBytes() {
    return highestWrite;
  }

  /** How long nothing was done; -1: nothing was ever done. */
  public synchronized long idleNanos() {
    return lastNanos == 0 ? -1 : System.nanoTime() - lastNanos;
  }
}
