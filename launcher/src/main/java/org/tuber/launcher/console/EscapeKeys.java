package org.tuber.launcher.console;

/**
 * Takes the Ctrl-A commands out of what is typed (QEMU documentation, "Keys in the character
 * backend multiplexer"). One byte in, one {@link Action} out; {@link #literal} tells what to send.
 */
final class EscapeKeys {
  /** The prefix, Ctrl-A. */
  static final int PREFIX = 0x01;

  /** What a byte means. */
  enum Action {
    /** Send {@link EscapeKeys#literal} to whoever has the terminal. */
    SEND,
    /** Half of a command: nothing yet. */
    NOTHING,
    /** Ctrl-A h. */
    HELP,
    /** Ctrl-A x. */
    QUIT,
    /** Ctrl-A s. */
    SYNC_DISKS,
    /** Ctrl-A b. */
    BREAK,
    /** Ctrl-A c. */
    SWITCH,
    /** Ctrl-A t. */
    TIMESTAMPS
  }

  private boolean prefixed;
  private byte literal;

  /** Sorts one typed byte. */
  Action type(byte value) {
    if (!prefixed) {
      prefixed = value == PREFIX;
      literal = value;
      return prefixed ? Action.NOTHING : Action.SEND;
    }
    prefixed = false;
    switch (value) {
      case 'h', '?':
        return Action.HELP;
      case 'x':
        return Action.QUIT;
      case 's':
        return Action.SYNC_DISKS;
      case 'b':
        return Action.BREAK;
      case 'c':
        return Action.SWITCH;
      case 't':
        return Action.TIMESTAMPS;
      case PREFIX:
        literal = PREFIX;
        return Action.SEND;
      default:
        // An unknown command is dropped, as a mistyped one should not reach the guest.
        return Action.NOTHING;
    }
  }

  /** The byte to send after {@link Action#SEND}. */
  byte literal() {
    return literal;
  }
}
