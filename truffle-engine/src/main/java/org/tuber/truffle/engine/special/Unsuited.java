package org.tuber.truffle.engine.special;

/** An operation cannot be specialised and has to be called as it is. */
public final class Unsuited extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** With the reason. */
  public Unsuited(String why) {
    super(why, null, false, false);
  }
}
