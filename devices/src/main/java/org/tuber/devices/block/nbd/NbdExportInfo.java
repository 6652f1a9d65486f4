package org.tuber.devices.block.nbd;

import java.util.ArrayList;
import java.util.List;

/**
 * What a server tells of an export to someone who only asks.
 *
 * @param name export name
 * @param description free text, may be empty
 * @param sizeBytes length of the disk
 * @param flags transmission flags
 * @param minBlockBytes requests have to be multiples of this
 * @param preferredBlockBytes and had better be multiples of this
 * @param maxBlockBytes and are at most this long
 * @param contexts metadata contexts on offer
 */
public record NbdExportInfo(
    String name,
    String description,
    long sizeBytes,
    int flags,
    long minBlockBytes,
    long preferredBlockBytes,
    long maxBlockBytes,
    List<String> contexts) {
  private static final String[] FLAG_NAMES = {
    null,
    "readonly",
    "flush",
    "fua",
    "rotational",
    "trim",
    "zeroes",
    "df",
    "multi",
    "resize",
    "cache",
    "fast-zero",
  };

  /** Copies the list. */
  public NbdExportInfo {
    contexts = List.copyOf(contexts);
  }

  /** Short names of the flags that are set. */
  public List<String> flagNames() {
    List<String> names = new ArrayList<>();
    for (int i = 1; i < FLAG_NAMES.length; i++) {
      if ((flags >> i & 1) != 0) {
        names.add(FLAG_NAMES[i]);
      }
    }
    return names;
  }
}
