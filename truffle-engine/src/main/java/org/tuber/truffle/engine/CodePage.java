package org.tuber.truffle.engine;

import java.util.Arrays;
import org.tuber.core.mem.GuestRam;

/**
 * The translations made from one page of RAM, by guest-virtual address.
 *
 * <p>A page of a library is mapped somewhere else by each process and has translations for each of
 * these places; they agree in the lower twelve bits. So all bits of the address are mixed, and the
 * table grows with what is in it.
 */
final class CodePage {
  private static final int FIRST_BITS = 4;
  private static final int MOST_BITS = 16;

  /** 2 to the 64th divided by the golden ratio: spreads what differs in few bits. */
  private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

  final GuestRam ram;
  final long ramOffset;
  final long hostPage;
  Block[] buckets = new Block[1 << FIRST_BITS];
  private int shift = Long.SIZE - FIRST_BITS;
  private int blocks;

  /** Blocks of the page before whose only instruction crosses into this one. */
  Block[] crossing = {};

  CodePage(GuestRam ram, long ramOffset) {
    this.ram = ram;
    this.ramOffset = ramOffset;
    this.hostPage = ram.hostBase() + ramOffset;
  }

  private int bucket(long pc) {
    return (int) (pc * SPREAD >>> shift);
  }

  Block find(long pc, int mode) {
    for (Block b = buckets[bucket(pc)]; b != null; b = b.nextInBucket) {
      if (b.pc == pc && b.mode == mode) {
        return b;
      }
    }
    return null;
  }

  void add(Block b) {
    if (blocks++ > buckets.length && shift > Long.SIZE - MOST_BITS) {
      grow();
    }
    b.page = this;
    put(b);
  }

  private void put(Block b) {
    int i = bucket(b.pc);
    b.nextInBucket = buckets[i];
    buckets[i] = b;
  }

  private void grow() {
    Block[] old = buckets;
    buckets = new Block[4 * old.length];
    shift -= 2;
    for (Block bucket : old) {
      for (Block b = bucket; b != null; ) {
        Block next = b.nextInBucket;
        put(b);
        b = next;
      }
    }
  }

  void remove(Block b) {
    int i = bucket(b.pc);
    Block previous = null;
    for (Block x = buckets[i]; x != null; x = x.nextInBucket) {
      if (x == b) {
        blocks--;
        if (previous == null) {
          buckets[i] = x.nextInBucket;
        } else {
          previous.nextInBucket = x.nextInBucket;
        }
        return;
      }
      previous = x;
    }
  }

  void addCrossing(Block b) {
    crossing = Arrays.copyOf(crossing, crossing.length + 1);
    crossing[crossing.length - 1] = b;
    b.secondPage = this;
  }

  void removeCrossing(Block b) {
    crossing = Arrays.stream(crossing).filter(x -> x != b).toArray(Block[]::new);
  }

  boolean isEmpty() {
    return blocks == 0 && crossing.length == 0;
  }
}
