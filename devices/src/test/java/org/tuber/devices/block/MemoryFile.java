package org.tuber.devices.block;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * An image file in memory that remembers every change, so that a test can ask what a disk might
 * hold after the power fails: everything before the last completed flush, and of what came later
 * any selection of sectors.
 */
public final class MemoryFile extends FileInMemory {
  private static final int SECTOR = 512;

  private enum Op {
    WRITE,
    SIZE,
    ZERO,
    FLUSH
  }

  private static final class Change {
    final Op op;
    final long offset;
    final byte[] data;
    final long length;

    Change(Op op, long offset, byte[] data, long length) {
      this.op = op;
      this.offset = offset;
      this.data = data;
      this.length = length;
    }
  }

  private byte[] bytes;
  private int size;
  private final List<Change> journal = new ArrayList<>();
  private byte[] start;
  private boolean readOnly;
  private boolean recording;

  /** A file with this content. */
  public MemoryFile(byte[] content) {
    bytes = content.clone();
    size = content.length;
  }

  /** Starts remembering. */
  public void record() {
    start = Arrays.copyOf(bytes, size);
    journal.clear();
    recording = true;
  }

  /** Refuses writes from now on. */
  public MemoryFile asReadOnly() {
    readOnly = true;
    return this;
  }

  /** Number of changes so far. */
  public int changes() {
    return journal.size();
  }

  /** Present content. */
  public byte[] content() {
    return Arrays.copyOf(bytes, size);
  }

  /** What the disk may hold if power fails after {@code n} changes. */
  public MemoryFile crashedAfter(int n, Random random) throws IOException {
    int flushed = 0;
    for (int i = 0; i < n; i++) {
      if (journal.get(i).op == Op.FLUSH) {
        flushed = i;
      }
    }
    MemoryFile f = new MemoryFile(start);
    int style = random.nextInt(4);
    for (int i = 0; i < n; i++) {
      Change c = journal.get(i);
      if (i < flushed) {
        f.apply(c, null, 0);
      } else if (c.op != Op.FLUSH) {
        f.apply(c, random, style);
      }
    }
    return f;
  }

  private void apply(Change c, Random random, int style) throws IOException {
    boolean all = random == null || style == 0 || style == 1 && random.nextBoolean();
    if (!all && style == 1) {
      return;
    }
    switch (c.op) {
      case WRITE -> {
        if (all) {
          write(c.offset, ByteBuffer.wrap(c.data));
          return;
        }
        int keepOf10 = style == 2 ? 5 : 9;
        int at = 0;
        while (at < c.data.length) {
          int n = (int) Math.min(c.data.length - at, SECTOR - (c.offset + at) % SECTOR);
          if (random.nextInt(10) < keepOf10) {
            write(c.offset + at, ByteBuffer.wrap(c.data, at, n));
          }
          at += n;
        }
      }
      case SIZE -> setSize(c.offset);
      case ZERO -> {
        if (all || random.nextBoolean()) {
          discard(c.offset, c.length);
        }
      }
      case FLUSH -> {}
    }
  }

  private void note(Op op, long offset, byte[] data, long length) {
    if (recording) {
      journal.add(new Change(op, offset, data, length));
    }
  }

  @Override
  public synchronized long size() {
    return size;
  }

  @Override
  public boolean isReadOnly() {
    return readOnly;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer target) {
    if (offset < size) {
      int n = (int) Math.min(target.remaining(), size - offset);
      target.put(bytes, (int) offset, n);
    }
    Bytes.zeroFill(target);
  }

  @Override
  public synchronized void write(long offset, ByteBuffer source) throws IOException {
    if (readOnly) {
      throw new IOException("read-only");
    }
    byte[] data = new byte[source.remaining()];
    source.get(data);
    note(Op.WRITE, offset, data, data.length);
    grow(offset + data.length);
    System.arraycopy(data, 0, bytes, (int) offset, data.length);
  }

  @Override
  void extendTo(long end) {
    if (end > bytes.length) {
      bytes = Arrays.copyOf(bytes, (int) Math.min(MAX_BYTES, Math.min(end * 2, end + (16 << 20))));
    }
    size = (int) Math.max(size, end);
  }

  @Override
  public synchronized void setSize(long newSize) throws IOException {
    note(Op.SIZE, newSize, null, 0);
    if (newSize < size) {
      Arrays.fill(bytes, (int) newSize, size, (byte) 0);
      size = (int) newSize;
    } else {
      grow(newSize);
    }
  }

  @Override
  public synchronized void flush() {
    note(Op.FLUSH, 0, null, 0);
  }

  @Override
  public synchronized void discard(long offset, long length) {
    note(Op.ZERO, offset, null, length);
    int from = (int) Math.min(size, offset);
    Arrays.fill(bytes, from, (int) Math.min(size, offset + length), (byte) 0);
  }

  @Override
  public synchronized void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    grow(offset + length);
    write(offset, ByteBuffer.wrap(new byte[(int) length]));
  }

  @Override
  public synchronized void allocate(long offset, long length) throws IOException {
    grow(offset + length);
  }
}
