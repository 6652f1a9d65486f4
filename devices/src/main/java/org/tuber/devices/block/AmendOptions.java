package org.tuber.devices.block;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * What to change of an existing image.
 *
 * @param options name to value, spelled as on the command line
 * @param secrets passphrases by id
 * @param force also do what loses data
 */
public record AmendOptions(
    Map<String, String> options, Function<String, byte[]> secrets, boolean force) {
  /** Copies the options. */
  public AmendOptions {
    options = new LinkedHashMap<>(options);
  }

  /** Without secrets, nothing that loses data. */
  public static AmendOptions of(Map<String, String> options) {
    return new AmendOptions(options, id -> null, false);
  }

  /** Refuses options the image cannot change. */
  public void requireOnly(String image, Set<String> known) throws ImageException {
    for (String name : options.keySet()) {
      if (!known.contains(name)) {
        throw new ImageException(image, name, "Invalid parameter '" + name + "'");
      }
    }
  }
}
