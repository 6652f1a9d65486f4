package org.tuber.core.mem;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Pieces of guest RAM in the order in which a device's data goes there, as host addresses: what a
 * backend needs to put data where it belongs without a buffer in between.
 *
 * <p>Made by {@link DmaView#pieces}, used and forgotten under the device lock: a device that is
 * reset, or whose memory is unplugged, must not leave anybody behind who still writes there.
 */
public final class RamPieces {
  /** Puts data into the pieces. */
  @FunctionalInterface
  public interface Source {
    /** Fills all pieces, or returns false; what they hold then does not matter. */
    boolean fill(RamPieces target);
  }

  private static final int FIRST_CAPACITY = 16;

  private final AddressSpace memory;
  private final RamObserver observer;
  private GuestRam[] rams = new GuestRam[FIRST_CAPACITY];
  private long[] offsets = new long[FIRST_CAPACITY];
  private long[] lengths = new long[FIRST_CAPACITY];
  private int count;
  private long bytes;

  RamPieces(AddressSpace memory, RamObserver observer) {
    this.memory = memory;
    this.observer = observer;
  }

  /**
   * Appends {@code length} bytes at guest-physical {@code gpa}.
   *
   * @return false when not all of them are RAM that a device may write
   */
  public boolean add(long gpa, int length) {
    int done = 0;
    while (done < length) {
      AddressSpace.Range r = memory.find(gpa + done);
      if (r == null || r.ram == null || r.readOnly) {
        return false;
      }
      int n = (int) Math.min(length - done, DmaView.clampedRest(r, gpa + done));
      append(r.ram, r.offsetOf(gpa + done), n);
      done += n;
    }
    return true;
  }

  private void append(GuestRam ram, long offset, int length) {
    ram.requireInside(offset, length);
    bytes += length;
    int last = count - 1;
    if (count > 0 && rams[last] == ram && offsets[last] + lengths[last] == offset) {
      lengths[last] += length;
      return;
    }
    if (count == rams.length) {
      rams = Arrays.copyOf(rams, 2 * count);
      offsets = Arrays.copyOf(offsets, 2 * count);
      lengths = Arrays.copyOf(lengths, 2 * count);
    }
    rams[count] = ram;
    offsets[count] = offset;
    lengths[count++] = length;
  }

  /** Lets a source fill the pieces, and whoever must know hears that they have changed. */
  public boolean fill(Source source) {
    try {
      return source.fill(this);
    } finally {
      for (int i = 0; i < count; i++) {
        observer.written(rams[i], offsets[i], lengths[i]);
      }
    }
  }

  /**
   * Copies what the pieces hold, in their order.
   *
   * @param target memory outside the Java heap, at least {@link #bytes} long
   */
  public void copyTo(MemorySegment target) {
    MemorySegment room = target.asSlice(0, bytes);
    long at = room.address();
    for (int i = 0; i < count; i++) {
      rams[i].read(offsets[i], at, lengths[i]);
      at += lengths[i];
    }
  }

  /**
   * Fills the pieces in their order.
   *
   * @param source memory outside the Java heap, at least {@link #bytes} long
   */
  public void copyFrom(MemorySegment source) {
    MemorySegment data = source.asSlice(0, bytes);
    long at = data.address();
    for (int i = 0; i < count; i++) {
      rams[i].write(offsets[i], at, lengths[i]);
      observer.written(rams[i], offsets[i], lengths[i]);
      at += lengths[i];
    }
  }

  /** How many pieces there are; neighbours have become one. */
  public int count() {
    return count;
  }

  /** Length of all pieces. */
  public long bytes() {
    return bytes;
  }

  /** Host address of a piece. */
  public long hostAddress(int piece) {
    return rams[piece].hostBase() + offsets[piece];
  }

  /** Length of a piece in bytes. */
  public long lengthBytes(int piece) {
    return lengths[piece];
  }
}
