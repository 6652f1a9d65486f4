package org.tuber.truffle.engine.linux;

/** A program cannot be started; the message is for the user. */
public final class ProgramException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What execve returns for it. */
  final int error;

  public ProgramException(int error, String message) {
    super(message, null, false, false);
    this.error = error;
  }
}
