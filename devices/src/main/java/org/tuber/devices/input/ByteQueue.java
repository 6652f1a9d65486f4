package org.tuber.devices.input;

/** A bounded first-in first-out queue of bytes. */
final class ByteQueue {
  private final int[] ring;
  private int head;
  private int count;

  ByteQueue(int capacity) {
    ring = new int[capacity];
  }

  int free() {
    return ring.length - count;
  }

  int size() {
    return count;
  }

  boolean isEmpty() {
    return count == 0;
  }

  /** Adds a byte; a full queue drops it. */
  void add(int value) {
    if (count < ring.length) {
      ring[(head + count++) % ring.length] = value & 0xff;
    }
  }

  /** Removes the first byte; the queue is not empty. */
  int remove() {
    int value = ring[head];
    head = (head + 1) % ring.length;
    count--;
    return value;
  }

  void clear() {
    count = 0;
    head = 0;
  }

  byte[] save() {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = (byte) ring[(head + i) % ring.length];
    }
    return bytes;
  }

  void check(byte[] bytes, String name) {
    if (bytes.length > ring.length) {
      throw new IllegalArgumentException(name + ": " + bytes.length + " bytes");
    }
  }

  void load(byte[] bytes) {
    clear();
    for (byte b : bytes) {
      add(b);
    }
  }
}
