package org.tuber.core.snapshot;

/**
 * Something whose guest-visible state can be taken, put back, and reset.
 *
 * <p>{@code S} is a plain record (components: primitives, strings, arrays, lists, nested records):
 * the codec writes it by component name. A loaded record is untrusted input: {@link #load} checks
 * it and throws {@link IllegalArgumentException} naming the component before changing anything.
 * Wiring is never part of it; the board rebuilds that.
 */
public interface Snapshottable<S extends Record> {
  /** The present state. */
  S save();

  /** Replaces the state. */
  void load(S state);

  /** Power-on or reset-line state as the datasheet gives it. */
  void reset();
}
