package org.tuber.launcher.options;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Locale;
import org.tuber.launcher.CommandLineException;

/** Sizes as on QEMU's command line: {@code 512}, {@code 1G}, {@code 1.5G}, {@code 65536k}. */
public final class Sizes {
  private static final String SUFFIXES = "BKMGTPE";

  private Sizes() {}

  /**
   * Reads a size.
   *
   * @param option the option's spelling for the message
   * @param text number and optional suffix, powers of 1024
   * @param defaultSuffix unit of a bare number, one of {@code BKMGTPE}
   */
  public static long bytes(String option, String text, char defaultSuffix) {
    String number = text;
    char suffix = defaultSuffix;
    if (!text.isEmpty() && Character.isLetter(text.charAt(text.length() - 1))) {
      suffix = text.substring(text.length() - 1).toUpperCase(Locale.ROOT).charAt(0);
      number = text.substring(0, text.length() - 1);
    }
    int power = SUFFIXES.indexOf(suffix);
    if (power >= 0 && number.matches("[0-9]+(\\.[0-9]+)?") && number.length() < 30) {
      BigInteger bytes =
          new BigDecimal(number)
              .multiply(BigDecimal.valueOf(1L << 10 * Math.min(power, 6)))
              .toBigInteger();
      if (bytes.bitLength() < 63) {
        return bytes.longValue();
      }
    }
    throw new CommandLineException(option + " " + text + ": not a size");
  }
}
