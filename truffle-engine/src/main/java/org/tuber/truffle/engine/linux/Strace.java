package org.tuber.truffle.engine.linux;

/** The lines of {@code -strace}. */
final class Strace {
  private static final int MAX_TEXT = 48;

  private Strace() {}

  /** Thread, name and arguments, as they are before the call. */
  static String begin(GuestThread t, Syscalls.Row row, long[] arguments) {
    StringBuilder line = new StringBuilder();
    line.append(t.tid).append(' ').append(row.name()).append('(');
    String[] signature = row.signature();
    for (int i = 0; i < signature.length && i < arguments.length; i++) {
      if (i > 0) {
        line.append(", ");
      }
      append(line, t, signature[i], arguments[i]);
    }
    return line.toString();
  }

  private static void append(StringBuilder line, GuestThread t, String kind, long value) {
    switch (kind.charAt(0)) {
      case 'i', 'f', 't' -> line.append((int) value);
      case 'F' -> line.append((int) value == Host.AT_FDCWD ? "AT_FDCWD" : "" + (int) value);
      case 'l' -> line.append(value);
      case 'p', 's' -> appendText(line, t, value);
      default -> line.append(value == 0 ? "NULL" : "0x" + Long.toHexString(value));
    }
  }

  private static void appendText(StringBuilder line, GuestThread t, long gva) {
    if (gva == 0) {
      line.append("NULL");
      return;
    }
    try {
      String text = Paths.text(t.cString(gva));
      boolean cut = text.length() > MAX_TEXT;
      line.append('"').append(cut ? text.substring(0, MAX_TEXT) : text);
      line.append(cut ? "\"..." : "\"");
    } catch (Errno e) {
      line.append("0x").append(Long.toHexString(gva));
    }
  }

  /** The whole line. */
  static String end(GuestThread t, String begun, long result) {
    String text;
    if (result == Errno.NO_RESULT || t.ended) {
      text = "?";
    } else if (result == -Errno.ERESTARTSYS || result == -Errno.ERESTARTNOHAND) {
      text = "? (to be restarted after a signal)";
    } else if (result < 0 && result > -4096) {
      text = "-1 " + Errno.name((int) -result);
    } else if (result > 0x100000) {
      text = "0x" + Long.toHexString(result);
    } else {
      text = Long.toString(result);
    }
    return begun + ") = " + text;
  }
}
