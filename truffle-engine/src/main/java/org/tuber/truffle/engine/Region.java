package org.tuber.truffle.engine;

import com.oracle.truffle.api.RootCallTarget;
import java.util.LinkedHashMap;
import java.util.Map;

/** A compiled or compiling region with a few blocks where it can be entered. */
final class Region {
  /** Wait this many executions of the head in the interpreter between tries to enter. */
  static final int RETRY = 16;

  /**
   * A host class that so many ticks fell on has cost about what the compilation by Truffle will
   * cost. Only where it also takes most of the time is there a loop that gains by it: among many
   * classes a region of Truffle's is a stranger that only the dispatcher can enter.
   */
  static final int UPGRADE_TICKS = 20;

  final Block[] entries;
  final Block[] blocks;

  /** Where the entries were when it was made. */
  final long[] entryPcs;

  /** Addresses of its pages when it was made. */
  final long[] pagePcs;

  /** The same pages in the host's memory. */
  final long[] hostPages;

  /** A host class that runs wherever its blocks are; else they have to be where they were. */
  final boolean isMovable;

  /** As a host class, or null. */
  final RegionCode code;

  /** A host class that leaves for accesses that miss the TLB. */
  final boolean leavesOnMiss;

  /** A host class that asks the TLB for each access by itself. */
  final boolean isScattered;

  /** As a Truffle call target, or null. */
  final RootCallTarget target;

  boolean valid = true;

  /** A host class that others may go on to by themselves. */
  boolean linkable;

  boolean compiled;
  long epoch;
  int countdown;
  long runs;

  /** For {@link Lockstep}. */
  int runsInLockstep;

  /** Guest instructions executed inside. */
  long instructions;

  /**
   * Times the engine's clock found a host class running. That is free where counting would cost as
   * much as a short region.
   */
  int ticks;

  /** The CPU's ticks when the first one fell on this. */
  long ticksBefore;

  /** What a profile counts of it, or null. */
  volatile Probe.Counts counts;

  /** The next tier works on it. */
  boolean isUpgrading;

  Region(RegionPlan plan, RegionCode code, RootCallTarget target) {
    this.entries = plan.entryBlocks();
    this.blocks = plan.blocks();
    this.entryPcs = plan.entryPcs();
    Map<Long, Long> pages = new LinkedHashMap<>();
    for (int i = 0; i < blocks.length; i++) {
      Block b = blocks[i];
      long pc = plan.blockPcs()[i];
      pages.put(pc & GuestMemory.PAGE_MASK, b.page.hostPage);
      if (b.secondPage != null) {
        pages.put(pc + b.bytes - 1 & GuestMemory.PAGE_MASK, b.secondPage.hostPage);
      }
    }
    this.pagePcs = pages.keySet().stream().mapToLong(Long::longValue).toArray();
    this.hostPages = pages.values().stream().mapToLong(Long::longValue).toArray();
    this.isMovable = code != null && plan.isMovable();
    this.code = code;
    this.target = target;
    this.leavesOnMiss = plan.leavesOnMiss();
    this.isScattered = plan.isScattered();
    this.compiled = code != null;
    this.linkable = code != null;
  }

  /**
   * How far the entry {@code b} is now from where it was when the region was made: as far as all of
   * it has to be.
   */
  long distanceOf(Block b) {
    // Not by the number in the block: a writer of classes may be changing that.
    return b.pc - entryPcs[entryOf(b)];
  }

  /** Number of the entry {@code b}. */
  int entryOf(Block b) {
    int i = 0;
    while (entries[i] != b) {
      i++;
    }
    return i;
  }

  /** One of its blocks was overwritten. */
  void invalidate() {
    valid = false;
    unlink();
  }

  /** From now on the dispatcher decides whether it is entered. */
  void unlink() {
    linkable = false;
    if (code != null) {
      for (RegionLink link : code.links) {
        link.clear();
      }
    }
  }

  /** False once any of its blocks was overwritten. */
  boolean isValid() {
    return valid;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(code == null ? "region at" : "class at");
    for (Block entry : entries) {
      text.append(" 0x").append(Long.toHexString(entry.pc));
    }
    return text.append(": ")
        .append(blocks.length)
        .append(" blocks, ")
        .append(
            code == null
                ? "ran " + runs + " times, " + instructions + " instructions"
                : ticks + " ticks")
        .toString();
  }
}
