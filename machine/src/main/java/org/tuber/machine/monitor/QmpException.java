package org.tuber.machine.monitor;

/** A command's refusal: class and description of a QMP error. */
public final class QmpException extends Exception {
  private static final long serialVersionUID = 1;

  /** Error classes of QMP. */
  public enum Kind {
    /** Anything without a class of its own. */
    GENERIC("GenericError"),
    /** The command does not exist, or not in this mode. */
    COMMAND_NOT_FOUND("CommandNotFound"),
    /** The device does exist, but nothing is in it. */
    DEVICE_NOT_ACTIVE("DeviceNotActive"),
    /** There is no such device. */
    DEVICE_NOT_FOUND("DeviceNotFound");

    private final String word;

    Kind(String word) {
      this.word = word;
    }
  }

  private final Kind kind;

  /** An error of a class. */
  public QmpException(Kind kind, String description) {
    super(description);
    this.kind = kind;
  }

  /** A GenericError. */
  public QmpException(String description) {
    this(Kind.GENERIC, description);
  }

  /** The class as QMP spells it. */
  public String errorClass() {
    return kind.word;
  }
}
