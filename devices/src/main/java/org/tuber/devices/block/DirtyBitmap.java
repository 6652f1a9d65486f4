package org.tuber.devices.block;

import java.util.Arrays;

/**
 * Which parts of a disk have changed since the bitmap was made or cleared: one bit per {@code
 * granularity} bytes. Safe for several threads.
 */
public final class DirtyBitmap {
  /** Granularity when none is asked for. */
  public static final int DEFAULT_GRANULARITY_BYTES = 64 << 10;

  /** Marks of a disk this large need 256 MiB of memory. */
  private static final long MAX_UNITS = 1L << 31;

  private final String name;
  private final int shift;
  private long diskBytes;
  private long[] words;
  private long count;
  private boolean recording = true;
  private boolean busy;
  private boolean persistent;
  private boolean inconsistent;

  /**
   * @param name what the user calls it
   * @param diskBytes length of the disk
   * @param granularityBytes power of two from 512 to 2 GiB
   */
  public DirtyBitmap(String name, long diskBytes, long granularityBytes) {
    if (Long.bitCount(granularityBytes) != 1 || granularityBytes < 512) {
      throw new IllegalArgumentException("granularity must be a power of two of at least 512");
    }
    if (diskBytes / granularityBytes > MAX_UNITS) {
      throw new IllegalArgumentException("granularity is too fine for a disk of this size");
    }
    this.name = name;
    this.shift = Long.numberOfTrailingZeros(granularityBytes);
    this.diskBytes = diskBytes;
    this.words = new long[wordsFor(diskBytes)];
  }

  private int wordsFor(long bytes) {
    long bits = (bytes + (1L << shift) - 1) >>> shift;
    return Math.toIntExact((bits + 63) >>> 6);
  }

  /** What the user calls it. */
  public String name() {
    return name;
  }

  /** Bytes per bit. */
  public long granularityBytes() {
    return 1L << shift;
  }

  /** Length of the disk. */
  public synchronized long diskBytes() {
    return diskBytes;
  }

  /** Changes are being recorded. */
  public synchronized boolean isRecording() {
    return recording;
  }

  /** Begins or stops recording. */
  public synchronized void setRecording(boolean on) {
    recording = on;
  }

  /** A job is using it: it cannot be removed, cleared or merged into. */
  public synchronized boolean isBusy() {
    return busy;
  }

  /** Lets a job have it, or takes it back. */
  public synchronized void setBusy(boolean on) {
    busy = on;
  }

  /** It is stored in the image when that is closed. */
  public synchronized boolean isPersistent() {
    return persistent;
  }

  /** Stores it in the image when that is closed, or not. */
  public synchronized void setPersistent(boolean on) {
    persistent = on;
  }

  /** It was not stored when the image was last in use: nobody knows what it missed. */
  public synchronized boolean isInconsistent() {
    return inconsistent;
  }

  /** Says that nobody knows what it missed. */
  public synchronized void setInconsistent(boolean on) {
    inconsistent = on;
  }

  /** Number of marked units. */
  public synchronized long dirtyCount() {
    return count;
  }

  /** The marks as bytes, lowest unit in the lowest bit of the first byte. */
  public synchronized byte[] toBytes(long firstByte, int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      long at = firstByte + i;
      int w = (int) (at >>> 3);
      bytes[i] = w < words.length ? (byte) (words[w] >>> 8 * (int) (at & 7)) : 0;
    }
    return bytes;
  }

  /** Adds marks stored as {@link #toBytes} gives them. */
  public synchronized void addBytes(long firstByte, byte[] bytes) {
    long units = (diskBytes + (1L << shift) - 1) >>> shift;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        continue;
      }
      for (int b = 0; b < 8; b++) {
        long bit = (firstByte + i << 3) + b;
        if ((bytes[i] >>> b & 1) != 0 && bit < units) {
          set(bit << shift, 1);
        }
      }
    }
  }

  /** Dirty bytes, rounded up to the granularity. */
  public synchronized long dirtyBytes() {
    return count << shift;
  }

  /** The disk has changed there: marks the range if changes are being recorded. */
  public synchronized void record(long offset, long length) {
    if (recording) {
      set(offset, length);
    }
  }

  /** Marks a range. */
  public synchronized void set(long offset, long length) {
    long end = Math.min(offset + length, diskBytes);
    if (offset >= end) {
      return;
    }
    for (long bit = offset >>> shift; bit <= end - 1 >>> shift; bit++) {
      int w = (int) (bit >>> 6);
      long mask = 1L << bit;
      count += (words[w] & mask) == 0 ? 1 : 0;
      words[w] |= mask;
    }
  }

  /** Unmarks the bits that lie in the range, in part or whole. */
  public synchronized void reset(long offset, long length) {
    long end = Math.min(offset + length, diskBytes);
    if (offset >= end) {
      return;
    }
    for (long bit = offset >>> shift; bit <= end - 1 >>> shift; bit++) {
      int w = (int) (bit >>> 6);
      long mask = 1L << bit;
      count -= (words[w] & mask) != 0 ? 1 : 0;
      words[w] &= ~mask;
    }
  }

  /** Unmarks everything. */
  public synchronized void clear() {
    Arrays.fill(words, 0);
    count = 0;
  }

  /** True if the byte lies in a marked part. */
  public synchronized boolean isSet(long offset) {
    long bit = offset >>> shift;
    return offset < diskBytes && (words[(int) (bit >>> 6)] >>> bit & 1) != 0;
  }

  /** Start of the first marked part at or after {@code offset}, or -1. */
  public synchronized long nextSet(long offset) {
    long bit = offset >>> shift;
    int w = (int) (bit >>> 6);
    if (w >= words.length) {
      return -1;
    }
    long word = words[w] & -1L << bit;
    while (word == 0) {
      if (++w == words.length) {
        return -1;
      }
      word = words[w];
    }
    long at = ((long) w << 6) + Long.numberOfTrailingZeros(word) << shift;
    return Math.max(at, offset);
  }

  /** Length of the marked run at {@code offset}, at most {@code max}. */
  public synchronized long runLength(long offset, long max) {
    long end = Math.min(diskBytes, offset + max);
    long at = offset;
    while (at < end && isSet(at)) {
      at = (at >>> shift) + 1 << shift;
    }
    return Math.min(at, end) - offset;
  }

  /** Marks what the other one has marked; granularities may differ. */
  public void merge(DirtyBitmap other) {
    DirtyBitmap from = other.copy();
    for (long at = from.nextSet(0); at >= 0; ) {
      long n = from.runLength(at, Long.MAX_VALUE >>> 1);
      set(at, n);
      at = from.nextSet(at + n);
    }
  }

  /** The marks of now. */
  public synchronized DirtyBitmap copy() {
    DirtyBitmap c = new DirtyBitmap(name, diskBytes, 1L << shift);
    c.words = words.clone();
    c.count = count;
    return c;
  }

  /** The marks of now, which are gone here afterwards. */
  public synchronized DirtyBitmap take() {
    DirtyBitmap c = copy();
    clear();
    return c;
  }

  /** The disk has another length now. */
  public synchronized void resize(long bytes) {
    if (bytes < diskBytes) {
      reset(bytes + (1L << shift) - 1 >>> shift << shift, diskBytes);
    }
    words = Arrays.copyOf(words, wordsFor(bytes));
    diskBytes = bytes;
  }
}
