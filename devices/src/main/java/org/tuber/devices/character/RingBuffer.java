package org.tuber.devices.character;

import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The last output of a line, kept in memory until a monitor takes it, {@code ringbuf}: what does
 * not fit overwrites the oldest. Nothing is ever sent to the guest.
 */
public final class RingBuffer {
  private final ReentrantLock lock = new ReentrantLock();
  private final byte[] kept;
  private long written;
  private long taken;

  /** A buffer of {@code bytes}. */
  public RingBuffer(int bytes) {
    kept = new byte[bytes];
  }

  /** Where output goes; never blocks. */
  public OutputStream output() {
    return new OutputStream() {
      @Override
      public void write(int value) {
        put(new byte[] {(byte) value}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) {
        put(bytes, offset, length);
      }
    };
  }

  /** An input that is empty. */
  public InputStream input() {
    return InputStream.nullInputStream();
  }

  /** Adds bytes. */
  public void put(byte[] bytes, int offset, int length) {
    lock.lock();
    try {
      for (int i = Math.max(0, length - kept.length); i < length; i++) {
        kept[(int) ((written + i) % kept.length)] = bytes[offset + i];
      }
      written += length;
      taken = Math.max(taken, written - kept.length);
    } finally {
      lock.unlock();
    }
  }

  /** Takes the oldest bytes out, at most {@code most}. */
  public byte[] take(long most) {
    lock.lock();
    try {
      byte[] out = new byte[(int) Math.clamp(most, 0, written - taken)];
      for (int i = 0; i < out.length; i++) {
        out[i] = kept[(int) ((taken + i) % kept.length)];
      }
      taken += out.length;
      return out;
    } finally {
      lock.unlock();
    }
  }
}
