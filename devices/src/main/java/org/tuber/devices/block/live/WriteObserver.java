package org.tuber.devices.block.live;

/**
 * Hears of every change of a disk's content. While there is one, changes of the same range come one
 * at a time; both calls are made by the changing thread, which holds the range.
 */
interface WriteObserver {
  /** The range is about to change: what it reads as now is about to be lost. */
  default void beforeChange(long offset, long length) {}

  /** The range has changed, or may have: the change can have failed half-way. */
  default void afterChange(long offset, long length) {}

  /** Changes are announced in multiples of this; a power of two. */
  default long unitBytes() {
    return 1;
  }
}
