package org.tuber.machine;

/**
 * A machine cannot be built or booted; the message is one line for the user and names the cause.
 */
public final class MachineException extends Exception {
  private static final long serialVersionUID = 1L;

  /** With a message for the user. */
  public MachineException(String message) {
    super(message);
  }

  /** With a message for the user and what lies behind it. */
  public MachineException(String message, Throwable cause) {
    super(message, cause);
  }
}
