package org.tuber.launcher.console;

/**
 * The bytes of a TELNET connection, RFC 854, with the server's offers that put a client into
 * character mode: echo (RFC 857), suppress go-ahead (RFC 858), binary (RFC 856). Answers are read
 * and need no reply, because all of them are to offers of ours.
 */
final class Telnet {
  private static final int IAC = 255;
  private static final int SB = 250;
  private static final int SE = 240;
  private static final int WILL = 251;
  private static final int DO = 253;
  private static final int DONT = 254;
  private static final int BINARY = 0;
  private static final int ECHO = 1;
  private static final int SUPPRESS_GO_AHEAD = 3;

  /** What the server says first. */
  static final byte[] OFFERS = {
    (byte) IAC, (byte) WILL, ECHO,
    (byte) IAC, (byte) WILL, SUPPRESS_GO_AHEAD,
    (byte) IAC, (byte) WILL, BINARY,
    (byte) IAC, (byte) DO, BINARY
  };

  private enum State {
    DATA,
    COMMAND,
    OPTION,
    SUBNEGOTIATION,
    SUBNEGOTIATION_COMMAND
  }

  private State state = State.DATA;

  /** Takes the commands out of {@code bytes} in place and returns how many bytes are left. */
  int strip(byte[] bytes, int length) {
    int kept = 0;
    for (int i = 0; i < length; i++) {
      int value = bytes[i] & 0xff;
      switch (state) {
        case DATA -> {
          if (value == IAC) {
            state = State.COMMAND;
          } else {
            bytes[kept++] = (byte) value;
          }
        }
        case COMMAND -> {
          if (value == IAC) {
            bytes[kept++] = (byte) IAC;
          }
          state =
              value == SB
                  ? State.SUBNEGOTIATION
                  : value >= WILL && value <= DONT ? State.OPTION : State.DATA;
        }
        case OPTION -> state = State.DATA;
        case SUBNEGOTIATION -> {
          if (value == IAC) {
            state = State.SUBNEGOTIATION_COMMAND;
          }
        }
        case SUBNEGOTIATION_COMMAND -> state = value == SE ? State.DATA : State.SUBNEGOTIATION;
      }
    }
    return kept;
  }

  /** Doubles the byte that would be a command. */
  static byte[] quote(byte[] bytes, int offset, int length) {
    int extra = 0;
    for (int i = 0; i < length; i++) {
      extra += bytes[offset + i] == (byte) IAC ? 1 : 0;
    }
    byte[] quoted = new byte[length + extra];
    int at = 0;
    for (int i = 0; i < length; i++) {
      quoted[at++] = bytes[offset + i];
      if (bytes[offset + i] == (byte) IAC) {
        quoted[at++] = (byte) IAC;
      }
    }
    return quoted;
  }
}
