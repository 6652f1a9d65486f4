package org.tuber.devices.block.qcow2;

/** A set of non-zero longs in one array, by linear probing. */
final class LongSet {
  private long[] slots = new long[64];
  private int size;

  private int home(long v) {
    long h = v * 0x9e37_79b9_7f4a_7c15L;
    return (int) (h >>> 32) & slots.length - 1;
  }

  boolean contains(long v) {
    int mask = slots.length - 1;
    for (int i = home(v); slots[i] != 0; i = i + 1 & mask) {
      if (slots[i] == v) {
        return true;
      }
    }
    return false;
  }

  void add(long v) {
    if (v == 0 || contains(v)) {
      return;
    }
    if (++size * 2 > slots.length) {
      long[] old = slots;
      slots = new long[old.length * 2];
      for (long o : old) {
        if (o != 0) {
          insert(o);
        }
      }
    }
    insert(v);
  }

  private void insert(long v) {
    int mask = slots.length - 1;
    int i = home(v);
    while (slots[i] != 0) {
      i = i + 1 & mask;
    }
    slots[i] = v;
  }

  void remove(long v) {
    int mask = slots.length - 1;
    int i = home(v);
    while (slots[i] != v) {
      if (slots[i] == 0) {
        return;
      }
      i = i + 1 & mask;
    }
    size--;
    slots[i] = 0;
    // Entries after the gap may have been pushed there by the removed one.
    for (int j = i + 1 & mask; slots[j] != 0; j = j + 1 & mask) {
      long moved = slots[j];
      slots[j] = 0;
      insert(moved);
    }
  }

  void clear() {
    slots = new long[64];
    size = 0;
  }
}
