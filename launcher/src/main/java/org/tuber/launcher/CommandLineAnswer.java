package org.tuber.launcher;

/** The user asked an option what it takes, as {@code -cpu help} does: this is to be printed. */
public final class CommandLineAnswer extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The answer: whole lines without the last line's end. */
  public CommandLineAnswer(String lines) {
    super(lines, null, false, false);
  }
}
