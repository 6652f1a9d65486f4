package org.tuber.core.irq;

/** Joins any number of wires into one that is high while any of them is. */
public final class WiredOr {
  private final IrqLine output;
  private int highCount;

  /** A joint that drives {@code output}. */
  public WiredOr(IrqLine output) {
    this.output = output;
  }

  /** One more wire into the joint. */
  public IrqLine source() {
    return new IrqLine(this::changed);
  }

  private void changed(boolean level) {
    highCount += level ? 1 : -1;
    output.set(highCount > 0);
  }
}
