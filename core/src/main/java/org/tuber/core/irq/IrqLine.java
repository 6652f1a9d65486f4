package org.tuber.core.irq;

/**
 * One interrupt wire. Setting the level it already has does nothing; whether the level or the edge
 * counts is the business of the controller at its end. Driven under the device lock.
 */
public final class IrqLine {
  /** The end of a wire inside a controller. */
  @FunctionalInterface
  public interface Input {
    /** The wire changed to {@code level}. */
    void changed(boolean level);
  }

  private final Input input;
  private boolean level;

  /** A wire, low at first, that ends in {@code input}. */
  public IrqLine(Input input) {
    this.input = input;
  }

  /** A wire that ends nowhere. */
  public static IrqLine unconnected() {
    return new IrqLine(level -> {});
  }

  /** Drives the wire. */
  public void set(boolean newLevel) {
    if (newLevel != level) {
      level = newLevel;
      input.changed(newLevel);
    }
  }

  /** Raises and lowers the wire: one edge. */
  public void pulse() {
    set(true);
    set(false);
  }

  /** The level last driven. */
  public boolean level() {
    return level;
  }
}
