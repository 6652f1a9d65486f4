package org.tuber.devices.block.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Byte ranges of a disk that one thread at a time may work on. Few are held at any moment. */
final class RangeLocks {
  /** A range that is held. */
  final class Held implements AutoCloseable {
    private final long start;
    private final long end;

    private Held(long start, long end) {
      this.start = start;
      this.end = end;
    }

    @Override
    public void close() {
      synchronized (RangeLocks.this) {
        held.remove(this);
        RangeLocks.this.notifyAll();
      }
    }
  }

  private final List<Held> held = new ArrayList<>();

  /** Waits until nobody holds a byte of the range. Not reentrant. */
  synchronized Held acquire(long start, long end) throws IOException {
    while (overlaps(start, end)) {
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
    Held h = new Held(start, end);
    held.add(h);
    return h;
  }

  private boolean overlaps(long start, long end) {
    for (Held h : held) {
      if (h.start < end && start < h.end) {
        return true;
      }
    }
    return false;
  }
}
