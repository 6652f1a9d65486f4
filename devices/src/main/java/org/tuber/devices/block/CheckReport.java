package org.tuber.devices.block;

import java.util.ArrayList;
import java.util.List;

/** What a consistency check found. */
public final class CheckReport {
  /** What to repair. */
  public enum Repair {
    /** Nothing. */
    NONE,
    /** Wasted space only. */
    LEAKS,
    /** Everything. */
    ALL
  }

  /** Messages kept; a wrecked image has millions. */
  private static final int MAX_MESSAGES = 1000;

  private final List<String> messages = new ArrayList<>();
  private long corruptions;
  private long leaks;
  private long corruptionsFixed;
  private long leaksFixed;
  private long imageEndOffset;
  private long totalClusters;
  private long allocatedClusters;
  private long fragmentedClusters;
  private long compressedClusters;

  /** Notes something that may cost data. */
  public void corruption(String message) {
    corruptions++;
    note(message);
  }

  /** Notes wasted space. */
  public void leak(String message) {
    leaks++;
    note(message);
  }

  private void note(String message) {
    if (messages.size() < MAX_MESSAGES) {
      messages.add(message);
    }
  }

  /** Counts repairs. */
  public void fixed(long corruptionCount, long leakCount) {
    corruptionsFixed += corruptionCount;
    leaksFixed += leakCount;
  }

  /** Sets the layout numbers. */
  public void layout(long end, long total, long allocated, long fragmented, long compressed) {
    imageEndOffset = end;
    totalClusters = total;
    allocatedClusters = allocated;
    fragmentedClusters = fragmented;
    compressedClusters = compressed;
  }

  /** What was found, in the order found. */
  public List<String> messages() {
    return messages;
  }

  /** Problems that may cost data. */
  public long corruptions() {
    return corruptions;
  }

  /** Clusters that are counted but not used. */
  public long leaks() {
    return leaks;
  }

  /** Repaired corruptions. */
  public long corruptionsFixed() {
    return corruptionsFixed;
  }

  /** Repaired leaks. */
  public long leaksFixed() {
    return leaksFixed;
  }

  /** End of the used part of the file. */
  public long imageEndOffset() {
    return imageEndOffset;
  }

  /** Clusters of the disk. */
  public long totalClusters() {
    return totalClusters;
  }

  /** Clusters with data. */
  public long allocatedClusters() {
    return allocatedClusters;
  }

  /** Clusters not next to their predecessor. */
  public long fragmentedClusters() {
    return fragmentedClusters;
  }

  /** Compressed clusters. */
  public long compressedClusters() {
    return compressedClusters;
  }

  /** True if neither corruption nor leak was found. */
  public boolean isClean() {
    return corruptions == 0 && leaks == 0;
  }
}
