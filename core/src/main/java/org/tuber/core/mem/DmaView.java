package org.tuber.core.mem;

import java.util.Arrays;

/**
 * The only road from a device to guest memory: resolves holes, drops writes to ROM, and tells the
 * observer so that translated code over the written bytes is thrown away and dirty logs stay true.
 *
 * <p>Accesses to device windows from DMA (peer to peer) read as all ones and are dropped: real
 * hardware of this class aborts them too.
 */
public final class DmaView {
  private final AddressSpace memory;
  private final RamObserver observer;

  /** A view of {@code memory}; {@code observer} hears of every write. */
  public DmaView(AddressSpace memory, RamObserver observer) {
    this.memory = memory;
    this.observer = observer;
  }

  /** Reads {@code length} bytes at guest-physical {@code gpa}; holes read as 0xFF. */
  public void read(long gpa, byte[] target, int targetOffset, int length) {
    int done = 0;
    while (done < length) {
      AddressSpace.Range r = memory.find(gpa + done);
      if (r == null) {
        int hole = (int) Math.min(length - done, memory.holeBytes(gpa + done));
        Arrays.fill(target, targetOffset + done, targetOffset + done + hole, (byte) 0xff);
        done += hole;
        continue;
      }
      int n = (int) Math.min(length - done, clampedRest(r, gpa + done));
      if (r.ram != null) {
        r.ram.read(r.offsetOf(gpa + done), target, targetOffset + done, n);
      } else {
        Arrays.fill(target, targetOffset + done, targetOffset + done + n, (byte) 0xff);
      }
      done += n;
    }
  }

  /** Writes {@code length} bytes at guest-physical {@code gpa}; holes and ROM swallow them. */
  public void write(long gpa, byte[] source, int sourceOffset, int length) {
    int done = 0;
    while (done < length) {
      AddressSpace.Range r = memory.find(gpa + done);
      if (r == null) {
        done += (int) Math.min(length - done, memory.holeBytes(gpa + done));
        continue;
      }
      int n = (int) Math.min(length - done, clampedRest(r, gpa + done));
      if (r.ram != null && !r.readOnly) {
        long offset = r.offsetOf(gpa + done);
        r.ram.write(offset, source, sourceOffset + done, n);
        observer.written(r.ram, offset, n);
      }
      done += n;
    }
  }

  static long clampedRest(AddressSpace.Range r, long gpa) {
    long rest = r.last - gpa;
    return rest < 0 || rest >= Integer.MAX_VALUE ? Integer.MAX_VALUE : rest + 1;
  }

  /** No pieces of RAM yet, to be put together and filled at once. */
  public RamPieces pieces() {
    return new RamPieces(memory, observer);
  }

  /** Reads a little-endian value of {@code size} bytes (1, 2, 4, 8). */
  public long readValue(long gpa, int size) {
    byte[] b = new byte[size];
    read(gpa, b, 0, size);
    long v = 0;
    for (int i = size - 1; i >= 0; i--) {
      v = v << 8 | (b[i] & 0xff);
    }
    return v;
  }

  /** Writes a little-endian value of {@code size} bytes (1, 2, 4, 8). */
  public void writeValue(long gpa, long value, int size) {
    byte[] b = new byte[size];
    for (int i = 0; i < size; i++) {
      b[i] = (byte) (value >>> (8 * i));
    }
    write(gpa, b, 0, size);
  }
}
