package org.tuber.devices.block;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;

/** Sizes as people write and read them: {@code 64M}, {@code 1.5G}, {@code 196 KiB}. */
public final class Sizes {
  private static final String SUFFIXES = "BKMGTPE";

  private Sizes() {}

  /** Parses a number of bytes with an optional suffix (powers of 1024). */
  public static long parse(String image, String what, String text) throws ImageException {
    String t = text.strip();
    int scale = 0;
    if (!t.isEmpty() && Character.isLetter(t.charAt(t.length() - 1)) && !t.startsWith("0x")) {
      scale = SUFFIXES.indexOf(Character.toUpperCase(t.charAt(t.length() - 1)));
      t = t.substring(0, t.length() - 1);
    }
    try {
      if (scale >= 0) {
        if (t.startsWith("0x")) {
          return Long.parseLong(t.substring(2), 16);
        }
        BigDecimal v =
            new BigDecimal(t).multiply(BigDecimal.valueOf(1L << (10 * Math.max(0, scale))));
        if (v.signum() >= 0 && v.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0) {
          return v.setScale(0, RoundingMode.DOWN).longValueExact();
        }
      }
    } catch (NumberFormatException e) {
      throw bad(image, what, text);
    }
    throw bad(image, what, text);
  }

  private static ImageException bad(String image, String what, String text) {
    return new ImageException(
        image,
        what,
        "Invalid size '"
            + text
            + "': use a number with an optional suffix k, M, G, T, P or E (powers of 1024)");
  }

  /** Three significant digits with a binary unit, as {@code %0.3g} prints them. */
  public static String human(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int unit = 0;
    double v = bytes;
    while (v >= 1000 && unit < units.length - 1) {
      v /= 1024;
      unit++;
    }
    return threeDigits(v) + " " + units[unit];
  }

  /** The same for what may not be known: negative numbers. */
  public static String humanOrUnavailable(long bytes) {
    return bytes < 0 ? "unavailable" : human(bytes);
  }

  private static String threeDigits(double v) {
    if (v == 0) {
      return "0";
    }
    int digits = (int) Math.floor(Math.log10(v)) + 1;
    int decimals = Math.max(0, 3 - digits);
    String s = String.format(Locale.ROOT, "%." + decimals + "f", v);
    if (s.indexOf('.') >= 0) {
      s = s.replaceAll("0+$", "").replaceAll("\\.$", "");
    }
    return s;
  }
}
