package org.tuber.devices.block.qcow2;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/**
 * How often each cluster of a file is referred to. Takes a byte outside of the Java heap for each
 * cluster, and nothing where none is: a file may be said to be far longer than what is in it.
 */
final class ClusterCounts {
  private static final int PART_BITS = 16;
  private static final int PART = 1 << PART_BITS;
  private static final int MANY = 255;

  private final Map<Long, ByteBuffer> parts;
  private final Map<Long, Integer> many;
  private long clusters;

  /** The part that was used last: neighbours follow each other. */
  private long recent = -1;

  private ByteBuffer recentPart;

  /** For a file of so many clusters. */
  ClusterCounts(long clusters) {
    this.clusters = clusters;
    parts = new HashMap<>();
    many = new HashMap<>();
  }

  private ClusterCounts(ClusterCounts other) {
    clusters = other.clusters;
    parts = new HashMap<>(other.parts);
    parts.replaceAll((k, part) -> ByteBuffer.allocateDirect(PART).put(part.duplicate()).clear());
    many = new HashMap<>(other.many);
  }

  /** The same counts, to be changed by themselves. */
  ClusterCounts copy() {
    return new ClusterCounts(this);
  }

  /** Clusters of the file. */
  long clusters() {
    return clusters;
  }

  int get(long cluster) {
    ByteBuffer part = part(cluster, false);
    int n = part == null ? 0 : part.get((int) cluster & PART - 1) & 0xff;
    return n == MANY ? many.get(cluster) : n;
  }

  private ByteBuffer part(long cluster, boolean make) {
    long key = cluster >>> PART_BITS;
    if (key != recent || recentPart == null) {
      recent = key;
      recentPart =
          make ? parts.computeIfAbsent(key, k -> ByteBuffer.allocateDirect(PART)) : parts.get(key);
    }
    return recentPart;
  }

  /** One more reference. */
  void increment(long cluster) {
    ByteBuffer part = part(cluster, true);
    int i = (int) cluster & PART - 1;
    int n = part.get(i) & 0xff;
    if (n < MANY - 1) {
      part.put(i, (byte) (n + 1));
    } else if (n == MANY - 1) {
      part.put(i, (byte) MANY);
      many.put(cluster, MANY);
    } else if (many.get(cluster) < Integer.MAX_VALUE) {
      many.merge(cluster, 1, Integer::sum);
    }
  }

  /** Makes the file longer by clusters that are referred to once. */
  void append(long end) {
    for (long c = clusters; c < end; c++) {
      part(c, true).put((int) c & PART - 1, (byte) 1);
    }
    clusters = end;
  }

  /** The next cluster from one on that may be referred to; the end of the file if there is none. */
  long next(long cluster) {
    long c = cluster;
    while (c < clusters && !parts.containsKey(c >>> PART_BITS)) {
      c = (c >>> PART_BITS) + 1 << PART_BITS;
    }
    return Math.min(c, clusters);
  }

  /** The last cluster that is referred to; -1 if none is. */
  long last() {
    long part = parts.keySet().stream().mapToLong(Long::longValue).max().orElse(-1);
    for (long c = (part + 1 << PART_BITS) - 1; c >= 0; c--) {
      if (get(c) != 0) {
        return c;
      }
    }
    return -1;
  }

  /** The most references that a cluster has. */
  int most() {
    int most = many.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    for (ByteBuffer part : parts.values()) {
      for (int i = 0; i < PART; i++) {
        most = Math.max(most, part.get(i) & 0xff);
      }
    }
    return most;
  }
}
