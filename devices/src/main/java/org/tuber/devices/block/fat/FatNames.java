package org.tuber.devices.block.fat;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.tuber.devices.block.Bytes;

/**
 * The names of one directory: the long ones a guest sees and the short ones that FAT is built on
 * ("FAT: General Overview of On-Disk Format", Microsoft, version 1.03). What FAT does not allow
 * becomes an underscore; names that differ only in case, which FAT cannot tell apart, get a number.
 */
final class FatNames {
  /** Bytes of an entry. */
  static final int ENTRY_BYTES = 32;

  private static final int LONG_NAME = 0x0f;
  private static final int LAST = 0x40;
  private static final int UNITS = 13;
  private static final int MAX_UNITS = 255;
  private static final int MAX_NUMBERED = 4;
  private static final String SHORT_EXTRA = "$%'-_@~`!(){}^#&";
  private static final int[] UNIT_PLACES = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

  private final Set<String> longNames = new HashSet<>();
  private final Set<String> shortNames = new HashSet<>();

  /**
   * A name with both of its forms.
   *
   * @param longName what the guest sees
   * @param shortName eleven bytes: eight and three, filled with blanks
   */
  record Name(String longName, byte[] shortName) {
    private boolean isShort() {
      return plain(shortName).equals(longName);
    }

    /** Entries this name takes, its own included. */
    int entries() {
      return isShort() ? 1 : 1 + (longName.length() + UNITS - 1) / UNITS;
    }

    /** Writes the entries before the own one; returns the place of that. */
    int write(byte[] directory, int place) {
      if (isShort()) {
        return place;
      }
      int parts = entries() - 1;
      int sum = checksum(shortName);
      for (int i = 0; i < parts; i++) {
        int at = place + i * ENTRY_BYTES;
        int part = parts - i;
        directory[at] = (byte) (part | (i == 0 ? LAST : 0));
        directory[at + 11] = LONG_NAME;
        directory[at + 13] = (byte) sum;
        for (int u = 0; u < UNITS; u++) {
          int index = (part - 1) * UNITS + u;
          int end = index == longName.length() ? 0 : 0xffff;
          int unit = index < longName.length() ? longName.charAt(index) : end;
          Bytes.putLe16(directory, at + UNIT_PLACES[u], unit);
        }
      }
      return place + parts * ENTRY_BYTES;
    }
  }

  private static int checksum(byte[] shortName) {
    int sum = 0;
    for (byte b : shortName) {
      sum = (sum >> 1 | sum << 7) + b & 0xff;
    }
    return sum;
  }

  private static String plain(byte[] shortName) {
    String s = new String(shortName, StandardCharsets.ISO_8859_1);
    String extension = s.substring(8).stripTrailing();
    return s.substring(0, 8).stripTrailing() + (extension.isEmpty() ? "" : "." + extension);
  }

  /** Finds the names for a file of the host. */
  Name add(String hostName) {
    String clean = clean(hostName);
    String name = clean;
    for (int i = 2; !longNames.add(name.toUpperCase(Locale.ROOT)); i++) {
      name = numbered(clean, i);
    }
    return new Name(name, shorten(name));
  }

  private static String clean(String hostName) {
    StringBuilder s = new StringBuilder();
    hostName
        .chars()
        .forEach(c -> s.append(c < 0x20 || "\"*/:<>?\\|\177".indexOf(c) >= 0 ? '_' : (char) c));
    s.setLength(Math.min(s.length(), MAX_UNITS));
    for (int i = s.length() - 1; i >= 0 && (s.charAt(i) == '.' || s.charAt(i) == ' '); i--) {
      s.setCharAt(i, '_');
    }
    return s.isEmpty() ? "_" : s.toString();
  }

  private static String numbered(String name, int number) {
    int dot = name.lastIndexOf('.');
    String base = dot > 0 ? name.substring(0, dot) : name;
    String extension = dot > 0 ? name.substring(dot) : "";
    String tail = "~" + number;
    int room = MAX_UNITS - tail.length() - extension.length();
    if (room < 1) {
      return name.substring(0, MAX_UNITS - tail.length()) + tail;
    }
    return base.substring(0, Math.min(base.length(), room)) + tail + extension;
  }

  private byte[] shorten(String name) {
    int dot = name.lastIndexOf('.');
    String base = letters(dot > 0 ? name.substring(0, dot) : name);
    String extension = letters(dot > 0 ? name.substring(dot + 1) : "");
    String cut = extension.substring(0, Math.min(3, extension.length()));
    boolean exact = !base.isEmpty() && base.length() <= 8 && extension.length() <= 3;
    String whole = extension.isEmpty() ? base : base + "." + extension;
    exact &= whole.equals(name.toUpperCase(Locale.ROOT));
    String tail = "";
    for (int i = 1; ; i++) {
      String start = base.substring(0, Math.min(base.length(), 8 - tail.length()));
      if (i > MAX_NUMBERED + 1) {
        // Many names that begin alike: looking for a free number would take ever longer.
        String hash = "%04X".formatted(name.hashCode() * 31 + i & 0xffff);
        tail = hash + "~1";
        start = base.substring(0, Math.min(base.length(), 2));
      }
      String padded = pad(start + tail, 8) + pad(cut, 3);
      if ((exact || !tail.isEmpty()) && shortNames.add(padded)) {
        return padded.getBytes(StandardCharsets.ISO_8859_1);
      }
      tail = "~" + Math.min(i, MAX_NUMBERED);
    }
  }

  private static String pad(String text, int length) {
    return text + " ".repeat(length - text.length());
  }

  /** What may be in a short name, in capitals; the rest becomes an underscore, dots go. */
  private static String letters(String text) {
    StringBuilder s = new StringBuilder();
    for (char c : text.toUpperCase(Locale.ROOT).toCharArray()) {
      if (c == '.' || c == ' ') {
        continue;
      }
      boolean fine = c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || SHORT_EXTRA.indexOf(c) >= 0;
      s.append(fine ? c : '_');
    }
    return s.toString();
  }
}
