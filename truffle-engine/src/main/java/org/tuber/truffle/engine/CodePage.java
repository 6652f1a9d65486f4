package org.tuber.truffle.engine;

import java.util.Arrays;
import org.tuber.core.mem.GuestRam;

/** The translations made from one page of RAM. */
final class CodePage {
  private static final int BUCKETS = 64;

  final GuestRam ram;
  final long ramOffset;
  final long hostPage;
  final Block[] buckets = new Block[BUCKETS];

  /** Blocks of the page before whose only instruction crosses into this one. */
  Block[] crossing = {};

  CodePage(GuestRam ram, long ramOffset) {
    this.ram = ram;
    this.ramOffset = ramOffset;
    this.hostPage = ram.hostBase() + ramOffset;
  }

  private static int bucket(long pc) {
    return (int) (pc ^ (pc >>> 6)) & (BUCKETS - 1);
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
    int i = bucket(b.pc);
    b.nextInBucket = buckets[i];
    b.page = this;
    buckets[i] = b;
  }

  void remove(Block b) {
    int i = bucket(b.pc);
    Block previous = null;
    for (Block x = buckets[i]; x != null; x = x.nextInBucket) {
      if (x == b) {
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
    if (crossing.length != 0) {
      return false;
    }
    for (Block b : buckets) {
      if (b != null) {
        return false;
      }
    }
    return true;
  }
}
