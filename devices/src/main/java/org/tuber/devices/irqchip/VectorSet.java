package org.tuber.devices.irqchip;

/** A set of the 256 interrupt vectors that finds its highest member quickly. */
final class VectorSet {
  private final long[] words = new long[4];

  void add(int vector) {
    words[vector >>> 6] |= 1L << vector;
  }

  void remove(int vector) {
    words[vector >>> 6] &= ~(1L << vector);
  }

  boolean contains(int vector) {
    return (words[vector >>> 6] & 1L << vector) != 0;
  }

  /** The highest member, or -1. */
  int highest() {
    for (int i = 3; i >= 0; i--) {
      if (words[i] != 0) {
        return i * 64 + 63 - Long.numberOfLeadingZeros(words[i]);
      }
    }
    return -1;
  }

  /** Bits 32 {@code n} to 32 {@code n} + 31, as the eight registers show them. */
  int register(int n) {
    return (int) (words[n >>> 1] >>> (32 * (n & 1)));
  }

  void clear() {
    words[0] = 0;
    words[1] = 0;
    words[2] = 0;
    words[3] = 0;
  }

  long[] save() {
    return words.clone();
  }

  void load(long[] saved) {
    System.arraycopy(saved, 0, words, 0, 4);
  }
}
