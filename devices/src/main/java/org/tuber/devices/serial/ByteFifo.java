package org.tuber.devices.serial;

/**
 * The receive FIFO of a UART: a ring of bytes, oldest first out. How many bytes may wait is the
 * UART's business, up to the size of the ring.
 */
final class ByteFifo {
  private final byte[] ring;
  private int head;
  private int count;

  /**
   * An empty FIFO.
   *
   * @param size a power of two
   */
  ByteFifo(int size) {
    ring = new byte[size];
  }

  /** Bytes that wait. */
  int count() {
    return count;
  }

  /** Adds a byte; there is room. */
  void push(int value) {
    ring[head + count++ & ring.length - 1] = (byte) value;
  }

  /** Overwrites the oldest byte. */
  void replace(int value) {
    ring[head] = (byte) value;
  }

  /** Takes the oldest byte, unsigned; there is one. */
  int pop() {
    int value = ring[head] & 0xff;
    head = head + 1 & ring.length - 1;
    count--;
    return value;
  }

  /** Forgets everything. */
  void clear() {
    head = 0;
    count = 0;
  }

  /** What waits, oldest first. */
  byte[] save() {
    byte[] waiting = new byte[count];
    for (int i = 0; i < count; i++) {
      waiting[i] = ring[head + i & ring.length - 1];
    }
    return waiting;
  }

  /**
   * Refuses saved bytes that cannot have come from here.
   *
   * @param capacity most that may wait
   */
  static void check(byte[] waiting, int capacity) {
    if (waiting.length > capacity) {
      throw new IllegalArgumentException("received: " + waiting.length + " bytes");
    }
  }

  /** Holds these bytes and nothing else. */
  void load(byte[] waiting) {
    clear();
    count = waiting.length;
    System.arraycopy(waiting, 0, ring, 0, count);
  }
}
