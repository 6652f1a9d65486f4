package org.tuber.devices.character;

import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A terminal that exists only inside this process, {@code vc}: the last output is kept for whoever
 * looks at it, now or later; what they type is read like the keyboard's bytes.
 *
 * <p>Nobody can hold the guest up: output that nobody fetched in time is overwritten, and typed
 * bytes beyond what is sensible to keep are dropped.
 */
public final class VirtualTerminal {
  private static final Logger LOG = LoggerFactory.getLogger(VirtualTerminal.class);

  /** Bytes of output that are kept. */
  public static final int KEPT_BYTES = 1 << 17;

  private static final int MOST_TYPED_BYTES = 1 << 16;

  private final String name;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition typedChanged = lock.newCondition();
  private final byte[] kept = new byte[KEPT_BYTES];
  private final byte[] typed = new byte[MOST_TYPED_BYTES];
  private final List<Runnable> watchers = new CopyOnWriteArrayList<>();
  private long written;
  private int typedHead;
  private int typedBytes;
  private boolean closed;

  /**
   * A terminal.
   *
   * @param name what people call it, e.g. {@code serial0}
   */
  public VirtualTerminal(String name) {
    this.name = name;
  }

  /** What people call it. */
  public String name() {
    return name;
  }

  // The machine's side.

  /** Where output goes; never blocks. */
  public OutputStream output() {
    return new OutputStream() {
      @Override
      public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) {
        print(bytes, offset, length);
      }
    };
  }

  /** Where typed bytes come from; reading waits for them. */
  public InputStream input() {
    return new InputStream() {
      @Override
      public int read() {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] bytes, int offset, int length) {
        if (length == 0) {
          return 0;
        }
        return takeTyped(bytes, offset, length);
      }
    };
  }

  private void print(byte[] bytes, int offset, int length) {
    lock.lock();
    try {
      for (int i = Math.max(0, length - KEPT_BYTES); i < length; i++) {
        kept[(int) ((written + i) % KEPT_BYTES)] = bytes[offset + i];
      }
      written += length;
    } finally {
      lock.unlock();
    }
    for (Runnable watcher : watchers) {
      watcher.run();
    }
  }

  private int takeTyped(byte[] bytes, int offset, int length) {
    lock.lock();
    try {
      while (typedBytes == 0) {
        if (closed) {
          return -1;
        }
        typedChanged.awaitUninterruptibly();
      }
      int n = Math.min(length, typedBytes);
      for (int i = 0; i < n; i++) {
        bytes[offset + i] = typed[typedHead];
        typedHead = (typedHead + 1) % MOST_TYPED_BYTES;
      }
      typedBytes -= n;
      return n;
    } finally {
      lock.unlock();
    }
  }

  /** Ends the input. */
  public void close() {
    lock.lock();
    try {
      closed = true;
      typedChanged.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // The people's side.

  /** Tells {@code watcher} of new output, on the thread that made it; it must not block. */
  public void addWatcher(Runnable watcher) {
    watchers.add(watcher);
  }

  /** No longer tells {@code watcher}. */
  public void removeWatcher(Runnable watcher) {
    watchers.remove(watcher);
  }

  /** Number of bytes ever written. */
  public long written() {
    lock.lock();
    try {
      return written;
    } finally {
      lock.unlock();
    }
  }

  /** The first byte that is still kept, counted from the first ever written. */
  public long firstKept() {
    lock.lock();
    try {
      return Math.max(0, written - KEPT_BYTES);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Copies output from byte {@code from} on, as much as there is and fits; what is no longer kept
   * is skipped.
   *
   * @return the number of the byte after the last one copied
   */
  public long copy(long from, byte[] bytes, int[] length) {
    lock.lock();
    try {
      long start = Math.clamp(from, Math.max(0, written - KEPT_BYTES), written);
      int n = (int) Math.min(bytes.length, written - start);
      for (int i = 0; i < n; i++) {
        bytes[i] = kept[(int) ((start + i) % KEPT_BYTES)];
      }
      length[0] = n;
      return start + n;
    } finally {
      lock.unlock();
    }
  }

  /** Types bytes; those for which there is no room are lost. */
  public void type(byte[] bytes) {
    boolean lost = false;
    lock.lock();
    try {
      for (byte value : bytes) {
        if (typedBytes == MOST_TYPED_BYTES) {
          lost = true;
          break;
        }
        typed[(typedHead + typedBytes++) % MOST_TYPED_BYTES] = value;
      }
      typedChanged.signalAll();
    } finally {
      lock.unlock();
    }
    if (lost) {
      LOG.warn("{}: the guest does not read what is typed; some of it is lost", name);
    }
  }
}
