package org.tuber.truffle.engine.linux;

import java.util.Map;
import java.util.TreeMap;

/**
 * Pages that belong to an address space without being in it: tables that the architecture keeps for
 * all its threads. Made, zeroed, when they are first used; a child process gets copies.
 */
final class SystemPages {
  private final FrameArena arena;
  private final Map<Integer, Long> frames = new TreeMap<>();

  SystemPages(FrameArena arena) {
    this.arena = arena;
  }

  /** Offset of page {@code number}. */
  synchronized long frame(int number) {
    return frames.computeIfAbsent(number, n -> arena.allocate(1).offset());
  }

  synchronized boolean isEmpty() {
    return frames.isEmpty();
  }

  synchronized void copyTo(SystemPages child) {
    frames.forEach((number, frame) -> child.frames.put(number, arena.copy(frame)));
  }

  synchronized void release() {
    frames.values().forEach(arena::release);
    frames.clear();
  }
}
