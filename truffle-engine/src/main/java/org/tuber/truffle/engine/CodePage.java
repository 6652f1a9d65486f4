package org.tuber.truffle.engine;

import java.util.Arrays;
import org.tuber.core.mem.GuestRam;

/**
 * The translations made from one page of RAM, by guest-virtual address.
 *
 * <p>A page of a library is mapped somewhere else by each process. Where there is one CPU, blocks
 * move, and the table is ordered by the lower twelve bits of the address, in which all these places
 * agree. Several CPUs run in several of them at a time; there each place has blocks of its own, and
 * all bits of the address are mixed. The table grows with what is in it.
 */
final class CodePage {
  private static final int FIRST_BITS = 4;
  private static final int MOST_BITS = 16;

  /** 2 to the 64th divided by the golden ratio: spreads what differs in few bits. */
  private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

  final GuestRam ram;
  final long ramOffset;
  final long hostPage;
  private final long keyMask;
  Block[] buckets = new Block[1 << FIRST_BITS];
  private int shift = Long.SIZE - FIRST_BITS;
  private int blocks;

  /** Blocks of the page before whose only instruction crosses into this one. */
  Block[] crossing = {};

  /**
   * An empty page.
   *
   * @param blocksMove the lower bits of addresses tell blocks apart well enough
   */
  CodePage(GuestRam ram, long ramOffset, boolean blocksMove) {
    keyMask = blocksMove ? GuestRam.PAGE_SIZE - 1 : -1;
    this.ram = ram;
    this.ramOffset = ramOffset;
    this.hostPage = ram.hostBase() + ramOffset;
  }

  private int bucket(long pc) {
    return (int) ((pc & keyMask) * SPREAD >>> shift);
  }

  /** A block of these bytes that may move to {@code pc}: it is not in use in {@code epoch}. */
  Block findElsewhere(long pc, int mode, long epoch) {
    if (keyMask == -1) {
      return null;
    }
    for (Block b = buckets[bucket(pc)]; b != null; b = b.nextInBucket) {
      boolean isSame = ((b.pc ^ pc) & GuestRam.PAGE_SIZE - 1) == 0 && b.mode == mode;
      if (isSame && b.isMovable() && b.epoch != epoch) {
        return b;
      }
    }
    return null;
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
