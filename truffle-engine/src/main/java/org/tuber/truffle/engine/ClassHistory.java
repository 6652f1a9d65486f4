package org.tuber.truffle.engine;

/**
 * How host classes around a block have fared, so that the next one is made otherwise. Few blocks
 * have such a history; it is no part of {@link Block}, of which there are hundreds of thousands.
 */
final class ClassHistory {
  /** Of a block of which there is nothing to tell. Is not written to. */
  static final ClassHistory NONE = new ClassHistory();

  /** Misses that are looked at together. */
  private static final int MISS_WINDOW = 2000;

  /**
   * Leaving for a miss takes the time of so many instructions. Where fewer lie between two of them,
   * a call in their place is better, though it takes every value around it its host register.
   */
  private static final long MISS_INSTRUCTIONS = 300;

  /** Windows that have to be so bad: a program that touches its memory first misses much, once. */
  private static final int BAD_WINDOWS = 3;

  /** Times a host class left here for an access that missed or a rare case, in this window. */
  private int misses;

  /** Instructions the CPU had executed when the window began. */
  private long missesSince;

  private int badWindows;

  /** How often a host class around this block was too long: each time it is to be half as long. */
  int classShrink;

  /**
   * How often a host class of this block alone was too long: each time it is to have half as many
   * of its instructions. What follows is another block.
   */
  int classCut;

  /** Too long to be a host class even in part. */
  boolean isUnwieldy;

  /**
   * A host class left here because its access missed the TLB, or for another slow case.
   *
   * @param instructions executed by the CPU so far
   * @return true when the next class is to stay from now on
   */
  boolean missed(long instructions) {
    if (++misses < MISS_WINDOW) {
      return false;
    }
    // Less than before: another CPU's count, which says nothing.
    long passed = instructions - missesSince;
    boolean isBad = passed >= 0 && passed < MISS_WINDOW * MISS_INSTRUCTIONS;
    misses = 0;
    missesSince = instructions;
    return isBad && (++badWindows == BAD_WINDOWS || badWindows == 2 * BAD_WINDOWS);
  }

  /** Regions from here are to ask the TLB for each access by itself. */
  boolean isScattered() {
    return badWindows >= BAD_WINDOWS;
  }

  /** Regions from here are to call for accesses that miss. */
  boolean missesMuch() {
    return badWindows >= 2 * BAD_WINDOWS;
  }
}
