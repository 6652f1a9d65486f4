package org.tuber.launcher;

/** The user asked for something that does not exist; the message is the one line that says so. */
public final class CommandLineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The line, without program name: option, value, and what is wrong with it. */
  public CommandLineException(String message) {
    super(message.replace('\n', ' '), null, false, false);
  }
}
