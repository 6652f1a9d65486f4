package org.tuber.devices.display.vnc;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.tuber.devices.display.DisplaySurface;

/**
 * Finds rows that moved up or down as a block, as when text scrolls. Whole rows only: a window that
 * scrolls beside something else is not found.
 */
final class ScrollFinder {
  /** Fewer rows are cheaper to draw again. */
  private static final int LEAST_ROWS = 32;

  /**
   * A block of rows.
   *
   * @param from first row in the old picture
   * @param to first row in the new one
   */
  record Move(int from, int to, int rows) {}

  private ScrollFinder() {}

  /** The largest block of changed rows that stood elsewhere in {@code old}; null: none. */
  static Move find(DisplaySurface old, DisplaySurface now, int width, int height) {
    int[] before = hashes(old, width, height);
    int[] after = hashes(now, width, height);
    int distance = commonDistance(before, after);
    if (distance == 0) {
      return null;
    }
    Move best = null;
    int first = -1;
    for (int y = 0; y <= height; y++) {
      boolean moved = y < height && isMoved(before, after, y, distance, old, now, width);
      if (moved && first < 0) {
        first = y;
      } else if (!moved && first >= 0) {
        if (y - first >= LEAST_ROWS && (best == null || y - first > best.rows)) {
          best = new Move(first + distance, first, y - first);
        }
        first = -1;
      }
    }
    return best;
  }

  private static boolean isMoved(
      int[] before,
      int[] after,
      int y,
      int distance,
      DisplaySurface old,
      DisplaySurface now,
      int width) {
    int from = y + distance;
    return from >= 0
        && from < before.length
        && before[from] == after[y]
        && same(old, from, now, y, width);
  }

  private static boolean same(DisplaySurface a, int rowA, DisplaySurface b, int rowB, int width) {
    int atA = rowA * a.width();
    int atB = rowB * b.width();
    return Arrays.equals(a.pixels(), atA, atA + width, b.pixels(), atB, atB + width);
  }

  private static int[] hashes(DisplaySurface s, int width, int height) {
    int[] hashes = new int[height];
    for (int y = 0; y < height; y++) {
      int hash = 1;
      for (int x = y * s.width(); x < y * s.width() + width; x++) {
        hash = 31 * hash + s.pixels()[x];
      }
      hashes[y] = hash;
    }
    return hashes;
  }

  /** How far most changed rows are from where they were; rows that occur twice do not count. */
  private static int commonDistance(int[] before, int[] after) {
    Map<Integer, Integer> places = new HashMap<>();
    for (int y = 0; y < before.length; y++) {
      places.merge(before[y], y, (a, b) -> -1);
    }
    Map<Integer, Integer> votes = new HashMap<>();
    for (int y = 0; y < after.length; y++) {
      int from = after[y] == before[y] ? -1 : places.getOrDefault(after[y], -1);
      if (from >= 0) {
        votes.merge(from - y, 1, Integer::sum);
      }
    }
    int best = 0;
    for (Map.Entry<Integer, Integer> vote : votes.entrySet()) {
      if (vote.getValue() > votes.getOrDefault(best, 0)) {
        best = vote.getKey();
      }
    }
    return best;
  }
}
