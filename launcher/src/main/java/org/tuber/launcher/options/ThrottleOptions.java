package org.tuber.launcher.options;

import java.util.LinkedHashSet;
import java.util.Set;
import org.tuber.devices.block.ImageException;
import org.tuber.devices.block.live.ThrottleLimits;
import org.tuber.devices.block.live.ThrottleLimits.Bucket;
import org.tuber.devices.block.live.ThrottleLimits.Rate;
import org.tuber.launcher.CommandLineException;

/**
 * The limits of a drive: {@code throttling.bps-total}, {@code throttling.iops-read-max}, … and
 * their short names {@code bps}, {@code iops_rd_max}, ….
 */
final class ThrottleOptions {
  private static final String PREFIX = "throttling.";
  private static final String MAX = "-max";
  private static final String LENGTH = "-max-length";
  private static final String SIZE = PREFIX + "iops-size";
  private static final String SHORT_SIZE = "iops_size";
  private static final String GROUP = PREFIX + "group";
  private static final String SHORT_GROUP = "group";

  private static String shortName(String name) {
    return name.replace("-total", "")
        .replace("-read", "_rd")
        .replace("-write", "_wr")
        .replace('-', '_');
  }

  /** All names. */
  Set<String> keys() {
    Set<String> all = new LinkedHashSet<>(Set.of(SIZE, SHORT_SIZE, GROUP, SHORT_GROUP));
    for (Bucket b : Bucket.values()) {
      for (String suffix : new String[] {"", MAX, LENGTH}) {
        all.add(PREFIX + b.word() + suffix);
        all.add(shortName(b.word() + suffix));
      }
    }
    return all;
  }

  private static long number(KeyValues v, String name, String brief, long otherwise, String where) {
    String text = v.get(name, v.get(brief, null));
    if (text == null) {
      return otherwise;
    }
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new CommandLineException(where + ": " + name + "=" + text + " is not a number");
    }
  }

  private static long number(KeyValues v, String name, long otherwise, String where) {
    return number(v, PREFIX + name, shortName(name), otherwise, where);
  }

  /** The limits that were given. */
  ThrottleLimits parse(KeyValues v, String where) {
    ThrottleLimits limits = ThrottleLimits.NONE;
    for (Bucket b : Bucket.values()) {
      limits =
          limits.with(
              b,
              new Rate(
                  number(v, b.word(), 0, where),
                  number(v, b.word() + MAX, 0, where),
                  number(v, b.word() + LENGTH, 1, where)));
    }
    limits = limits.withRequestBytes(number(v, SIZE, SHORT_SIZE, 0, where));
    try {
      return limits.withGroup(v.get(GROUP, v.get(SHORT_GROUP, null))).checked(where);
    } catch (ImageException e) {
      throw new CommandLineException(where + ": " + e.getMessage());
    }
  }
}
