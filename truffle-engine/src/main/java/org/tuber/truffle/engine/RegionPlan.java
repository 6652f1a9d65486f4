package org.tuber.truffle.engine;

import java.util.Arrays;

/**
 * What a region consists of, before any tier has made code of it.
 *
 * @param nodes blocks in their contexts, connected by index; the first is the head
 * @param guesses where indirect jumps may go on
 * @param entries index in {@code nodes} of each entry
 * @param entryBlocks the same as blocks
 * @param blocks every block once
 * @param leavesOnMiss a host class is to leave for accesses that miss the TLB and for other slow
 *     cases
 * @param isScattered accesses by one base register are often on different pages
 * @param blockPcs where {@code blocks} were when it was made
 * @param isMovable the head has been elsewhere, and all move along with it
 */
record RegionPlan(
    RegionBlock[] nodes,
    RegionRoot.Guesses guesses,
    int[] entries,
    Block[] entryBlocks,
    Block[] blocks,
    boolean leavesOnMiss,
    boolean isScattered,
    long[] blockPcs,
    boolean isMovable) {
  /** Where {@link #entryBlocks} were when it was made. */
  long[] entryPcs() {
    return Arrays.stream(entries).mapToLong(e -> nodes[e].pc).toArray();
  }
}
