package org.tuber.devices.block.ops;

/** Hears how far an operation is. May be called by several threads, one at a time. */
@FunctionalInterface
public interface Progress {
  /** Nobody listens. */
  Progress NONE = (done, total) -> {};

  /** {@code done} of {@code total} bytes are through. */
  void report(long done, long total);
}
